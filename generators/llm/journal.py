"""The journal of a workspace: every request and every raw response, so that no answer is paid for twice.

A request is durable before it is sent and its body before anyone looks into it, so a process killed at any moment
loses at most the answers that were under way. A thread of its own writes, many requests to one synced commit.
Texts that requests share (system prompts, passages, schemas) are stored once.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from generators.llm.answers import CUT, completion_problem, read_answer
from generators.llm.calls import Message, Request, canonical, text_hash
from generators.llm.damage import is_sound, rescue
from generators.llm.writer import Statement, Writer, broken, connect
from schemas.errors import WorkspaceError

VERSION = 2
# Small columns first: SQLite then reads the sums without touching the pages of the bodies.
TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    key TEXT PRIMARY KEY, slot TEXT NOT NULL, source TEXT NOT NULL, max_tokens INTEGER NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0, prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0,
    usd REAL NOT NULL DEFAULT 0, held_tokens INTEGER NOT NULL DEFAULT 0, held_usd REAL NOT NULL DEFAULT 0,
    lost_tokens INTEGER NOT NULL DEFAULT 0, lost_usd REAL NOT NULL DEFAULT 0,
    sent_at TEXT NOT NULL, answered_at TEXT, request TEXT NOT NULL, raw BLOB
);
CREATE INDEX IF NOT EXISTS slots ON requests (slot, answered_at);
CREATE TABLE IF NOT EXISTS texts (hash TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_TEXT = "INSERT OR IGNORE INTO texts VALUES (?, ?)"
_SENT = """
INSERT INTO requests (key, slot, source, max_tokens, calls, held_tokens, held_usd, sent_at, request)
VALUES (?, ?, 'online', ?, 1, ?, ?, datetime('now'), ?)
ON CONFLICT (key) DO UPDATE SET slot = excluded.slot, calls = calls + 1, held_tokens = excluded.held_tokens, held_usd = excluded.held_usd,
    sent_at = excluded.sent_at
"""
_ANSWERED = """
UPDATE requests SET raw = ?, max_tokens = ?, source = 'online', answered_at = datetime('now'), held_tokens = 0, held_usd = 0,
    prompt_tokens = prompt_tokens + ?, completion_tokens = completion_tokens + ?, usd = usd + ? WHERE key = ?
"""
_REFUSED = "UPDATE requests SET calls = calls - 1, held_tokens = 0, held_usd = 0 WHERE key = ?"
_FAILED = "UPDATE requests SET held_tokens = 0, held_usd = 0 WHERE key = ?"
# What was under way when a process died or a connection broke may have been paid for, so it counts as if it was.
_LOST = "UPDATE requests SET lost_tokens = lost_tokens + held_tokens, lost_usd = lost_usd + held_usd, held_tokens = 0, held_usd = 0 WHERE"
_PUT = """
INSERT INTO requests (key, slot, source, max_tokens, prompt_tokens, completion_tokens, usd, sent_at, answered_at, request, raw)
VALUES (?, ?, ?, ?, ?, ?, ?, datetime('now'), datetime('now'), ?, ?)
ON CONFLICT (key) DO UPDATE SET source = excluded.source, raw = excluded.raw, max_tokens = excluded.max_tokens,
    answered_at = excluded.answered_at, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, usd = usd + excluded.usd
"""
_SUMS = """
SELECT ifnull(sum(calls), 0), count(answered_at), ifnull(sum(prompt_tokens), 0), ifnull(sum(completion_tokens), 0), ifnull(sum(usd), 0.0),
    ifnull(sum(lost_tokens), 0), ifnull(sum(lost_usd), 0.0) FROM requests
"""


@dataclass(frozen=True)
class Stored:
    """A raw response, and how it came: online, batch or replay."""

    key: str
    raw: bytes
    source: str


@dataclass(frozen=True)
class Entry:
    """A request of the journal with its raw response, if it has one."""

    request: Request
    raw: bytes | None


@dataclass(frozen=True)
class Counts:
    """What the journal holds, and how many requests of this run it answered. `lost` is what may have been paid for in vain."""

    calls: int = 0
    answered: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    lost_tokens: int = 0
    lost_usd: float = 0.0
    from_journal: int = 0


@dataclass(frozen=True)
class Cost:
    """Tokens and dollars of one call."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0


class Journal:
    """The requests and raw responses of a workspace, in one SQLite file that only its owner can read.

    Raises:
        WorkspaceError: another run uses the file, or it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known_texts: set[str] = set()
        self._bulk: set[str] | None = None
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self.rescued = 0 if is_sound(path) else rescue(path, TABLES, VERSION)
            self._reader = connect(path)
            _upgrade(self._reader)
            self._reader.executescript(TABLES)
            self._reader.execute(f"PRAGMA user_version = {VERSION}")
            self._reader.execute(f"{_LOST} held_tokens OR held_usd")  # few rows of many: the others are not written anew
            self._counts = asdict(Counts(*self._reader.execute(_SUMS).fetchone()))
            self._answered = {_short(key) for (key,) in self._reader.execute("SELECT key FROM requests WHERE raw IS NOT NULL")}
        self._writer = Writer(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counts(self) -> Counts:
        """What it holds now."""
        return Counts(**self._counts)  # pyright: ignore[reportArgumentType] - the counts are whole numbers and the dollars are not

    def close(self) -> None:
        """Write what is still to be written and close the file."""
        try:
            self._writer.close()
        finally:
            self._reader.close()
            os.close(self._lock)

    def get(self, request: Request) -> Stored | None:
        """Return the answer to a request; one that was cut off at fewer tokens than may be used now is none."""
        if _short(request.key) not in self._answered:  # most requests of a first run: not worth a query
            return None
        with self._explained():
            row = self._reader.execute("SELECT raw, source, max_tokens FROM requests WHERE key = ?", (request.key,)).fetchone()
        if row is None or row[0] is None or (row[2] < request.max_tokens and read_answer(row[0]).finish in CUT):
            return None
        return Stored(request.key, row[0], row[1])

    def completion(self, request: Request) -> Stored | None:
        """Return the answer to a request if it is a completion: what else came back is stored too, and to be asked for again."""
        stored = self.get(request)
        return stored if stored is not None and not completion_problem(stored.raw) else None

    def by_slot(self, slot: str) -> Stored | None:
        """Return the newest completion for a slot, whatever the prompt was then."""
        newest_first = "SELECT key, raw, source FROM requests WHERE slot = ? AND raw IS NOT NULL ORDER BY answered_at DESC, rowid DESC"
        with self._explained():
            return next((Stored(*row) for row in self._reader.execute(newest_first, (slot,)) if not completion_problem(row[1])), None)

    async def sent(self, request: Request, *, held_tokens: int = 0, held_usd: float = 0.0) -> None:
        """Note that a request is about to be sent, and what it may cost at most; returns when that is on disk."""
        row = (request.key, request.slot, request.max_tokens, held_tokens, held_usd, _packed(request))
        await self._writer.commit_async([*self._texts(request), (_SENT, row)])
        self._count(calls=1)

    async def answered(self, request: Request, raw: bytes, cost: Cost) -> None:
        """Store the raw response to a request that was noted as sent; returns when it is on disk."""
        row = (raw, request.max_tokens, cost.prompt_tokens, cost.completion_tokens, cost.usd, request.key)
        await self._writer.commit_async([(_ANSWERED, row)])
        self._answered.add(_short(request.key))
        self._count(answered=1, prompt_tokens=cost.prompt_tokens, completion_tokens=cost.completion_tokens, usd=cost.usd)

    def refused(self, request: Request) -> None:
        """Note that a request was refused for the rate: it was no call."""
        self._writer.add([(_REFUSED, (request.key,))])
        self._count(calls=-1)

    def failed(self, request: Request) -> None:
        """Note that a request brought nothing and cost nothing."""
        self._writer.add([(_FAILED, (request.key,))])

    def lost(self, request: Request, tokens: int, usd: float) -> None:
        """Note that the answer to a request was lost on its way, and may have been paid for."""
        self._writer.add([(f"{_LOST} key = ?", (request.key,))])
        self._count(lost_tokens=tokens, lost_usd=usd)

    def reused(self) -> None:
        """Count an answer that was found instead of asked for."""
        self._count(from_journal=1)

    def put(self, request: Request, raw: bytes, *, source: str, cost: Cost | None = None) -> bool:
        """Store an answer that came another way; False if there is one already."""
        stored = self.get(request)
        is_there = stored is not None and (stored.raw == raw or not completion_problem(stored.raw))
        if is_there or (self._bulk is not None and request.key in self._bulk):
            return False
        cost = cost or Cost()
        row = (
            request.key,
            request.slot,
            source,
            request.max_tokens,
            cost.prompt_tokens,
            cost.completion_tokens,
            cost.usd,
            _packed(request),
            raw,
        )
        statements = [*self._texts(request), (_PUT, row)]
        if self._bulk is None:
            self._writer.commit(statements)
        else:
            self._writer.add(statements)
            self._bulk.add(request.key)
        self._answered.add(_short(request.key))
        self._count(answered=1, prompt_tokens=cost.prompt_tokens, completion_tokens=cost.completion_tokens, usd=cost.usd)
        return True

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Make many `put` durable together, at the end."""
        self._bulk = set()
        try:
            yield
        finally:
            self._bulk = None
            self._writer.commit([])

    def entries(self) -> Iterator[Entry]:
        """Yield everything in the order in which it was first sent."""
        with self._explained():
            for packed, raw in self._reader.execute("SELECT request, raw FROM requests ORDER BY rowid"):
                yield Entry(self._unpacked(packed), raw)

    def sums(self, by: str) -> dict[str, int]:
        """Count the answered requests by source, by model or by slot's task."""
        task, model = "substr(slot, 1, instr(slot || '/', '/') - 1)", "json_extract(request, '$.model')"
        column = {"source": "source", "model": model, "task": task}[by]
        query = f"SELECT {column}, count(*) FROM requests WHERE raw IS NOT NULL GROUP BY 1 ORDER BY 1"  # noqa: S608 - of the three above
        with self._explained():
            return dict(self._reader.execute(query).fetchall())

    def spent(self, task: str) -> Counts:
        """Return what the requests of one task took."""
        query = f"{_SUMS} WHERE slot = ? OR slot LIKE ? || '/%'"
        with self._explained():
            return Counts(*self._reader.execute(query, (task, task)).fetchone())

    def note(self, name: str) -> str | None:
        """Return a small fact that was noted, or None."""
        with self._explained():
            row = self._reader.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_note(self, name: str, value: str) -> None:
        """Note a small fact; returns when it is on disk."""
        self._writer.commit([("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))])

    def _texts(self, request: Request) -> Iterator[Statement]:
        for text in (*(message.content for message in request.messages), request.schema or ""):
            if (digest := text_hash(text)) not in self._known_texts:
                if len(self._known_texts) > 10_000:
                    self._known_texts.clear()
                self._known_texts.add(digest)
                yield _TEXT, (digest, text)

    def _unpacked(self, packed: str) -> Request:
        fields = json.loads(packed)
        messages = tuple(Message(role, self._text(digest)) for role, digest in fields.pop("messages"))
        schema = self._text(fields.pop("schema")) or None
        return Request(messages=messages, schema=schema, **fields)

    def _text(self, digest: str) -> str:
        return str(self._reader.execute("SELECT text FROM texts WHERE hash = ?", (digest,)).fetchone()[0])

    def _count(self, **more: float) -> None:
        for name, number in more.items():
            self._counts[name] += number

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            problem = broken(self._path, error)
        else:
            return
        raise problem


def _lock(path: Path) -> int:
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
    else:
        return descriptor
    raise WorkspaceError(f"{path}: another run is using this journal; wait for it or end it")


def _upgrade(connection: sqlite3.Connection) -> None:
    """Set the table of an older version aside: its keys were made in another way."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version < VERSION and connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'requests'").fetchone()[0]:
        connection.execute(f"ALTER TABLE requests RENAME TO requests_of_version_{version}")


def _short(key: str) -> int:
    """The beginning of a key: enough to tell nearly all apart, in little memory."""
    return int(key[:15], 16)


def _packed(request: Request) -> str:
    messages = [[message.role, text_hash(message.content)] for message in request.messages]
    fields = {"model": request.model, "messages": messages, "max_tokens": request.max_tokens, "parameters": dict(request.parameters)}
    return canonical(fields | {"schema": text_hash(request.schema or ""), "variant": request.variant, "slot": request.slot})
