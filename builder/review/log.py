"""The decisions of a workspace: an append-only log in one SQLite file, for many tabs, processes and reviewers at once.

What `append` returned is on disk, whatever is killed afterwards; the same op again is stored once, so whoever is not sure that
something arrived sends it again. Beside the events lies the table `standing`, what they come to, for filters and counts.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from builder.review.fold import standings
from builder.review.standing_table import ABOUT, VERSION, rebuild, refresh, select
from builder.store import sync
from schemas.errors import InputError, WorkspaceError
from schemas.review import Event, Standing

FILE = "review.sqlite"
WAIT_SECONDS = 30  # for another process that is writing: a bulk action on 100,000 items takes seconds
CACHE_KIB = 32 * 1024  # at most, of the file's pages: with SQLite's 2 MiB a bulk action on 100,000 items takes twice the time
_PAGE = 1000
_INSERT = "INSERT INTO events (op, item, bulk, undoes, event) VALUES (?, ?, ?, ?, ?)"


class ReviewLog:
    """The events of a workspace; the file is made at the first append.

    Raises:
        WorkspaceError: the file cannot be used.
    """

    def __init__(self, workspace: Path) -> None:
        self.path = workspace / FILE
        self._locks = threading.Lock(), threading.Lock()
        self._connections: list[_Connection | None] = [None, None]  # to read and to write: a long write keeps no reader waiting

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        for place, lock in enumerate(self._locks):
            with lock:
                self._closed(place)

    def append(self, events: Sequence[Event], *, seen: Mapping[str, str] | None = None) -> list[Event]:
        """Store events, all or none, and return them as stored, with their seq; of an op that was there before, what was stored then.

        Args:
            events: in the order in which they are to be.
            seen: of ops the op that counts as their `base`, of events that come from another log; empty for none.

        Raises:
            InputError: an undo names what is not in the log; nothing is stored.
            WorkspaceError: they could not be stored.
        """
        if not events:
            return []
        with self._writing() as connection:
            return _store(connection, events, seen or {})

    def events(self, *, after: int = 0, item: str | None = None) -> Iterator[Event]:
        """Yield the events with a higher seq than `after`, oldest first; of one item with the undos that take its events back."""
        if item is not None:
            yield from (event for event in self._about([item]) if event.seq > after)
            return
        while page := self._selected(f"seq > ? ORDER BY seq LIMIT {_PAGE}", after):
            yield from page
            after = page[-1].seq

    def standings(self, items: Iterable[str]) -> dict[str, Standing]:
        """Return how items stand that somebody has said something about, by id."""
        return standings(self._about(list(items)))

    def last(self) -> int:
        """Return the seq of the newest event, 0 for none."""
        with self._reading() as connection:
            return connection.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()[0] if connection else 0

    def erase(self, items: Iterable[str], documents: Iterable[str]) -> int:
        """Take the texts out of the events about items or documents, and their bytes out of the file; return of how many events.

        Who decided what and when stays. It is for what must be forgotten and for nothing else.
        """
        if not self.path.exists():
            return 0
        there = "item IN (SELECT value FROM json_each(?)) OR json_extract(event, '$.document') IN (SELECT value FROM json_each(?))"
        with self._writing() as connection:
            found = select(connection, there, json.dumps(list(items)), json.dumps(list(documents)))
            erased = [(event, event.erased()) for event in found]
            changed = [(_row(new)[-1], new.seq) for old, new in erased if old != new]
            connection.executemany("UPDATE events SET event = ? WHERE seq = ?", changed)
            rebuild(connection)
        with self._used(1) as connection:
            connection.execute("VACUUM")  # what was overwritten must not be left on free pages
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(changed)

    def _about(self, items: list[str]) -> list[Event]:
        return self._selected(ABOUT, json.dumps(items))

    def _selected(self, where: str, value: object) -> list[Event]:
        with self._reading() as connection:
            return select(connection, where, value) if connection else []

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Lend the connection that reads, or None while there is no file."""
        if not self.path.exists():
            yield None
            return
        with self._used(0) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection that writes, in a transaction that is on disk at the end, or leaves no trace."""
        with self._used(1) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _used(self, place: int) -> Iterator[sqlite3.Connection]:
        with self._locks[place]:
            try:
                if (kept := self._connections[place]) is None or kept.inode != _inode(self.path):
                    self._closed(place)  # somebody deleted or replaced the file: what is stored must be in the one that is there
                    kept = self._connections[place] = _opened(self.path)
                yield kept.connection
            except (sqlite3.Error, OSError) as error:
                raise WorkspaceError(
                    f"{self.path}: decisions cannot be read or stored ({error}); free the disk, let others finish, or move the file away"
                ) from error

    def _closed(self, place: int) -> None:
        kept, self._connections[place] = self._connections[place], None
        if kept is not None:
            kept.connection.close()


@dataclass(frozen=True)
class _Connection:
    """A connection and the number of the file that it was opened to."""

    connection: sqlite3.Connection
    inode: int


def _inode(path: Path) -> int:
    """Return the number of a file, 0 for none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _opened(path: Path) -> _Connection:
    """Open or make the file so that a commit is on disk when it returns; bring it up to date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, timeout=WAIT_SECONDS, check_same_thread=False)
    try:
        if not path.stat().st_size:  # new
            path.chmod(0o600)
            sync(path.parent)
        _set_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return _Connection(connection, _inode(path))


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    version = _version(connection)
    if version > VERSION:
        raise WorkspaceError(f"{path}: was written by a newer kilopair; update kilopair")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) != VERSION:  # another process was not faster
        rebuild(connection)
    connection.execute("COMMIT")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once; while another process makes the same file, SQLite does not wait by itself."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _store(connection: sqlite3.Connection, events: Sequence[Event], seen: Mapping[str, str]) -> list[Event]:
    ops = [*(event.op for event in events), *seen.values()]
    there = select(connection, "op IN (SELECT value FROM json_each(?))", json.dumps(ops))
    stored = {event.op: event for event in there}
    fresh: list[Event] = []
    for event in events:
        if event.op in stored:
            continue
        if event.action == "undo" and not _is_there(connection, event.undoes):
            raise InputError(f"{event.undoes}: nothing to undo, as the log holds no event and no bulk action of this name")
        base = stored[seen[event.op]].seq if seen.get(event.op) in stored else 0
        based = event.model_copy(update={"base": base}) if event.op in seen else event
        seq = connection.execute(_INSERT, _row(based)).lastrowid
        stored[event.op] = based.model_copy(update={"seq": seq})
        fresh.append(stored[event.op])
    refresh(connection, fresh)
    return [stored[event.op] for event in events]


def _row(event: Event) -> tuple[str, str, str, str, str]:
    undoes = event.undoes if event.action == "undo" else ""
    return event.op, event.item, event.bulk, undoes, event.model_dump_json(exclude={"seq"}, exclude_defaults=True)


def _is_there(connection: sqlite3.Connection, name: str) -> bool:
    return bool(
        connection.execute("SELECT EXISTS (SELECT 1 FROM events WHERE op = ? OR (bulk != '' AND bulk = ?))", (name, name)).fetchone()[0]
    )
