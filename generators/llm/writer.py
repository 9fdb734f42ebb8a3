"""The thread that writes the journal: many statements to one synced commit."""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.errors import WorkspaceError

GATHER_SECONDS = 0.002  # a call takes seconds: waiting a moment for others costs nobody anything and saves most of the commits
MOST_TOGETHER = 256  # of a commit

Statement = tuple[str, Sequence[Any]]


class Writer(threading.Thread):
    """Writes in its own thread: whatever comes within a moment goes into one synced commit."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="kilopair-journal", daemon=True)
        self._path = path
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._broken: WorkspaceError | None = None
        self.start()

    def add(self, statements: Sequence[Statement], told: "Told | None" = None) -> None:
        """Queue statements; who waits is told when they are on disk."""
        if self._broken is not None:
            raise WorkspaceError(str(self._broken))
        self._waiting.put((statements, told))

    def commit(self, statements: Sequence[Statement]) -> None:
        """Queue statements and wait until they are on disk."""
        done: Future[None] = Future()
        self.add(statements, done)
        done.result()

    async def commit_async(self, statements: Sequence[Statement]) -> None:
        """Queue statements and wait until they are on disk, while other tasks go on."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.add(statements, done)
        await done

    def close(self) -> None:
        """Write what is waiting and end."""
        self._waiting.put(None)
        self.join()

    def run(self) -> None:
        """Commit group after group."""
        connection = connect(self._path)
        try:
            while (group := self._group()) is not None:
                problem = self._write(connection, group)
                _tell([told for _, told in group if told is not None], problem)
        finally:
            connection.close()

    def _group(self) -> "list[_Work] | None":
        first = self._waiting.get()
        if first is None:
            return None
        group = [first]
        time.sleep(GATHER_SECONDS)
        while not self._waiting.empty() and len(group) < MOST_TOGETHER:
            if (more := self._waiting.get()) is None:
                self._waiting.put(None)
                break
            group.append(more)
        return group

    def _write(self, connection: sqlite3.Connection, group: "list[_Work]") -> WorkspaceError | None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statements, _ in group:
                for statement, row in statements:
                    connection.execute(statement, row)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a dead writer would leave everybody waiting for ever
            self._broken = broken(self._path, error)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return self._broken
        return None


Told = asyncio.Future[None] | Future[None]
_Work = tuple[Sequence[Statement], Told | None]


def _tell(waiting: list[Told], problem: WorkspaceError | None) -> None:
    """End the futures of those who wait; each event loop is woken once, however many of its tasks wait."""
    loops = {told.get_loop() for told in waiting if isinstance(told, asyncio.Future)}
    for loop in loops:
        with suppress(RuntimeError):  # it has ended, and with it those who waited
            loop.call_soon_threadsafe(
                _end, [told for told in waiting if isinstance(told, asyncio.Future) and told.get_loop() is loop], problem
            )
    _end([told for told in waiting if isinstance(told, Future)], problem)


def _end(waiting: Sequence[Told], problem: WorkspaceError | None) -> None:
    for told in waiting:
        if told.done():  # cancelled meanwhile; what was queued is written all the same
            continue
        if problem is None:
            told.set_result(None)
        else:
            told.set_exception(WorkspaceError(str(problem)))


def connect(path: Path) -> sqlite3.Connection:
    """Open the file so that a commit is on disk when it returns."""
    # The event loop runs in its own thread; only one thread at a time uses a connection.
    connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def broken(path: Path, error: Exception) -> WorkspaceError:
    """Return the error for a file that cannot be used."""
    return WorkspaceError(f"{path}: the journal cannot be used ({error}); free the disk, or move the file away")
