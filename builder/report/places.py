"""Where pairs stand in their documents, as a person would look it up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.records import Chunk, Document, Pair


@dataclass(frozen=True)
class Places:
    """Paths of documents and headings of chunks, by id."""

    paths: Mapping[str, str]
    headings: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, documents: Iterable[Document], chunks: Iterable[Chunk]) -> "Places":
        """Index documents and chunks."""
        return cls({document.id: document.path for document in documents}, {chunk.id: chunk.heading_path for chunk in chunks})

    def of_pair(self, pair: Pair) -> dict[str, str]:
        """Return path, heading and quotes of a pair."""
        return {
            "path": self.paths.get(pair.provenance.document_id, "no document"),
            "heading": " › ".join(self.headings.get(pair.provenance.chunk_id, ())),
            "quote": " … ".join(span.quote for span in pair.evidence),
        }
