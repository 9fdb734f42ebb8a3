"""Shares of right answers: intervals that stay inside of 0 to 1 and hold their coverage at few questions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Limits = tuple[float, float]


def are_shares(*systems: Floats) -> bool:
    """Return whether all scores lie within 0 to 1."""
    return all(bool(((values >= 0) & (values <= 1)).all()) for values in systems)


def are_answers(*systems: Floats) -> bool:
    """Return whether all scores are right (1) or wrong (0)."""
    return all(bool(((values == 0) | (values == 1)).all()) for values in systems)


def wilson(share: float, n: float, quantile: float) -> Limits:
    """Return Wilson's (1927) limits of a share of `n` trials; n may be a number of independent trials worth as much."""
    square = quantile**2
    centre = share + square / (2 * n)
    half = quantile * (share * (1 - share) / n + square / (4 * n * n)) ** 0.5
    return max(0.0, (centre - half) / (1 + square / n)), min(1.0, (centre + half) / (1 + square / n))


def exact(count: int, n: int, confidence: float) -> Limits:
    """Return the exact limits of Clopper and Pearson (1934)."""
    from scipy.stats import binomtest

    limits = binomtest(count, n).proportion_ci(confidence, method="exact")
    return float(limits.low), float(limits.high)


def newcombe(first: float, second: float, *, likeness: float, n: float, quantile: float) -> Limits:
    """Return the limits of second - first on the same questions: Newcombe (1998), method 10, "square and add".

    Args:
        first: share of right answers of the first system.
        second: of the second.
        likeness: correlation (phi) of both systems' answers.
        n: number of questions, or of independent ones worth as much.
        quantile: standard errors from the middle to a limit.
    """
    (low_1, high_1), (low_2, high_2) = wilson(first, n, quantile), wilson(second, n, quantile)
    below = _added(second - low_2, high_1 - first, likeness)
    above = _added(high_2 - second, first - low_1, likeness)
    return max(-1.0, second - first - below), min(1.0, second - first + above)


def _added(one: float, other: float, likeness: float) -> float:
    return max(0.0, one**2 - 2 * likeness * one * other + other**2) ** 0.5


def phi(first: Floats, second: Floats) -> float:
    """Return the correlation of 0/1 answers (items,) with Newcombe's correction of positive ones; 0 if either never varies."""
    both, neither = float((first * second).sum()), float(((1 - first) * (1 - second)).sum())
    gained, lost = float(((1 - first) * second).sum()), float((first * (1 - second)).sum())
    scale = ((both + lost) * (neither + gained) * (both + gained) * (neither + lost)) ** 0.5
    product = both * neither - gained * lost
    return (max(product - len(first) / 2, 0.0) if product > 0 else product) / scale if scale else 0.0


def mcnemar(first: Floats, second: Floats) -> float:
    """Return the p-value of the exact McNemar test on 0/1 answers (items,) to the same questions."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    gained, lost = int(((1 - first) * second).sum()), int((first * (1 - second)).sum())
    found: Any = test([[0, gained], [lost, 0]], exact=True)
    return float(found.pvalue)
