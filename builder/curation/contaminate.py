"""Pairs that must not be trained on, because a user's evaluation files ask them.

Two looks at a question: a run of `SHARED` words that stands in the reference too (as Brown et al. 2020 looked for copies of
their benchmarks, by 64-bit hashes here), and ROUGE-L of the whole question. With vectors there is a third: their cosine.
Which file and row a pair meets is said, so that a person can look.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.curation.asked import marked
from builder.curation.conversations import TALKS, plain, questions
from builder.curation.near_index import NearIndex
from builder.curation.table import table
from builder.curation.texts import Codes, Numbers, Texts, Vocabulary, spans
from builder.existing import RowError, text_of
from builder.rouge import words
from schemas.errors import InputError
from schemas.records import Dropped, Pair, Reason

STAGE = "decontaminate"
SHARED = 8
COSINE = 0.92
BATCH = 512  # pairs that are looked up together
_FRAME = 0.1  # of the rows of a file: runs of words in more of them are its frame
_ALWAYS = 3  # rows that may share a run in a small file

Vectors = NDArray[np.float32]
_ASKING = ("instruction", "question", "prompt", "query", "text", "problem", "goal")
_GIVEN = "input"  # a text that questions are about, and no question by itself


@dataclass(frozen=True)
class Reference:
    """One row of a file that the pairs are compared with; `row` is the number that an editor shows."""

    file: str
    row: int
    text: str


def references(path: Path, *, columns: Sequence[str] = ()) -> list[Reference]:
    """Return what each row of a file asks, a conversation once for each question in it.

    Args:
        path: JSONL, JSON, CSV, TSV, Parquet, or the folder of a dataset.
        columns: whose texts are compared, one after the other; without, those that usually hold questions.

    Raises:
        UsageError: there is no such file, or it is of a kind that cannot be read.
        InputError: it has none of the columns, or a row cannot be read, so that nobody would know what it asks.
    """
    rows = list(table(path).rows())
    if broken := next(((name, row) for name, row in rows if row.problem), None):
        name, row = broken
        raise InputError(f"{name} row {row.number}: {row.problem}; repair it or take it out, or what it asks would not be looked for")
    header = list(dict.fromkeys(str(key) for _, row in rows for key in row.fields))
    if not rows:
        raise InputError(f"{path.name}: no rows, so nothing to look for; name a file with questions")
    wanted = _columns(header, columns, path.name)
    found = [Reference(name, row.number, text) for name, row in rows for text in _texts(row.fields, wanted, f"{name} row {row.number}")]
    if not found:
        raise InputError(f"{path.name}: nothing stands in {', '.join(wanted)}; {_NAME_THEM}")
    return found


_NAME_THEM = "name the columns that ask in decontaminate.columns (--set 'decontaminate.columns=[COLUMN]')"


def _columns(header: Sequence[str], wanted: Sequence[str], name: str) -> list[str]:
    """Return the columns that hold questions, `input` only beside another one."""
    there = f"its columns are {', '.join(header)}"
    if lacking := [column for column in wanted if column not in header]:
        raise InputError(f"{name}: has no column {', '.join(lacking)}; {there}")
    if wanted:
        return list(wanted)
    lower = {column: column.strip().lower() for column in header}
    if asking := [column for column in header if lower[column] in _ASKING]:
        return [column for column in header if column in asking or lower[column] == _GIVEN]
    if talks := [column for column in header if lower[column] in TALKS]:
        return talks
    alone = ", input alone being a text that questions are about" if _GIVEN in lower.values() else ""
    raise InputError(f"{name}: no column is known to hold questions{alone}; {there}; {_NAME_THEM}")


def _texts(fields: dict[str, Any], columns: Sequence[str], place: str) -> list[str]:
    """Return what a row asks: the questions of its conversation, or the texts of the columns as one."""
    try:
        asked = [questions(fields.get(column)) for column in columns]
    except RowError as problem:
        raise InputError(f"{place}: {problem}; repair it or take it out, or what it asks would not be looked for") from None
    if any(said is not None for said in asked):
        return [text for said in asked for text in said or () if text.strip()]
    text = " ".join(text_of(plain(fields.get(column))) for column in columns)
    return [text] if text.strip() else []


def decontaminate(  # noqa: PLR0913 settings, keyword-only
    pairs: Iterable[Pair],
    against: Sequence[Reference],
    *,
    shared: int = SHARED,
    rouge_l: float = 0.7,
    siblings: bool = True,
    vectors: tuple[Vectors, Vectors] | None = None,
    cosine: float = COSINE,
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, kept or dropped because a reference asks it.

    Memory is that of the references and of one batch; 20 to 200 µs a pair.

    Args:
        pairs: the pairs.
        against: what must not be asked, from `references`.
        shared: so many words in a row, in instruction or input, that stand in a reference too; 0 switches this off. Runs that
            are in more than a tenth of a file are its frame and do not count.
        rouge_l: F above which a question is that of a reference; 1 switches this off.
        siblings: keep a near question that holds another number or name than the reference does.
        vectors: unit vectors of the pairs, shape (pairs, d), and of the references, shape (references, d).
        cosine: above which a question means that of a reference.
    """
    looks = _Looks(against, shared, rouge_l, siblings)
    start = 0
    for batch in _batches(pairs):
        met = looks(batch)
        if vectors is not None:
            met = _meant(vectors[0][start : start + len(batch)], vectors[1], cosine) | met
        for place, pair in enumerate(batch):
            reference, how = met.get(place, (0, ""))
            where = f"{against[reference].file} row {against[reference].row}" if how else ""
            yield Dropped.of(pair, STAGE, Reason.CONTAMINATED, f"{where}: {how}") if how else pair
        start += len(batch)


def _meant(asked: Vectors, held: Vectors, cosine: float) -> dict[int, tuple[int, str]]:
    """Return by place which reference a pair means, and how surely."""
    near = asked @ held.T
    met = {}
    for place in np.flatnonzero(near.max(axis=1, initial=0) > cosine).tolist():
        reference = int(near[place].argmax())
        met[place] = (reference, f"means what it means, cosine {near[place, reference]:.2f}")
    return met


class _Looks:
    """The references, made ready to be met."""

    def __init__(self, against: Sequence[Reference], shared: int, rouge_l: float, siblings: bool) -> None:
        self._against, self._shared, self._siblings = against, shared, siblings
        self._vocabulary = Vocabulary()
        texts = self._vocabulary.encode(words(reference.text) for reference in against)
        self._index = NearIndex(rouge_l)
        self._index.add(texts)
        self._runs, self._holders = _telling(*runs(texts, shared), [reference.file for reference in against]) if shared else (None, None)

    def __call__(self, batch: Sequence[Pair]) -> dict[int, tuple[int, str]]:
        """Return by place which reference a pair meets, and how."""
        texts = self._vocabulary.encode(words(f"{pair.instruction}\n{pair.input}") for pair in batch)
        met: dict[int, tuple[int, str]] = {}
        if self._runs is not None and self._holders is not None and len(self._runs):
            found, rows = runs(texts, self._shared)
            places = np.minimum(np.searchsorted(self._runs, found), len(self._runs) - 1)
            for at in np.flatnonzero(self._runs[places] == found).tolist():
                met.setdefault(int(rows[at]), (int(self._holders[places[at]]), f"{self._shared} words in a row are the same"))
        near = self._index.near(texts)
        for at in np.argsort(-near.scores, kind="stable").tolist():
            place, reference = int(near.asked[at]), int(near.found[at])
            if not (self._siblings and _named_apart(batch[place], self._against[reference].text)):
                met.setdefault(place, (reference, f"ROUGE-L {near.scores[at]:.2f}"))
        return met


def runs(texts: Texts, size: int) -> tuple[NDArray[np.uint64], Numbers]:
    """Return a 64-bit hash of every run of `size` words, and which text it is in: polynomial, so that order counts."""
    counts = np.maximum(texts.lengths - size + 1, 0)
    starts = spans(texts.starts[:-1], counts)
    hashes = np.zeros(len(starts), dtype=np.uint64)
    for offset in range(size):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + _spread(texts.codes[starts + offset])
    return hashes, np.repeat(np.arange(len(texts)), counts)


def _spread(codes: Codes) -> NDArray[np.uint64]:
    """Return word numbers as numbers all over 64 bits (the finalizer of SplitMix64)."""
    mixed = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)


def _telling(hashes: NDArray[np.uint64], rows: Numbers, files: Sequence[str]) -> tuple[NDArray[np.uint64], Numbers]:
    """Return the runs, sorted and once each, with the first row that has it; without those of a file's frame."""
    number = {file: place for place, file in enumerate(dict.fromkeys(files))}
    of = np.array([number[file] for file in files], dtype=np.int64)
    sizes = np.bincount(of, minlength=1)
    once = np.unique(np.stack((hashes, rows.astype(np.uint64)), axis=1), axis=0)
    held, places, counts = np.unique(once[:, 0], return_index=True, return_counts=True)
    holders = once[places, 1].astype(np.int64)
    telling = counts <= np.maximum(_FRAME * sizes[of[holders]], _ALWAYS) if len(held) else np.empty(0, dtype=bool)
    return held[telling], holders[telling]


def _named_apart(pair: Pair, text: str) -> bool:
    """Whether a question and a text each hold a number or name that the other lacks."""
    asked = f"{pair.instruction}\n{pair.input}"
    mine, theirs = set(words(asked)), set(words(text))
    return bool((mine - theirs) & set(marked(asked))) and bool((theirs - mine) & set(marked(text)))


def _batches(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    waiting = iter(pairs)
    while batch := list(islice(waiting, BATCH)):
        yield batch
