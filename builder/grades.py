"""What people think of the families: their grades, kept for ever in the workspace, and what is asked because of them.

`grades.jsonl` only grows, a line for each grade. It holds no text of a document: a fact is named by the hash of what it
says, so a grade outlives every new generation, and forgetting a document has nothing to erase here. The last grade of a
fact counts.

A family is left out when the plain share of A among its grades is below the threshold, from 10 grades on. The plain share
and not a bound of it: with 10 to 30 grades a lower bound would switch off nearly everything, an upper one hardly anything,
and a family switched off wrongly costs less than a bad one that stays.
"""

import difflib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from builder.store import sync
from generators.extractive.catalogue import Family, families, family_of
from schemas.errors import RecipeError, WorkspaceError
from schemas.recipe import Recipe
from schemas.records import Draft, Dropped, Reason, Record, content_id

CODE = ("builder.grades", "generators.extractive.catalogue")
GRADES = "grades.jsonl"
FEWEST = 10  # grades before a family can be switched off, or on, by them
LETTERS = ("A", "B", "C")
MEANING = {
    "A": "a person would ask it, and the answer is complete and right by itself",
    "B": "understandable, but awkward or slightly incomplete",
    "C": "wrong, broken, unanswerable, or it needs text that is not shown",
}
Letter = Literal["A", "B", "C", "skip", "undone"]


class Grade(Record):
    """What somebody thought of a fact; a fact that was skipped is not shown again, one that was undone is."""

    fact: str
    family: str
    grade: Letter
    name: str = ""
    when: datetime


@dataclass(frozen=True)
class Standing:
    """A family: its grades, whether it is asked about, and why."""

    family: Family
    grades: Mapping[str, int]
    on: bool
    why: str

    @property
    def graded(self) -> int:
        """How many facts have a grade."""
        return sum(self.grades.values())

    @property
    def share(self) -> float:
        """The share of A."""
        return self.grades.get("A", 0) / self.graded if self.graded else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the standing for other programs."""
        own = {"name": self.family.name, "group": self.family.group, "about": self.family.about}
        return {**own, "graded": self.graded, **{letter: self.grades.get(letter, 0) for letter in LETTERS}, "on": self.on, "why": self.why}


def fact_key(draft: Draft) -> str:
    """Return the name of what a draft says: the same in every generation, whatever its wording."""
    said = draft.output.removeprefix("Yes. ").removeprefix("No. ")
    return content_id("graded", draft.provenance.rule, draft.task, draft.input, said, draft.quotes)


def append(workspace: Path, grades: Iterable[Grade]) -> None:
    """Add grades to what the workspace holds, each durable when this returns; a half-written last line goes."""
    path = workspace / GRADES
    workspace.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write(b"".join(grade.model_dump_json().encode() + b"\n" for grade in grades))
        file.flush()
        os.fsync(file.fileno())
    sync(workspace)


def read_grades(workspace: Path) -> dict[str, Grade]:
    """Return the last grade of each fact, in the order in which they were given.

    Raises:
        WorkspaceError: a line is damaged.
    """
    path = workspace / GRADES
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    found: dict[str, Grade] = {}
    for number, line in enumerate(lines, start=1):
        try:
            grade = Grade.model_validate_json(line)
        except ValueError as error:
            raise WorkspaceError(f"{path}:{number}: damaged grade; take the line out") from error
        found.pop(grade.fact, None)
        if grade.grade != "undone":
            found[grade.fact] = grade
    return found


def standings(recipe: Recipe, grades: Mapping[str, Grade]) -> dict[str, Standing]:
    """Return how each family stands.

    Raises:
        RecipeError: the recipe names a family that does not exist.
    """
    named, threshold = recipe.generate.families, recipe.generate.grade_threshold
    if isinstance(named, tuple) and (wrong := wrong_family(named)):
        raise RecipeError(f"generate.families: {wrong}")
    counts = {name: Counter[str]() for name in families()}
    for grade in grades.values():
        if grade.family in counts and grade.grade in LETTERS:
            counts[grade.family][grade.grade] += 1
    return {name: Standing(family, counts[name], *_decided(family, counts[name], named, threshold)) for name, family in families().items()}


def wrong_family(names: Iterable[str]) -> str:
    """Return what to say of the first name that is no family's, or an empty string."""
    wrong = next((name for name in names if name not in families()), None)
    if wrong is None:
        return ""
    near = difflib.get_close_matches(wrong, families(), n=1, cutoff=0.5)
    return f"{wrong}: no such family; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(families())}")


def but_switched_off(drafts: Iterable[Draft | Dropped], found: Mapping[str, Standing], left_out: Counter[str]) -> Iterator[Draft | Dropped]:
    """Yield the drafts, those of families that are switched off as dropped; `left_out` counts these by family."""
    for draft in drafts:
        family = family_of(draft.provenance.rule, draft.task) if isinstance(draft, Draft) else None
        if family is None or found[family.name].on:
            yield draft
        else:
            left_out[family.name] += 1
            yield Dropped.of(draft, "generate", Reason.SWITCHED_OFF, f"the family {family.name} is switched off; kilopair grade shows it")


def notice(left_out: Mapping[str, int], found: Mapping[str, Standing]) -> str:
    """Return one line on the families that were left out, or an empty string."""
    told = "; ".join(f"{name} ({count:,} drafts; {found[name].why})" for name, count in sorted(left_out.items()))
    return f"switched off: {told}; kilopair grade shows them" if told else ""


def _decided(family: Family, grades: Counter[str], named: object, threshold: float) -> tuple[bool, str]:
    graded = grades.total()
    if isinstance(named, tuple):
        return (True, "named in generate.families") if family.name in named else (False, "not named in generate.families")
    if named == "all":
        return True, "generate.families is all"
    if graded >= FEWEST:
        good = grades["A"] / graded >= threshold
        return good, f"{grades['A']} of {graded} graded A, {'not ' if good else ''}below {threshold:.0%}"
    return family.default, "shipped choice" if family.default else "off until it is graded"
