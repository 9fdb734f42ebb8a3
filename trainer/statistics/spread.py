"""How far a mean over questions may be off: questions of one document resemble each other, and so do answers of one training.

A spread is a sum of variances, each with its degrees of freedom. That of the questions is the cluster-robust CR2 variance
(Bell and McCaffrey 2002) with Satterthwaite's degrees of freedom, as a few documents of unequal size need it; without
documents it is the plain variance of a mean. That of the trainings (seeds) is what seeds differ beyond chance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
_NOTHING = 1e-20  # a variance below is rounding


@dataclass(frozen=True)
class Spread:
    """The variance of a mean in independent parts, each (variance, degrees of freedom)."""

    parts: tuple[tuple[float, float], ...]

    @property
    def variance(self) -> float:
        """Return the variance of the mean."""
        return sum(variance for variance, _ in self.parts)

    @property
    def degrees(self) -> float:
        """Return the degrees of freedom of the whole (Satterthwaite 1946)."""
        return self.variance**2 / sum(variance**2 / degrees for variance, degrees in self.parts)

    def reach(self, confidence: float) -> float:
        """Return half the length of the interval: that of the t quantile, where one part is all.

        Of several parts the mean of two lengths, since simulation holds it to 93 to 97 % and neither of them: Satterthwaite's t
        for the whole (90 to 97 %: the same chance makes three seeds' variance small and the degrees of freedom many), and the
        root of the sum of the parts' squared half lengths (94 to 98 %).
        """
        from scipy.special import stdtrit

        chance = (1 + confidence) / 2
        apart = sum(variance * stdtrit(degrees, chance) ** 2 for variance, degrees in self.parts) ** 0.5
        if len(self.parts) == 1:
            return float(apart)
        return float(apart + stdtrit(self.degrees, chance) * self.variance**0.5) / 2

    def quantile(self, confidence: float) -> float:
        """Return the half length in standard errors."""
        return self.reach(confidence) / self.variance**0.5

    def p_value(self, mean: float) -> float:
        """Return the risk at which the interval around `mean` just reaches 0."""
        from scipy.optimize import brentq
        from scipy.special import stdtr

        if not self.variance or not mean:
            return 0.0 if mean else 1.0
        if len(self.parts) == 1:
            return float(2 * stdtr(self.parts[0][1], -abs(mean) / self.variance**0.5))
        least, most = 1e-15, 1 - 1e-9
        if self.reach(1 - least) <= abs(mean) or abs(mean) <= self.reach(1 - most):
            return least if abs(mean) > self.reach(0.5) else 1.0
        logarithm: Any = brentq(lambda risk: self.reach(-np.expm1(risk)) - abs(mean), np.log(least), np.log(most))
        return float(np.exp(logarithm))


def spread(values: Floats, labels: Labels, *others: Floats) -> Spread:
    """Return how far the mean of `values` may be off.

    Args:
        values: (seeds, items), the mean over both is meant.
        labels: the document of each item as 0, 1, ...; as many as items if none is shared.
        others: (seeds, items) of each system where their seeds cannot be paired; else the seeds of `values` count.
    """
    if values.shape[1] == 1:
        return Spread(((0.0, 1.0),))  # one question has no spread to measure
    trained = [(_of_seeds(system, labels), len(system) - 1) for system in others or (values,) if len(system) > 1]
    return Spread((_of_items(values.mean(axis=0), labels), *(part for part in trained if part[0] > _NOTHING)))


def _of_items(means: Floats, labels: Labels) -> tuple[float, float]:
    """Return the CR2 variance of the mean of `means` (items,) and its degrees of freedom, the documents' likeness estimated."""
    n, size = len(means), np.bincount(labels).astype(np.float64)
    share = size / n
    if len(size) == n:
        variance = float(means.var(ddof=1)) / n
        return (variance if variance > _NOTHING else 0.0), n - 1
    sums = np.bincount(labels, means - means.mean())
    weight = 1 / (n * n * (1 - share))
    variance = float(weight @ sums**2)
    assumed = size * (1 + (size - 1) * likeness(means, labels))  # variances of the sums, up to a factor
    return (variance if variance > _NOTHING else 0.0), _degrees(weight, share, assumed)


def _degrees(weight: Floats, share: Floats, assumed: Floats) -> float:
    """Return tr(MS)^2 / tr(MSMS) for S = diag(assumed) and the matrix M of the CR2 quadratic form, in O(documents)."""
    pull = weight * share
    centre = float(pull @ share)
    diagonal = weight - 2 * pull + centre
    zero, one, two = float(assumed.sum()), float(assumed @ pull), float(assumed @ pull**2)
    apart = centre**2 * zero**2 + 2 * zero * two - 4 * centre * zero * one + 2 * one**2
    return float((assumed @ diagonal) ** 2 / (apart + assumed**2 @ (diagonal**2 - (centre - 2 * pull) ** 2)))


def likeness(means: Floats, labels: Labels) -> float:
    """Return the intraclass correlation of questions of one document, by analysis of variance, within 0 to 1."""
    n, size = len(means), np.bincount(labels)
    groups = len(size)
    centres = np.bincount(labels, means) / size
    between = float(size @ (centres - means.mean()) ** 2) / (groups - 1)
    within = float(((means - centres[labels]) ** 2).sum()) / max(1, n - groups)
    usual = (n - float((size**2).sum()) / n) / (groups - 1)
    whole = between + (usual - 1) * within
    return min(1.0, max(0.0, (between - within) / whole)) if whole > 0 else 0.0


def _of_seeds(values: Floats, labels: Labels) -> float:
    """Return the variance of the mean of `values` (seeds, items) due to seeds, beyond what few items make seeds differ; at least 0."""
    seeds, n = values.shape
    by_seed = values.mean(axis=1)
    rest = values - values.mean(axis=0) - by_seed[:, None] + values.mean()
    sums = np.stack([np.bincount(labels, row) for row in rest])
    share = np.bincount(labels) / n
    chance = float((sums**2 / (1 - share)).sum()) / (n * n * seeds * (seeds - 1))
    return max(0.0, float(by_seed.var(ddof=1)) / seeds - chance)
