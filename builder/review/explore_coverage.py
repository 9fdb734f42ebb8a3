"""Which sections of which documents the pairs are about: the heat map, and one document section by section."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.review.index import Index
from schemas.records import Dropped

DOCUMENTS = 40  # a page of the heat map
COUNTED = {"chosen": "chosen pairs", "valid": "all valid pairs", "accepted": "pairs that people accepted"}
ORDERS = {"read": "as they were read", "bare": "most sections without a pair", "fewest": "fewest pairs"}
_COUNTS = {
    "chosen": "i.place = 'chosen'",
    "valid": "i.kind = 'pair'",
    "accepted": "s.state IN ('accepted', 'edited', 'repaired')",
}
_PER_CHUNK = """
SELECT i.chunk, count(*) FROM items i LEFT JOIN heirs h ON h.id = i.id LEFT JOIN standing s ON s.item = ifnull(h.item, i.id)
WHERE {count} GROUP BY i.chunk
"""


@dataclass
class Covered:
    """A document and its sections in order, each with how many pairs it has."""

    id: str
    path: str
    sections: dict[str, int] = field(default_factory=dict)

    @property
    def pairs(self) -> int:
        """How many pairs the document has."""
        return sum(self.sections.values())

    @property
    def covered(self) -> int:
        """How many of its sections have a pair."""
        return sum(count > 0 for count in self.sections.values())

    @property
    def bare(self) -> int:
        """How many of its sections have none."""
        return len(self.sections) - self.covered


def covered(index: Index, *, counted: str = "chosen") -> list[Covered]:
    """Return all documents as they were read; `counted` is one of `COUNTED`."""
    pairs: dict[str, int] = dict(map(tuple, index.select(_PER_CHUNK.format(count=_COUNTS[counted]))))
    found = {row["id"]: Covered(row["id"], row["path"]) for row in index.select("SELECT id, path FROM documents ORDER BY n")}
    for chunk, document, section in index.select("SELECT id, document_id, section FROM chunks ORDER BY n"):
        if document in found:
            counts = found[document].sections
            counts[section] = counts.get(section, 0) + pairs.get(chunk, 0)
    return list(found.values())


def heat_map(documents: list[Covered], *, order: str = "read", text: str = "", page: int = 0) -> dict[str, Any]:
    """Return a page of the documents whose path holds `text`, in one of `ORDERS`, and totals over all documents."""
    shown = [document for document in documents if text.lower() in document.path.lower()]
    if order == "bare":
        shown.sort(key=lambda document: -document.bare)
    if order == "fewest":
        shown.sort(key=lambda document: document.pairs)
    return {
        "documents": shown[page * DOCUMENTS : (page + 1) * DOCUMENTS],
        "number": len(shown),
        "pages": -(-len(shown) // DOCUMENTS),
        "sections": sum(len(document.sections) for document in documents),
        "bare": sum(document.bare for document in documents),
        "without": sum(not document.pairs for document in documents),
    }


def silent_chunks(index: Index, dropped: Iterable[Dropped]) -> dict[str, str]:
    """Return the chunks that left the way, with why nothing was asked about them."""
    chunks = {row["id"] for row in index.select("SELECT id FROM chunks")}
    return {record.id: record.detail or str(record.reason) for record in dropped if record.id in chunks}


def one_document(index: Index, name: str, silent_by_chunk: Mapping[str, str]) -> dict[str, Any] | None:
    """Return a document with its sections: counts by place, why items left, the chosen pairs, and why nothing was asked; None if unknown.

    Args:
        index: the items and chunks.
        name: the id of the document.
        silent_by_chunk: why nothing was asked about a chunk, of those that left the way.
    """
    found = index.select("SELECT id, path, title FROM documents WHERE id = ?", [name])
    if not found:
        return None
    chunks = dict(map(tuple, index.select("SELECT id, section FROM chunks WHERE document_id = ? ORDER BY n", [name])))
    silent = {section: silent_by_chunk[chunk] for chunk, section in chunks.items() if chunk in silent_by_chunk}
    sections = list(dict.fromkeys(chunks.values()))
    places, reasons = (_by_section(index, name, column) for column in ("place", "reason"))
    pairs: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    chosen = "SELECT section, id, question, split FROM items WHERE document_id = ? AND place = 'chosen' ORDER BY n"
    for row in index.select(chosen, [name]):
        pairs[row["section"]].append(dict(row))
    return {
        **dict(found[0]),
        "sections": [
            {
                "name": section,
                "places": places[section],
                "reasons": reasons[section],
                "pairs": pairs[section],
                "silent": silent.get(section, ""),
            }
            for section in sections
        ],
    }


def _by_section(index: Index, document: str, column: str) -> dict[str, dict[str, int]]:
    """Return how many items each section has by a column of ours, the most frequent first."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    query = f"SELECT section, {column}, count(*) FROM items WHERE document_id = ? AND {column} != '' GROUP BY 1, 2 ORDER BY 3 DESC"  # noqa: S608
    for section, name, count in index.select(query, [document]):
        counts[section][name] = count
    return counts
