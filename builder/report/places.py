"""Where pairs stand in their documents, as a person would look it up."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.records import Chunk, Document, Pair

AROUND, LONGEST = 160, 700  # characters shown around the evidence, and of a passage at most

_BLANK = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Places:
    """Paths of documents, headings and passages of chunks, by id."""

    paths: Mapping[str, str]
    headings: Mapping[str, tuple[str, ...]]
    chunks: Mapping[str, Chunk] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[Document], chunks: Iterable[Chunk]) -> "Places":
        """Index documents and chunks."""
        by_id = {chunk.id: chunk for chunk in chunks}
        paths = {document.id: document.path for document in documents}
        return cls(paths, {name: chunk.heading_path for name, chunk in by_id.items()}, by_id)

    def of_pair(self, pair: Pair) -> dict[str, str]:
        """Return path, heading and quotes of a pair."""
        return {
            "path": self.paths.get(pair.provenance.document_id, "no document"),
            "heading": " › ".join(self.headings.get(pair.provenance.chunk_id, ())),
            "quote": " … ".join(span.quote for span in pair.evidence),
        }

    def passage(self, pair: Pair) -> list[list[str | bool]]:
        """Return the passage around a pair's evidence as pieces [text, is evidence]; the quotes alone if they stand elsewhere."""
        chunk = self.chunks.get(pair.provenance.chunk_id)
        spans = sorted(
            {(span.start, span.end) for span in pair.evidence if chunk and _inside(span.document_id, span.start, span.end, chunk)}
        )
        if chunk is None or len(spans) < len({(span.start, span.end) for span in pair.evidence}):
            quotes = [[span.quote, True] for span in pair.evidence]
            return [piece for quote in quotes for piece in (quote, [" … ", False])][:-1]
        if not spans:
            return [[_text(chunk, chunk.start, chunk.start + LONGEST) + (" …" if len(chunk.text) > LONGEST else ""), False]]
        return _pieces(chunk, spans)


def _inside(document: str, start: int, end: int, chunk: Chunk) -> bool:
    return document == chunk.document_id and chunk.start <= start and end <= chunk.end


def _pieces(chunk: Chunk, spans: list[tuple[int, int]]) -> list[list[str | bool]]:
    """Cut the chunk's text at the spans, with some text before the first and after the last."""
    at = max(chunk.start, spans[0][0] - AROUND)
    last = min(chunk.end, max(end for _, end in spans) + AROUND, max(at + LONGEST, spans[0][1]))
    pieces: list[list[str | bool]] = [["… ", False]] if at > chunk.start else []
    for start, end in spans:
        if start >= last:
            break
        begin, stop = max(at, start), min(end, last)
        pieces += [[_text(chunk, at, begin), False], [_text(chunk, begin, stop), True]]
        at = max(at, stop)
    pieces.append([_text(chunk, at, last) + (" …" if last < chunk.end else ""), False])
    return [piece for piece in pieces if piece[0]]


def _text(chunk: Chunk, start: int, end: int) -> str:
    """Return a part of the chunk without blank lines."""
    return _BLANK.sub("\n", chunk.text[start - chunk.start : max(start, end) - chunk.start])
