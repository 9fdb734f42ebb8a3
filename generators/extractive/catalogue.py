"""The families of questions by name: what people grade and switch off, and what a chosen set is balanced by."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from generators.difficulty import Difficulty

SCOPE = "scope"  # not a family: frames that a question may be put into


@dataclass(frozen=True)
class Group:
    """Families that share a part of a chosen set.

    `wordings` is how many of one fact are worth more than another fact, `spill` whether the group takes what others leave.
    """

    name: str
    about: str
    share: float
    wordings: int = 3
    spill: Literal["first", "then", "never"] = "then"
    difficulty: Difficulty = "basic"


@dataclass(frozen=True)
class Family:
    """The `rules` that ask one kind of thing; a `task` says that all facts of that task are of this family, whatever their rule."""

    name: str
    about: str
    group: str
    rules: tuple[str, ...]
    default: bool = True
    task: str = ""
    difficulty: Difficulty | None = None


@cache
def groups() -> dict[str, Group]:
    """Return the groups of a balanced set by name; their shares add up to 1."""
    return {name: Group(name, **spec) for name, spec in _file()["groups"].items()}


@cache
def families() -> dict[str, Family]:
    """Return the families by name, in the order in which they are shown."""
    return {name: Family(name, **{**spec, "rules": tuple(spec["rules"])}) for name, spec in _file()["families"].items()}


def family_of(rule: str | None, task: str) -> Family | None:
    """Return the family of a fact, or None if no family holds its rule."""
    return _by_task().get(task) or _by_rule().get(rule or "")


def difficulty_of(rule: str | None, task: str) -> Difficulty | None:
    """Return how hard a fact is: as its family says, or its group; None if no family holds its rule."""
    family = family_of(rule, task)
    return (family.difficulty or groups()[family.group].difficulty) if family else None


@cache
def _by_rule() -> dict[str, Family]:
    return {rule: family for family in families().values() for rule in family.rules}


@cache
def _by_task() -> dict[str, Family]:
    return {family.task: family for family in families().values() if family.task}


@cache
def _file() -> dict[str, Any]:
    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
