"""What can be read of a damaged journal is kept: a power cut must not cost the answers that were paid for before it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

_GAP = 2000  # row numbers in a row that cannot be read: there is nothing after them


def is_sound(path: Path) -> bool:
    """Tell whether SQLite finds the file whole; an empty one is."""
    if not path.stat().st_size:
        return True
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def rescue(path: Path, tables: str, version: int) -> int:
    """Put the damaged file aside as `NAME.damaged-1`, and what can be read of it into a new one; return the rows saved.

    Raises:
        OSError, sqlite3.Error: the new file cannot be written.
    """
    damaged = _put_aside(path)
    path.touch(0o600)
    new = sqlite3.connect(path)
    new.executescript(tables)
    new.execute(f"PRAGMA user_version = {version}")
    rows = sum(_copy(damaged, new, table) for table in ("texts", "requests", "notes"))
    new.commit()
    new.close()
    return rows


def _put_aside(path: Path) -> Path:
    number = 1
    while (damaged := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(damaged.with_name(damaged.name + suffix))
    return damaged


def _copy(damaged: Path, new: sqlite3.Connection, table: str) -> int:
    names = [column[1] for column in new.execute(f"PRAGMA table_info({table})")]
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our own names
    return sum(new.execute(insert, row).rowcount for row in _rows(damaged, table, names))


def _rows(damaged: Path, table: str, names: list[str]) -> Iterator[tuple[object, ...]]:
    """Read row by row, so that a bad page costs its own rows only."""
    old = sqlite3.connect(damaged)
    old.execute("PRAGMA writable_schema = ON")  # else SQLite refuses a file that lost its end as a whole
    query = f"SELECT {', '.join(names)} FROM {table} WHERE rowid = ?"  # noqa: S608 - our own names
    number, missed = 0, 0
    while missed < _GAP:
        number += 1
        try:
            row = old.execute(query, (number,)).fetchone()
        except sqlite3.DatabaseError:
            row = None
        missed = 0 if row else missed + 1
        if row:
            yield row
    old.close()
