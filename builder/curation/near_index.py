"""Near copies among many short texts: exactly the pairs whose ROUGE-L F is above a threshold, without comparing them all.

Self-Instruct (Wang et al. 2022) and Alpaca (Taori et al. 2023) compare every candidate with every instruction kept so far by a
dynamic programme in Python: 0.1 ms and more a pair. Here three looks, each of them exact in the direction that it decides:

1. candidates, by a scan of bitmaps (`bitmaps.py`) or, above `SCANNED` texts, by shared rare words (`prefixes.py`);
2. whole signatures of 512 bits or more: about one candidate in two that is left is near;
3. bit-parallel LCS (Hyyrö 2004, by rapidfuzz) and F as `rouge_score` computes it, so that rounding decides exact ties alike.

Texts whose words are sorted are compared as bags: their LCS is what the bags share, and F is Dice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from builder.curation.bitmaps import Run, may_be_near, merged, scan
from builder.curation.prefixes import Postings, meeting, postings, sorted_postings
from builder.curation.texts import FEWEST, LETTERS, Bits, Growing, Numbers, Texts

SCANNED = 30_000  # up to so many texts a scan of all bitmaps is cheaper (measured: 5,000 short ones to 80,000 long ones)
BLOCK = 2048  # texts that are looked up together
_BATCH = 1 << 16  # candidates that are verified together
_MANY = 1 << 12  # texts whose features are put in order together

_Run = TypeVar("_Run", Run, Postings)


@dataclass(frozen=True, eq=False)
class Near:
    """Pairs of near texts, sorted by `asked`, then `found`; each shape (pairs,)."""

    asked: Numbers
    """Places in the texts that were looked up."""
    found: Numbers
    """Numbers of texts in the index."""
    scores: NDArray[np.float64]
    """ROUGE-L F."""

    def __len__(self) -> int:
        return len(self.asked)

    def where(self, kept: NDArray[np.bool_]) -> "Near":
        """Return some of the pairs."""
        return Near(self.asked[kept], self.found[kept], self.scores[kept])


def joined(parts: Sequence[Near]) -> Near:
    """Return the pairs of all `parts`, one after the other."""
    none = Near(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return Near(*(np.concatenate([getattr(part, side) for part in (none, *parts)]) for side in ("asked", "found", "scores")))


class NearIndex:
    """Texts that can be added and looked up; a text's number is how many were added before it.

    Memory is about 4 bytes a word and 90 a text, with prefixes 8 bytes a word more. Adding merges sorted runs of doubling
    sizes (Bentley and Saxe 1980), so that n texts are sorted log n times in all.
    """

    def __init__(self, threshold: float, *, bits: int = FEWEST, scanned: int = SCANNED) -> None:
        """Make an empty index of texts whose F must be above `threshold`; `bits` is the `width` of a signature."""
        self.threshold = threshold
        self.bits = bits
        self.scanned = scanned
        self._texts = Growing(bits)
        self._runs: list[Run] = []
        self._postings: list[Postings] = []
        self._counted = scanned  # above so many texts, the words are counted anew
        self._uses: Numbers | None = None  # once words are counted, rare ones are searched and no run is scanned

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, texts: Texts) -> None:
        """Add texts to be found; an equal text may be added again."""
        if not len(texts):
            return
        signed = texts.signatures(self.bits)
        numbers = np.arange(len(self), len(self) + len(texts))
        self._texts.add(texts, signed)
        if len(self) > self._counted:
            self._count_words()
        elif self._uses is not None:
            _push(self._postings, sorted_postings(postings(texts, numbers, self._uses, self.threshold)), sorted_postings)
        else:
            _push(self._runs, Run.of(texts.lengths, numbers, signed), merged)

    def near(self, texts: Texts) -> Near:
        """Return all pairs of a text in `texts` and one in the index whose F is above the threshold."""
        texts.signatures(self.bits)  # now, so that blocks of it and later calls have them
        return joined([self._near(texts, start) for start in range(0, len(texts), BLOCK)])

    def among(self, texts: Texts) -> Near:
        """Return the pairs within `texts`, those with `found` before `asked` only; the index is not looked at."""
        own = NearIndex(self.threshold, bits=self.bits, scanned=self.scanned)
        own.add(texts)
        near = own.near(texts)
        return near.where(near.found < near.asked)

    def _count_words(self) -> None:
        """Order the features anew; twice as many texts have other rare words."""
        everything = self._texts.texts
        self._uses = uses = np.bincount(everything.codes)
        self._runs.clear()
        blocks = (np.arange(start, min(start + _MANY, len(everything))) for start in range(0, len(everything), _MANY))
        self._postings = [sorted_postings(*(postings(everything.take(rows), rows, uses, self.threshold) for rows in blocks))]
        self._counted = 2 * len(everything)

    def _near(self, texts: Texts, start: int) -> Near:
        rows = np.arange(start, min(start + BLOCK, len(texts)))
        block = texts.take(rows)
        signed = block.signatures(self.bits)
        parts = [self._verified(block, *pairs) for pairs in _batches(self._candidates(block, signed))]
        near = joined(parts)
        order = np.lexsort((near.found, near.asked))
        return Near(near.asked[order] + start, near.found[order], near.scores[order])

    def _candidates(self, block: Texts, signed: Bits) -> Iterator[tuple[Numbers, Numbers]]:
        numbers = np.arange(len(block))
        queries = Run.of(block.lengths, numbers, signed)
        for run in self._runs:
            yield from scan(queries, run, self.threshold)
        if self._uses is not None:
            asking = postings(block, numbers, self._uses, self.threshold)
            found = [pair for run in self._postings for pair in self._meeting(asking, run, block.lengths, signed)]
            asked, numbers = _columns(found)
            keys = np.unique(asked * len(self) + numbers)
            yield keys // len(self), keys % len(self)

    def _meeting(self, asking: Postings, run: Postings, lengths: Numbers, signed: Bits) -> Iterator[tuple[Numbers, Numbers]]:
        for asked, numbers in meeting(asking, run, self.threshold):
            held = self._texts.texts.sizes(numbers), self._texts.signatures[numbers]
            close = may_be_near((lengths[asked], signed[asked]), held, self.threshold)
            yield asked[close], numbers[close]

    def _verified(self, block: Texts, asked: Numbers, found: Numbers) -> Near:
        """Return the pairs of places in `block` and in the index that are near."""
        if not len(asked):
            return Near(asked, found, np.empty(0))
        from rapidfuzz.distance import LCSseq
        from rapidfuzz.process import cpdist

        held, letters = self._texts.texts, max(block.largest, self._texts.largest) < LETTERS
        sides = _spread(block, asked, letters=letters), _spread(held, found, letters=letters)
        common = cpdist(*sides, scorer=LCSseq.similarity, dtype=np.int64)
        scores = _f_measures(common, block.sizes(asked), held.sizes(found))
        return Near(asked, found, scores).where(scores > self.threshold)


def _push(runs: list[_Run], run: _Run, merge: Callable[[_Run, _Run], _Run]) -> None:
    """Add a run, and merge it with those before it that are not twice as long."""
    while runs and len(runs[-1]) < 2 * len(run):
        run = merge(runs.pop(), run)
    runs.append(run)


def _batches(found: Iterable[tuple[Numbers, Numbers]]) -> Iterator[tuple[Numbers, Numbers]]:
    """Join small parts until they are worth a call; what is left of a template's many pairs never lies in memory at once."""
    parts, size = [], 0
    for part in found:
        parts.append(part)
        size += len(part[0])
        if size >= _BATCH:
            yield _columns(parts)
            parts, size = [], 0
    yield _columns(parts)


def _columns(parts: Sequence[tuple[Numbers, Numbers]]) -> tuple[Numbers, Numbers]:
    none = np.empty(0, np.int64)
    return np.concatenate([none, *(part[0] for part in parts)]), np.concatenate([none, *(part[1] for part in parts)])


def _f_measures(common: Numbers, left: Numbers, right: Numbers) -> NDArray[np.float64]:
    """Return F for many pairs, operation by operation as `rouge_score` does: at exact ties its rounding decides."""
    precision, recall = common / right, common / left
    return np.divide(2 * precision * recall, precision + recall, out=np.zeros(len(common)), where=common > 0)


def _spread(texts: Texts, places: Numbers, *, letters: bool) -> list[Sequence[int | str]]:
    """Return the text at each place, made once for all places that are the same."""
    rows, back = np.unique(places, return_inverse=True)
    strings = texts.strings(rows, letters=letters)
    return [strings[place] for place in back.tolist()]
