"""The sign-flip test: were both systems alike, every difference could as well have the other sign."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_AT_ONCE = 4_000_000  # signs held at once


def sign_flip(gains: Floats, *, resamples: int, seed: int) -> float:
    """Return the two-sided p-value of the mean of `gains` (items,), their order irrelevant.

    All 2^k flips of the k gains that are not 0 are tried where `resamples` are as many; else so many random ones, the
    observed signs counted among them (Phipson and Smyth 2010), so that p is never 0.
    """
    sizes = np.sort(np.abs(gains[gains != 0]))
    seen = abs(float(gains.sum())) - 1e-9 * float(sizes.sum())
    if len(sizes) < 60 and 2 ** len(sizes) <= resamples:  # beyond, the power need not be computed
        flips = (np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes))) & 1
        return float(np.mean(np.abs((2.0 * flips - 1) @ sizes) >= seen))
    generator, reached = np.random.default_rng(seed), 0
    block = max(1, _AT_ONCE // len(sizes))
    for start in range(0, resamples, block):
        signs = generator.integers(0, 2, (min(block, resamples - start), len(sizes)), dtype=np.int8)
        reached += int(np.count_nonzero(np.abs(2 * (signs @ sizes) - sizes.sum()) >= seen))
    return (1 + reached) / (1 + resamples)
