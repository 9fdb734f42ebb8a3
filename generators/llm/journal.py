"""The journal of a workspace: every request and every raw response, so that no answer is paid for twice.

A request is written before it is sent and its body before it is parsed, each with its own synced commit, so that a
process killed at any moment loses at most the answers that were under way.
"""

import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from generators.llm.calls import Complete, Reply, Request, ServerFaultError
from generators.alpaca.replies import completion_problem
from schemas.errors import WorkspaceError
from schemas.records import Reason

# Small columns first: SQLite then reads the sums without touching the pages of the bodies.
_TABLE = """
CREATE TABLE IF NOT EXISTS requests (
    key TEXT PRIMARY KEY,
    calls INTEGER NOT NULL,
    sent_at TEXT NOT NULL,
    answered_at TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    request TEXT NOT NULL,
    raw BLOB
)
"""
_SENT = """
INSERT INTO requests (key, calls, sent_at, request) VALUES (?, 1, datetime('now'), ?)
ON CONFLICT (key) DO UPDATE SET calls = calls + 1, sent_at = datetime('now')
"""
# SQLite reads the usage itself, after storing and without trusting the body: what is not JSON counts nothing.
_ANSWERED = """
UPDATE requests SET raw = ?2, answered_at = datetime('now'),
    prompt_tokens = CASE WHEN json_valid(?3) THEN CAST(json_extract(?3, '$.usage.prompt_tokens') AS INTEGER) END,
    completion_tokens = CASE WHEN json_valid(?3) THEN CAST(json_extract(?3, '$.usage.completion_tokens') AS INTEGER) END
WHERE key = ?1
RETURNING ifnull(prompt_tokens, 0), ifnull(completion_tokens, 0)
"""
_SUMS = "SELECT ifnull(sum(calls), 0), count(answered_at), ifnull(sum(prompt_tokens), 0), ifnull(sum(completion_tokens), 0) FROM requests"


@dataclass(frozen=True)
class Counts:
    """What the journal holds, and how many requests this run found in it."""

    calls: int = 0
    answered: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    from_journal: int = 0


class Journal:
    """The requests and raw responses of a workspace, in one SQLite file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            # The event loop runs in its own thread; only one thread at a time uses the connection.
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(_TABLE)
            self.counts = Counts(*self._connection.execute(_SUMS).fetchone())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def get(self, key: str) -> bytes | None:
        """Return the raw response to the request `key`, or None when there is none yet."""
        with self._explained():
            row = self._connection.execute("SELECT raw FROM requests WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def sent(self, key: str, request: Request) -> None:
        """Note that a request is about to be sent."""
        with self._explained():
            self._connection.execute(_SENT, (key, request.canonical))
        self.counts = replace(self.counts, calls=self.counts.calls + 1)

    def answered(self, key: str, raw: bytes) -> None:
        """Store the raw response to a request that was noted as sent."""
        with self._explained():
            known = self.get(key) is not None
            prompt, completion = self._connection.execute(_ANSWERED, (key, raw, raw.decode("utf-8", "replace"))).fetchone()
        self.counts = replace(
            self.counts,
            answered=self.counts.answered + (not known),
            prompt_tokens=self.counts.prompt_tokens + prompt,
            completion_tokens=self.counts.completion_tokens + completion,
        )

    def reused(self) -> None:
        """Count an answer that was found instead of asked for."""
        self.counts = replace(self.counts, from_journal=self.counts.from_journal + 1)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            problem = f"{self._path}: the journal cannot be used ({error}); free the disk, end the other run, or move the file away"
        else:
            return
        raise WorkspaceError(problem)


def journalled(complete: Complete, journal: Journal, *, ready: Callable[[], Awaitable[object]]) -> Complete:
    """Answer from the journal where it can; else call, and store the body before anyone looks into it.

    `ready` is awaited before a request is sent for the first time, so a run that finds everything needs no endpoint.
    A body that is no chat completion at all (an error page, half a body) is stored but answers nothing: the call is
    tried again, now or in the next run.
    """

    async def recorded(request: Request) -> Reply:
        stored = journal.get(request.key)
        if stored is not None and not completion_problem(stored):
            journal.reused()
            return Reply(key=request.key, raw=stored, from_journal=True)
        await ready()
        journal.sent(request.key, request)
        reply = await complete(request)
        journal.answered(request.key, reply.raw)
        if problem := completion_problem(reply.raw):
            raise ServerFaultError(problem, reason=Reason.BAD_REPLY, raw=reply.raw)
        return reply

    return recorded
