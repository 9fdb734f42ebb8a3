"""Estimates with intervals, the declared comparisons, and the verdict that they allow."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.proof import Comparison, Design, Estimate
from schemas.records import Pair
from trainer.evaluation.declared import LOSS, Wanted
from trainer.evaluation.tables import MEANS, Answers, Scores, agreements
from trainer.statistics.compare import compare, estimate
from trainer.statistics.family import adjust

_FEWEST = 2
PROVED = ("base", "tuned")  # the comparison that a verdict is about
_ESTIMATED = (LOSS, *MEANS, "stop_rate")


def clusters_of(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """Return the document of every pair with its passage, or its fact where no passage is known; a pair about none stands for itself."""
    documents = [pair.provenance.document_id or next((span.document_id for span in pair.evidence), pair.id) for pair in pairs]
    return [(document, pair.provenance.chunk_id or pair.group) for document, pair in zip(documents, pairs, strict=True)]


def value(one: Scores, metric: str) -> float | None:
    """Return an answer's score by a metric, the loss by token; None where the metric does not apply."""
    if metric == LOSS:
        return one[LOSS] / one["tokens"] if LOSS in one else None
    found = one.get("stopped" if metric == "stop_rate" else metric)
    return None if found is None else float(found)


def estimates(places: Mapping[str, Sequence[int]], pairs: Sequence[Pair], answers: Answers, *, design: Design) -> list[Estimate]:
    """Return every system's mean by every metric on every set, with its interval; a metric is left out where it applies to no pair."""
    documents = clusters_of(pairs)
    found: list[Estimate] = []
    for name, own in places.items():
        for system, given in answers.items():
            scored = {metric: {at: score for at in own if (score := value(given[at], metric)) is not None} for metric in _ESTIMATED}
            scored["consistency"] = agreements(own, pairs, given)
            found += [
                estimate(list(scores.values()), clusters=[documents[at] for at in scores], design=design, of=(metric, system, name))
                for metric, scores in scored.items()
                if len(scores) >= _FEWEST
            ]
    return found


def comparisons(
    wanted: Sequence[Wanted], places: Mapping[str, Sequence[int]], pairs: Sequence[Pair], answers: Answers, *, design: Design
) -> tuple[list[Comparison], list[str]]:
    """Return the declared comparisons, adjusted as one family, and what to tell people of those that cannot be made."""
    documents = clusters_of(pairs)
    made: list[Comparison] = []
    missing: list[str] = []
    for one in wanted:
        first, second = (answers.get(name) for name in (one.first, one.second))
        both = (
            [(at, _gain(first[at], one.metric), _gain(second[at], one.metric)) for at in places.get(one.set, ())]
            if first and second
            else []
        )
        whole = [(at, before, after) for at, before, after in both if before is not None and after is not None]
        if len(whole) < _FEWEST:
            missing.append(f"evaluate.family: {one}: left out, there are {len(whole)} such answers of both")
            continue
        made.append(
            compare(
                [before for _, before, _ in whole],
                [after for _, _, after in whole],
                clusters=[documents[at] for at, _, _ in whole],
                design=design,
                of=(one.metric, one.set, one.first, one.second),
            )
        )
    return adjust(made), missing


def verdict(found: Sequence[Comparison], metric: str) -> dict[str, Any]:
    """Return the verdict on the tuned model against its base on the first declared set, nothing if none is declared: worse if its loss is.

    A model tuned on wrong answers may share more words with the right ones than a base that never ends, and still find them less likely.
    """
    first = next((one for one in found if (one.metric, one.first, one.second) == (metric, *PROVED)), None)
    if first is None:
        return {}
    alike = [one for one in found if (one.set, one.first, one.second) == (first.set, first.first, first.second)]
    decisive = next((one for one in alike if one.verdict == "worse"), first)
    return {"verdict": decisive.verdict, "set": decisive.set, "metric": decisive.metric, "sentence": decisive.sentence}


def _gain(one: Scores, metric: str) -> float | None:
    """Return a score of which more is better."""
    found = value(one, metric)
    return -found if found is not None and metric == LOSS else found
