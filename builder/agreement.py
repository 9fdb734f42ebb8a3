"""How far two raters agree beyond chance, and the threshold at which scores agree best with a person's yes and no."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000  # resamples of the bootstrap: percentiles at 2.5 % then rest on 50 of them
_ALIKE = 1e-12

Table = Sequence[Sequence[int]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Cohen's kappa with its confidence interval, and the share of equal ratings, observed and expected by chance."""

    kappa: float
    low: float
    high: float
    observed: float
    expected: float


@dataclass(frozen=True)
class Fit:
    """The threshold that fits best (accept: score >= threshold), where it may lie, and how good it is.

    `kappa` is that of the data it was fitted to, `expected` what other data may bring (see `fit`); `table` counts
    ((accepted and kept, accepted and dropped), (rejected and kept, rejected and dropped)).
    """

    threshold: float
    low: float
    high: float
    kappa: float
    expected: float
    table: tuple[tuple[int, int], tuple[int, int]]


def cohen(table: Table, *, level: float = 0.95) -> Agreement:
    """Return Cohen's kappa (1960) of a k x k table of counts, rater one by rows; the interval uses the large-sample standard error.

    With cells p_ij, row sums r_i, column sums c_j, observed o = sum p_ii and expected e = sum r_i c_i:
    kappa = (o - e) / (1 - e), and by Fleiss, Cohen and Everitt (1969), n (1 - e)^2 var =
    sum p_ii (1 - (r_i + c_i)(1 - kappa))^2 + (1 - kappa)^2 sum_{i != j} p_ij (c_i + r_j)^2 - (kappa - e (1 - kappa))^2.
    Of raters who always agree that error is 0, which few ratings cannot show: the lower limit is then the kappa at the exact
    (Clopper-Pearson) lower limit of the share of equal ratings.

    Raises:
        ValueError: there is nothing rated, or both raters gave one and the same rating throughout, so that kappa is 0 / 0.
    """
    counts = np.asarray(table, dtype=np.float64)
    total = counts.sum()
    share = counts / total if total else counts
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, expected = float(np.trace(share)), float(rows @ columns)
    if not total or 1 - expected < _ALIKE:
        raise ValueError("kappa needs two different ratings")
    kappa = (observed - expected) / (1 - expected)
    if observed > 1 - _ALIKE:
        least = float((1 - level) / 2) ** (1 / float(total))
        return Agreement(1.0, max(0.0, (least - expected) / (1 - expected)), 1.0, observed, expected)
    diagonal = np.diag(share) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    crossed = share * (columns[:, None] + rows[None, :]) ** 2
    others = (1 - kappa) ** 2 * (crossed.sum() - np.trace(crossed))
    variance = (diagonal + others - (kappa - expected * (1 - kappa)) ** 2) / (total * (1 - expected) ** 2)
    margin = NormalDist().inv_cdf((1 + level) / 2) * max(0.0, float(variance)) ** 0.5
    return Agreement(kappa, max(-1.0, kappa - margin), min(1.0, kappa + margin), observed, expected)


def fit(scores: Sequence[float], accepted: Sequence[bool], *, seed: int = 0, draws: int = DRAWS) -> Fit:
    """Return the threshold whose yes and no agrees best with a person's, by Cohen's kappa; O(draws x n).

    Candidates lie midway between neighbouring scores, and below all of them; of equally good ones the middle one counts. The
    interval holds the middle 95 % of the thresholds that bootstrap resamples choose (Efron 1979). A threshold looks better on
    the data that chose it than on others, so `expected` is the mean kappa of each resample's threshold on the decisions that the
    resample left out (the leave-one-out bootstrap of Efron 1983; slightly too low, as a resample holds 63 % of the decisions).

    Args:
        scores: n scores, higher is better.
        accepted: n decisions.
        seed: of the resamples.
        draws: how many resamples.
    """
    order = np.argsort(np.asarray(scores, dtype=np.float64), kind="stable")
    sorted_scores, good = np.asarray(scores, dtype=np.float64)[order], np.asarray(accepted, dtype=np.float64)[order]
    cuts = np.flatnonzero(np.diff(sorted_scores, prepend=-np.inf) > 0)  # the first place of every distinct score
    thresholds = np.concatenate([[0.0], (sorted_scores[cuts[1:] - 1] + sorted_scores[cuts[1:]]) / 2])
    whole = _kappas(np.ones((1, len(good))), good, cuts)
    best = int(_best(whole)[0])
    weights = np.random.default_rng(seed).multinomial(len(good), np.full(len(good), 1 / len(good)), size=draws).astype(np.float64)
    drawn = _kappas(weights, good, cuts)
    chosen = _best(drawn)
    low, high = (float(value) for value in np.quantile(thresholds[chosen], (0.025, 0.975)))
    kappa = float(whole[0, best])
    return Fit(float(thresholds[best]), low, high, kappa, _left_out(weights, good, cuts, chosen, kappa), _table(good, int(cuts[best])))


def _left_out(weights: Floats, good: Floats, cuts: NDArray[np.intp], chosen: NDArray[np.intp], apparent: float) -> float:
    """Return the mean kappa of the chosen cuts on what their samples left out, where that holds both decisions; never above `apparent`."""
    rest = (weights == 0).astype(np.float64)
    both = (rest @ good > 0) & (rest @ (1 - good) > 0)
    if not both.any():
        return apparent
    return min(apparent, float(np.mean(_kappas(rest[both], good, cuts)[np.arange(both.sum()), chosen[both]])))


def auc(scores: Sequence[float], accepted: Sequence[bool]) -> float:
    """Return how often an accepted pair scores above a rejected one, ties counting half (Mann and Whitney 1947); 0.5 is chance. O(n^2)."""
    values, good = np.asarray(scores, dtype=np.float64), np.asarray(accepted, dtype=bool)
    apart = values[good][:, None] - values[~good][None, :]
    return float(np.mean((np.sign(apart) + 1) / 2)) if apart.size else 0.5


def _kappas(weights: Floats, good: Floats, cuts: NDArray[np.intp]) -> Floats:
    """Return kappa for every sample (rows of `weights`: how often each decision counts) and every cut: (samples, cuts)."""
    start = np.zeros((len(weights), 1))
    below = np.concatenate([start, np.cumsum(weights, axis=1)], axis=1)[:, cuts]
    good_below = np.concatenate([start, np.cumsum(weights * good, axis=1)], axis=1)[:, cuts]
    total, all_good = weights.sum(axis=1, keepdims=True), (weights @ good)[:, None]
    observed = (all_good - good_below + below - good_below) / total
    kept, liked = 1 - below / total, all_good / total
    expected = kept * liked + (1 - kept) * (1 - liked)
    return np.divide(observed - expected, 1 - expected, out=np.zeros_like(observed), where=1 - expected > _ALIKE)


def _best(kappas: Floats) -> NDArray[np.intp]:
    """Return for every sample the middle one of its best cuts."""
    is_best = kappas >= kappas.max(axis=1, keepdims=True) - _ALIKE
    middle = (is_best.sum(axis=1, keepdims=True) + 1) // 2
    return np.argmax(np.cumsum(is_best, axis=1) >= middle, axis=1)


def _table(good: Floats, cut: int) -> tuple[tuple[int, int], tuple[int, int]]:
    accepted_dropped = int(good[:cut].sum())
    accepted_kept = int(good.sum()) - accepted_dropped
    return (accepted_kept, accepted_dropped), (len(good) - cut - accepted_kept, cut - accepted_dropped)
