"""JSON: lists of records like JSON Lines, exports of chats as conversations, any other nesting as headings and lists.

Nesting becomes headings down to a fixed depth; what lies deeper is written as paths, one line for each value, so that no
depth is too great for the writer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from pydantic import JsonValue

from builder.readers.chats import read_chat
from builder.readers.content import Content, Refused, body, heading, one_line, table
from builder.readers.grid import HOLDS
from builder.readers.json_values import Oddities, parse
from builder.readers.jsonl_rows import read_jsonl, read_rows
from builder.readers.record_sections import NAME, as_turns, section, shown, text_of, turns_of
from schemas.records import Reason, Remark

_DEEPEST_HEADING = 5
_LONGEST_ITEM = 200
_WIDEST_TABLE = 12

Object = dict[str, JsonValue]


def read_json(text: str) -> Content | Refused:
    """Return the value as Markdown; a file of JSON Lines under this name is read as such."""
    odd = Oddities()
    value = parse(text, odd)
    if isinstance(value, Refused):
        return _lines(text) or value
    found = _read(value.held)
    if isinstance(found, Refused):
        return found
    return Content(found.text, found.title, found.metadata, remarks=(*found.remarks, *odd.remarks()))


def _lines(text: str) -> Content | None:
    first, _, rest = text.strip().partition("\n")
    if not rest or isinstance(parse(first, Oddities()), Refused) or not first.startswith("{"):
        return None
    found = read_jsonl(text)
    remark = Remark(code="json_lines", message="every line is a JSON value of its own; such a file is called .jsonl")
    return Content(found.text, "", found.metadata, remarks=(*found.remarks, remark)) if isinstance(found, Content) else None


def _read(value: JsonValue) -> Content | Refused:
    if chat := read_chat(value):
        return chat
    values = value if isinstance(value, list) else [value]
    rows: list[Object] = [row for row in values if isinstance(row, dict)]
    if as_turns(rows) and len(rows) > 1:
        return read_rows([{"messages": [*rows]}])
    if isinstance(value, list) and rows and len(rows) == len(value):
        return read_rows(rows)
    if rows and isinstance(value, dict) and turns_of(value):
        return read_rows(rows)
    tree = _Tree()
    text = "\n\n".join(tree.parts(value, "", 2))
    if not any(map(str.isalnum, text)):
        return Refused(Reason.NO_CONTENT, "it holds no words, only brackets")
    return Content(text, tree.title, {HOLDS: {**tree.holds}} if tree.holds else {})


@dataclass
class _Tree:
    """The writer of one value; it notes under which headings pairs stand."""

    title: str = ""
    holds: dict[str, JsonValue] = field(default_factory=dict)

    def parts(self, value: JsonValue, name: str, level: int) -> Iterator[str]:
        """Yield the blocks of `value`, which stands under the heading `name`; its parts get headings of `level`."""
        if level > _DEEPEST_HEADING and isinstance(value, dict | list):
            yield "\n".join(_paths(value))
        elif isinstance(value, dict):
            yield from self._object(value, level)
        elif isinstance(value, list):
            yield from self._list(value, name, level)
        elif words := shown(value):
            yield body(words)

    def _object(self, value: Object, level: int) -> Iterator[str]:
        """The short fields as a list, then the others each under its name."""
        if level == 2:
            self.title = one_line(text_of(value, NAME[:2]))
        short = {key: words for key, one in value.items() if (words := _short(one))}
        if short:
            yield "\n".join(f"- {one_line(key)}: {one_line(words)}" for key, words in short.items())
        for key, one in value.items():
            inner = [] if key in short else [part for part in self.parts(one, key, level + 1) if part]
            if inner:
                yield heading(level, key or "(no name)")
                yield from inner

    def _list(self, values: list[JsonValue], name: str, level: int) -> Iterator[str]:
        rows = [value for value in values if isinstance(value, dict)]
        if rows and len(rows) == len(values):
            yield from self._rows(rows, name, level)
        elif _are_cells(values):
            yield table([[shown(cell) for cell in row] for row in values])
        elif all(_is_plain(value) for value in values):
            yield "\n".join(f"- {words}" for value in values if (words := one_line(shown(value))))
        else:
            yield "\n".join(_paths(values))

    def _rows(self, rows: Sequence[Object], name: str, level: int) -> Iterator[str]:
        """Objects as sections of questions, as a table if they are flat and alike, else each under its own heading."""
        sections = [section(row, number, level) for number, row in enumerate(rows, start=1)]
        kinds = {part.kind for part in sections if part.text}
        if len(kinds) == 1 and "" not in kinds:
            self.holds[one_line(name)] = kinds.pop()
            yield from (part.text for part in sections if part.text)
        elif columns := _columns(rows):
            yield table([columns, *([shown(row.get(column)) for column in columns] for row in rows)])
        else:
            for number, row in enumerate(rows, start=1):
                yield heading(level, text_of(row, NAME) or f"{name or 'Record'} {number}")
                yield from self.parts(row, name, level + 1)


def _short(value: JsonValue) -> str:
    """The words of a value that fit an item of a list, else nothing."""
    plain_list = isinstance(value, list) and all(_is_plain(part) for part in value)
    words = shown(value) if _is_plain(value) or plain_list else ""
    return words.strip() if len(words) <= _LONGEST_ITEM and "\n" not in words.strip() else ""


def _is_plain(value: JsonValue) -> bool:
    return not isinstance(value, dict | list)


def _columns(rows: Sequence[Object]) -> list[str]:
    """The keys of flat objects that are alike enough for a table, else nothing."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    flat = all(_short(value) or value in (None, "", []) for row in rows for value in row.values())
    alike = sum(map(len, rows)) >= 0.6 * len(keys) * len(rows)
    return keys if flat and alike and len(rows) > 1 and 1 < len(keys) <= _WIDEST_TABLE else []


def _are_cells(values: Sequence[JsonValue]) -> "TypeGuard[list[list[JsonValue]]]":
    """Whether `values` are rows of one length, of values that fit cells."""
    rows = [row for row in values if isinstance(row, list)]
    if len(rows) < 2 or len(rows) < len(values) or {len(row) for row in rows} != {len(rows[0])} or len(rows[0]) < 2:
        return False
    return all(_is_plain(cell) for row in rows for cell in row)


def _paths(value: JsonValue) -> Iterator[str]:
    """One item for each value inside, with the way to it; without recursion, since nothing bounds the depth."""
    waiting: list[tuple[str, JsonValue]] = [("", value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, dict):
            waiting += [(f"{path}.{key}" if path else key, inner) for key, inner in reversed(one.items())]
        elif isinstance(one, list) and not all(map(_is_plain, one)):
            waiting += [(f"{path}[{place}]", one[place]) for place in reversed(range(len(one)))]
        elif words := one_line(shown(one)):
            yield f"- {one_line(path)}: {words}" if path else f"- {words}"
