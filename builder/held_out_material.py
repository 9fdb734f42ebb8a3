"""What an evaluation is told about the held-out pairs: examples from train, the passages they rest on, the schemas of their tasks."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from builder.curation.ground_numbers import UNITS, Figure, figures
from builder.declared import declare
from builder.step import Step
from schemas.records import Chunk, Pair

if TYPE_CHECKING:
    from trainer.evaluation.material import Material, Passage

CODE = ("builder.held_out_material", "builder.declared", "builder.curation.ground_numbers", "builder.findings.values")
_EXTRACTION = "extraction"


def material_of(step: Step, pairs: Iterable[Pair]) -> "Material":
    """Return what surrounds the pairs of a run."""
    from trainer.evaluation.groups import words_of
    from trainer.evaluation.material import Material

    listed, chunks, by_document = list(pairs), step.chunks(), defaultdict[str, list[tuple[int, Chunk]]](list)
    for place, chunk in enumerate(chunks):
        by_document[chunk.document_id].append((place, chunk))
    held = (pair for pair in listed if pair.split in ("test", "paraphrase"))
    train, documents = [pair for pair in listed if pair.split == "train"], step.documents()
    read = [text for pair in train for text in (*(turn.content for turn in pair.history), pair.instruction, pair.input, pair.output)]
    return Material(
        train=train,
        passages={pair.id: passage for pair in held if (passage := passage_of(pair, _near(pair, by_document))) is not None},
        documents={document.id: document.path for document in documents},
        sections={chunk.id: chunk.heading_path for chunk in chunks},
        schemas=schemas_of(step),
        words=frozenset().union(*map(words_of, read), *(words_of(document.text) for document in documents)),
        values=values,
        declare=partial(declare, step.work.folder),
    )


def _near(pair: Pair, by_document: Mapping[str, Sequence[tuple[int, Chunk]]]) -> dict[str, Chunk]:
    """Return by id the chunks of the documents that a pair comes from or quotes, in their order."""
    documents = {pair.provenance.document_id, *(span.document_id for span in pair.evidence)}
    return {chunk.id: chunk for _, chunk in sorted(placed for document in documents for placed in by_document.get(document, ()))}


def passage_of(pair: Pair, chunks: Mapping[str, Chunk]) -> "Passage | None":
    """Return the chunks that a pair's evidence stands in, or that it was made from; None for a pair about no document."""
    from trainer.evaluation.material import Passage

    own = chunks.get(pair.provenance.chunk_id)
    there = [chunk for chunk in chunks.values() if any(_overlap(chunk, span.document_id, span.start, span.end) for span in pair.evidence)]
    found = there or ([own] if own else [])
    if not found:
        return None
    text, spans = "", []
    for chunk in found:
        text += "\n\n" if text else ""
        spans += [
            (len(text) + max(span.start, chunk.start) - chunk.start, len(text) + min(span.end, chunk.end) - chunk.start)
            for span in pair.evidence
            if _overlap(chunk, span.document_id, span.start, span.end)
        ]
        text += chunk.text
    return Passage(text, tuple(spans))


def schemas_of(step: Step) -> dict[str, Any]:
    """Return the JSON Schema of the responses of the tasks that have one: the recipe's extraction schema, else the shipped one."""
    from builder.ask import extraction_schema
    from generators.alpaca.tasks import load_tasks

    if (own := extraction_schema(step.recipe, step.root)) is not None:
        return {_EXTRACTION: own}
    (task,) = load_tasks([_EXTRACTION], root=step.root)
    return {_EXTRACTION: task.schema["$defs"][_EXTRACTION]}


def values(text: str) -> frozenset[Hashable]:
    """Return the numbers, dates, times and amounts of a text, each in one form however it is written."""
    return frozenset(map(_normal, figures(text)))


def _normal(figure: Figure) -> Hashable:
    if figure.date is not None:
        return ("date", *figure.date)
    if figure.minutes is not None:
        return ("time of day", figure.minutes)
    if figure.version:
        return ("version", figure.version)
    return figure.amount if figure.unit in UNITS else ("number", figure.number)


def _overlap(chunk: Chunk, document_id: str, start: int, end: int) -> bool:
    return chunk.document_id == document_id and chunk.start < end and start < chunk.end
