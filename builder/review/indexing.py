"""The index of a review: one SQLite file with a row for each item, so that 100,000 pairs are filtered and searched at once.

It is made in one pass over the files of the run and holds only what lists need; the texts stay where they are, and are read by their
place. It is a cache: named by what it was made of, under `cache/review` of the workspace, and made again when that has changed.
"""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from builder.review.clusters import clusters, copies_of
from builder.review.doubt import CONFLICT, LENGTH, usual, with_sign
from builder.review.rows import COLUMNS, left_of, lines, row, whole_text
from builder.review.sources import Sources
from builder.store import read_json, sync
from schemas.errors import WorkspaceError

Progress = Callable[[int, int, dict[str, float]], None]
FOLDER = Path("cache") / "review"
BATCH = 2000
MAKING = ".making-"
ABANDONED_SECONDS = 3600  # without a byte written to it, after which nobody is making an index any more
_SCHEMA = f"""
CREATE TABLE items (n INTEGER PRIMARY KEY, {", ".join(COLUMNS)}, document, section, cluster, cluster_size DEFAULT 1);
CREATE UNIQUE INDEX item_ids ON items (id);
CREATE VIRTUAL TABLE texts USING fts5 (text, content='', tokenize='unicode61 remove_diacritics 2');
CREATE TABLE copies (one, other, relation);
CREATE TABLE documents (id PRIMARY KEY, n, path, title, file, at, size);
CREATE TABLE chunks (id PRIMARY KEY, n, document_id, start, stop, section, file, at, size);
CREATE TABLE files (n INTEGER PRIMARY KEY, path);
CREATE TABLE facets (facet, name, items);
CREATE TABLE limits (task PRIMARY KEY, least, most);
CREATE TABLE suspects (id PRIMARY KEY, reason);
"""
_LATER = """
CREATE INDEX items_by_doubt ON items (place, doubt DESC);
CREATE INDEX all_by_doubt ON items (doubt DESC);
CREATE INDEX items_by_document ON items (document);
CREATE INDEX items_by_chunk ON items (chunk);
CREATE INDEX items_by_fact ON items (grp);
CREATE INDEX items_by_key ON items (key);
CREATE INDEX items_by_cluster ON items (cluster) WHERE cluster_size > 1;
CREATE INDEX copies_by_other ON copies (other);
CREATE INDEX copies_by_one ON copies (one);
CREATE INDEX chunks_by_document ON chunks (document_id, start);
ANALYZE;
"""
_FACETS = {
    "tasks": "task", "documents": "document", "reasons": "reason", "wheres": "place", "splits": "split", "families": "family",
}  # fmt: skip
_SPLIT_LETTERS = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


def made_index(sources: Sources, progress: Progress = lambda *_: None) -> Path:
    """Return the index of these sources, made unless it exists; older ones are deleted.

    Raises:
        WorkspaceError: it cannot be written.
    """
    path = sources.workspace / FOLDER / f"{sources.key}.sqlite"
    try:
        if not path.exists():
            _make(path, sources, progress)
    except (OSError, sqlite3.Error) as error:
        raise WorkspaceError(f"{path}: the index of the review cannot be made ({error}); free the disk, or allow to write there") from None
    for other in path.parent.glob("*.sqlite"):
        with suppress(OSError):  # another review may be deleting it as well; who has it open keeps it
            if other != path and (not other.name.startswith(MAKING) or time.time() - other.stat().st_mtime > ABANDONED_SECONDS):
                other.unlink()
    return path


def _make(path: Path, sources: Sources, progress: Progress) -> None:
    """Make an index under another name, so that one that is there is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f"{MAKING}{os.getpid()}.sqlite")
    making.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(making, isolation_level=None)) as base:
            base.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
            base.execute("BEGIN")
            _Making(base, sources, progress).make()
            base.execute("COMMIT")
        sync(making)
        making.replace(path)
    finally:
        making.unlink(missing_ok=True)


def spaced(text: str) -> str:
    """Return a text with the letters apart of those scripts that put no space between words, so that each is found."""
    return _SPLIT_LETTERS.sub(r" \1 ", text)


class _Making:
    """An index while it is made."""

    def __init__(self, base: sqlite3.Connection, sources: Sources, progress: Progress) -> None:
        self._base = base
        self._sources = sources
        self._progress = progress
        self._files: list[Path] = []
        self._sections: dict[str, str] = {}
        self._paths: dict[str, str] = {}

    def make(self) -> None:
        for statement in filter(str.strip, _SCHEMA.split(";")):
            self._base.execute(statement)
        self._documents()
        self._chunks()
        self._suspects()
        self._items()
        self._lengths()
        self._clusters()
        self._base.executemany(
            "INSERT INTO files VALUES (?, ?)", enumerate(os.path.relpath(path, self._sources.workspace) for path in self._files)
        )
        for facet, column in _FACETS.items():
            self._base.execute(f"INSERT INTO facets SELECT ?, {column}, count(*) FROM items GROUP BY {column}", [facet])  # noqa: S608 ours
        for statement in filter(str.strip, _LATER.split(";")):
            self._base.execute(statement)

    def _documents(self) -> None:
        path = self._sources.documents
        file = self._file(path)
        found = ((value["id"], n, value["path"], value["title"], file, at, size) for n, (at, size, value) in enumerate(lines(path)))
        for one in found:
            self._paths[one[0]] = one[2]
            self._base.execute("INSERT OR IGNORE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?)", one)

    def _chunks(self) -> None:
        path = self._sources.chunks
        file = self._file(path)
        for n, (at, size, value) in enumerate(lines(path)):
            section = " › ".join(value["heading_path"])
            self._sections[value["id"]] = section
            one = (value["id"], n, value["document_id"], value["start"], value["end"], section, file, at, size)
            self._base.execute("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", one)

    def _suspects(self) -> None:
        path = self._sources.diagnosis
        found = read_json(path)["suspects"] if path else []
        self._base.executemany("INSERT OR REPLACE INTO suspects VALUES (?, ?)", [(one["pair_id"], one["reason"]) for one in found])

    def _items(self) -> None:
        files = [*((path, True) for path in self._sources.pairs), *((path, False) for path in self._sources.quarantines)]
        total, done = sum(path.stat().st_size for path, _ in files), 0
        for path, _ in files:
            found = self._of_file(path)
            while batch := list(islice(found, BATCH)):
                self._add(batch)
                self._progress(done + batch[-1][0][-2], total, {})
            done += path.stat().st_size

    def _of_file(self, path: Path) -> Iterator[tuple[tuple[Any, ...], str, list[tuple[str, str, str]]]]:
        """Yield the row of each item of a file, its whole text, and what it is a copy of."""
        suspects = dict(self._base.execute("SELECT id, reason FROM suspects"))
        file = self._file(path)
        for at, size, value in lines(path):
            if found := left_of(value, chosen=self._sources.is_chosen):
                record, left = found
                values = row(record, left, suspect=suspects.get(record["id"], ""))
                copies = list(copies_of(record, stage=left.stage, reason=left.reason, detail=left.detail))
                yield (*values, file, at, size), whole_text(record), copies

    def _add(self, batch: Iterable[tuple[tuple[Any, ...], str, list[tuple[str, str, str]]]]) -> None:
        marks = ", ".join("?" * (len(COLUMNS) + 3))
        insert = f"INSERT OR IGNORE INTO items ({', '.join(COLUMNS)}, document, section, cluster) VALUES ({marks})"  # noqa: S608 ours
        for values, text, copies in batch:
            made_of = values[COLUMNS.index("document_id")], values[COLUMNS.index("chunk")]
            more = (self._paths.get(made_of[0], ""), self._sections.get(made_of[1], ""), values[0])
            # a copy word for word has the id of its twin: the one that went on comes first and stays
            added = self._base.execute(insert, [*values, *more])
            if added.rowcount > 0:
                self._base.execute("INSERT INTO texts (rowid, text) VALUES (?, ?)", [added.lastrowid, spaced(text)])
            self._base.executemany("INSERT INTO copies VALUES (?, ?, ?)", copies)

    def _lengths(self) -> None:
        """Doubt the answers that are much shorter or longer than others of their task."""
        tasks = [task for (task,) in self._base.execute("SELECT DISTINCT task FROM items")]
        for task in tasks:
            limits = usual([words for (words,) in self._base.execute("SELECT words FROM items WHERE task = ?", [task])])
            if limits:
                self._base.execute("INSERT INTO limits VALUES (?, ?, ?)", [task, *limits])
                self._doubt_more(LENGTH, "task = ? AND (words < ? OR words > ?)", task, *limits)

    def _clusters(self) -> None:
        """Name the clusters of copies, and doubt what another item contradicts."""
        known = "SELECT one, other, relation FROM copies WHERE other IN (SELECT id FROM items)"
        for cluster in clusters(self._base.execute(known).fetchall()):
            self._base.executemany(
                "UPDATE items SET cluster = ?, cluster_size = ? WHERE id = ?", [(cluster[0], len(cluster), name) for name in cluster]
            )
        self._doubt_more(CONFLICT, "id IN (SELECT other FROM copies WHERE relation = 'conflict')")

    def _doubt_more(self, weight: float, where: str, *values: object) -> None:
        self._base.create_function("with_sign", 2, with_sign, deterministic=True)
        self._base.execute(f"UPDATE items SET doubt = with_sign(doubt, ?) WHERE {where}", [weight, *values])  # noqa: S608 ours

    def _file(self, path: Path) -> int:
        if path not in self._files:
            self._files.append(path)
        return self._files.index(path)
