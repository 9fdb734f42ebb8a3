"""What two systems' answers to the same questions tell: the interval at any confidence, the p-value, what could have been seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.proof import Design
from trainer.statistics.flips import sign_flip
from trainer.statistics.power import detectable, detectable_share
from trainer.statistics.shares import Limits, are_answers, are_shares, mcnemar, newcombe, phi
from trainer.statistics.spread import Labels, Spread, spread

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Limits of the difference by confidence, the two-sided p-value of no difference, the detectable difference, the method in words."""

    limits: Callable[[float], Limits]
    p_value: float
    detectable: float
    method: str


def paired(first: Floats, second: Floats, labels: Labels, *, design: Design) -> Evidence:
    """Return what the answers (seeds, items) of both systems tell; either may have one seed where the other has several."""
    alone = len(first) == len(second) == 1 and not grouped(labels)
    answers = are_answers(first, second)
    if alone and answers:
        return _answers(first[0], second[0], design)
    found = _spread(first, second, labels)
    if not found.variance:
        return _constant(first, second, labels, design)
    if answers:
        return _grouped_answers(first, second, found, design=design, by=told(labels, len(first) + len(second) > 2))
    gains = _gains(first, second)
    test = sign_flip(gains, resamples=design.resamples, seed=design.seed) if alone else found.p_value(float(gains.mean()))
    method = "paired t interval, sign-flip test" if alone else f"paired t interval and test{told(labels, len(first) + len(second) > 2)}"
    return Evidence(_around(float(gains.mean()), found, first, second), test, detectable(found, design.confidence), method)


def grouped(labels: Labels) -> bool:
    """Return whether questions share documents."""
    return int(labels.max()) + 1 < len(labels)


def told(labels: Labels, seeds: bool) -> str:
    """Return what a method takes into account, for people."""
    parts = [name for name, some in (("documents", grouped(labels)), ("seeds", seeds)) if some]
    return f" by {' and '.join(parts)}" if parts else ""


def _gains(first: Floats, second: Floats) -> Floats:
    """Return the difference of every item (items,), the mean over seeds; what is but rounding is 0."""
    gains = second.mean(axis=0) - first.mean(axis=0)
    rounding = 1e-12 * max(1.0, float(np.abs(first).max()), float(np.abs(second).max()))
    return np.where(np.abs(gains) > rounding, gains, 0.0)


def _spread(first: Floats, second: Floats, labels: Labels) -> Spread:
    """Return the spread of the difference; seeds are paired where both have as many, or one system has none."""
    if len(first) == len(second) or 1 in (len(first), len(second)):
        return spread(second - first, labels)
    return spread(_gains(first, second)[None], labels, first, second)


def _answers(first: Floats, second: Floats, design: Design) -> Evidence:
    """Right or wrong, each question for itself: Newcombe's interval and the exact McNemar test."""
    from scipy.special import ndtri

    one, other, likeness = float(first.mean()), float(second.mean()), phi(first, second)

    def limits(confidence: float) -> Limits:
        return newcombe(one, other, likeness=likeness, n=len(first), quantile=float(ndtri((1 + confidence) / 2)))

    seen = detectable_share(len(first), float(np.mean(first != second)), design.confidence)
    return Evidence(limits, mcnemar(first, second), seen, "Newcombe's interval, exact McNemar test")


def _grouped_answers(first: Floats, second: Floats, found: Spread, *, design: Design, by: str) -> Evidence:
    """Right or wrong by documents or seeds: Newcombe's interval for as many questions as the spread is worth, and its t test."""
    one, other = float(first.mean()), float(second.mean())
    shared = float((first.mean(axis=0) - one) @ (second.mean(axis=0) - other)) / first.shape[1]
    each, both = one * (1 - one), other * (1 - other)
    likeness = shared / (each * both) ** 0.5 if each * both else 0.0
    worth = (each + both - 2 * shared) / found.variance

    def limits(confidence: float) -> Limits:
        return newcombe(one, other, likeness=likeness, n=worth, quantile=found.quantile(confidence))

    return Evidence(limits, found.p_value(other - one), detectable(found, design.confidence), f"Newcombe's interval and t test{by}")


def _around(mean: float, found: Spread, first: Floats, second: Floats) -> Callable[[float], Limits]:
    bound = 1.0 if are_shares(first, second) else np.inf
    return lambda confidence: (max(-bound, mean - found.reach(confidence)), min(bound, mean + found.reach(confidence)))


def _constant(first: Floats, second: Floats, labels: Labels, design: Design) -> Evidence:
    """Every question has the same difference: n questions, or documents, still allow some share of others, each off by at most 1."""
    gains = _gains(first, second)
    n, mean, shares = int(labels.max()) + 1, float(gains.mean()), are_shares(first, second)

    def limits(confidence: float) -> Limits:
        others = 1 - ((1 - confidence) / 2) ** (1 / n) if shares else 0.0
        return max(-1.0, mean - others) if shares else mean, min(1.0, mean + others) if shares else mean

    test = sign_flip(np.bincount(labels, gains).astype(np.float64), resamples=design.resamples, seed=design.seed)
    seen = detectable_share(len(gains), 0.0, design.confidence) if shares else 0.0  # how alike documents would differ is not known
    return Evidence(limits, test, seen, "limits for the same difference throughout, sign-flip test")
