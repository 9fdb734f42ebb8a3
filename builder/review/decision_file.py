"""A file of decisions line by line: what a single-file page saves, what `--export` writes, or a filled-in sheet of `kilopair calibrate`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from builder.decisions import DECISIONS, IDS, SAID, csv_rows
from builder.readers.content import Refused
from builder.readers.decode import decode
from schemas.checks import explain
from schemas.errors import UsageError
from schemas.review import Event

_LIKE = "give the file that a review page saved, one of kilopair review --export, or a filled-in sheet of kilopair calibrate"


@dataclass(frozen=True)
class Line:
    """One line of a file: an event, or a pair's id and whether it was accepted, or else `problem` says why it is neither.

    `seq` is the event's place in the log that the file was exported from, which its `base` is about; 0 of a file of a page.
    """

    number: int
    text: str
    event: Event | None = None
    said: tuple[str, bool] | None = None
    problem: str = ""
    seq: int = 0


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines that say something; blank ones and rows that nobody has decided on are left out.

    Raises:
        UsageError: the file cannot be read or is no list of decisions at all.
    """
    text = _text(path)
    if not text.strip():
        raise UsageError(f"{path}: is empty; {_LIKE}")
    is_json = not _names_columns(text) and any(line.lstrip().startswith("{") for line in text.split("\n"))
    yield from _of_json(text) if is_json else _of_sheet(path, text)


def _text(path: Path) -> str:
    """Return the text as it was written; what is no UTF-8 is guessed, which also mends letters, so nothing else is."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); {_LIKE}") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        decoded = decode(raw)
    if isinstance(decoded, Refused):
        raise UsageError(f"{path}: cannot be read ({decoded.detail}); {_LIKE}")
    return decoded[0].removeprefix("\ufeff")


def _names_columns(text: str) -> bool:
    """Tell whether the first line is the header of a sheet, whose cells may hold lines that look like JSON."""
    cells = {cell.strip().strip('"').lower() for cell in re.split("[,;\t]", text.partition("\n")[0])}
    return not cells.isdisjoint(IDS) and not cells.isdisjoint(DECISIONS)


def _of_json(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines would also split at U+2028, which JSON may hold
        if line.strip() and (found := _json_line(number, line.strip())):
            yield found


def _json_line(number: int, text: str) -> Line | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return Line(number, text, problem="not valid JSON, or cut off")
    if not isinstance(row, dict):
        return Line(number, text, problem="no decision: not an object in braces")
    if "op" in row or "action" in row:
        return _event(number, text)
    pair = next((row[name] for name in IDS if name in row), None)
    if not isinstance(pair, str):
        return Line(number, text, problem="no decision: neither an event nor the id of a pair")
    said = next((row[name] for name in DECISIONS if row.get(name) is not None), "")
    return _said(number, text, pair, str(said).strip())


def _event(number: int, text: str) -> Line:
    try:
        event = Event.model_validate_json(text)
    except ValidationError as error:
        return Line(number, text, problem=explain(error))
    # a clock that is ahead must not make a word outlast all that follow
    return Line(number, text, event=event.model_copy(update={"seq": 0, "at": min(event.at, datetime.now(UTC))}), seq=event.seq)


def _of_sheet(path: Path, text: str) -> Iterator[Line]:
    for number, pair, said in csv_rows(path, text):
        if found := _said(number, f"{pair},{said}", pair, said):
            yield found


def _said(number: int, text: str, pair: str, said: str) -> Line | None:
    if not said:
        return None
    if said.lower() not in SAID:
        return Line(number, text, problem=f"{said[:40]!r} is no decision; say accept or reject, or leave it empty")
    return Line(number, text, said=(pair, SAID[said.lower()]))
