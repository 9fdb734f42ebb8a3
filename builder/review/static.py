"""Pages for reviewers who have no kilopair: one HTML file for each, which keeps decisions and saves them as a file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.review.filters import Filter
from builder.review.index import Index
from builder.review.log import ReviewLog
from builder.review.opened import opened_review
from builder.review.static_page import page
from builder.review.static_records import records_of
from builder.review.static_shares import Dealt, divided
from builder.store import write_text
from generators.judge.rubrics import Rubric
from schemas.errors import InputError, UsageError
from schemas.records import content_id

SIGN = b'name="kilopair-space"'
MOST = 1000  # items of a file, unless more are asked for: a browser holds them well, and a person reviews them in a sitting


@dataclass(frozen=True)
class Wanted:
    """Which items, and for whom: without names for anybody; `most` takes the most doubtful ones, None all up to `MOST`.

    `rubric` is the one by which pairs were judged, None the shipped one.
    """

    names: tuple[str, ...] = ()
    overlap: float = 0.1
    state: str | None = None
    most: int | None = None
    rubric: Rubric | None = None


@dataclass(frozen=True)
class Written:
    """A page that was written."""

    file: Path
    reviewer: str
    items: int
    bytes: int

    def line(self) -> str:
        """Say it to a person."""
        whose = f" for {self.reviewer}" if self.reviewer else ""
        size = f"{self.bytes / 1e6:.1f} MB"
        return f"wrote {self.items:,} pairs{whose} to {self.file} ({size}); kilopair review --import takes in the decisions made there"

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"file": str(self.file), "reviewer": self.reviewer, "items": self.items, "bytes": self.bytes}


def export_static(workspace: Path, path: Path, wanted: Wanted) -> list[Written]:
    """Write a page of the chosen pairs, or of all valid ones while none are chosen; with names, one for each of them.

    Raises:
        WorkspaceError: there are no pairs yet.
        UsageError: there are too many for a file, the names cannot be told apart, or the file cannot be written.
        InputError: no pair is in the state that was asked for.
    """
    files = _files(path, wanted.names)
    with opened_review(workspace) as (index, log):
        items = _items(index, wanted)
        shares = divided(items, wanted.names or ("",), wanted.overlap if wanted.names else 0)
        _refuse_many(max(map(len, shares.values())), wanted)
        return [_written(index, log, shares[name], files[name], wanted.rubric) for name in shares]


def _items(index: Index, wanted: Wanted) -> list[Dealt]:
    groups = {row["id"]: row["grp"] for row in index.select("SELECT id, grp FROM items WHERE place IN ('chosen', 'valid')")}
    found = index.items(Filter(where="chosen,valid", state=wanted.state or ""), sort="doubt", limit=wanted.most or -1).rows
    if not found:
        raise InputError(f"no pair is {wanted.state or 'there'}; kilopair review --status says how pairs stand")
    return [Dealt(row["id"], groups[row["id"]]) for row in found]


def _refuse_many(largest: int, wanted: Wanted) -> None:
    if wanted.most is None and largest > MOST:
        raise UsageError(
            f"{largest:,} pairs for one file, which holds {MOST:,}: name more reviewers with --assign, take one state with --filter, "
            f"or the most doubtful ones with --most"
        )


def _files(path: Path, names: Sequence[str]) -> dict[str, tuple[Path, str]]:
    """Return for each name its file, which bears it, and the name; for nobody the file itself."""
    if not names:
        return {"": (path, "")}
    named = {name: path.with_name(f"{path.stem}-{_plain(name)}{path.suffix}") for name in names}
    if len({str(file).casefold() for file in named.values()}) < len(names):
        raise UsageError(f"{', '.join(names)}: two of these names make the same file name; let them differ in letters or digits")
    return {name: (file, name) for name, file in named.items()}


def _spare(file: Path) -> None:
    """Refuse to overwrite anything but a page like this."""
    if not file.is_file():
        return
    with file.open("rb") as there:
        if SIGN not in there.read(20_000):
            raise UsageError(f"{file}: exists and is no page that kilopair wrote; name another file")


def _plain(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-")


def _written(index: Index, log: ReviewLog, ids: Sequence[str], to: tuple[Path, str], rubric: Rubric | None) -> Written:
    file, reviewer = to
    records = records_of(index, log, ids, reviewer=reviewer, rubric=rubric)
    space = content_id("s", sorted(ids), reviewer, records["last"])
    text = page(records, title=f"Review for {reviewer}" if reviewer else "Review", space=space)
    try:
        _spare(file)
        write_text(file, text)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}); name another file") from None
    return Written(file, reviewer, len(ids), len(text.encode()))
