"""An item with all that a person needs to decide about it: its texts beside its source, scores, copies, neighbours."""

from collections.abc import Mapping
from typing import Any

from builder.review.doubt import CONFLICT, Sign, of_length, signs, together
from builder.review.index import Index
from builder.review.judged import judged
from builder.validate import OTHER_CHUNK
from generators.judge.rubrics import Rubric, shipped_rubric
from schemas.records import Chunk, Document, Draft, Evidence, Pair

AROUND = 1000  # characters that are shown around evidence that stands in no chunk
MOST_OTHERS = 30  # copies, or other items of the passage, that a card names
_OTHER = """i.id, i.question, i.answer, i.place AS "where", i.reason, ifnull(s.state, 'undecided') AS state"""
_STANDS = "LEFT JOIN heirs h ON h.id = i.id LEFT JOIN standing s ON s.item = ifnull(h.item, i.id)"
_COPIES = f"""
SELECT {_OTHER}, found.relation, min(found.rank) FROM (
    SELECT other AS id, relation, relation != 'conflict' AS rank FROM copies WHERE one = ?1 AND relation != 'cluster'
    UNION ALL SELECT one, relation, relation != 'conflict' FROM copies WHERE other = ?1 AND relation != 'cluster'
    UNION ALL SELECT id, 'same_cluster', 2 FROM items WHERE cluster = ?2 AND cluster_size > 1
    UNION ALL SELECT id, 'same_fact', 3 FROM items WHERE grp = ?3
) found JOIN items i ON i.id = found.id {_STANDS} WHERE i.id != ?1 GROUP BY i.id ORDER BY min(found.rank), i.n LIMIT {MOST_OTHERS}
"""  # noqa: S608 - our own text
_NEIGHBOURS = f"""
SELECT {_OTHER} FROM items i {_STANDS}
WHERE i.chunk = ? AND i.chunk != '' AND i.id != ? AND i.grp != ? ORDER BY i.place, i.n LIMIT {MOST_OTHERS}
"""  # noqa: S608 - our own text


def card(index: Index, item: str, *, rubric: Rubric | None = None) -> dict[str, Any] | None:
    """Return what there is to see of an item, but for what people decided about it; None of an unknown id.

    Args:
        index: the items.
        item: an id.
        rubric: by which pairs were judged; the shipped one, if none is given.
    """
    record, found = index.item(item), index.select("SELECT * FROM items WHERE id = ?", [item])
    if record is None:
        return None
    row = dict(found[0])
    doubts = _doubts(index, record, row)
    return {
        **record.model_dump(mode="json", include={"id", "task", "form", "group", "instruction", "input", "output", "history", "extra"}),
        **{name: row[name] for name in ("kind", "split", "stage", "reason", "detail")},
        "where": row["place"],
        "flags": record.flags,
        "grounding": record.grounding,
        "quotes": record.quotes if isinstance(record, Draft) else [evidence.quote for evidence in record.evidence],
        "made_by": record.provenance.model_dump(mode="json", exclude_none=True),
        "scores": record.scores if isinstance(record, Pair) else {},
        "judge": judged(record, rubric or shipped_rubric()) if isinstance(record, Pair) else None,
        "doubt": together(doubts),
        "why_doubtful": [words for _, words in sorted(doubts, key=lambda sign: -sign[0])],
        "source": source(index, record),
        "twins": _twins(index, row),
        "same_passage": [dict(other) for other in index.select(_NEIGHBOURS, [row["chunk"], item, row["grp"]])],
    }


def sources_of(index: Index, record: Pair | Draft) -> tuple[dict[str, Document], dict[str, Chunk]]:
    """Return the documents and chunks that an item rests on, by id."""
    named = [record.provenance.chunk_id, str(record.extra.get(OTHER_CHUNK, ""))]
    chunks = {name: chunk for name in named if (chunk := index.chunk(name))}
    wanted = {record.provenance.document_id, *(chunk.document_id for chunk in chunks.values())}
    wanted |= {evidence.document_id for evidence in record.evidence} if isinstance(record, Pair) else set()
    return {name: document for name in wanted if (document := index.document(name))}, chunks


def source(index: Index, record: Pair | Draft) -> dict[str, Any] | None:
    """Return the passage of an item with its evidence, and where the other evidence stands; None if it is about no document."""
    made = record.provenance
    document, chunk = index.document(made.document_id), index.chunk(made.chunk_id)
    if document is None:
        return None
    evidence = evidence_in(record, document)
    start, text, headings = (chunk.start, chunk.text, chunk.heading_path) if chunk else _around(document, evidence)
    end = start + len(text)
    within = [span for span in evidence if span.start < end and start < span.end]
    others = [span for span in record.evidence if span not in within] if isinstance(record, Pair) else []
    first = min((span.start for span in within), default=start)
    return {
        "document_id": document.id,
        "path": document.path,
        "title": document.title,
        "page": page_of(document, first, first + 1 if within else end),
        "headings": list(headings),
        "text": text,
        "start": start,
        "evidence": [{"start": max(span.start - start, 0), "end": min(span.end, end) - start} for span in within],
        "more": [_elsewhere(index, span, document) for span in others],
    }


def page_of(document: Document, start: int, end: int) -> str | None:
    """Return in words on which page of its document a span is, or on which pages; None where there are none."""
    pages = [page for page in document.pages if page.start < end and start < page.end]
    if not pages:
        return None
    names = [page.label or str(page.number) for page in (pages[0], pages[-1])]
    return f"{pages[0].kind} {names[0]}" + (f" to {names[1]}" if names[0] != names[1] else "")


def evidence_in(record: Pair | Draft, document: Document) -> list[Evidence]:
    """Return the evidence of an item in a document; of a draft its quotes, as far as they are found word for word."""
    if isinstance(record, Pair):
        return [span for span in record.evidence if span.document_id == document.id]
    if record.provenance.document_id != document.id:
        return []
    spans = record.spans or tuple((document.text.find(quote), document.text.find(quote) + len(quote)) for quote in record.quotes)
    return [Evidence.of(document, start, end) for start, end in spans if 0 <= start < end <= len(document.text)]


def _around(document: Document, evidence: list[Evidence]) -> tuple[int, str, tuple[str, ...]]:
    """Return what stands around the evidence, of an item whose chunk is not known."""
    start = max(min((span.start for span in evidence), default=0) - AROUND, 0)
    return start, document.text[start : max((span.end for span in evidence), default=0) + AROUND], ()


def _elsewhere(index: Index, span: Evidence, document: Document) -> dict[str, Any]:
    other = document if span.document_id == document.id else index.document(span.document_id)
    page = page_of(other, span.start, span.end) if other else None
    return {"document_id": span.document_id, "path": other.path if other else span.document_id, "page": page, "quote": span.quote}


def _twins(index: Index, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the copies of an item, those of its cluster, and other wordings of its fact, each with what it is to the item."""
    found = index.select(_COPIES, [row["id"], row["cluster"], row["grp"]])
    shown = [{name: other[name] for name in other.keys() if not name.startswith("min(")} for other in found]  # noqa: SIM118 a row is no dict
    return [other | {"relation": other["relation"].replace("_", " ")} for other in shown]


def _doubts(index: Index, record: Pair | Draft, row: Mapping[str, Any]) -> list[Sign]:
    """Return the signs that the doubt of an item's row was made of."""
    limits = index.select("SELECT least, most FROM limits WHERE task = ?", [row["task"]])
    suspect = index.select("SELECT reason FROM suspects WHERE id = ?", [row["id"]])
    against = index.select("SELECT one FROM copies WHERE other = ? AND relation = 'conflict'", [row["id"]])
    found = signs(
        record.model_dump(mode="json"), reason=row["reason"], detail=row["detail"], suspect=suspect[0]["reason"] if suspect else ""
    )
    found += of_length(row["words"], tuple(limits[0]) if limits else None)
    return [*found, *([(CONFLICT, "another item answers the same question otherwise")] if against else [])]
