"""What the loss curve says about a run while it goes on: that it diverged, or that it learns nothing.

A rate that is far too high need not give a NaN: norms overflow, the gradient vanishes, and the loss sits at the logarithm of
the vocabulary, finite for ever (P77). Gradients are looked at before each update (`guards.Health`); this looks at the curve.
"""

import math
from collections.abc import Sequence
from statistics import fmean

START, RECENT = 3, 20  # points of the curve (a run has about a hundred) that count as its start, and as long
_ABOVE, _GUESSING = 1.25, 0.005


def course_problem(losses: Sequence[float], vocabulary: int, *, rate: float) -> str:
    """Say what is wrong with the course of the losses so far, and what to change; nothing if all is well.

    Args:
        losses: points of the curve in their order, each the mean of a few updates.
        vocabulary: entries of the model's vocabulary; a model that only guesses has the loss ln(vocabulary).
        rate: the peak learning rate, for the advice.
    """
    if losses and not math.isfinite(losses[-1]):
        return f"the loss became {losses[-1]}; {_lower(rate)}"
    if len(losses) < START + RECENT:
        return ""
    start, recent = fmean(losses[:START]), losses[-RECENT:]
    if min(recent) > _ABOVE * start + 0.1:
        return f"the loss began at {start:.3g} and has long been above it, now {recent[-1]:.3g}: training diverged; {_lower(rate)}"
    guess = math.log(vocabulary)
    if all(abs(loss - guess) <= _GUESSING * guess for loss in recent):
        return f"the loss stays at {guess:.3g}, that of guessing among {vocabulary:,} tokens: the model learns nothing; {_other(rate)}"
    return ""


def _lower(rate: float) -> str:
    return f"lower train.learning_rate (it is {rate:g}; try {rate / 10:g})"


def _other(rate: float) -> str:
    return f"change train.learning_rate (it is {rate:g}; try {rate / 10:g}, and {rate * 10:g} if that is the same)"
