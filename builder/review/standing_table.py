"""The tables of the log: the events, and how each item stands, kept up to date in the transaction that stores an event.

Other readers of the file may join `standing` to lists of items: state and reason as in `schemas.review.Standing`, `seq` of the
newest event, `reviewers` as a JSON list of the names of those whose words count. It is derived: `rebuild` makes it anew.
"""

import json
import sqlite3
from collections.abc import Sequence

from builder.review.fold import Folded, folded
from schemas.review import Event

VERSION = 1  # of the tables and of the fold: another one makes `standing` anew
_TABLES = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, op TEXT NOT NULL UNIQUE, item TEXT NOT NULL, bulk TEXT NOT NULL, undoes TEXT NOT NULL,
    event TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_item ON events (item);
CREATE INDEX IF NOT EXISTS events_of_bulk ON events (bulk) WHERE bulk != '';
CREATE INDEX IF NOT EXISTS events_undoing ON events (undoes) WHERE undoes != '';
DROP TABLE IF EXISTS standing;
CREATE TABLE standing (
    item TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, seq INTEGER NOT NULL, reviewers TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX standing_by_seq ON standing (seq);
CREATE INDEX standing_by_state ON standing (state);
"""
# Everything said about the items of a JSON list, with the undos of it, the undos of those, and so on.
ABOUT = """seq IN (
    WITH RECURSIVE about (seq, op, bulk) AS (
        SELECT seq, op, bulk FROM events WHERE item IN (SELECT value FROM json_each(?)) AND undoes = ''
        UNION
        SELECT undo.seq, undo.op, undo.bulk FROM about JOIN events AS undo
            ON undo.undoes != '' AND undo.undoes IN (about.op, nullif(about.bulk, ''))
    )
    SELECT seq FROM about
) ORDER BY seq"""
# The items of what the ops or bulks of a JSON list stand for: of an undo, those of what it takes back.
_ITEMS = """
WITH RECURSIVE meant (seq, item, undoes) AS (
    SELECT seq, item, undoes FROM events WHERE op IN (SELECT value FROM json_each(?1))
    UNION
    SELECT seq, item, undoes FROM events WHERE bulk != '' AND bulk IN (SELECT value FROM json_each(?1))
    UNION
    SELECT one.seq, one.item, one.undoes FROM meant JOIN events AS one
        ON meant.undoes != '' AND (one.op = meant.undoes OR (one.bulk != '' AND one.bulk = meant.undoes))
)
SELECT DISTINCT item FROM meant WHERE undoes = ''
"""
_PUT = "INSERT OR REPLACE INTO standing (item, state, reason, seq, reviewers) VALUES (?, ?, ?, ?, ?)"


def select(connection: sqlite3.Connection, where: str, *values: object) -> list[Event]:
    """Return the events of a condition, with their seq."""
    rows = connection.execute(f"SELECT seq, event FROM events WHERE {where}", values)  # noqa: S608 - our own conditions
    return [Event.model_validate_json(f'{raw[:-1]},"seq":{seq}}}') for seq, raw in rows]


def refresh(connection: sqlite3.Connection, events: Sequence[Event]) -> None:
    """Bring up to date how the items stand that stored events are about; they are the newest of the log."""
    items = {event.item for event in events if event.action != "undo"}
    if undone := [event.undoes for event in events if event.action == "undo"]:
        items |= {item for (item,) in connection.execute(_ITEMS, (json.dumps(undone),))}
    first = min((event.seq for event in events), default=0)
    earlier = select(connection, f"seq < {first} AND {ABOUT}", json.dumps(list(items)))
    connection.executemany(_PUT, map(_row, folded([*earlier, *events])))


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the tables that are missing, and how every item stands anew, in the transaction that is open."""
    for statement in filter(str.strip, _TABLES.split(";")):  # executescript would end the transaction
        connection.execute(statement)
    connection.executemany(_PUT, map(_row, folded(select(connection, "TRUE"))))
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _row(one: Folded) -> tuple[str, str, str, int, str]:
    names = [word.reviewer for word in one.words]
    return one.item, one.state, one.reason, one.seq, json.dumps(names, ensure_ascii=False)
