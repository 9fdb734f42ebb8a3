"""Alpaca's filter: in order, an instruction that is near one kept before goes (Taori et al. 2023, generate_instruction.py)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from builder.curation.near_index import NearIndex
from builder.curation.texts import Texts, Vocabulary, width

BATCH = 512  # texts that are looked up together


def copies(texts: Iterable[Sequence[str]], threshold: float) -> dict[int, tuple[int, float]]:
    """Return the places of the texts that go, each with that of the first kept one that it is near, and their ROUGE-L F.

    The words of one batch are held at a time; the first batch tells how long texts are.
    """
    waiting, vocabulary, kept, start = iter(texts), Vocabulary(), list[int](), 0
    index: NearIndex | None = None
    found: dict[int, tuple[int, float]] = {}
    while words := list(islice(waiting, BATCH)):
        if index is None:
            index = NearIndex(threshold, bits=width([len(text) for text in words]))
        batch = vocabulary.encode(words)
        met = _met(index, batch)
        stay = [row for row in range(len(batch)) if row not in met]
        for row, (number, score) in met.items():
            found[start + row] = (kept[number] if number < len(kept) else start + number - len(kept), score)
        index.add(batch.take(np.array(stay, dtype=np.int64)))
        kept += [start + row for row in stay]
        start += len(words)
    return found


def _met(index: NearIndex, batch: Texts) -> dict[int, tuple[int, float]]:
    """Return which rows of a batch go, and the number of what they meet; a row that stays has its number after the index."""
    met: dict[int, tuple[int, float]] = {}
    for row, number, score in _pairs(index, batch):
        if row not in met and number - len(index) not in met:
            met[row] = (number, score)
    return met


def _pairs(index: NearIndex, batch: Texts) -> Iterator[tuple[int, int, float]]:
    """Yield near pairs, those in the index first: a row that meets one there need not be compared with its batch."""
    near = index.near(batch)
    yield from zip(near.asked.tolist(), near.found.tolist(), near.scores.tolist(), strict=True)
    rest = np.setdiff1d(np.arange(len(batch)), near.asked)
    among = index.among(batch.take(rest))
    yield from zip(rest[among.asked].tolist(), (rest[among.found] + len(index)).tolist(), among.scores.tolist(), strict=True)
