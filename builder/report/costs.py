"""What the calls to a language model cost: how many, tokens, dollars, how long they took, how many had to be asked again."""

import sqlite3
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

_SUMS = """
SELECT slot, count(*), sum(calls), count(answered_at), sum(prompt_tokens + completion_tokens), sum(lost_tokens), sum(usd + lost_usd)
FROM requests GROUP BY slot
"""
_WAITS = """
SELECT (julianday(answered_at) - julianday(sent_at)) * 86400 FROM requests
WHERE source = 'online' AND answered_at IS NOT NULL AND calls > 0
"""


def costs(journal: Path) -> dict[str, Any]:
    """Return what the journal counted, by slot and in all; empty if nobody was asked or the journal cannot be read.

    A call that was answered from the journal costs nothing and is no call. Waits are whole seconds, the last try of each.
    """
    try:
        with closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows, waits = connection.execute(_SUMS).fetchall(), sorted(wait for (wait,) in connection.execute(_WAITS))
    except sqlite3.Error:
        return {}
    names = ("slot", "requests", "calls", "answered", "tokens", "lost_tokens", "usd")
    slots: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    if not slots:
        return {}
    total = {name: sum(one[name] for one in slots) for name in names[1:]}
    again = sum(max(0, one["calls"] - one["requests"]) for one in slots)
    waited = {"median_seconds": median(waits), "p95_seconds": waits[int(0.95 * (len(waits) - 1))]} if waits else {}
    return {**total, "again": again, **waited, "tasks": _by_task(slots)}


def _by_task(slots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sums by what was asked for: the first part of a slot."""
    tasks: dict[str, dict[str, Any]] = {}
    for one in slots:
        name = str(one["slot"]).split("/")[0].split(":")[0] or "other"
        into = tasks.setdefault(name, {"task": name, "calls": 0, "answered": 0, "tokens": 0, "usd": 0.0})
        for figure in ("calls", "answered", "tokens", "usd"):
            into[figure] += one[figure]
    return sorted(tasks.values(), key=lambda one: -one["tokens"])
