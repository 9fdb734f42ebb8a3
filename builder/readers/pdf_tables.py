"""Tables of a PDF as Markdown: rows that run over two lines are one, and columns that may be wrong are said to be."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from builder.readers.content import body, one_line, table
from builder.readers.pdf_grid import Heading, may_have_columns, rebuilt
from builder.readers.pdf_lines import Line, Printed, find_lines, with_links
from builder.readers.pdf_pieces import BULLET, Piece

if TYPE_CHECKING:
    from liteparse.types import LayoutBlock, LayoutCell, ParsedPage

_FIFTH = 5
_MANY = 500  # rows
_LETTERS = re.compile(r"[^\W_]")
_ADDRESS = re.compile(r"\]\([^()\s]*\)")
_LINE = 1.25  # times its height is a line's distance to the next in a cell
_TORN = re.compile(r"(?<=[^\W\d_])-(?:\s+)(?!(?:and|or|und|oder|bis|to|et|ou)\b)(?=[^\W\d_])")


def needs_words(page: "ParsedPage") -> bool:
    """Return whether a page cannot be read without the places of its words: it has links, or a table that may be cut wrongly."""
    return any(note.uri for note in page.annotations or ()) or any(
        block.kind == "table" and block.bbox and _is_doubtful(_filled(block)) and may_have_columns(block.bbox, page)
        for block in page.blocks or ()
    )


def table_pieces(block: "LayoutBlock", page: Printed) -> Iterator[Piece]:
    """A table, or headings and tables where the engine took several for one, or the lines of a box with one column."""
    rows = _filled(block)
    texts = list(_texts(rows, page))
    doubtful = _is_doubtful(rows)
    again = rebuilt(block.bbox, page) if doubtful and block.bbox and len(rows) <= _MANY else None
    if again and _solid(again) == _solid([texts]):
        for found in again:
            yield _heading(found, page) if isinstance(found, Heading) else Piece("table", ((page.number, table(found)),))
    elif texts and all(len(row) == 1 for row in texts):
        yield from (_boxed(row[0], page) for row in texts)
    elif texts:
        yield Piece("table", ((page.number, table(texts)),), doubtful=doubtful)


def _filled(block: "LayoutBlock") -> list[list["LayoutCell"]]:
    return [row for row in [block.header or [], *(block.rows or [])] if row]


def _is_doubtful(rows: Sequence[Sequence["LayoutCell"]]) -> bool:
    return sum(map(_is_cut, rows)) * _FIFTH > len(rows)


def _texts(rows: Sequence[Sequence["LayoutCell"]], page: Printed) -> list[list[str]]:
    """The cells' texts; a row that only goes on with cells of the row above is put into that one."""
    texts: list[list[str]] = []
    for above, row in zip([None, *rows], rows, strict=False):
        words = [_cell(cell, page) for cell in row]
        if above and texts and _goes_on(above, row):
            texts[-1] = [_untorn(f"{first} {second}".strip()) for first, second in zip(texts[-1], words, strict=True)]
        elif any(words):
            texts.append(words)
    return texts


def _boxed(words: str, page: Printed) -> Piece:
    bullet = BULLET.match(words)
    return Piece("item", ((page.number, words[bullet.end() :]),), 0, "-") if bullet else Piece("paragraph", ((page.number, body(words)),))


def _heading(found: Heading, page: Printed) -> Piece:
    line = Line(0, len(found.text), found.x, found.top, found.x, found.bottom, "", page.number)
    return Piece("heading", ((page.number, one_line(found.text)),), 2, "", line, line)


def _solid(found: Sequence[Heading | list[list[str]]]) -> Counter[str]:
    """The letters of all headings and cells without addresses, to see that none is lost."""
    texts = [text for one in found for text in ([one.text] if isinstance(one, Heading) else [cell for row in one for cell in row])]
    return Counter("".join(_LETTERS.findall(_ADDRESS.sub("", " ".join(texts)))))


def _cell(cell: "LayoutCell", page: Printed) -> str:
    links = find_lines(cell.text, cell.bbox, page)[1] if page.links_at(cell.bbox) else []
    return _untorn(one_line(with_links(cell.text, 0, len(cell.text), links)))


def _goes_on(above: Sequence["LayoutCell"], below: Sequence["LayoutCell"]) -> bool:
    """Whether a row has no first cell, and stands as near below as the next line of a cell does."""
    if len(above) != len(below) or not below or below[0].text.strip():
        return False
    pairs = [(one.bbox, other.bbox) for one, other in zip(above, below, strict=True) if other.text.strip()]
    return bool(pairs) and all(
        one and other and 0 < other.y + other.height - one.y - one.height < _LINE * other.height for one, other in pairs
    )


def _is_cut(row: Sequence["LayoutCell"]) -> bool:
    """Whether two cells stand no farther apart than two words, so that a sentence may have been cut into cells."""
    boxes = [cell.bbox for cell in row if cell.bbox and cell.text.strip()]
    return any(0 <= other.x - one.x - one.width < one.height / 3 and abs(other.y - one.y) < 1 for one, other in pairwise(boxes))


def _untorn(words: str) -> str:
    return _TORN.sub("", words)
