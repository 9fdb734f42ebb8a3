"""From the words of an answer to items, one by one: a bad item never costs its siblings."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from generators.alpaca.asks import Material
from generators.llm.answers import read_json


class Checked(Protocol):
    """What a task must be able to do here: say in one line what is wrong with an item, or an empty string."""

    def problem(self, item: Any, material: Material) -> str: ...  # noqa: D102 the class says it


@dataclass(frozen=True)
class BadItem:
    """An item that cannot be used: what is wrong with it, and its JSON."""

    number: int
    problem: str
    raw: str


@dataclass(frozen=True)
class Items:
    """The usable and the unusable items of one answer. `problem` says why there are none at all, `flags` what was done to read it.

    `left_out` is what was taken out of good items: wordings, or a sentence before an answer.
    """

    good: tuple[dict[str, Any], ...] = ()
    bad: tuple[BadItem, ...] = ()
    problem: str = ""
    flags: tuple[str, ...] = ()
    left_out: tuple[BadItem, ...] = ()


def read_items(text: str, task: Checked, material: Material) -> Items:
    """Read the items of an answer and have the task check each by itself."""
    try:
        answer = read_json(text)
    except ValueError as error:
        return Items(problem=str(error))
    found = answer.value.get("items")
    if not isinstance(found, list):
        return Items(problem='it is not a JSON object with a list "items"', flags=answer.flags)
    if answer.cut and not found:
        return Items(problem="it was cut off before its first item", flags=answer.flags)
    whole = found[:-1] if answer.cut else found
    problems = [task.problem(item, material) for item in whole]
    good = tuple(item for item, problem in zip(whole, problems, strict=True) if not problem)
    bad = [BadItem(number, problem, _shown(item)) for number, (item, problem) in enumerate(zip(whole, problems, strict=True), 1) if problem]
    if answer.cut:
        bad.append(BadItem(len(found), "the reply was cut off in this item", _shown(found[-1])))
    return Items(good, tuple(bad), flags=answer.flags)


def _shown(item: object) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
