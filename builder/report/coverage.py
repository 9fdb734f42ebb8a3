"""Which sections of which documents the chosen pairs are about, and which no pair is about."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from schemas.records import Chunk, Document, Pair

MOST_DOCUMENTS, MOST_SECTIONS, MOST_LISTED = 80, 2500, 60  # drawn, drawn in all, and listed by name


def coverage(documents: Sequence[Document], chunks: Sequence[Chunk], pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return for each document its sections in order, with how many chosen pairs each has: [heading, pairs]."""
    per_chunk = Counter(pair.provenance.chunk_id for pair in pairs)
    by_document: dict[str, dict[str, int]] = defaultdict(dict)
    for chunk in chunks:
        heading, counts = " › ".join(chunk.heading_path[-2:]), by_document[chunk.document_id]
        counts[heading] = counts.get(heading, 0) + per_chunk[chunk.id]
    return [
        {
            "path": document.path,
            "words": len(document.text.split()),
            "pairs": sum(by_document[document.id].values()),
            "sections": len(by_document[document.id]),
            "covered": sum(count > 0 for count in by_document[document.id].values()),
            "cells": [[heading, count] for heading, count in by_document[document.id].items()],
        }
        for document in documents
    ]


def drawn(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what is drawn of it: all documents, or those with the most sections; and the sections without a pair by name."""
    shown = sorted(rows, key=lambda row: -row["sections"])[:MOST_DOCUMENTS]
    room, kept = MOST_SECTIONS, set[str]()
    for row in shown:
        if row["sections"] <= room:
            kept.add(row["path"])
            room -= row["sections"]
    bare = [{"path": row["path"], "heading": heading} for row in rows for heading, count in row["cells"] if not count]
    return {
        "rows": [row for row in rows if row["path"] in kept],
        "left_out": len(rows) - len(kept),
        "uncovered": bare[:MOST_LISTED],
        "bare": len(bare),
        "sections": sum(row["sections"] for row in rows),
        "documents_without": sum(not row["pairs"] for row in rows),
    }
