"""Word tables as rows of one-line cells, and the blocks inside of tables that are only frames."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from xml.etree.ElementTree import Element

from builder.readers.content import one_line, table
from builder.readers.office_markdown import fill, inline
from builder.readers.word_blocks import CELL, PARAGRAPH, ROW, Cell, blocks, has_header, rows
from builder.readers.word_paragraphs import Paragraphs
from builder.readers.word_styles import WORD

_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_DEEPEST = 8  # tables inside one another; of what is deeper only the words are kept


def framed(found: list[list[Cell]], left_out: Counter[str]) -> Iterator[Element] | None:
    """Return the blocks inside of a table of one column, which is a frame around them; None for a real table."""
    if max(map(len, found), default=0) > 1:
        return None
    held = (cell.node for row in found for cell in row if cell.node is not None and not cell.is_covered)
    return chain.from_iterable(blocks(cell, left_out) for cell in held)


class Tables:
    """Writes the tables of a document."""

    def __init__(self, paragraphs: Paragraphs) -> None:
        self._paragraphs = paragraphs
        self._left_out = paragraphs.runs.left_out

    def markdown(self, node: Element, found: list[list[Cell]]) -> str:
        """Return the table of these rows; without a header row, which may be told from its bold words, the header is empty."""
        named = has_header(node)
        cells = fill([self._row(row, keep_marks=not named or place > 0) for place, row in enumerate(found)])
        if not cells:
            return ""
        bold = [_BOLD.fullmatch(cell) for cell in cells[0]]
        if not named and all(bold):
            cells[0] = [match[1] for match in bold if match]
        return table(cells if named or all(bold) else [[""] * len(cells[0]), *cells])

    def rows(self, node: Element) -> list[list[Cell]]:
        """Return the cells of a table."""
        return rows(node, self._left_out)

    def _row(self, row: list[Cell], *, keep_marks: bool) -> list[str]:
        """The words of the cells; what a cell covers besides its own place stays empty."""
        words: list[str] = []
        for cell in row:
            text = "" if cell.node is None or cell.is_covered else self._cell(cell.node, keep_marks=keep_marks)
            words += [text, *[""] * (cell.width - 1)]
        return words

    def _cell(self, cell: Element, *, keep_marks: bool = True, depth: int = 0) -> str:
        """The words of a cell on one line: paragraphs follow each other, items and inner rows are set apart by semicolons."""
        text = ""
        for node in blocks(cell, self._left_out):
            if node.tag == PARAGRAPH:
                words, gap = self._words(node, keep_marks=keep_marks)
            elif depth < _DEEPEST:
                words, gap = self._inner(node, depth=depth + 1), "; "
            else:
                words, gap = one_line(" ".join(part.text or "" for part in node.iter(WORD + "t"))), "; "
            text += (gap if text and words else "") + words
        return text

    def _words(self, node: Element, *, keep_marks: bool) -> tuple[str, str]:
        """The words of a paragraph in a cell, and what sets it apart from the one before."""
        paragraph = self._paragraphs.read(node)
        if paragraph is None:
            return "", " "
        words = inline(paragraph.pieces, keep_marks=keep_marks).replace("\n", " ")
        label = paragraph.label
        if label is None or label.is_blank:
            return words, " "
        return (f"{label.number}. {words}" if words and label.number is not None else words), "; "

    def _inner(self, node: Element, *, depth: int) -> str:
        """The words of a table inside of a cell: rows are set apart by semicolons, cells by commas."""
        found = ([self._cell(cell, depth=depth) for cell in blocks(row, self._left_out, CELL)] for row in blocks(node, self._left_out, ROW))
        return "; ".join(", ".join(filter(None, row)) for row in found if any(row))
