"""Near copies in meaning: all pairs of vectors whose cosine is above a threshold, exactly, at the speed of a matrix product.

A threshold self-join of n unit vectors in d dimensions costs n² d / 2 multiplications whatever one does short of an
approximate index, and below about 100,000 rows no such index is faster than plain matrix products or finds every pair. So:

1. the upper triangle is cut into tiles that stay in the cache, each one `np.matmul` into the same buffer: allocating the
   product anew for each tile would take as long as the product. BLAS has one thread meanwhile: several wait for each other
   after each tile, at n = 50,000 on two busy cores 61 s instead of 4;
2. above `BOUND_ABOVE` rows the product is of an upper bound first, in m + 1 dimensions instead of d. With x = (x1, x2)
   split into its first m principal coordinates and the rest, Cauchy and Schwarz give

       x.y = x1.y1 + x2.y2 <= x1.y1 + |x2| |y2|,

   and |x2| is one more coordinate (the bound of FEXIPRO, Li et al. 2017, for a join instead of a search). m is the one
   that costs least by a sample of the rows;
3. what passes is computed again in float64, pair by pair: so neither tile nor bound can change a decision.

Whether two near vectors mean the same is not decided here: numbers and rare terms that differ keep two pairs apart.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from builder.curation.embed import Vectors

BOUND_ABOVE = 20_000  # rows
TILE = (512, 512)  # rows of the left and of the right side: 1 MB of product
SLACK = 1e-5  # float32 rounds a product of unit vectors by less
SAMPLE = 1024
VERIFY = 12.0  # what computing a pair that passes costs, in products of d numbers within a tile
SHARES = (1 / 8, 1 / 4, 1 / 3, 1 / 2)  # of d, tried for m


class Near(NamedTuple):
    """Two rows, i < j, and their cosine."""

    i: int
    j: int
    cosine: float


def near(vectors: Vectors, threshold: float) -> Iterator[Near]:
    """Yield each pair of rows whose cosine is above `threshold`, in an order that depends on the vectors only.

    Args:
        vectors: n x d, rows of length 1 (or 0: near to nothing).
        threshold: between 0 and 1; above 0.8 for near copies with most models.

    O(n² d) multiplications at the rate of the machine's matrix product; O(n m) memory above BOUND_ABOVE rows, else a buffer.
    """
    for left, right, cosines in tiles(vectors, threshold):
        yield from map(Near, left.tolist(), right.tolist(), cosines.tolist())


def tiles(vectors: Vectors, threshold: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the same pairs as arrays i, j (int64) and cosine (float64) of one length, a tile at a time, for whoever counts millions."""
    from threadpoolctl import threadpool_limits

    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    with threadpool_limits(limits=1, user_api="blas"):
        scanned = _bound(vectors, threshold) if len(vectors) > BOUND_ABOVE else vectors
        for left, right in _above(scanned, threshold - SLACK):
            cosines = np.einsum("ij,ij->i", vectors[left], vectors[right], dtype=np.float64)
            is_near = cosines > threshold
            if is_near.any():
                yield left[is_near], right[is_near], cosines[is_near]


def _above(rows: Vectors, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the places (i, j), i < j, whose product is above `least`, tile by tile."""
    height, width = TILE
    buffer, mask = np.empty(height * width, np.float32), np.empty(height * width, bool)
    for top in range(0, len(rows), height):
        above = rows[top : top + height]
        for start in range(top, len(rows), width):
            beside = rows[start : start + width]
            shape, size = (len(above), len(beside)), len(above) * len(beside)
            product = np.matmul(above, beside.T, out=buffer[:size].reshape(shape))
            passes = np.greater(product, least, out=mask[:size].reshape(shape))
            if start < top + height:  # the diagonal runs through this tile
                passes &= np.arange(start, start + shape[1]) > np.arange(top, top + shape[0])[:, None]
            places = np.flatnonzero(passes)
            if len(places):
                yield places // shape[1] + top, places % shape[1] + start


def _bound(vectors: Vectors, threshold: float) -> Vectors:
    """Return n x (m + 1) rows whose products are no less than those of `vectors`, of the m that costs least; or `vectors`."""
    turned = vectors @ _principal(vectors)
    step = max(1, len(vectors) // SAMPLE)
    sample, d = turned[::step][:SAMPLE], vectors.shape[1]
    costs = {d: float(d)}
    for m in {max(1, int(share * d)) for share in SHARES}:
        products = (bounded := _cut(sample, m)) @ bounded.T
        passing = (np.count_nonzero(products > threshold - SLACK) - len(sample)) / products.size
        costs[m] = m + 1 + VERIFY * d * max(passing, 0.0)
    m = min(sorted(costs), key=costs.__getitem__)
    return vectors if m == d else _cut(turned, m)


def _principal(vectors: Vectors) -> np.ndarray:
    """Return the d x d rotation onto the principal axes of the rows, not centred, the longest first."""
    return np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1].astype(np.float32)


def _cut(turned: Vectors, m: int) -> Vectors:
    """Return n x (m + 1): the first m coordinates of each row and the length of the rest."""
    rest = np.linalg.norm(turned[:, m:], axis=1, keepdims=True)
    return np.ascontiguousarray(np.hstack((turned[:, :m], rest)))
