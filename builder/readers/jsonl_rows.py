"""JSON Lines: one record a line, each a section. A broken line never spoils the file: it is counted and named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from builder.readers.content import Content, Refused, one_line
from builder.readers.grid import HOLDS
from builder.readers.json_values import Oddities, parse
from builder.readers.record_sections import Section, section, unused
from schemas.records import Reason, Remark

_NAMED = 20


@dataclass
class _Lines:
    rows: list[dict[str, JsonValue]] = field(default_factory=list)
    bad: list[JsonValue] = field(default_factory=list)
    odd: Oddities = field(default_factory=Oddities)


def read_jsonl(text: str) -> Content | Refused:
    """Return the records as sections, one below the other."""
    lines = _Lines()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            _take(line, number, lines)
    if not lines.rows:
        if not lines.bad:
            return Refused(Reason.EMPTY, "no rows")
        return Refused(Reason.BAD_ROWS, f"none of its {len(lines.bad)} lines is a JSON object; {lines.bad[0]}")
    found = read_rows(lines.rows)
    if isinstance(found, Refused):
        return found
    bad: dict[str, JsonValue] = {"bad_rows": len(lines.bad), "bad_rows_named": lines.bad[:_NAMED]} if lines.bad else {}
    remarks = (*found.remarks, *_bad(lines.bad), *lines.odd.remarks())
    return Content(found.text, "", found.metadata | bad, remarks=remarks)


def read_rows(rows: Sequence[dict[str, JsonValue]]) -> Content | Refused:
    """Return objects as sections, with what was left out of them; Refused if they are tickets that nobody solved."""
    sections = [section(row, number) for number, row in enumerate(rows, start=1)]
    open_tickets = sum(not part.text for part in sections)
    if open_tickets == len(rows):
        return Refused(Reason.EMPTY, f"all {len(rows)} tickets are open; there is no answer in them")
    metadata: dict[str, JsonValue] = {"rows": len(rows)}
    metadata |= {"open_tickets": open_tickets} if open_tickets else {}
    metadata |= _holds(sections)
    remarks = (*_open(open_tickets, len(rows)), *_left_out(rows, sections))
    return Content("\n\n".join(part.text for part in sections if part.text), "", metadata, remarks=remarks)


def _take(line: str, number: int, lines: _Lines) -> None:
    value = parse(line, lines.odd)
    if isinstance(value, Refused):
        lines.bad.append(f"line {number}: {value.detail.partition(';')[0]}")
    elif isinstance(value.held, dict):
        lines.rows.append(value.held)
    else:
        lines.bad.append(f"line {number}: not a JSON object")


def _holds(sections: Sequence[Section]) -> Mapping[str, JsonValue]:
    """The kind of pairs, if all sections are of one: a list of fields is no answer to its name."""
    kinds = {part.kind for part in sections if part.text}
    return {HOLDS: {"": kinds.pop()}} if len(kinds) == 1 and "" not in kinds else {}


def _open(tickets: int, rows: int) -> Iterator[Remark]:
    if tickets:
        yield Remark(code="open_tickets", message=f"{tickets} of {rows} tickets have no answer yet and are left out")


def _left_out(rows: Sequence[Mapping[str, JsonValue]], sections: Sequence[Section]) -> Iterator[Remark]:
    """The fields that are in no section, since only question and answer are."""
    pairs = (row for row, part in zip(rows, sections, strict=True) if part.kind in ("rows", "faq_table"))
    if names := dict.fromkeys(one_line(name) for row in pairs for name in unused(row)):
        yield Remark(code="fields_left_out", message=f"beside questions and answers: {', '.join([*names][:_NAMED])}")


def _bad(bad: Sequence[JsonValue]) -> Iterator[Remark]:
    if bad:
        more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        yield Remark(code="bad_rows", message=f"left out {'; '.join(map(str, bad[:_NAMED]))}{more}")
