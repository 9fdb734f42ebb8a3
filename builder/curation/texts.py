"""Texts as numbers: what near-duplicate search compares, and the signatures that it looks at first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]
Bits = NDArray[np.uint64]

_MIXING = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: multiplicative hashing (Knuth, TAOCP 6.4)
LETTERS = 0x110000  # words with smaller numbers can be letters of a Python string
FEWEST, MOST = 512, 8192  # bits of a signature
_BLOCK = 1024  # texts whose bits are set at once: a byte for each bit, for the time being


@dataclass(frozen=True, eq=False)
class Texts:
    """Word numbers of many texts, one after the other: text i is `codes[starts[i]:starts[i + 1]]`."""

    codes: Codes
    """Shape (words in all,)."""
    starts: Numbers
    """Shape (texts + 1,)."""
    _signed: dict[int, Bits] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Numbers:
        """Words of each text, shape (texts,)."""
        return np.diff(self.starts)

    def sizes(self, rows: Numbers) -> Numbers:
        """Return the number of words of some texts."""
        return self.starts[rows + 1] - self.starts[rows]

    def take(self, rows: Numbers) -> "Texts":
        """Return some of the texts, in the order of `rows`."""
        lengths = self.sizes(rows)
        starts = np.concatenate(([0], np.cumsum(lengths)))
        signed = {bits: table[rows] for bits, table in self._signed.items()}
        return Texts(self.codes[spans(self.starts[rows], lengths)], starts, signed)

    def signatures(self, bits: int) -> Bits:
        """Return the signatures of the texts, shape (texts, bits / 64), made once."""
        if bits not in self._signed:
            self._signed[bits] = signatures(self, bits)
        return self._signed[bits]

    def sorted(self) -> "Texts":
        """Return each text with its words in the order of their numbers: two such texts are compared as bags."""
        return Texts(self.codes[np.lexsort((self.codes, self.rows()))], self.starts)

    def rows(self) -> Numbers:
        """Return for each word the text that it is in."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def strings(self, rows: Numbers, *, letters: bool) -> list[Sequence[int | str]]:
        """Return texts as rapidfuzz compares them: numbers, or faster a string with a letter for each word, as far as letters reach."""
        parts = [self.codes[start:end].tolist() for start, end in zip(self.starts[rows], self.starts[rows + 1], strict=True)]
        return ["".join(map(chr, part)) for part in parts] if letters else list(parts)

    @property
    def largest(self) -> int:
        """The largest number of a word."""
        return int(self.codes.max(initial=0))


class _Numbers(dict[str, int]):
    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


class Vocabulary:
    """Words and their numbers; a word gets the next number when it is first seen."""

    def __init__(self) -> None:
        """Know no word yet."""
        self._numbers = _Numbers()

    def encode(self, texts: Iterable[Sequence[str]]) -> Texts:
        """Return the texts as numbers, about 40 ns a word."""
        number, codes, ends = self._numbers.__getitem__, list[int](), [0]
        for text in texts:
            codes.extend(map(number, text))
            ends.append(len(codes))
        return Texts(np.array(codes, dtype=np.int32), np.array(ends, dtype=np.int64))


class Growing:
    """Texts and their signatures in arrays that double when they are full."""

    def __init__(self, bits: int) -> None:
        """Hold nothing yet."""
        self._codes = np.empty(1 << 10, dtype=np.int32)
        self._starts = np.zeros(1 << 6, dtype=np.int64)
        self._signatures = np.empty((1 << 6, bits // 64), dtype=np.uint64)
        self._count = 0
        self.largest = 0
        """The largest number of a word so far."""

    def __len__(self) -> int:
        return self._count

    @property
    def texts(self) -> Texts:
        """All texts, as views."""
        starts = self._starts[: self._count + 1]
        return Texts(self._codes[: starts[-1]], starts)

    @property
    def signatures(self) -> Bits:
        """Their signatures, shape (texts, bits / 64), as a view."""
        return self._signatures[: self._count]

    def add(self, texts: Texts, signed: Bits) -> None:
        """Add texts after those that are held."""
        end, count = int(self._starts[self._count]), self._count + len(texts)
        self._codes = _fitting(self._codes, end + len(texts.codes))
        self._starts = _fitting(self._starts, count + 1)
        self._signatures = _fitting(self._signatures, count)
        self._codes[end : end + len(texts.codes)] = texts.codes
        self._starts[self._count + 1 : count + 1] = texts.starts[1:] + end
        self._signatures[self._count : count] = signed
        self._count = count
        self.largest = max(self.largest, texts.largest)


def _fitting(table: NDArray[Any], rows: int) -> NDArray[Any]:
    """Return `table`, or a copy with room for `rows` and as much again."""
    if rows <= len(table):
        return table
    larger = np.empty((2 * rows, *table.shape[1:]), dtype=table.dtype)
    larger[: len(table)] = table
    return larger


def spans(starts: Numbers, lengths: Numbers) -> Numbers:
    """Return the places `start, start + 1, …` of every span, one span after the other."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


def occurrences(texts: Texts) -> Numbers:
    """Return for each word how often it stood before in its text, so that (word, occurrence) pairs are a set."""
    rows = texts.rows()
    order = np.lexsort((texts.codes, rows))  # stable: equal words stay in the order of the text
    sorted_codes, sorted_rows = texts.codes[order], rows[order]
    places = np.arange(len(order))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (sorted_codes[1:] != sorted_codes[:-1]) | (sorted_rows[1:] != sorted_rows[:-1])
    found = np.empty(len(order), dtype=np.int64)
    found[order] = places - np.maximum.accumulate(np.where(new, places, 0))
    return found


def width(lengths: Sequence[int]) -> int:
    """Return how many bits the signatures of texts should have: 4 for each word of all but the longest twentieth, as a power of two."""
    wanted = 4 * int(np.quantile(lengths, 0.95)) if len(lengths) else 0
    return min(max(FEWEST, 1 << wanted.bit_length()), MOST)


def signatures(texts: Texts, bits: int) -> Bits:
    """Return one row of bits / 64 words per text: every (word, occurrence) sets the bit of its hash; `bits` is a power of two."""
    mixed = (texts.codes.astype(np.uint64) * np.uint64(0x100000001B3) + occurrences(texts).astype(np.uint64) + np.uint64(1)) * _MIXING
    places = (mixed >> np.uint64(65 - bits.bit_length())).astype(np.int64)
    table = np.empty((len(texts), bits // 64), dtype=np.uint64)
    for start in range(0, len(texts), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(texts)))
        inside = slice(int(texts.starts[rows.start]), int(texts.starts[rows.stop]))
        held = np.zeros((rows.stop - rows.start, bits), dtype=bool)
        held[np.repeat(np.arange(len(held)), texts.lengths[rows]), places[inside]] = True
        table[rows] = np.packbits(held, axis=1).view(np.uint64)
    return table
