"""What is compared, decided before any held-out question is asked: the metric, the margin, and the family of comparisons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.proof import Design
from schemas.records import content_id
from schemas.training import AGAINST, EvaluateSection

MAIN = ("paraphrase", "test", "test_documents")
LOSS = "loss"
SETTINGS = ("metric", "margin", "confidence", "resamples", "seed", "systems", "shots", "limit", "max_new_tokens")


@dataclass(frozen=True)
class Wanted:
    """One declared comparison: the second system against the first by a metric on a set."""

    metric: str
    set: str
    first: str
    second: str

    def __str__(self) -> str:
        """Return it as the recipe writes it."""
        return f"{self.second} against {self.first} on {self.set} in {self.metric}"


def design(section: EvaluateSection) -> Design:
    """Return how comparisons are made."""
    return Design(confidence=section.confidence, margin=section.margin, resamples=section.resamples, seed=section.seed)


def family(section: EvaluateSection, systems: Sequence[str], sets: Iterable[str]) -> list[Wanted]:
    """Return the declared comparisons; auto: the tuned model against every other system on the main sets, and its loss against the base's.

    Words that two answers share do not tell a wrong answer that is given with confidence from a vague one; the loss does.
    """
    if section.family != "auto":
        found = [AGAINST.fullmatch(text) for text in section.family]
        return [Wanted(match["metric"] or section.metric, match["set"], match["first"], match["second"]) for match in found if match]
    there = set(sets)
    main = [name for name in MAIN if name in there] or sorted(there)
    second, others = systems[-1], systems[:-1]
    wanted = [Wanted(section.metric, name, first, second) for name in main for first in others]
    lossy = [] if section.metric == LOSS else [Wanted(LOSS, name, others[0], second) for name in main if others]
    return [*wanted, *lossy]


def declared(section: EvaluateSection, wanted: Sequence[Wanted]) -> dict[str, Any]:
    """Return the declaration as JSON values, with its hash."""
    settings = section.model_dump(mode="json", include=set(SETTINGS))
    stated = {**settings, "family": [str(one) for one in wanted]}
    return {**stated, "hash": content_id("declared", stated)}
