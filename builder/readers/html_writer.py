"""Writes canonical Markdown from a stream of what opens, what it says, and what closes.

The page's tree is never walked by recursion, so twenty thousand nested elements are no deeper for us than two. Inside a
table cell everything is one line: a paragraph that ends there is a space, an item of a list a semicolon.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from builder.readers.content import clean, fenced, heading
from builder.readers.html_inline import escape, link, picture
from builder.readers.html_table import Grid

_STRUCTURE = re.compile(
    r"^(?=(?:#{1,6}|[-+*]|=+|-{2,})(?:\s|$)|>|`{3,}[^`]*$|~{3,}|(?:[*_-][ \t]*){3,}$|[|:]?-[-|: ]*$|\[[^\[\]]{1,200}\]:)"
    r"|^(\d{1,9})(?=[.)](?:\s|$))"
)
_SIGNS = frozenset("#-+*=>~`_|:[0123456789")
_DEEPEST = 30  # items or marks inside one another; what is deeper is flattened, lest the indent outgrow the words


@dataclass
class _Place:
    """An open item or quote: what its first line and its other lines begin with."""

    first: str
    rest: str
    is_apart: bool = False  # a list whose first number is not one cannot follow a paragraph's line
    used: bool = False


class Writer:
    """The Markdown so far. Whatever is opened must be closed, in order."""

    def __init__(self) -> None:
        self.in_cell = 0
        self.headings: list[tuple[int, str]] = []  # level and words of the headings so far
        self._parts: list[str] = []
        self._inline: list[str] = []
        self._marks: list[int] = []  # where in `_inline` each open mark began
        self._flat_marks = 0
        self._last: tuple[int, Callable[[str], str], str, str] | None = None  # where marked words ended, how, which, and the space before
        self._places: list[_Place] = []
        self._flat_places = 0
        self._tables: list[Grid] = []
        self._pre: list[str] | None = None
        self._after_item = False
        self._joins = False  # what follows goes on in this line, even if it is a paragraph

    def markdown(self) -> str:
        """Everything written."""
        self._end_line()
        return "".join(self._parts)

    def text(self, text: str) -> None:
        """Add words of the page."""
        if self._pre is not None:
            self._pre.append(text)
        elif self.in_cell or not self._tables:
            self._joins = self._joins and text.isspace()
            self._inline.append(escape(text.replace("\n", " ")))

    def line_break(self) -> None:
        """Go to the next line."""
        (self._inline if self._pre is None else self._pre).append(" " if self.in_cell else "\n")

    def join(self, text: str) -> None:
        """Add `text` and let the next paragraph go on in the same line."""
        self._inline.append(text)
        self._joins = not self.in_cell

    def image(self, words: str, source: str) -> None:
        """Add a picture."""
        if self._pre is None:
            self._inline.append(picture(words, source))

    def end_block(self) -> None:
        """End the paragraph that is open, if one is."""
        if self.in_cell:
            self._inline.append(" ")
        elif not self._joins:
            self._write("\n".join(_STRUCTURE.sub(r"\1\\", line, count=1) if line[:1] in _SIGNS else line for line in self._take()))

    def _end_line(self) -> None:
        """End the paragraph even where the next one was to go on in its line."""
        self._joins = False
        self.end_block()

    def _take(self) -> list[str]:
        """The lines of the words since the last block, which are then gone; of empty lines in a row one is left."""
        text = "".join(self._inline)
        self._inline.clear()
        self._last = None
        self._marks = [0] * len(self._marks)
        lines = [_seen(line) for line in text.strip().split("\n")]
        return [lines[0], *(line for before, line in pairwise(lines) if before or line)]

    def _write(self, text: str) -> None:
        if not text.strip():
            return
        if not self._places:
            self._parts += ["\n\n", text] if self._parts else [text]
            self._after_item = False
            return
        begins = [place for place in self._places if not place.used and place.first != place.rest]
        gap = "".join(place.rest for place in self._places if place.used).rstrip()
        is_tight = bool(begins) and self._after_item and not any(place.is_apart for place in begins)
        first = "".join(place.rest if place.used else place.first for place in self._places)
        rest = "".join(place.rest for place in self._places)
        for place in self._places:
            place.used = True
        if self._parts:
            self._parts.append("\n" if is_tight else f"\n{gap}\n")
        lines = text.split("\n")
        self._parts.append("\n".join([first + lines[0], *((rest + line).rstrip() for line in lines[1:])]))
        self._after_item = any(place.first != place.rest for place in self._places)

    def end_heading(self, level: int, target: str = "") -> None:
        """Make the words since the last block a heading, and them a link if it stands inside of one."""
        if self.in_cell:
            self._inline.append(" ")
        elif words := " ".join(" ".join(self._take()).split()):
            self.headings.append((level, words))
            self._write(heading(level, link(words, target)))

    def open_item(self, number: int | None, *, begins_list: bool = False) -> None:
        """Open a list item, marked by its number if it has one."""
        if self.in_cell:
            self._last = None
            while self._inline and not self._inline[-1].strip():
                self._inline.pop()
            if self._inline:
                self._inline[-1] = f"{self._inline[-1].rstrip()}; "
        else:
            self._end_line()
            marker = "- " if number is None else f"{number}. "
            self._open_place(_Place(marker, " " * len(marker), is_apart=begins_list and number not in (None, 1)))

    def open_quote(self) -> None:
        """Open a quotation."""
        self._end_line()
        if not self.in_cell:
            self._open_place(_Place("> ", "> "))

    def _open_place(self, place: _Place) -> None:
        if len(self._places) < _DEEPEST:
            self._places.append(place)
        else:
            self._flat_places += 1

    def close_place(self) -> None:
        """Close the item or quotation."""
        self._end_line()
        if self._flat_places and not self.in_cell:
            self._flat_places -= 1
        elif self._places and not self.in_cell:
            self._places.pop()

    def open_mark(self) -> None:
        """Begin words that will be marked."""
        if len(self._marks) < _DEEPEST:
            self._marks.append(len(self._inline))
        else:
            self._flat_marks += 1

    def close_mark(self, change: Callable[[str], str]) -> None:
        """Change the words since `open_mark`; words that touch others changed alike are changed together."""
        if self._flat_marks:
            self._flat_marks -= 1
            return
        last = self._last
        touches = last is not None and bool(self._marks) and (self._marks[-1], change) == last[:2] and len(self._inline) > self._marks[-1]
        before, words, after = self._marked()
        if last is not None and touches and words and not before:
            words = last[2] + words
            before = last[3]
            self._inline.pop()
        self._inline.append(before + change(words) + after)
        self._last = None if after or not words else (len(self._inline), change, words, before)

    def _marked(self) -> tuple[str, str, str]:
        start = self._marks.pop()
        text = "".join(self._inline[start:])
        del self._inline[start:]
        words = text.strip()
        return (" " if words and text[0].isspace() else "", words, " " if text and text[-1].isspace() else "")

    def open_code(self) -> None:
        """Begin preformatted text."""
        if not self.in_cell and self._pre is None:
            self._end_line()
            self._pre = []

    def close_code(self, language: str) -> None:
        """End preformatted text, as a fence that nothing inside can close."""
        if self._pre is not None:
            code = clean("".join(self._pre)).strip("\n").rstrip()
            self._pre = None
            self._write(fenced(code, language) if code else "")

    def open_table(self) -> None:
        """Begin a table; rows and cells follow."""
        self._end_line()
        self._tables.append(Grid())

    def open_cell(self) -> None:
        """Begin a cell, or a caption."""
        self._take()
        self.in_cell += 1

    def close_cell(self, *, columns: int, rows: int, is_header: bool) -> None:
        """End a cell that is this wide and high."""
        self.in_cell -= 1
        self._tables[-1].add(" ".join(self._take()), columns=columns, rows=rows, is_header=is_header)

    def close_caption(self) -> None:
        """Write the caption as a paragraph above its table."""
        self.in_cell -= 1
        self._write(" ".join(self._take()))

    def close_row(self, *, in_head: bool) -> None:
        """End a row."""
        self._tables[-1].close_row(in_head=in_head)

    def close_table(self) -> None:
        """Write the table."""
        self._write(self._tables.pop().markdown())


def _seen(line: str) -> str:
    """A line's words with single spaces, and nothing that cannot be seen."""
    words = " ".join(line.split())
    return words if words.isascii() and words.isprintable() else " ".join(clean(words).split())
