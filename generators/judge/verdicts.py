"""From the words of a reply to points: one verdict for each pair that was asked about, whatever else the reply holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from generators.alpaca.shape import Shape
from generators.judge.rubrics import CLEAN, CODE, Rubric
from generators.llm.answers import read_json

APART = 2  # points between the two orders of a batch, from which on the judge contradicts itself


@dataclass(frozen=True)
class Verdict:
    """What the judge gave a pair: points by criterion (a mean, where it was judged twice), and codes of what is most wrong."""

    points: Mapping[str, float]
    codes: tuple[str, ...] = ()
    disagrees: bool = False  # the other order of the pairs brought other points

    def scores(self, rubric: Rubric) -> dict[str, float]:
        """Return the scores of a pair, in [0, 1]: `judge`, and `judge/...` for each criterion."""
        each = {f"judge/{name}": round(rubric.criteria[name].share(given), 4) for name, given in self.points.items()}
        return {"judge": round(rubric.score(self.points), 4), **each}

    def flags(self) -> tuple[str, ...]:
        """Return what a reviewer should know."""
        return (*(f"judge/{code}" for code in self.codes), *(("judge/disagrees",) if self.disagrees else ()))


@dataclass(frozen=True)
class Read:
    """The verdicts of one reply by label, and what is wrong with it in words for the model."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    problem: str = ""
    unknown: int = 0  # verdicts on pairs that were not asked about


def read_verdicts(text: str, labels: Sequence[str], shape: Shape) -> Read:
    """Return the verdicts on the labels that fit the schema. Nothing but points and codes is taken."""
    try:
        said = read_json(text).value
    except ValueError as error:
        return Read(problem=str(error))
    problems = {label: shape.problem(said[label]) if label in said else "missing" for label in labels}
    found = {label: _verdict(said[label]) for label in labels if not problems[label]}
    told = "; ".join(f"{label}: {problem}" for label, problem in problems.items() if problem)
    return Read(found, told, len(said.keys() - set(labels)))


def combined(first: Verdict, second: Verdict) -> Verdict:
    """Return the mean of two verdicts on a pair: a preference for a place in the list cancels out (Wang et al. 2305.17926)."""
    points = {name: (given + second.points[name]) / 2 for name, given in first.points.items()}
    apart = any(abs(given - second.points[name]) >= APART for name, given in first.points.items())
    return Verdict(points, tuple(dict.fromkeys((*first.codes, *second.codes))), disagrees=apart)


def _verdict(said: Mapping[str, Any]) -> Verdict:
    points = {name: float(value) for name, value in said.items() if name != CODE}
    return Verdict(points, () if said[CODE] == CLEAN else (said[CODE],))
