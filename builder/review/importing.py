"""Decisions that were made elsewhere into the log: each once, however often its file comes, and none lost.

What cannot be stored waits in a file beside the one that was read, line by line with its reason: a damaged line, or a pair that
is not there (once it is, import the file again). What was said here since stays as it is: the log tells old words from new ones.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from builder.review.decide import Deciding
from builder.review.decision_file import Line, read_lines
from builder.review.event_lines import flat
from builder.review.index import Index
from builder.review.log import ReviewLog
from builder.store import write_text
from schemas.errors import UsageError
from schemas.records import Pair, content_id
from schemas.review import Event, Texts

SHEET = "sheet"  # how the op of a row of a sheet begins
NO_REASON = "rejected on a sheet, which asks for no reason"


class Reviewable(NamedTuple):
    """What an event is told about its item: the `said_key`, and the id of the document."""

    key: str
    document: str


@dataclass(frozen=True)
class Here:
    """What can be reviewed in this workspace, by id, and a check of texts for an item: what is wrong with them, or nothing."""

    items: Mapping[str, Reviewable]
    problem: Callable[[str, Texts], str]

    @classmethod
    def of(cls, index: Index, deciding: Deciding) -> "Here":
        """Take everything that an index lists, the chosen pairs first, and what was decided on before the pairs were made anew."""
        rows = index.select("SELECT id, key, document_id FROM items ORDER BY n")
        items = {row["id"]: Reviewable(row["key"], row["document_id"]) for row in rows}
        heirs = index.heirs()
        now = {said: item for item, said in heirs.items()}
        earlier = {heirs[item]: items[item]._replace(key=old.key) for item, old in deciding.standings(heirs).items()}

        def problem(item: str, texts: Texts) -> str:
            found = deciding.check(now.get(item, item), texts)
            return "" if isinstance(found, Pair) else f"{found[0].field}: {found[0].message}"

        return cls(items | earlier, problem)


@dataclass(frozen=True)
class Left:
    """A line that was not stored, and why."""

    line: int
    problem: str
    text: str


@dataclass(frozen=True)
class Imported:
    """What became of the lines of a file: stored (`moved`: on the pair that now says the same), known before, or left."""

    file: Path
    stored: int
    known: int
    moved: int
    reviewers: tuple[str, ...]
    left: tuple[Left, ...]
    left_in: Path | None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return asdict(self) | {"file": str(self.file), "left_in": str(self.left_in) if self.left_in else None}

    def lines(self, *, most: int = 10) -> Iterator[str]:
        """Yield what a person is told; at most `most` of the lines that were left."""
        by = f" by {', '.join(map(flat, self.reviewers))}" if self.reviewers else ""
        moved = f", {self.moved:,} of them on the pair that now says the same" if self.moved else ""
        known = f"; {self.known:,} known already" if self.known else ""
        yield f"{self.file}: {self.stored:,} events stored{by}{moved}{known}"
        yield from (f"{self.file}:{left.line}: {flat(left.problem)}" for left in self.left[:most])
        if self.left:
            yield f"not stored: {len(self.left):,} lines, all in {self.left_in} with the reasons"


def import_decisions(path: Path, log: ReviewLog, here: Here, *, reviewer: str) -> Imported:
    """Store the decisions of a file in one go and return what became of each line.

    Args:
        path: events as JSON lines, or a sheet of `kilopair calibrate`, whose rows count as words of `reviewer`.
        log: where they go.
        here: what can be reviewed.
        reviewer: who filled in the sheet; events name theirs.

    Raises:
        UsageError: the file is no list of decisions, or what is left out cannot be written beside it.
    """
    lines = _last_rows(read_lines(path))
    known, stored, left, moved = _Known.of(log, here), [], [], 0
    for line in lines:
        taken = _taken(line, known, reviewer)
        if isinstance(taken, Event):
            known.add(taken)
            stored.append(taken)
            moved += taken.item != (line.event or taken).item
        elif taken:
            left.append(Left(line.number, taken, line.text))
    left_in = _write(path, left) if left else None  # before the log: nothing is stored whose rest could not be told
    log.append(stored, seen=_seen(lines, stored, log))
    names = tuple(sorted({event.reviewer for event in stored}))
    return Imported(path, len(stored), len(lines) - len(stored) - len(left), moved, names, tuple(left), left_in)


def _last_rows(lines: Iterable[Line]) -> list[Line]:
    """Return the lines; of the rows of a sheet about one pair the last alone, which counts."""
    listed = list(lines)
    last = {line.said[0]: line.number for line in listed if line.said}
    return [line for line in listed if line.said is None or last[line.said[0]] == line.number]


def _seen(lines: Iterable[Line], stored: Sequence[Event], log: ReviewLog) -> dict[str, str]:
    """Return for each event of another log the op of the newest one that its reviewer had seen there.

    None where the item has words here that are not in the file: no number tells those that were seen from these, so times decide.
    """
    foreign = sorted((line.seq, line.event.op) for line in lines if line.event and line.seq)
    ops, places = {op for _, op in foreign}, [seq for seq, _ in foreign]
    unseen = {event.item for event in log.events() if event.op not in ops} if foreign else set()
    before = {event.op: bisect_right(places, event.base) if event.item not in unseen else 0 for event in stored if event.op in ops}
    return {op: foreign[at - 1][1] if at else "" for op, at in before.items()}


@dataclass
class _Known:
    """What the log and the file so far hold, and what can be reviewed."""

    where: Here
    by_key: Mapping[str, str]
    ops: set[str]
    sheets: dict[tuple[str, str], Event]

    @classmethod
    def of(cls, log: ReviewLog, here: Here) -> "_Known":
        known = cls(here, {item.key: name for name, item in reversed(list(here.items.items()))}, set(), {})
        for event in log.events():
            known.add(event)
        return known

    def add(self, event: Event) -> None:
        self.ops |= {event.op, event.bulk} - {""}
        if event.op.startswith(f"{SHEET}-"):
            self.sheets[event.reviewer, event.item] = event

    def here(self, event: Event) -> Event | None:
        """Return the event on the item of this workspace that it is about; None without one."""
        item = event.item if event.item in self.where.items else self.by_key.get(event.key, "")
        if not item:
            return None
        return event.model_copy(update={"item": item, **self.where.items[item]._asdict()})


def _taken(line: Line, known: _Known, reviewer: str) -> Event | str:
    """Return the event to store, or why the line cannot be stored; an empty text where it is stored already."""
    event = line.event or (_of_row(*line.said, known, reviewer) if line.said else None)
    if event is None:
        return line.problem
    if event.op in known.ops:
        return ""
    found = known.here(event)
    if event.action == "undo":
        return (found or event) if event.undoes in known.ops else f"takes back {event.undoes}, which is not stored"
    if found is None:
        return f"{event.item} is not in this workspace, nor a pair that says the same; when it is, import the file again"
    return (known.where.problem(found.item, found.after) if found.after else "") or found


def _of_row(pair: str, accepted: bool, known: _Known, reviewer: str) -> Event:
    """Return the event of a row: the one that is stored already unless the last sheet of this reviewer said something else."""
    last = known.sheets.get((reviewer, pair))
    action: Literal["accept", "reject"] = "accept" if accepted else "reject"
    if last and last.action == action:
        return last
    reason, note = ("", "") if accepted else ("wrong", NO_REASON)
    op = content_id(SHEET, reviewer, pair, action, last.op if last else "")
    return Event(op=op, item=pair, reviewer=reviewer, action=action, reason=reason, note=note, at=datetime.now(UTC))


def _write(path: Path, left: list[Left]) -> Path:
    target = path.with_name(f"{path.stem if path.suffix == '.jsonl' else path.name}.rejected.jsonl")  # a.csv may lie beside a.jsonl
    try:
        write_text(target, "".join(json.dumps(asdict(one)) + "\n" for one in left))
    except OSError as error:
        raise UsageError(f"{target}: cannot be written ({error.strerror}); move {path.name} to a folder of your own") from None
    return target
