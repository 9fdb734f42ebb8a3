"""Pairs that must not be trained on, because a user's evaluation files ask them.

Two looks at a question: a run of `SHARED` words that stands in the reference too (as Brown et al. 2020 looked for copies of
their benchmarks, by 64-bit hashes here), and ROUGE-L of the whole question. With vectors there is a third: their cosine.
Which file and row a pair meets is said, so that a person can look.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from builder.curation.asked import marked
from builder.curation.near_index import NearIndex
from builder.curation.texts import Codes, Numbers, Texts, Vocabulary, spans
from builder.existing_rows import READERS
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
_TEXT_COLUMNS = ("instruction", "question", "prompt", "input", "query", "text", "problem", "goal")


@dataclass(frozen=True)
class Reference:
    """One row of a file that the pairs are compared with; `row` is the number that an editor shows."""

    file: str
    row: int
    text: str


def references(path: Path, *, columns: Sequence[str] = ()) -> list[Reference]:
    """Return what each row of a CSV, TSV, JSON or JSONL file asks.

    Args:
        path: the file.
        columns: whose texts are compared, one after the other; without, those that usually hold questions.

    Raises:
        InputError: the file cannot be read as rows, or has none of the columns.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name}: not a file of rows; there are {', '.join(READERS)}")
    try:
        rows, header = reader(path.read_text(encoding="utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    wanted = [name for name in header if name in columns] if columns else [name for name in header if name.lower() in _TEXT_COLUMNS]
    if not wanted or set(columns) - set(header):
        raise InputError(f"{path.name}: has no column {', '.join(columns or _TEXT_COLUMNS[:3])}; it has {', '.join(header)}")
    texts = (Reference(path.name, row.number, " ".join(str(row.fields.get(name) or "") for name in wanted)) for row in rows)
    return [reference for reference in texts if reference.text.strip()]


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
