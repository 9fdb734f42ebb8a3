"""Rows of cells to Markdown, for every format that has them: questions and answers as sections, all else as a table.

A table of questions is known by the names of its columns or by its question marks. Lone cells above the header row are the
title and notes. What is written can be told apart later: `holds` names the kind of pairs that stand in the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from builder.readers.columns import Roles, roles
from builder.readers.content import body, heading, one_line, table
from schemas.records import Remark

HOLDS = "holds"  # key of the metadata: a kind of pairs by the heading they stand under; "" is the whole document
FAQ_TABLE = "faq_table"
_MOST_LEAD_ROWS = 6

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Grid:
    """The Markdown of some rows; `is_faq` if it is sections of questions, with what of the rows is not in them."""

    text: str
    title: str
    rows: int
    is_faq: bool = False
    without_answer: int = 0
    left_out: tuple[str, ...] = ()
    ragged: int = 0

    def metadata(self) -> dict[str, JsonValue]:
        """What somebody may want to count."""
        counted: dict[str, JsonValue] = {"rows": self.rows}
        if self.is_faq:
            counted |= {"rows_without_answer": self.without_answer, "columns_left_out": list(self.left_out), HOLDS: {"": FAQ_TABLE}}
        return counted | ({"ragged_rows": self.ragged} if self.ragged else {})

    def remarks(self, where: str = "") -> Iterator[Remark]:
        """What somebody should know; `where` says of which sheet."""
        if self.ragged:
            message = f"{where}{self.ragged} of {self.rows} rows have another number of cells than the header; short ones are padded"
            yield Remark(code="ragged_rows", message=message)
        if self.without_answer:
            message = f"{where}{self.without_answer} of {self.rows} rows lack the question or the answer and are left out"
            yield Remark(code="rows_without_answer", message=message)


def grid(rows: Rows, *, level: int = 2, notes: bool = False) -> Grid:
    """Return non-empty `rows` as Markdown with headings from `level` down.

    Args:
        rows: with at least one cell that is not empty in each.
        level: of the headings of questions or their topics.
        notes: write the title and the notes above the header into the text, for a source whose title is another.
    """
    lead, rows = _lead(rows)
    title = lead[0] if lead else ""
    found = roles(rows)
    written = (_questions(rows, found, level) if found else None) or Grid(table(rows), "", len(rows) - 1, ragged=_ragged(rows))
    above = [body(words) for words in (lead if notes else lead[1:])]
    return replace(written, text="\n\n".join([*above, written.text]), title=title) if lead else written


def full(row: Sequence[str]) -> int:
    """Return how many cells of `row` hold something."""
    return len([cell for cell in row if cell and not cell.isspace()])


def _lead(rows: Rows) -> tuple[list[str], Rows]:
    """The lone cells above the header row, and the rows from there on."""
    lead: list[str] = []
    for row in rows[:_MOST_LEAD_ROWS]:
        if full(row) != 1:
            break
        lead.append(one_line(" ".join(row)))
    below = rows[len(lead) :]
    return (lead, below) if lead and below and full(below[0]) > 1 else ([], rows)


def _ragged(rows: Rows) -> int:
    widths = [*map(len, rows)]
    return len(widths) - widths.count(widths[0])


def _questions(rows: Rows, found: Roles, level: int) -> Grid | None:
    """A section for each row that has both a question and an answer; None if there is none."""
    below = rows[1:] if found.header else rows
    records = [tuple(_cell(row, place) for place in (found.topic, found.question, found.answer)) for row in below]
    whole = [(topic, question, answer) for topic, question, answer in records if question and answer]
    if not whole:
        return None
    used = (found.topic, found.question, found.answer)
    left_out = tuple(one_line(name) for place, name in enumerate(rows[0]) if found.header and place not in used and name.strip())
    text = "\n\n".join(_sections(whole, level))
    return Grid(text, "", len(below), is_faq=True, without_answer=len(below) - len(whole), left_out=left_out, ragged=_ragged(rows))


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place].strip() if place is not None and place < len(row) else ""


def _sections(rows: Sequence[tuple[str, str, str]], level: int) -> Iterator[str]:
    """Questions under the heading of their topic, which is written where it changes."""
    above = ""
    for topic, question, answer in rows:
        if topic and topic != above:
            yield heading(level, topic)
            above = topic
        yield heading(level + 1 if topic else level, question)
        yield body(answer)
