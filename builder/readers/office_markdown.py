"""Canonical Markdown from what an Office document says: runs of marked words become lines, lines become blocks and lists."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import quote

from builder.readers.content import clean, fence, fenced

BOLD, ITALIC, STRIKE, CODE = 1, 2, 4, 8

_TAG = re.compile(r"<(?=[A-Za-z!?/])")
_STRUCTURE = re.compile(
    r"(?=(?:#{1,6}|[-+*]|=+|-{2,}|~{3,})(?:\s|$)|>|`{3,}[^`]*$|~{3,}|(?:[*_-][ \t]*){3,}$|[|:]?-[-|: ]*$|\[[^\[\]]+\]:)"
    r"|(\d{1,9})(?=[.)](?:\s|$))"
)
_NOTE = re.compile(r"\[\^\w+\]:\s*\S+$")  # a link reference, were it not a note of one word
_TARGET = re.compile(r"[ ()<>\\]")
_MARKED_LETTERS = re.compile(r"\w")
_DEEPEST = 30  # lists inside one another; what is deeper is flattened, lest the indent outgrow the words
_WIDEST = 100  # columns of a table


class Piece(NamedTuple):
    """Words with the same marks and the same link."""

    text: str
    marks: int = 0
    link: str = ""


def inline(pieces: Iterable[Piece], *, keep_marks: bool = True) -> str:
    """Return the pieces as lines of inline Markdown; pieces of the same marks become one."""
    pieces = list(pieces)
    parts: list[str] = []
    if not [piece for piece in pieces if piece.marks or piece.link]:  # most paragraphs of most documents
        parts, pieces = [_plain("".join([piece.text for piece in pieces]))], []
    for link, linked in groupby(pieces, key=attrgetter("link")):
        runs = [(marks, "".join([piece.text for piece in run])) for marks, run in groupby(linked, key=attrgetter("marks"))]
        words = _marked(runs) if keep_marks else "".join(_plain(text) for _, text in runs)
        parts.append(_linked(words, link) if link else words)
    text = "".join(parts)
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    lines = (" ".join(line.split()) for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


def paragraph(text: str) -> str:
    """Return lines of inline Markdown so that none of them begins a list, a heading or a table."""
    return "\n".join([_STRUCTURE.sub(r"\1\\", line, count=1) if _STRUCTURE.match(line) else line for line in text.split("\n")])


def quotation(text: str) -> str:
    """Return lines of inline Markdown as a quotation."""
    return "\n".join(f"> {line}" for line in paragraph(text).split("\n")) if text else ""


def is_code(pieces: Iterable[Piece]) -> bool:
    """Whether all the words are marked as code."""
    marks = [piece.marks for piece in pieces if piece.text.strip()]
    return bool(marks) and all(mark & CODE for mark in marks)


def fill(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the rows that have words, without the columns at the right that have none."""
    kept = [list(row[:_WIDEST]) for row in rows if any(row)]
    width = max((place for row in kept for place, cell in enumerate(row, start=1) if cell), default=0)
    return [row[:width] for row in kept]


def _plain(text: str) -> str:
    return _TAG.sub(r"\\<", text) if "<" in text else text


def _marked(runs: Sequence[tuple[int, str]]) -> str:
    parts: list[str] = []
    for place, (marks, text) in enumerate(runs):
        after = runs[place + 1][1][:1] if place + 1 < len(runs) else ""
        parts.append("\n".join(_mark(line, marks, after) for line in text.split("\n")) if marks else _plain(text))
    return "".join(parts)


def _mark(text: str, marks: int, after: str) -> str:
    """Put the marks on both sides of the words, but not of the spaces around them, nor where Markdown would not see them."""
    words = text.strip()
    if not marks or not _MARKED_LETTERS.search(words):
        return _plain(text)
    before, _, behind = text.partition(words)
    if marks & CODE:
        ticks = fence(words, 1)
        pad = " " if words.startswith("`") or words.endswith("`") else ""
        return f"{before}{ticks}{pad}{words}{pad}{ticks}{behind}"
    if not behind and after.isalnum() and not words[-1].isalnum():
        return _plain(text)
    sides = ("**" if marks & BOLD else "") + ("*" if marks & ITALIC else "")
    strike = "~~" if marks & STRIKE else ""
    return f"{before}{strike}{sides}{_plain(words)}{sides}{strike}{behind}"


def _linked(text: str, target: str) -> str:
    words = text.strip()
    target = _TARGET.sub(lambda match: quote(match.group()), "".join(target.split("\n")).strip())
    if not words or target.lower().startswith(("javascript:", "data:", "file:")) or target.removeprefix("mailto:") == words:
        return text
    before, _, after = text.partition(words)
    label = " ".join(words.split()).replace("[", "\\[").replace("]", "\\]")
    return f"{before}[{label}]({target}){after}"


@dataclass(frozen=True)
class _Open:
    """An item that the next lines may belong to: its level in the source, where it begins and where its words do."""

    level: int
    indent: int
    words: int
    number: int | None
    dot: str


def _dot(above: _Open | None, number: int | None) -> str:
    """What stands behind the number; a list that begins anew right behind another one needs a different sign."""
    if above is None or above.number is None or number is None:
        return "."
    return above.dot if number > above.number else ")" if above.dot == "." else "."


class Writer:
    """The blocks so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[_Open] = []
        self._code: list[str] = []
        self._length = 0
        self._is_after_item = False

    @property
    def in_list(self) -> bool:
        """Whether the last block was an item, or part of one."""
        return bool(self._open)

    def end_list(self) -> None:
        """Let what follows stand alone."""
        self._open.clear()

    def length(self) -> int:
        """How much is written."""
        self._end_code()
        return self._length

    def markdown(self) -> str:
        """Everything written."""
        self._end_code()
        return "".join(self._parts)

    def block(self, text: str) -> None:
        """Write a block of Markdown as it is; it ends the list that is open."""
        self._end_code()
        if text:
            self._open.clear()
            self._append("\n\n" if self._parts else "", text)

    def note(self, label: str, text: str) -> None:
        """Write a footnote."""
        line = f"[^{label}]: {' '.join(text.split())}"
        self.block(line.replace("]:", "]\\:", 1) if _NOTE.match(line) else line)

    def code(self, line: str) -> None:
        """Write a line of code; lines that follow each other are one block."""
        self._code.append(line)

    def item(self, level: int, number: int | None, text: str) -> None:
        """Write an item of a list; a level is only compared with the levels of the items before it."""
        self._end_code()
        if not text:
            return
        while self._open and self._open[-1].level > level:
            self._open.pop()
        above = self._open.pop() if self._open and self._open[-1].level == level else None
        indent = above.indent if above else self._open[-1].words if self._open else 0
        dot = _dot(above, number)
        begins = above is None or (above.number is None) != (number is None) or above.dot != dot
        # a list that begins with another number than one would be taken for words of the paragraph above it
        tight = self._is_after_item and not (begins and (above is not None or number not in (None, 1)))
        marker = "- " if number is None else f"{number}{dot} "
        self._open.append(_Open(level, indent, indent + len(marker), number, dot))
        del self._open[_DEEPEST:]
        lines = paragraph(text).split("\n")
        rest = " " * (indent + len(marker))
        self._append(
            "\n" if tight else "\n\n" if self._parts else "",
            "\n".join([" " * indent + marker + lines[0], *(rest + line for line in lines[1:])]),
        )
        self._is_after_item = True

    def continuation(self, text: str, level: int | None = None) -> None:
        """Write a paragraph that belongs to the item before it, or to the last one of that level; without one it stands alone."""
        while self._open and level is not None and self._open[-1].level > level:
            self._open.pop()
        if not self._open:
            self.block(paragraph(text) if text else "")
        elif text:
            indent = " " * self._open[-1].words
            self._append("\n\n", "\n".join(indent + line for line in paragraph(text).split("\n")))
            self._is_after_item = True

    def _append(self, gap: str, text: str) -> None:
        self._parts += [gap, text]
        self._length += len(gap) + len(text)
        self._is_after_item = False

    def _end_code(self) -> None:
        if not self._code:
            return
        code = clean("\n".join(self._code)).strip("\n").rstrip()
        self._code.clear()
        self.block(fenced(code) if code else "")
