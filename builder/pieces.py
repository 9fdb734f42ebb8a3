"""All documents to the chunks that are asked about: cut, without boilerplate, and each thing said once."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from builder.boilerplate import boilerplate, without
from builder.chunk import CountMany, chunk, estimate_tokens
from builder.repeats import repeated, seen
from generators.fitness import superseded
from schemas.errors import RecipeError
from schemas.markdown import parsed_once
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


def pieces(documents: Sequence[Document], *, tokens: int, count_many: CountMany | None = None) -> Iterator[Chunk | Dropped]:
    """Yield the chunks in the order of the documents; one that says only what an earlier one says is dropped.

    Args:
        documents: what to cut.
        tokens: the budget of a chunk.
        count_many: counts the tokens of texts; estimated without.
    """
    # What only an old version says as well must not be dropped from the new one.
    current = {document.id: document.path for document in documents if not superseded(document)}
    count = estimate_tokens if count_many is None else partial(_of_one, count_many)
    with parsed_once():
        common = boilerplate(documents)
        chunks = [
            piece
            for document in documents
            for piece in without(document, chunk(document, tokens=tokens, count_many=count_many), common.get(document.id, ()), count=count)
        ]
        repeats = repeated(document for document in documents if document.id in current)
    again = seen((piece for piece in chunks if piece.document_id in current), repeats)
    for piece in chunks:
        if piece.id in again:
            yield Dropped.of(piece, "chunk", Reason.REPEATED, f"says only what {current[again[piece.id]]} says")
        else:
            yield piece


def counter(folder: Path) -> CountMany:
    """Return what counts the tokens of texts with the tokenizer in a folder.

    Raises:
        RecipeError: there is none.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise RecipeError(f"chunk.tokenizer: {folder}: no tokenizer that transformers can load ({told}); name a folder with one") from None
    return lambda texts: [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []


def _of_one(count_many: CountMany, text: str) -> int:
    return count_many([text])[0]
