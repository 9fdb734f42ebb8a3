"""One system's score with its interval, and two systems on the same questions; higher is better throughout."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.proof import Comparison, Design, Estimate
from trainer.statistics.paired import grouped, paired, told
from trainer.statistics.sentence import judged
from trainer.statistics.shares import Limits, are_answers, are_shares, exact, wilson
from trainer.statistics.spread import Labels, spread

Floats = NDArray[np.float64]
Clusters = Sequence[str] | Sequence[tuple[str, str]]


def estimate(values: ArrayLike, *, clusters: Clusters | None = None, design: Design, of: tuple[str, str, str]) -> Estimate:
    """Return one system's mean over its questions with an interval; which method, and why, is told in docs/statistics.md.

    Args:
        values: scores (items,), or (seeds, items) of several trainings; at least one item.
        clusters: the document of each item, or its document and the passage in it; items without are all of their own.
        design: the confidence.
        of: metric, system and set.

    Raises:
        ValueError: there is no item, or not as many clusters as items.
    """
    scores, metric_system_set = _table(values), dict(zip(("metric", "system", "set"), of, strict=True))
    labels, documents = _labels(clusters, scores.shape[1])
    (low, high), method = _limits(scores, labels, design.confidence)
    return Estimate(
        **metric_system_set,
        n=scores.shape[1],
        clusters=documents,
        mean=float(scores.mean()),
        low=low,
        high=high,
        method=_named(method, documents),
    )


def compare(
    first: ArrayLike, second: ArrayLike, *, clusters: Clusters | None = None, design: Design, of: tuple[str, str, str, str]
) -> Comparison:
    """Return the second system against the first on the same questions, as a family of one; docs/statistics.md tells the methods.

    Args:
        first: scores (items,), or (seeds, items) of several trainings; higher is better, so negate a loss.
        second: the same items in the same order; seeds are paired in their order where both have as many.
        clusters: the document of each item, or its document and the passage in it; items without are all of their own.
        design: confidence, margin, and how often to resample.
        of: metric, set, first and second system.

    Raises:
        ValueError: there is no item, or the systems or clusters differ in their number.
    """
    before, after = _table(first), _table(second)
    if before.shape[1] != after.shape[1]:
        raise ValueError(f"{of[2]} has {before.shape[1]} items, {of[3]} has {after.shape[1]}")
    n = before.shape[1]
    labels, documents = _labels(clusters, n)
    found = paired(before, after, labels, design=design)
    (low, high), (least, most) = found.limits(design.confidence), found.limits(2 * design.confidence - 1)
    shares = are_shares(before, after)
    figures: dict[str, Any] = {
        **dict(zip(("metric", "set", "first", "second"), of, strict=True)),
        "n": n,
        "clusters": documents,
        "seeds": max(len(before), len(after)),
        "confidence": design.confidence,
        "unit": "points" if shares else "plain",
        "first_mean": float(before.mean()),
        "second_mean": float(after.mean()),
        "difference": float(after.mean() - before.mean()),
        "low": low,
        "high": high,
        "method": _named(found.method, documents),
        "p_value": found.p_value,
        "p_adjusted": found.p_value,
        "family": 1,
        "margin": design.margin,
        "same": n > 1 and -design.margin <= least and most <= design.margin,
        "detectable": min(1.0, found.detectable) if shares else found.detectable,
        "excluded_loss": max(0.0, -least),
    }
    return judged(figures)


def _table(values: ArrayLike) -> Floats:
    scores = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if not scores.size:
        raise ValueError("there is nothing to compare: no item")
    return scores


def _labels(clusters: Clusters | None, n: int) -> tuple[Labels, int]:
    """Return the document of each item as 0, 1, ... and how many there are.

    A single one tells nothing of how documents differ: then its passages count, as wordings of one fact are no questions of their own.
    """
    if clusters is None:
        return np.arange(n), n
    if len(clusters) != n:
        raise ValueError(f"{n} items with {len(clusters)} clusters")
    places = [(one, "") if isinstance(one, str) else one for one in clusters]
    documents = len({document for document, _ in places})
    passages = len({passage for _, passage in places})
    if documents == passages == 1:
        return np.arange(n), 1
    names = [passage if documents == 1 else document for document, passage in places]
    return np.unique(np.asarray(names), return_inverse=True)[1], documents


def _named(method: str, documents: int) -> str:
    return method.replace("documents", "passages") if documents == 1 else method


def _limits(scores: Floats, labels: Labels, confidence: float) -> tuple[Limits, str]:
    """Return the limits of one system's mean and the method."""
    from scipy.special import ndtri

    mean, n = float(scores.mean()), scores.shape[1]
    alone = len(scores) == 1 and not grouped(labels)
    by = told(labels, len(scores) > 1)
    if are_answers(scores) and mean in (0.0, 1.0):
        worth = int(labels.max()) + 1
        return exact(int(mean) * worth, worth, confidence), f"Clopper-Pearson{by}"
    if are_answers(scores) and alone:
        return wilson(mean, n, float(ndtri((1 + confidence) / 2))), "Wilson"
    found = spread(scores, labels)
    if are_shares(scores):
        worth = mean * (1 - mean) / found.variance if found.variance else n
        quantile = found.quantile(confidence) if found.variance else float(ndtri((1 + confidence) / 2))
        return wilson(mean, worth, quantile), f"Wilson for scores{by}" if not are_answers(scores) else f"Wilson{by}"
    reach = found.reach(confidence)
    return (mean - reach, mean + reach), f"t{by}"
