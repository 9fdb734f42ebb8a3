"""All documents to the chunks that are asked about: cut, without boilerplate, and each thing said once."""

from collections.abc import Iterator, Sequence

from builder.boilerplate import boilerplate, without
from builder.chunk import chunk, estimate_tokens
from builder.repeats import repeated, seen
from generators.fitness import superseded
from schemas.records import Chunk, Document, Dropped, Reason

CODE = (
    "builder.pieces",
    "builder.chunk",
    "builder.cuts",
    "builder.boilerplate",
    "builder.repeats",
    "builder.locate",
    "schemas.shown",
    "generators.fitness",
)


def pieces(documents: Sequence[Document], *, tokens: int) -> Iterator[Chunk | Dropped]:
    """Yield the chunks in the order of the documents; one that says only what an earlier one says is dropped."""
    common = boilerplate(documents)
    chunks = [
        piece
        for document in documents
        for piece in without(document, chunk(document, tokens=tokens), common.get(document.id, ()), count=estimate_tokens)
    ]
    # What only an old version says as well must not be dropped from the new one.
    current = {document.id: document.path for document in documents if not superseded(document)}
    again = seen(
        (piece for piece in chunks if piece.document_id in current),
        repeated(document for document in documents if document.id in current),
    )
    for piece in chunks:
        if piece.id in again:
            yield Dropped.of(piece, "chunk", Reason.REPEATED, f"says only what {current[again[piece.id]]} says")
        else:
            yield piece
