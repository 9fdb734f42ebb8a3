"""The smallest difference that a comparison would have shown in four of five trials."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trainer.statistics.spread import Spread

POWER = 0.8
Floats = NDArray[np.float64]


def detectable(spread: Spread, confidence: float) -> float:
    """Return the difference that a t test with this spread shows with 80 % power (noncentral t).

    The root of a variance with few degrees of freedom is too small in the mean; it is divided by what it is short of.
    """
    from scipy.special import nctdtrinc, poch

    if not spread.variance:
        return 0.0
    half = spread.degrees / 2
    error = (half * spread.variance) ** 0.5 / float(poch(half, 0.5))
    return float(nctdtrinc(spread.degrees, 1 - POWER, spread.quantile(confidence))) * error


def detectable_share(n: int, discordant: float, confidence: float) -> float:
    """Return the difference of two shares that the exact McNemar test of `n` questions shows with 80 % power; 1 if none is.

    Args:
        n: questions.
        discordant: share of them that exactly one system answers right. It grows with the difference D: as the root of
            discordant^2 + D^2 / 2 (within 5 points of normal abilities correlated by 0.3 to 0.9), and is D at least.
        confidence: one minus the risk of the two-sided test.
    """
    limits = _least_gains(n, 1 - confidence)
    low, high = 0.0, 1.0
    if _power(high, n, 1.0, limits) < POWER:
        return 1.0
    for _ in range(20):
        middle = (low + high) / 2
        grown = max(middle, min(1.0, (discordant**2 + middle**2 / 2) ** 0.5))
        low, high = (low, middle) if _power(middle, n, grown, limits) >= POWER else (middle, high)
    return high


@lru_cache(maxsize=64)
def _least_gains(n: int, risk: float) -> Floats:
    """Return for 0 to n discordant answers how many must be gains for the exact test to show one; more than there are if none do."""
    from scipy.stats import binom

    counts = np.arange(1, n + 1)
    losses = binom.ppf(risk / 2, counts, 0.5)  # the fewest that are likelier than half the risk, or exactly as likely
    losses -= binom.cdf(losses, counts, 0.5) > risk / 2
    return np.concatenate([[1.0], counts - losses])


def _power(difference: float, n: int, discordant: float, limits: Floats) -> float:
    """Return the chance that the test shows the gain, over how many answers may be discordant."""
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    counts = np.arange(n + 1, dtype=np.float64)
    chance = np.exp(
        gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1) + xlogy(counts, discordant) + xlog1py(n - counts, -discordant)
    )
    share = min(1.0, (discordant + difference) / (2 * discordant))
    possible = limits <= counts
    shown = betainc(limits[possible], counts[possible] - limits[possible] + 1, share)  # P(X >= limit) of a binomial
    return float(chance[possible] @ shown)


def in_family(confidence: float, family: int) -> float:
    """Return by what the detectable difference grows when it must be shown among `family` comparisons (normal quantiles)."""
    from scipy.special import ndtri

    risk, power = (1 - confidence) / 2, float(ndtri(POWER))
    return (power - float(ndtri(risk / family))) / (power - float(ndtri(risk)))
