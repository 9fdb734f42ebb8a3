"""Rubrics: what pairs are judged by, read from YAML and refused in words that say what to change.

Every number of a scale says what it means, as in the score rubrics of Prometheus (Kim et al. 2310.08491).
"""

import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

from schemas.checks import explain
from schemas.errors import RecipeError
from schemas.records import content_id

SHIPPED = Path(__file__).with_name("rubric.yaml")
CODE, CLEAN = "code", "none"  # the field of a verdict that says what is wrong, and what it says when nothing is
OURS = frozenset({CODE, CLEAN})  # what no criterion and no code may be named
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
LIKE = "a criterion has asks and scale, and perhaps weight, least, needs_source and codes, as in generators/judge/rubric.yaml"


class Criterion(BaseModel):
    """One thing that a pair is judged by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asks: Annotated[str, Field(min_length=1)]
    scale: dict[int, str]
    weight: float = Field(default=1.0, gt=0)
    least: int | None = None
    needs_source: bool = False
    codes: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        points = sorted(self.scale)
        if len(points) < 2 or points != list(range(points[0], points[-1] + 1)):
            raise ValueError(f"scale must be two or more whole numbers in a row, each with what it means, not {points}")
        if self.least is not None and self.least not in self.scale:
            raise ValueError(f"least must be a number of the scale ({points[0]} to {points[-1]}), not {self.least}")
        return self

    @property
    def points(self) -> tuple[int, ...]:
        """The points that may be given, worst first."""
        return tuple(sorted(self.scale))

    def share(self, points: float) -> float:
        """Return points as a share of the scale: 0.0 for the worst, 1.0 for the best."""
        return (points - self.points[0]) / (self.points[-1] - self.points[0])


class Rubric(RootModel[dict[str, Criterion]]):
    """The criteria by name, in their order."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        if not self.root:
            raise ValueError("there is no criterion")
        codes = [code for criterion in self.root.values() for code in criterion.codes]
        if wrong := next((name for name in (*self.root, *codes) if not NAME.fullmatch(name) or name in OURS), None):
            raise ValueError(f"{wrong!r} cannot be a name: use small letters, digits and _, and neither {' nor '.join(sorted(OURS))}")
        if twice := next((code for code in codes if codes.count(code) > 1), None):
            raise ValueError(f"the code {twice} stands in two criteria; give each its own")
        return self

    @property
    def criteria(self) -> Mapping[str, Criterion]:
        """The criteria by name."""
        return self.root

    @cached_property
    def hash(self) -> str:
        """Hash of everything that it says."""
        return content_id("rubric", [[name, criterion.model_dump(mode="json")] for name, criterion in self.root.items()])

    def for_source(self, *, has_source: bool) -> Mapping[str, Criterion]:
        """Return the criteria that a pair with or without a source is judged by; all of them if none would be left."""
        found = {name: criterion for name, criterion in self.root.items() if has_source or not criterion.needs_source}
        return found or self.root

    def score(self, points: Mapping[str, float]) -> float:
        """Return the weighted mean of the criteria that have points, in [0, 1]; 0.0 when one of them has fewer than its least."""
        if any(self.fails(name, given) for name, given in points.items()):
            return 0.0
        weights = {name: self.root[name].weight for name in points}
        return sum(weights[name] * self.root[name].share(given) for name, given in points.items()) / sum(weights.values())

    def fails(self, name: str, points: float) -> bool:
        """Whether a criterion has fewer points than its least."""
        least = self.root[name].least
        return least is not None and points < least


@cache
def shipped_rubric() -> Rubric:
    """Return the shipped criteria."""
    return Rubric.model_validate(_read(SHIPPED, SHIPPED.name))


def load_rubric(path: Path | None, *, place: str = "judge.rubric") -> Rubric:
    """Return the rubric of a file, or the shipped one; `place` is what errors call the setting.

    Raises:
        RecipeError: the file cannot be read or is no rubric; names the criterion.
    """
    if path is None:
        return shipped_rubric()
    written = _read(path, f"{place}: {path.name}")
    try:
        return Rubric.model_validate(_completed(written, f"{place}: {path.name}"))
    except ValidationError as error:
        raise RecipeError(f"{place}: {path.name}: {explain(error)}; {LIKE}") from None


def _completed(written: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Put the shipped criterion where a name stands alone."""
    shipped = shipped_rubric().criteria
    if unknown := next((name for name, said in written.items() if not said and name not in shipped), None):
        raise RecipeError(f"{place}: {unknown} has nothing behind it and is not shipped; shipped are {', '.join(shipped)}; {LIKE}")
    return {name: said or shipped[name] for name, said in written.items()}


def _read(path: Path, place: str) -> dict[str, Any]:
    import yaml

    try:
        # Every scalar as text: a scale may say "no", which is not false.
        written = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and mappings only
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RecipeError(f"{place}: cannot be read ({problem}); give a YAML file of criteria") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "unreadable"
        line = f"line {mark.line + 1}: " if mark else ""
        raise RecipeError(f"{place}: {line}not valid YAML: {problem}; put text with a colon or question mark in quotes") from None
    if not isinstance(written, dict) or not written:
        raise RecipeError(f"{place}: it must be criteria by name; {LIKE}")
    return written
