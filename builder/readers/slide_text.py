"""What the paragraphs of a slide's shape say, and which of them are items of a list, as its layout and master decide."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from builder.readers.content import one_line
from builder.readers.office_figures import DRAWING
from builder.readers.office_markdown import BOLD, ITALIC, STRIKE, Piece, inline
from builder.readers.ooxml import RELATIONS, Relation

PARAGRAPH = DRAWING + "p"
_RUNS = {DRAWING + "r", DRAWING + "fld"}
_OFF = ("0", "false", None)
_CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Choice"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"


class Line(NamedTuple):
    """A paragraph: the level and the number of its item, or no item at all; a bullet has number 0."""

    text: str
    level: int
    number: int | None


def lines(body: Element | None, relations: Mapping[str, Relation], styles: Sequence[Element], *, is_listed: bool = False) -> Iterator[Line]:
    """Return the paragraphs that have words; `styles` are the list styles that apply, nearest first."""
    counts: dict[int, int] = {}
    for node in () if body is None else body.iter(PARAGRAPH):
        properties = node.find(DRAWING + "pPr")
        level = _level(properties)
        counts = {place: count for place, count in counts.items() if place <= level}
        text = words(node, relations)
        if not text:
            continue
        bullet = _bullet(properties, styles, level, is_listed=is_listed)
        if bullet is None or bullet.tag == DRAWING + "buNone":
            yield Line(text, level, None)
        elif bullet.tag == DRAWING + "buAutoNum":
            counts[level] = counts[level] + 1 if level in counts else _start(bullet)
            yield Line(text, level, counts[level])
        else:
            counts.pop(level, None)
            yield Line(text, level, 0)


def words(paragraph: Element, relations: Mapping[str, Relation], *, keep_marks: bool = True) -> str:
    """Return the words of one paragraph."""
    return inline(_pieces(paragraph, relations), keep_marks=keep_marks)


def _pieces(paragraph: Element, relations: Mapping[str, Relation]) -> Iterator[Piece]:
    for node in paragraph:
        if node.tag in _RUNS and node.get("type") != "slidenum":
            properties = node.find(DRAWING + "rPr")
            text = (node.findtext(DRAWING + "t") or "").replace("\v", "\n")
            yield Piece(text) if properties is None else Piece(text, _marks(properties), _link(properties, relations))
        elif node.tag == DRAWING + "br":
            yield Piece("\n")
        elif (chosen := node.find(_CHOICE)) is not None:
            yield Piece("".join(part.text or "" for part in chosen.iter(_MATH)))


def _marks(properties: Element) -> int:
    bold = BOLD if properties.get("b") not in _OFF else 0
    italic = ITALIC if properties.get("i") not in _OFF else 0
    return bold | italic | (STRIKE if properties.get("strike", "noStrike") != "noStrike" else 0)


def _link(properties: Element, relations: Mapping[str, Relation]) -> str:
    node = properties.find(DRAWING + "hlinkClick")
    relation = relations.get(node.get(RELATIONS + "id", "")) if node is not None else None
    return relation.target if relation is not None and relation.is_external else ""


def _level(properties: Element | None) -> int:
    value = properties.get("lvl", "0") if properties is not None else "0"
    return int(value) if value in tuple("012345678") else 0


def _bullet(properties: Element | None, styles: Sequence[Element], level: int, *, is_listed: bool) -> Element | None:
    """The nearest word on bullets; where nobody says anything, the body of a slide is a list and a text box is not."""
    levels = (style.find(f"{DRAWING}lvl{level + 1}pPr") for style in styles)
    for node in (properties, *levels):
        for child in () if node is None else node:
            if child.tag in (DRAWING + "buNone", DRAWING + "buChar", DRAWING + "buAutoNum", DRAWING + "buBlip"):
                return child
    return Element(DRAWING + "buChar") if is_listed else None


def _start(bullet: Element) -> int:
    value = bullet.get("startAt", "1")
    return int(value) if value.isdecimal() and len(value) < 6 else 1


def cells(table: Element, relations: Mapping[str, Relation]) -> list[list[str]]:
    """Return the rows of a table; what a merged cell covers besides its own place stays empty."""
    rows = []
    for place, row in enumerate(table.iterfind(DRAWING + "tr")):
        rows.append([_cell(cell, relations, keep_marks=place > 0) for cell in row.iterfind(DRAWING + "tc")])
    return rows


def _cell(cell: Element, relations: Mapping[str, Relation], *, keep_marks: bool) -> str:
    if cell.get("hMerge") not in _OFF or cell.get("vMerge") not in _OFF:
        return ""
    return " ".join(filter(None, (one_line(words(node, relations, keep_marks=keep_marks)) for node in cell.iter(PARAGRAPH))))
