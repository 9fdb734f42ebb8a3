"""Pairs on their way to the judge: each with the passages that it rests on, several to a request.

Which pairs go together is decided by their content and not by their number or order: a run of neighbours begins at a section
whose hash says so (content-defined chunking, as LBFS cuts files; Muthitacharoen et al. 2001) or that fills a request by itself.
So a pair that comes or goes changes the requests beside it and few others, and the journal answers all others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from generators.alpaca.asks import Passage
from schemas.records import Pair, content_id

CHARACTERS = 16_000  # of passages and pairs in one request, about 4,400 tokens; a single pair may be longer
BEGINS = 4  # one section in so many begins a run


@dataclass(frozen=True)
class Case:
    """A pair and the passages that it rests on, that of its provenance first; none for a pair that is about no document."""

    pair: Pair
    passages: tuple[Passage, ...] = ()

    @property
    def section(self) -> str:
        """What it shares with its neighbours: the first passage, or nothing but itself."""
        return self.passages[0].chunk.id if self.passages else self.pair.id

    @property
    def characters(self) -> int:
        """The length of the pair itself."""
        pair = self.pair
        said = (pair.instruction, pair.input, pair.output, *(turn.content for turn in pair.history))
        return sum(map(len, (*said, *(evidence.quote for evidence in pair.evidence))))

    @property
    def place(self) -> tuple[str, int, str]:
        """Where it stands in the documents."""
        first = self.passages[0].chunk if self.passages else None
        return (first.document_id, first.start, self.pair.id) if first else ("", 0, self.pair.id)


@dataclass(frozen=True)
class Batch:
    """The cases of one request, in the order in which they are shown."""

    cases: tuple[Case, ...]

    @property
    def has_source(self) -> bool:
        """Whether there are passages; cases with and without are never mixed."""
        return bool(self.cases[0].passages)

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The passages of all cases, each once, by their place: the same whatever the order of the cases."""
        found = {passage.chunk.id: passage for case in self.cases for passage in case.passages}
        return tuple(sorted(found.values(), key=lambda passage: (passage.chunk.document_id, passage.chunk.start)))

    @property
    def labels(self) -> tuple[str, ...]:
        """What the cases are called in the request: their places, so that a name tells nothing."""
        return tuple(f"p{number}" for number in range(1, len(self.cases) + 1))

    @property
    def id(self) -> str:
        """Hash of which pairs are in it, in no order."""
        return content_id("batch", sorted(case.pair.id for case in self.cases))

    def reversed(self) -> "Batch":
        """Return the same cases, last one first."""
        return Batch(self.cases[::-1])


def batches(cases: Iterable[Case], *, most: int, seed: int = 0) -> Iterator[Batch]:
    """Yield the cases in batches of at most `most`, each case once; the order of `cases` changes nothing. O(n log n).

    Args:
        cases: what is to be judged; of several with one id the first counts.
        most: most cases of one request.
        seed: decides the order of the cases inside of a request.
    """
    known: dict[str, Case] = {}
    for case in cases:
        known.setdefault(case.pair.id, case)
    for _, alike in groupby(sorted(known.values(), key=lambda case: case.place), key=lambda case: bool(case.passages)):
        for run in _runs(alike, most):
            yield Batch(tuple(sorted(run, key=lambda case: content_id("order", seed, case.pair.id))))


def _runs(cases: Iterable[Case], most: int) -> Iterator[list[Case]]:
    run: list[Case] = []
    for _, section in groupby(cases, key=lambda case: case.section):
        held = list(section)
        begins = len(held) >= most or int(content_id("run", held[0].section)[-8:], 16) % BEGINS == 0
        for number, case in enumerate(held):
            if run and ((begins and number == 0) or len(run) == most or _characters([*run, case]) > CHARACTERS):
                yield run
                run = []
            run.append(case)
    if run:
        yield run


def _characters(cases: Iterable[Case]) -> int:
    held = list(cases)
    passages = {passage.chunk.id: len(passage.chunk.text) for case in held for passage in case.passages}
    return sum(passages.values()) + sum(case.characters for case in held)
