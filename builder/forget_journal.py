"""The requests of the journal that quote a document go, with their answers; what was spent on them stays counted."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from builder.traces import Traces
from generators.llm.calls import canonical, text_hash
from generators.llm.journal import Entry, Journal

_SPENT = "forgotten"  # the key and slot of the row that keeps the sums, so that budgets stay kept
_SUMMED = ("calls", "prompt_tokens", "completion_tokens", "usd", "lost_tokens", "lost_usd")


def erase_requests(path: Path, traces: Traces) -> int:
    """Delete every request and answer that quotes the document, and the bytes of them; return how many requests."""
    with Journal(path) as journal:  # brings it up to date, and refuses while another run uses it
        keys = [entry.request.key for entry in journal.entries() if _quotes(entry, traces)]
    if keys:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            _move_sums(connection, keys)
            connection.executemany("DELETE FROM requests WHERE key = ?", [(key,) for key in keys])
            _drop_unused_texts(connection)
            connection.execute("COMMIT")
            connection.execute("VACUUM")  # what was deleted must not be left on free pages
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(keys)


def _quotes(entry: Entry, traces: Traces) -> bool:
    """Whether the request is about the document, or shows a passage of it; instructions are ours and shared by all."""
    said = [message.content for message in entry.request.messages if message.role != "system"]
    answer = entry.raw.decode("utf-8", "replace") if entry.raw else ""
    return any(name in entry.request.slot for name in traces.ids) or any(map(traces.in_text, (*said, answer)))


def _move_sums(connection: sqlite3.Connection, keys: Sequence[str]) -> None:
    empty = text_hash("")
    fields = {"model": _SPENT, "messages": [], "max_tokens": 1, "parameters": {}, "schema": empty, "variant": "", "slot": _SPENT}
    connection.execute("INSERT OR IGNORE INTO texts VALUES (?, '')", (empty,))
    connection.execute(
        "INSERT OR IGNORE INTO requests (key, slot, source, max_tokens, sent_at, request) VALUES (?, ?, 'online', 1, datetime('now'), ?)",
        (_SPENT, _SPENT, canonical(fields)),
    )
    columns, plus = ", ".join(_SUMMED), ", ".join(f"{name} = {name} + ?" for name in _SUMMED)
    for key in keys:
        row = connection.execute(f"SELECT {columns} FROM requests WHERE key = ?", (key,)).fetchone()  # noqa: S608 - our own names
        connection.execute(f"UPDATE requests SET {plus} WHERE key = ?", (*row, _SPENT))  # noqa: S608 - our own names


def _drop_unused_texts(connection: sqlite3.Connection) -> None:
    used: set[str] = set()
    for (packed,) in connection.execute("SELECT request FROM requests"):
        request = json.loads(packed)
        used |= {request["schema"], *(digest for _, digest in request["messages"])}
    every = [digest for (digest,) in connection.execute("SELECT hash FROM texts")]
    connection.executemany("DELETE FROM texts WHERE hash = ?", [(digest,) for digest in every if digest not in used])
