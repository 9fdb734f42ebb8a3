"""The rows of a CSV, TSV, JSON or JSONL file, each with its number; a broken row spoils no other."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from schemas.errors import InputError

csv.field_size_limit(2**31 - 1)  # a cell may hold a whole document; the default drops its row


@dataclass(frozen=True)
class Row:
    """One row with the number that an editor shows; `raw` alone if its fields cannot be told."""

    number: int
    fields: dict[str, Any]
    problem: str = ""
    raw: str = ""


def _csv_rows(text: str, name: str) -> tuple[list[Row], list[str]]:
    """Return the rows below the header; a row is numbered as a spreadsheet does, the header being row 1."""
    stream = _Lines(text)
    first = text.partition("\n")[0]
    delimiter = "\t" if name.lower().endswith(".tsv") else max(",;\t|", key=first.count)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    rows: list[Row] = []
    header: list[str] = []
    for number in count(1):
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            advice = "look for a quotation mark that is never closed"
            problem = f"its cells cannot be told apart ({error}) at line {reader.line_num}; {advice}"
            rows.append(Row(number, {}, problem, stream.taken()))
            continue
        stream.taken()
        if number == 1:
            header = [cell.strip() for cell in cells]
        else:
            rows.append(_cells(number, header, cells))
    return rows, header


class _Lines:
    """The lines of a text as the csv module counts them, which end at CR and LF and at nothing else; remembers those of a row."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._read: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self._read.append(next(self._lines))
        return self._read[-1]

    def taken(self) -> str:
        """Return what was read since the last time."""
        raw, self._read = "".join(self._read).rstrip("\r\n"), []
        return raw


def _cells(number: int, header: list[str], cells: list[str]) -> Row:
    fields = dict(zip(header, cells, strict=False))
    if any(cell.strip() for cell in cells[len(header) :]):
        problem = f"it has {len(cells)} cells, the header {len(header)}; put text that holds a delimiter in quotation marks"
        return Row(number, fields, problem, raw=" | ".join(cells))
    return Row(number, fields)


def _json_rows(text: str, name: str) -> tuple[list[Row], list[str]]:
    try:
        values = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        place = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        advice = "the file may be cut off; if every line is an object of its own, call it .jsonl"
        raise InputError(f"{name}: not valid JSON{place}; {advice}") from None
    if not isinstance(values, list):
        raise InputError(f"{name}: must hold a list of objects, one for each pair")
    rows = [_object(number, value, json.dumps(value)) for number, value in enumerate(values, start=1)]
    return rows, _keys(rows)


def _jsonl_rows(text: str, _: str) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n") if text else [], start=1):
        try:
            value = json.loads(line, parse_constant=lambda _: None) if line.strip() else {}
        except json.JSONDecodeError as error:
            rows.append(Row(number, {}, f"not JSON ({error.msg.lower().removesuffix(' at')} at column {error.colno})", line))
        except (ValueError, RecursionError):
            rows.append(Row(number, {}, "not JSON (nested too deeply, or a number too long)", line))
        else:
            rows.append(_object(number, value, line))
    return rows, _keys(rows)


def _object(number: int, value: object, raw: str) -> Row:
    return Row(number, value, raw=raw) if isinstance(value, dict) else Row(number, {}, "not a JSON object", raw)


def _keys(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row.fields))


READERS: dict[str, Callable[[str, str], tuple[list[Row], list[str]]]] = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".json": _json_rows,
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
}
"""By the file's ending: from its text, and its name for errors, to its rows and columns."""
