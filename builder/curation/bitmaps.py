"""All texts that can be near, by a scan of their signatures: the way for up to some 30,000 texts.

Two texts of m and n words with a longest common subsequence of L share at least L (word, occurrence) features, so at most
m + n - 2L of their features are not shared, and no more bits of their signatures can differ. F > t means L > t(m + n) / 2, so
only pairs with at most (1 - t)(m + n) differing bits can be near. Hash collisions only make bits equal: none is missed.

Quadratic in the number of texts, at 1.5 to 2.5 ns a pair of compatible lengths: a tile of pairs at a time, on the signature
folded to as few words as its lengths need, in arrays that stay in the cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from builder.curation.texts import Bits, Numbers

_HEIGHT, _WIDTH = 128, 512
_BITS_PER_WORD = 2.5  # of the folded signature for each word of a text: fewer, and everything looks alike
_BYTE = 2  # words of a fold whose differing bits can be counted in bytes
SLACK = 1e-6  # what floating point may take from a bound


@dataclass(frozen=True, eq=False)
class Run:
    """Signatures of texts, sorted by the number of their words; without the empty texts."""

    lengths: Numbers
    """Shape (n,)."""
    numbers: Numbers
    """Shape (n,): which texts they are."""
    signatures: Bits
    """Shape (n, bits / 64)."""

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, places: Numbers) -> tuple[Numbers, Bits]:
        """Return the lengths and the signatures at some places."""
        return self.lengths[places], self.signatures[places]

    @classmethod
    def of(cls, lengths: Numbers, numbers: Numbers, signatures: Bits) -> "Run":
        """Sort by length; a text without words is near to nothing."""
        order = np.argsort(lengths, kind="stable")
        order = order[np.searchsorted(lengths[order], 1) :]
        return cls(lengths[order], numbers[order], signatures[order])


@dataclass(frozen=True, eq=False)
class _Columns:
    """Some texts of a run, and their folded signatures by their words: one tile after the other needs them."""

    run: Run
    places: slice
    _folds: dict[int, Bits] = field(default_factory=dict)

    @property
    def lengths(self) -> Numbers:
        return self.run.lengths[self.places]

    def fold(self, words: int) -> Bits:
        if words not in self._folds:
            self._folds[words] = fold(self.run.signatures[self.places], words)
        return self._folds[words]


def merged(left: Run, right: Run) -> Run:
    """Return one run of two."""
    lengths, numbers = (np.concatenate(sides) for sides in ((left.lengths, right.lengths), (left.numbers, right.numbers)))
    return Run.of(lengths, numbers, np.concatenate((left.signatures, right.signatures)))


def compatible(length: int, threshold: float) -> tuple[int, int]:
    """Return the fewest and the most words of a text that can be near one of `length` words: F is at most 2 min / (m + n)."""
    return int(threshold * length / (2 - threshold)), int(length * (2 - threshold) / threshold) + 1


def scan(queries: Run, run: Run, threshold: float) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the numbers (in `queries`, in `run`) of the pairs that their signatures let be near, tile by tile."""
    for left in range(0, len(run), _WIDTH):
        columns = _Columns(run, slice(left, min(left + _WIDTH, len(run))))
        fewest, most = (
            compatible(int(columns.lengths[0]), threshold)[0],
            compatible(int(columns.lengths[-1]), threshold)[1],
        )
        top, bottom = np.searchsorted(queries.lengths, (fewest, most + 1))
        for start in range(top, bottom, _HEIGHT):
            rows = slice(start, min(start + _HEIGHT, bottom))
            across, down = _tile(queries, rows, columns, threshold)
            near = may_be_near(queries.at(across), run.at(down), threshold)
            if near.any():
                yield queries.numbers[across[near]], run.numbers[down[near]]


def may_be_near(left: tuple[Numbers, Bits], right: tuple[Numbers, Bits], threshold: float) -> NDArray[np.bool_]:
    """Return for each row whether two texts, given by (lengths, signatures), can be near."""
    differing = np.bitwise_count(left[1] ^ right[1]).sum(axis=1, dtype=np.int64)
    return differing <= (1 - threshold) * (left[0] + right[0]) + SLACK


def fold(signatures: Bits, words: int) -> Bits:
    """Return signatures (n, w) as (words, n): each word the union of w / words of them."""
    return np.bitwise_or.reduce(signatures.reshape(len(signatures), -1, words), axis=1).T.copy()


def _tile(queries: Run, rows: slice, columns: _Columns, threshold: float) -> tuple[Numbers, Numbers]:
    """Return the places of pairs in one tile whose folded signatures differ in no more bits than their lengths allow."""
    longest = int(queries.lengths[rows.stop - 1]) + int(columns.lengths[-1])
    words = _folded(longest / 2, queries.signatures.shape[1])
    above, beside = fold(queries.signatures[rows], words), columns.fold(words)
    held = np.empty((above.shape[1], beside.shape[1]), dtype=np.uint64)
    bits = np.empty(held.shape, dtype=np.uint8)
    total = np.zeros(held.shape, dtype=np.uint8 if words <= _BYTE else np.int16)
    for upper, lower in zip(above, beside, strict=True):
        np.bitwise_xor(upper[:, None], lower, out=held)
        np.bitwise_count(held, out=bits)
        np.add(total, bits, out=total)
    mine, theirs = (_allowed(lengths, threshold, words) for lengths in (queries.lengths[rows], columns.lengths))
    down, across = np.divmod(np.flatnonzero(total <= np.add.outer(mine, theirs)), held.shape[1])
    return down + rows.start, across + columns.places.start


def _allowed(lengths: Numbers, threshold: float, words: int) -> NDArray[np.generic]:
    """Return each text's part of the bits that may differ, cut so that two of them fit the type and let all bits of a fold pass."""
    most, kind = (127, np.uint8) if words <= _BYTE else (4096, np.int16)
    return np.ceil(np.minimum((1 - threshold) * lengths + SLACK, most)).astype(kind)


def _folded(length: float, most: int) -> int:
    """Return how many words of signature texts of about `length` words need to look different."""
    words = 1
    while words < most and 64 * words < _BITS_PER_WORD * length:
        words *= 2
    return words
