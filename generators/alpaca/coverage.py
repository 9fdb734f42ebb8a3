"""The coverage ledger: which documents, sections, facts and characters have an accepted draft, and which have none."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from pydantic import JsonValue

from generators.alpaca.asks import Fact, Passage
from generators.alpaca.facts import locate
from generators.difficulty import Difficulty
from schemas.records import Draft

Spans = list[tuple[int, int]]


class Coverage:
    """Counts what was accepted, for the sections that can be asked about."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self.passages = tuple(passages)
        self._passages = {passage.chunk.id: passage for passage in self.passages}
        self.sections: Counter[str] = Counter()  # accepted drafts by chunk id
        self.documents: Counter[str] = Counter()
        self.tasks: Counter[str] = Counter()
        self.difficulties: Counter[str] = Counter()
        self._facts: dict[str, tuple[Fact, ...]] = {}
        self._fact_counts: dict[str, list[int]] = {}
        self._spans: dict[str, Spans] = {}  # by document id: disjoint, in order
        self._facts_lost = 0

    def list_facts(self, chunk_id: str, facts: tuple[Fact, ...], *, lost: int) -> None:
        """Note the facts of a section, and how many could not be found in its text."""
        self._facts_lost += lost
        if facts:
            self._facts[chunk_id] = facts
            self._fact_counts[chunk_id] = [0] * len(facts)

    def facts(self, chunk_id: str) -> tuple[Fact, ...]:
        """Return the listed facts of a section."""
        return self._facts.get(chunk_id, ())

    def fact_counts(self, chunk_id: str) -> tuple[int, ...]:
        """Return for each fact of a section how many accepted drafts rest on it."""
        return tuple(self._fact_counts.get(chunk_id, ()))

    def accepted(self, draft: Draft, difficulty: Difficulty) -> None:
        """Count one accepted draft."""
        chunk_id, document_id = draft.provenance.chunk_id, draft.provenance.document_id
        self.tasks[draft.task] += 1
        self.difficulties[difficulty] += 1
        passage = self._passages.get(chunk_id)
        if passage is None:  # it is about no document
            return
        self.sections[chunk_id] += 1
        self.documents[document_id] += 1
        evidence = _evidence(draft, passage)
        for span in evidence:
            _add(self._spans.setdefault(document_id, []), span)
        self._cover_facts(chunk_id, evidence)

    def _cover_facts(self, chunk_id: str, evidence: Spans) -> None:
        for number, fact in enumerate(self._facts.get(chunk_id, ())):
            self._fact_counts[chunk_id][number] += any(start < fact.end and fact.start < end for start, end in evidence)

    def figures(self) -> dict[str, float]:
        """Return the shares of documents, sections, characters and (if they were listed) facts with an accepted draft, and the counts."""
        documents = {passage.document.id for passage in self.passages}
        characters = sum(len(passage.chunk.text) for passage in self.passages)
        covered = sum(end - start for spans in self._spans.values() for start, end in spans)
        figures: dict[str, float] = {
            "drafts": self.difficulties.total(),
            "documents": _share(len(self.documents), len(documents)),
            "sections": _share(len(self.sections), len(self.passages)),
            "characters": _share(covered, characters),
            "characters_covered": covered,
        }
        if self._fact_counts or self._facts_lost:
            counts = [count for counts in self._fact_counts.values() for count in counts]
            covered_facts = sum(count > 0 for count in counts)
            figures |= {"facts": _share(covered_facts, len(counts)), "facts_listed": len(counts), "facts_not_in_text": self._facts_lost}
        return figures

    def uncovered(self, limit: int) -> list[dict[str, str]]:
        """Return path and heading of at most `limit` sections without an accepted draft, in their order."""
        bare = (passage for passage in self.passages if not self.sections[passage.chunk.id])
        places = ({"path": passage.document.path, "heading": " > ".join(passage.chunk.heading_path)} for passage in bare)
        return [place for place, _ in zip(places, range(limit), strict=False)]

    def as_json(self, *, limit: int = 1000) -> dict[str, JsonValue]:
        """Return the whole ledger for coverage.json."""
        return {
            "figures": dict(self.figures()),
            "tasks": dict(self.tasks),
            "difficulties": dict(self.difficulties),
            "documents": self._by_document(),
            "uncovered": [dict(place) for place in self.uncovered(limit)],
        }

    def _by_document(self) -> list[JsonValue]:
        sections: Counter[str] = Counter(passage.document.id for passage in self.passages)
        covered: Counter[str] = Counter(passage.document.id for passage in self.passages if self.sections[passage.chunk.id])
        paths = {passage.document.id: passage.document.path for passage in self.passages}
        return [
            {
                "path": path,
                "sections": sections[document_id],
                "sections_covered": covered[document_id],
                "drafts": self.documents[document_id],
                "characters_covered": sum(end - start for start, end in self._spans.get(document_id, [])),
            }
            for document_id, path in paths.items()
        ]


def _evidence(draft: Draft, passage: Passage) -> Spans:
    """Return where the evidence of a draft stands in its document; quotes without a place are looked up in its section."""
    if draft.spans:
        return [span for span in draft.spans if span[0] < span[1]]
    found = [locate(quote, passage.chunk.text) for quote in draft.quotes if quote]
    return [(passage.chunk.start + span[0], passage.chunk.start + span[1]) for span in found if span]


def _add(spans: Spans, new: tuple[int, int]) -> None:
    """Add a span to disjoint spans in order, melting it with those that it touches."""
    first = bisect_left(spans, new[0], key=lambda span: span[1])
    last = first
    while last < len(spans) and spans[last][0] <= new[1]:
        new = (min(new[0], spans[last][0]), max(new[1], spans[last][1]))
        last += 1
    spans[first:last] = [new]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
