"""The index of a review, opened: lists, counts and places of items, joined with how they stand in the log of decisions."""

import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from builder.review.filters import UNDECIDED, Filter, order_of
from builder.review.log import FILE
from builder.review.tally import Tally
from schemas.errors import WorkspaceError
from schemas.records import Chunk, Document, Draft, Pair

MOST_COUNTS = 200  # filters whose counts are remembered
_ROW = """i.id, i.task, i.question, i.answer, i.document, i.section, i.place AS "where", i.split, i.stage, i.reason,
    ifnull(s.state, 'undecided') AS state, i.score, i.doubt, i.cluster_size, i.kind, i.flags"""
_PLACE = 'n, id, key, document_id, document, kind, place AS "where"'
_JOINED = "items i LEFT JOIN heirs h ON h.id = i.id LEFT JOIN standing s ON s.item = ifnull(h.item, i.id)"
_STANDING = """standing s LEFT JOIN heirs h ON h.item = s.item LEFT JOIN heirs own ON own.id = s.item
    CROSS JOIN items i ON i.id = ifnull(h.id, s.item) AND own.id IS NULL"""  # an heir once: not by its own row as well
# What was said of items, of an heir also by the id that it has now, each with how its item stands.
_SAID = """standing said LEFT JOIN heirs h ON h.item = said.item CROSS JOIN items i ON i.id = ifnull(h.id, said.item)
    LEFT JOIN heirs own ON own.id = i.id CROSS JOIN standing s ON s.item = ifnull(own.item, i.id)"""
_NO_STANDING = "CREATE TEMP TABLE standing (item PRIMARY KEY, state, reason, seq, reviewers)"


class Found(NamedTuple):
    """A page of items: how many there are in all, and the rows of this page."""

    total: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """What the index knows of an item without reading it."""

    n: int
    id: str
    key: str
    document_id: str
    document: str
    kind: str
    where: str


class Index:
    """An index of items for many threads; it never writes, neither to its file nor to the log."""

    def __init__(self, path: Path, workspace: Path) -> None:
        self.path = path
        self._log = workspace / FILE
        self._lock = threading.Lock()
        self._base = sqlite3.connect(_uri(path, "ro"), uri=True, isolation_level=None, timeout=30, check_same_thread=False)
        self._base.row_factory = sqlite3.Row
        self._base.execute("CREATE TEMP TABLE inherited (id PRIMARY KEY, item)")
        self._base.execute("CREATE TEMP TABLE heirs (id PRIMARY KEY, item)")  # but for those that somebody decided on
        self._base.execute("CREATE INDEX temp.heirs_of ON heirs (item)")
        self._base.execute(_NO_STANDING)
        self._inode = 0
        self._heeded = 0  # the newest event that the heirs heed
        self._tally, self._counted_of = Tally(), 0
        self._totals: dict[Filter, int] = {}
        # kept open: a run that makes its stages anew may delete the files that this index was made of
        self._files = [os.open(workspace / name, os.O_RDONLY) for (name,) in self._base.execute("SELECT path FROM files ORDER BY n")]

    def close(self) -> None:
        """Close all files."""
        self._base.close()
        for file in self._files:
            os.close(file)

    def select(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query; `standing` in it is the table of the log."""
        with self._reading() as base:
            return base.execute(statement, values).fetchall()

    def items(self, asked: Filter, *, sort: str = "doubt", offset: int = 0, limit: int = 50) -> Found:
        """Return a page of the items that a filter lets through, in an order of `filters.SORTS`."""
        where, values = asked.condition()
        state, more = asked.of_state()
        query = f"SELECT {_ROW} FROM {_JOINED} WHERE {where} AND {state} ORDER BY {order_of(sort)} LIMIT ? OFFSET ?"  # noqa: S608 ours
        rows = [dict(row) | {"flags": row["flags"].split()} for row in self.select(query, [*values, *more, limit, offset])]
        return Found(self.count(asked), rows)

    def ids(self, asked: Filter) -> list[str]:
        """Return the ids of all items that a filter lets through, in the order of the documents."""
        where, values = asked.condition()
        state, more = asked.of_state()
        return [row[0] for row in self.select(f"SELECT i.id FROM {_JOINED} WHERE {where} AND {state} ORDER BY i.n", [*values, *more])]  # noqa: S608

    def count(self, asked: Filter) -> int:
        """Return how many items a filter lets through: counted over those that were decided, which are fewer than all."""
        if not asked.states and not asked.reviewer:
            return self._total(asked)
        others = asked.states and UNDECIDED in asked.states and not asked.reviewer
        if others:
            decided = self._decided(asked.lasting)
            return self._total(asked.lasting) - sum(n for state, n in decided.items() if state not in asked.states)
        where, values = asked.condition()
        state, more = asked.of_state()
        return self.select(f"SELECT count(*) FROM {_STANDING} WHERE {where} AND {state}", [*values, *more])[0][0]  # noqa: S608

    def states(self, asked: Filter) -> Counter[str]:
        """Return how many of the items that a filter lets through are in each state."""
        decided = self._decided(asked.lasting)
        return decided + Counter({UNDECIDED: self._total(asked.lasting) - decided.total()})

    def _decided(self, asked: Filter) -> Counter[str]:
        if asked == Filter(where=asked.where):
            self._catch_up()
            return self._tally.of(asked.places)
        where, values = asked.condition()
        query = f"SELECT s.state, count(*) FROM {_STANDING} WHERE s.state != '{UNDECIDED}' AND {where} GROUP BY 1"  # noqa: S608
        return Counter(dict(map(tuple, self.select(query, values))))

    def _catch_up(self) -> None:
        """Heed what is new in the log since the items were last counted."""
        with self._reading() as base:
            if self._inode != self._counted_of:
                self._tally, self._counted_of = Tally(), self._inode
            query = f"SELECT i.n, i.place, s.state, said.seq FROM {_SAID} WHERE said.seq > ? ORDER BY said.seq"  # noqa: S608 ours
            self._tally.heed(base.execute(query, [self._tally.seq]))

    def _total(self, asked: Filter) -> int:
        if asked not in self._totals:
            if len(self._totals) > MOST_COUNTS:
                self._totals.clear()
            where, values = asked.condition()
            self._totals[asked] = self.select(f"SELECT count(*) FROM items i WHERE {where}", values)[0][0]  # noqa: S608
        return self._totals[asked]

    def facets(self) -> dict[str, list[dict[str, Any]]]:
        """Return for each facet its names with their counts, the most frequent first; documents in their own order."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.select("SELECT facet, name, items FROM facets WHERE name != '' ORDER BY items DESC, name"):
            found.setdefault(row["facet"], []).append({"name": row["name"], "n": row["items"]})
        places = {row["path"]: row["n"] for row in self.select("SELECT path, n FROM documents")}
        found.get("documents", []).sort(key=lambda one: places.get(one["name"], len(places)))
        return found

    def places(self, ids: Iterable[str]) -> dict[str, Place]:
        """Return what the index knows of items, by id; unknown ids are left out."""
        query = f"SELECT {_PLACE} FROM items WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 ours
        return {row["id"]: Place(**row) for row in self.select(query, [json.dumps(list(ids))])}

    def item(self, item: str) -> Pair | Draft | None:
        """Return a pair or a draft as it stands in its file, None for an unknown id."""
        found = self.select("SELECT file, at, size, kind FROM items WHERE id = ?", [item])
        if not found:
            return None
        value = self._value(found[0])
        record = value.get("record", value)
        return Pair.model_validate(record) if found[0]["kind"] == "pair" else Draft.model_validate(record)

    def document(self, name: str) -> Document | None:
        """Return a document by its id."""
        found = self.select("SELECT file, at, size FROM documents WHERE id = ?", [name])
        return Document.model_validate(self._value(found[0])) if found else None

    def chunk(self, name: str) -> Chunk | None:
        """Return a chunk by its id."""
        found = self.select("SELECT file, at, size FROM chunks WHERE id = ?", [name])
        return Chunk.model_validate(self._value(found[0])) if found else None

    def changed(self, after: int, most: int) -> list[str]:
        """Return the items, by the ids that they have now, that newer events than `after` are about; at most so many, the oldest first."""
        query = f"SELECT i.id FROM {_SAID} WHERE said.seq > ? ORDER BY said.seq LIMIT ?"  # noqa: S608 ours
        return list(dict.fromkeys(row["id"] for row in self.select(query, [after, 2 * most])))[:most]  # an heir may be there twice

    def bulk(self, bulk: str) -> tuple[int, int]:
        """Return how many events of a bulk action the log holds, and the number of the first; zeros if none."""
        with self._reading() as base:
            query = "SELECT count(*), ifnull(min(seq), 0) FROM log.events WHERE bulk != '' AND bulk = ?"  # the index has that condition
            return tuple(base.execute(query, [bulk]).fetchone()) if self._inode else (0, 0)

    def inherit(self, heirs: Mapping[str, str]) -> None:
        """Let items stand as others do that are no longer there, by the ids of both, until somebody decides on them."""
        with self._reading() as base:
            base.executemany("INSERT OR REPLACE INTO inherited VALUES (?, ?)", heirs.items())
            self._all_inherit()

    def heirs(self, items: Iterable[str] | None = None) -> dict[str, str]:
        """Return the items that stand as others do, with these; of some items, or of all."""
        if items is None:
            return dict(map(tuple, self.select("SELECT id, item FROM heirs")))
        query = "SELECT id, item FROM heirs WHERE id IN (SELECT value FROM json_each(?))"
        return dict(map(tuple, self.select(query, [json.dumps(list(items))])))

    def _value(self, row: sqlite3.Row) -> dict[str, Any]:
        return json.loads(os.pread(self._files[row["file"]], row["size"], row["at"]))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection, joined with the log as soon as there is one."""
        with self._lock:
            self._join()
            yield self._base

    def _join(self) -> None:
        """Attach the log that is there now; somebody may make, delete or replace it at any time."""
        inode = self._log.stat().st_ino if self._log.exists() else 0
        if inode != self._inode:
            if self._inode:
                self._base.execute("DETACH log")
                self._base.execute(_NO_STANDING)
            self._inode = 0
            if inode and self._attached():
                self._base.execute("DROP TABLE temp.standing")
                self._inode = inode
                self._all_inherit()
        if (last := self._base.execute("SELECT ifnull(max(seq), 0) FROM standing").fetchone()[0]) > self._heeded:
            self._heed_own_words()
            self._heeded = last

    def _all_inherit(self) -> None:
        self._base.execute("DELETE FROM heirs")
        self._base.execute("INSERT INTO heirs SELECT * FROM inherited")
        self._heeded = 0

    def _heed_own_words(self) -> None:
        """Let own words count before inherited ones until they are undone; a note is none."""
        new = "id IN (SELECT item FROM standing WHERE seq > ? AND state"
        self._base.execute(f"DELETE FROM heirs WHERE {new} != '{UNDECIDED}')", [self._heeded])  # noqa: S608 ours
        self._base.execute(f"INSERT OR IGNORE INTO heirs SELECT * FROM inherited WHERE {new} = '{UNDECIDED}')", [self._heeded])  # noqa: S608

    def _attached(self) -> bool:
        """Attach the log unless another process is about to make its tables; return whether it is there.

        Raises:
            WorkspaceError: the file is no log.
        """
        try:
            self._base.execute("ATTACH ? AS log", [_uri(self._log, "rw")])
        except sqlite3.Error as error:
            raise WorkspaceError(f"{self._log}: decisions cannot be read ({error}); move the file away") from error
        if self._base.execute("SELECT 1 FROM log.sqlite_master WHERE name = 'standing'").fetchone():
            return True
        self._base.execute("DETACH log")
        return False


def _uri(path: Path, mode: str) -> str:
    """Return the address by which SQLite opens a file; the name of a folder may hold what means something in an address, as # and ?."""
    return f"{path.absolute().as_uri()}?mode={mode}"
