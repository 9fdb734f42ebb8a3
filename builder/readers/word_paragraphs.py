"""A Word paragraph as everything that decides about it says it is: its words, style, number and level."""

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

from builder.readers.office_markdown import BOLD, ITALIC, Piece
from builder.readers.word_numbering import Label, Numbering
from builder.readers.word_runs import Runs
from builder.readers.word_styles import WORD, Style, Styles, numbered, outline_level

_NOTHING_SAID = Element(WORD + "pPr")
_PROPERTIES, _STYLE, _FRAME, _MARK, _INDENT = (WORD + name for name in ("pPr", "pStyle", "framePr", "rPr", "ind"))


class Paragraph(NamedTuple):
    """What a paragraph says and is; `level` is 1 to 9 for a heading, and `is_indented` where it itself asks for an indent."""

    pieces: list[Piece]
    style: Style
    label: Label | None
    level: int
    is_indented: bool


class Paragraphs:
    """Reads the paragraphs of a document in order; `carried` are words that go on in the next one."""

    def __init__(self, styles: Styles, numbering: Numbering, runs: Runs) -> None:
        self.runs = runs
        self.carried: list[Piece] = []
        self._styles = styles
        self._numbering = numbering

    def read(self, node: Element) -> Paragraph | None:
        """Return the paragraph; None where the next one goes on in its line."""
        properties = node.find(_PROPERTIES)
        if properties is None:
            properties = _NOTHING_SAID
        style = self._styles.of(properties.find(_STYLE))
        marks = (BOLD if style.bold else 0) | (ITALIC if style.italic else 0)
        pieces = self.carried + self.runs.read(node, 0 if style.level else marks)
        if _goes_on(properties):
            self.carried = pieces
            return None
        self.carried = []
        asked = numbered(properties) or style.numbered
        label = self._numbering.next(asked, style.id) if asked is not None else None
        return Paragraph(pieces, style, label, outline_level(properties) or style.level, _is_indented(properties))


def _goes_on(properties: Element) -> bool:
    """Whether the end of the paragraph is deleted, or it is the large first letter of the next one."""
    if not len(properties):
        return False
    frame = properties.find(_FRAME)
    is_letter = frame is not None and frame.get(WORD + "dropCap", "none") != "none"
    mark = properties.find(_MARK)
    return is_letter or (mark is not None and mark.find(WORD + "del") is not None)


def _is_indented(properties: Element) -> bool:
    node = properties.find(_INDENT)
    if node is None:
        return False
    left = node.get(WORD + "left") or node.get(WORD + "start") or ""
    return bool(re.fullmatch(r"[1-9][0-9]{0,9}", left))
