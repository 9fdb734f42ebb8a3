"""The rows of the index, made in one pass over the files of a run: what lists, filters and counts of items are made of."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.review.doubt import signs, together
from schemas.records import Draft, content_id

SHORT = 160  # characters of a question or an answer in a list
COLUMNS = (
    "id", "kind", "task", "form", "family", "grp", "document_id", "chunk", "place", "split", "stage", "reason", "detail", "flags",
    "score", "doubt", "key", "words", "question", "answer", "file", "at", "size",
)  # fmt: skip
_DRAFT = frozenset(name for name, field in Draft.model_fields.items() if field.is_required())
_PAIR_ID = frozenset({"id", "task", "instruction", "output", "provenance", "evidence"})


@dataclass(frozen=True)
class Left:
    """Why an item is not among those that go on; of one that does, where it is."""

    place: str
    stage: str = ""
    reason: str = ""
    detail: str = ""


def lines(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield the byte offset, the bytes and the value of each line of a file."""
    at = 0
    with path.open("rb") as file:
        for line in file:
            yield at, len(line), json.loads(line)
            at += len(line)


def left_of(value: Mapping[str, Any], *, chosen: bool) -> tuple[Mapping[str, Any], Left] | None:
    """Return the pair or draft of a line and what became of it; None of a line that holds neither, e.g. a chunk."""
    if "record" not in value:
        return value, Left("chosen" if chosen else "valid")
    record, left = value["record"], (value["stage"], value["reason"], value["detail"])
    if record.keys() >= _PAIR_ID:
        return record, Left("left_out", *left)
    return (record, Left("quarantined", *left)) if record.keys() >= _DRAFT else None


def row(record: Mapping[str, Any], left: Left, *, suspect: str = "") -> tuple[Any, ...]:
    """Return the values of an item for `COLUMNS`, up to its place in the file."""
    made, scores = record["provenance"], record.get("scores") or {}
    found = signs(record, reason=left.reason, detail=left.detail, suspect=suspect)
    return (
        record["id"],
        "draft" if left.place == "quarantined" else "pair",
        record["task"],
        record["form"],
        made.get("rule") or record["form"].partition("/")[0],
        record["group"],
        made["document_id"],
        made["chunk_id"],
        left.place,
        record.get("split") or "",
        left.stage,
        left.reason,
        left.detail,
        f" {' '.join(record['flags'])} " if record.get("flags") else "",
        scores.get("judge", scores.get("quality")),
        together(found),
        said(record),
        len(record["output"].split()),
        short(record["instruction"]),
        short(record["output"]),
    )


def said(record: Mapping[str, Any]) -> str:
    """Return `schemas.review.said_key` of an item that was not parsed."""
    turns = record.get("history") or []
    return content_id("said", record["task"], record["instruction"], record.get("input", ""), record["output"], turns)


def whole_text(record: Mapping[str, Any]) -> str:
    """Return all that an item says, for the search."""
    turns = (turn["content"] for turn in record.get("history") or ())
    return "\n".join((*turns, record["instruction"], record.get("input", ""), record["output"]))


def short(text: str) -> str:
    """Return a text as a list shows it: on one line, and cut where it is long."""
    line = " ".join(text[: 4 * SHORT].split())
    return line if len(line) <= SHORT else line[: SHORT - 1].rstrip() + "…"
