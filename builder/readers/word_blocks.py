"""The paragraphs, tables, rows and cells of a Word document, through whatever is wrapped around them."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from builder.readers.word_runs import descend
from builder.readers.word_styles import VALUE, WORD, is_on, value_of

PARAGRAPH, TABLE, ROW, CELL = (WORD + name for name in ("p", "tbl", "tr", "tc"))
_DROPPED = {WORD + name for name in ("del", "moveFrom", "sectPr", "sdtPr", "tblPr", "tblGrid", "trPr", "tcPr", "tblPrEx")}
_WIDEST_SPAN = 50


class Cell(NamedTuple):
    """A cell, how many columns it is wide, and whether a cell above or to the left covers it; a gap in a row has no node."""

    node: Element | None
    width: int
    is_covered: bool


def blocks(container: Element, left_out: Counter[str], *wanted: str) -> Iterator[Element]:
    """Return the paragraphs and tables of a container, or what is `wanted`; what is left out is counted."""
    tags = wanted or (PARAGRAPH, TABLE)
    stack = [iter(container)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
        elif node.tag in tags:
            yield node
        elif node.tag == WORD + "altChunk":
            left_out["embedded"] += 1
        elif node.tag == WORD + "sdt" and _is_contents(node):
            left_out["contents"] += sum(1 for _ in node.iter(PARAGRAPH))
        elif node.tag not in _DROPPED:
            stack.append(descend(node))


def rows(table: Element, left_out: Counter[str]) -> list[list[Cell]]:
    """Return the cells of the rows that are not deleted."""
    found = []
    for row in blocks(table, left_out, ROW):
        properties = row.find(WORD + "trPr")
        if properties is not None and properties.find(WORD + "del") is not None:
            left_out["deletions"] += 1
        else:
            found.append([*_cells(row, properties, left_out)])
    return found


def has_header(table: Element) -> bool:
    """Whether the first row names the columns; Word says so for nearly every table, unless somebody switched it off."""
    look = table.find(f"{WORD}tblPr/{WORD}tblLook")
    if look is None or is_on(table.find(f"{WORD}tr/{WORD}trPr/{WORD}tblHeader")):
        return True
    if first := look.get(WORD + "firstRow"):
        return first in ("1", "true", "on")
    flags = look.get(VALUE, "")
    return not re.fullmatch(r"[0-9A-Fa-f]{4}", flags) or bool(int(flags, 16) & 0x20)


def _is_contents(node: Element) -> bool:
    gallery = node.find(f"{WORD}sdtPr/{WORD}docPartObj/{WORD}docPartGallery")
    return gallery is not None and gallery.get(VALUE) == "Table of Contents"


def _cells(row: Element, properties: Element | None, left_out: Counter[str]) -> Iterator[Cell]:
    if properties is not None and (before := _number(properties, "gridBefore")):
        yield Cell(None, before, is_covered=True)
    for cell in blocks(row, left_out, CELL):
        properties = cell.find(WORD + "tcPr")
        if properties is None or not len(properties):
            yield Cell(cell, 1, is_covered=False)
            continue
        merged = (properties.find(WORD + name) for name in ("vMerge", "hMerge"))
        is_covered = any(node is not None and node.get(VALUE, "continue") == "continue" for node in merged)
        yield Cell(cell, max(1, _number(properties, "gridSpan")), is_covered)


def _number(properties: Element, name: str) -> int:
    value = value_of(properties, name)
    return min(int(value), _WIDEST_SPAN) if re.fullmatch(r"[0-9]{1,9}", value) else 0
