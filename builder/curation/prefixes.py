"""Texts that can be near, by the rare words that they share: the way for more than some 30,000 texts.

The prefix filter (Chaudhuri, Ganti, Kaushik 2006; with positions as in PPJoin, Xiao, Wang, Lin, Yu 2008): put the features of
every text, its (word, occurrence) pairs, in one order, rare ones first. If two texts of m and n features share L of them and
their first shared feature stands at places p and q, then L <= min(m - p, n - q). F > t needs L > t(m + n) / 2, so the first
shared feature stands early in both, and only features that stand early are kept, in one sorted array that is searched.

A query costs the texts that share one of its rare words: near-linear as long as texts have rare words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from builder.curation.bitmaps import SLACK
from builder.curation.texts import Codes, Numbers, Texts, occurrences, spans

_CHUNK = 1 << 16  # postings that are looked at together
_LONGEST, _MOST = 0xFFFF, 0xFF  # a length and an occurrence are cut to 16 and 8 bits: that only lets more through


@dataclass(frozen=True, eq=False)
class Postings:
    """The early features of many texts, each shape (features,)."""

    keys: Numbers
    """The word (bits 24 and up), its occurrence (8 bits), and the length of its text (16 bits)."""
    numbers: Codes
    """Which text it is in."""
    places: Codes
    """Its place in the text, rare ones first."""
    lengths: Codes
    """The length of the text."""

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, order: Numbers) -> "Postings":
        """Return some postings, in the order of `order`."""
        return Postings(self.keys[order], self.numbers[order], self.places[order], self.lengths[order])


def postings(texts: Texts, numbers: Numbers, uses: Numbers, threshold: float) -> Postings:
    """Return the features of `texts` that can be the first shared one, in the order of the texts.

    Args:
        texts: the texts.
        numbers: what they are called.
        uses: how often each word is used; the order of features, so all calls for one index must give the same.
        threshold: what F must be above.
    """
    rows, again, lengths = texts.rows(), occurrences(texts), texts.lengths
    common = np.zeros(len(rows), dtype=np.int64)
    known = texts.codes < len(uses)
    common[known] = uses[texts.codes[known]] >> np.minimum(2 * again[known], 62)
    order = np.lexsort((again, texts.codes, common, rows))
    rows, again = rows[order], again[order]
    places = np.arange(len(rows)) - texts.starts[rows]
    of = lengths[rows]
    shortest = np.floor(threshold * of / (2 - threshold))
    early = places <= of - threshold / 2 * (of + shortest) + SLACK
    keys = texts.codes[order][early].astype(np.int64) << 24 | np.minimum(again[early], _MOST) << 16 | np.minimum(of[early], _LONGEST)
    return Postings(keys, *(field.astype(np.int32) for field in (numbers[rows[early]], places[early], of[early])))


def sorted_postings(*parts: Postings) -> Postings:
    """Return the postings of all `parts` as one run to search in; sorting merges runs that are sorted already."""
    fields = zip(*((part.keys, part.numbers, part.places, part.lengths) for part in parts), strict=True)
    whole = Postings(*(np.concatenate(field) for field in fields))
    return whole.take(np.argsort(whole.keys, kind="stable"))


def meeting(queries: Postings, run: Postings, threshold: float) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the numbers (in `queries`, in `run`) of pairs that share a feature early enough; a pair can come more than once."""
    feature = queries.keys & ~_LONGEST
    fewest = np.floor(threshold * queries.lengths / (2 - threshold)).astype(np.int64)
    most = np.ceil(2 * (queries.lengths - queries.places) / threshold).astype(np.int64) - queries.lengths + 1
    low = np.searchsorted(run.keys, feature | np.clip(fewest, 0, _LONGEST))
    high = np.searchsorted(run.keys, feature | np.clip(most, 0, _LONGEST), side="right")
    counts = np.maximum(high - low, 0)
    for start, end in _chunks(counts):
        found = spans(low[start:end], counts[start:end])
        asked = np.repeat(np.arange(start, end), counts[start:end])
        left = np.minimum(queries.lengths[asked] - queries.places[asked], run.lengths[found] - run.places[found])
        near = left >= threshold / 2 * (queries.lengths[asked] + run.lengths[found]) - SLACK
        if near.any():
            yield queries.numbers[asked[near]].astype(np.int64), run.numbers[found[near]].astype(np.int64)


def _chunks(counts: Numbers) -> Iterator[tuple[int, int]]:
    """Yield ranges of queries whose postings together are about `_CHUNK`, or one query that has more."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
        if ends[end - 1] > before:
            yield start, end
        start = end
