"""CSV and TSV: a table of questions and answers becomes sections, any other table a Markdown table.

The delimiter is told by parsing with each one, quotation marks and all. A quotation mark that is never closed would
swallow every row below it: from its line on, that line alone is taken apart without the marks, and said so.
"""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from builder.readers.content import Content, Refused, clean
from builder.readers.grid import full, grid
from schemas.records import Reason, Remark

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the limit of 131,072 characters is for the whole process
_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 60
_SAMPLE_LINES = 2000
_MOST_REPAIRS = 20
_NAMED = 20
_MOST_CELLS = 5_000_000  # short rows padded to the longest
_SEPARATOR_LINE = re.compile(r"\"?sep=([^\"\n])\"?[ \t]*\n", re.IGNORECASE)


def read_csv(text: str) -> Content | Refused:
    """Return the rows as Markdown; a lone cell above the header row is the title."""
    text = clean(text)
    named = _SEPARATOR_LINE.match(text)  # Excel's own way to name the delimiter
    lines = text[named.end() :].splitlines(keepends=True) if named else text.splitlines(keepends=True)
    every, broken = _rows(lines, named[1] if named else _delimiter(lines))
    rows = [row for row in every if full(row)]
    if not rows:
        return Refused(Reason.EMPTY, "no rows")
    if (width := max(map(len, rows))) * len(rows) > _MOST_CELLS:
        return Refused(Reason.TOO_LARGE, f"{len(rows):,} rows of up to {width:,} cells; split the file, or delete columns that are empty")
    found = grid(rows)
    return Content(found.text, found.title, found.metadata(), remarks=(*found.remarks(), *_broken(broken, shift=bool(named))))


def _rows(lines: Sequence[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The rows, and the numbers of the lines whose quotation marks cannot be right."""
    rows: list[list[str]] = []
    broken: list[int] = []
    start = 0
    while start < len(lines):
        if len(broken) == _MOST_REPAIRS:  # each repair reads on to the end, so there must not be many
            return [*rows, *(_plainly(line, delimiter) for line in lines[start:])], broken
        reader = csv.reader(lines[start:], delimiter=delimiter, strict=True)
        done = 0
        try:
            for row in reader:
                rows.append(row)
                done = reader.line_num
            break
        except csv.Error:
            start += done
            broken.append(start + 1)
            rows.append(_plainly(lines[start], delimiter))
            start += 1
    return rows, broken


def _plainly(line: str, delimiter: str) -> list[str]:
    """The cells of one line whose quotation marks are only characters, except those around a cell."""
    cells = csv.reader([line.rstrip("\n")], delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return [cell.strip().strip('"').replace('""', '"') for row in cells for cell in row]


def _broken(lines: Sequence[int], *, shift: bool) -> Iterator[Remark]:
    if lines:
        numbers = ", ".join(str(line + shift) for line in lines[:_NAMED])
        more = " and all lines below" if len(lines) == _MOST_REPAIRS else ""
        yield Remark(code="broken_quotes", message=f"a quotation mark is never closed, or closed too early, in line {numbers}{more}")


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter by which most rows get the same number of cells, and then the most cells."""
    return max(_DELIMITERS, key=lambda delimiter: _agreement(lines[:_SAMPLE_LINES], delimiter))


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    widths: Counter[int] = Counter()
    for row, _ in zip(csv.reader(lines, delimiter=delimiter), range(_SAMPLE_ROWS), strict=False):
        widths[len(row)] += bool(row)
    width, rows = widths.most_common(1)[0] if widths else (0, 0)
    return (rows / widths.total() if width > 1 else 0.0), width
