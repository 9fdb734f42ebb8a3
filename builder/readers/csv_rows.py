"""CSV and TSV: a table of questions and answers becomes sections, any other table a Markdown table."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from pydantic import JsonValue

from builder.readers.columns import ANSWER, QUESTION, TOPIC, find
from builder.readers.content import Content, Refused, body, clean, heading, one_line, table
from schemas.records import Reason

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 60


def read_csv(text: str) -> Content | Refused:
    """Return the rows as Markdown; a lone cell above the header row is the title."""
    text = clean(text)
    try:
        rows = [row for row in _rows(text, _delimiter(text)) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        return Refused(Reason.BAD_ROWS, f"the rows cannot be told apart ({error}); look for a quotation mark that is never closed")
    if not rows:
        return Refused(Reason.EMPTY, "no rows")
    title = ""
    if len(rows) > 1 and sum(bool(cell.strip()) for cell in rows[0]) == 1 < sum(bool(cell.strip()) for cell in rows[1]):
        title = one_line(" ".join(rows[0]))
        rows = rows[1:]
    return _questions(title, rows) or Content(table(rows), title, _shape(rows))


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _delimiter(text: str) -> str:
    """The delimiter by which most rows get the same number of cells, and then the most cells."""
    return max(_DELIMITERS, key=lambda delimiter: _agreement(text, delimiter))


def _agreement(text: str, delimiter: str) -> tuple[float, int]:
    widths: Counter[int] = Counter()
    try:
        for row, _ in zip(_rows(text, delimiter), range(_SAMPLE_ROWS), strict=False):
            widths[len(row)] += bool(row)
    except csv.Error:
        return 0.0, 0
    width, rows = widths.most_common(1)[0] if widths else (0, 0)
    return (rows / widths.total() if width > 1 else 0.0), width


def _questions(title: str, rows: list[list[str]]) -> Content | None:
    """A section for each row, if the header names a question and an answer."""
    header = [cell.strip() for cell in rows[0]]
    question, answer, topic = find(header, QUESTION), find(header, ANSWER), find(header, TOPIC)
    if question is None or answer is None:
        return None
    records = [dict(zip(header, row, strict=False)) for row in rows[1:]]
    whole = [record for record in records if record.get(question, "").strip() and record.get(answer, "").strip()]
    if not whole:
        return None
    sections = "\n\n".join(_sections([(record.get(topic or "", ""), record[question], record[answer]) for record in whole]))
    others: list[JsonValue] = [name for name in header if name not in (question, answer, topic)]
    return Content(sections, title, _shape(rows) | {"rows_without_answer": len(records) - len(whole), "columns_left_out": others})


def _sections(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    """Questions under the heading of their topic, which is written where it changes."""
    above = ""
    level = 3 if any(topic.strip() for topic, _, _ in rows) else 2
    for topic, question, answer in rows:
        if topic.strip() and topic != above:
            yield heading(2, topic)
            above = topic
        yield heading(level if topic.strip() else 2, question)
        yield body(answer)


def _shape(rows: list[list[str]]) -> dict[str, JsonValue]:
    ragged = sum(len(row) != len(rows[0]) for row in rows)
    shape: dict[str, JsonValue] = {"rows": len(rows) - 1}
    return shape | {"ragged_rows": ragged} if ragged else shape
