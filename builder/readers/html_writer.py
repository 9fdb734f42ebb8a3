"""Writes canonical Markdown from a stream of what opens, what it says, and what closes.

The page's tree is never walked by recursion, so twenty thousand nested elements are no deeper for us than two. Inside a
table cell everything is one line: a paragraph that ends there is a space, an item of a list a semicolon.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from builder.readers.content import clean, heading, table

_SPACE = re.compile(r"[ \t\n\r\f]+")
_TAG = re.compile(r"<(?=[A-Za-z!?/])")
_STRUCTURE = re.compile(r"(?=(?:#{1,6}|[-+*]|>|={2,}|-{2,}|~{3,}|`{3,})(?:\s|$))|(\d{1,9})(?=[.)]\s)")
_TARGET = re.compile(r"[ ()<>]")
_LINE_ENDS = re.compile(r"[\t\r\n]")
_TICKS = re.compile(r"`+")
_ANCHORS = ("¶", "#", "§", "🔗")
_LARGEST_SPAN = 50
_DEEPEST = 30  # items or marks inside one another; what is deeper is flattened, lest the indent outgrow the words


@dataclass
class _Place:
    """An open item or quote: what its first line and its other lines begin with."""

    first: str
    rest: str
    used: bool = False


@dataclass
class _Cell:
    text: str
    columns: int
    rows: int
    is_header: bool


@dataclass
class _Table:
    rows: list[list[str]] = field(default_factory=list)
    row: list[_Cell] = field(default_factory=list)
    has_header: bool = False
    carried: dict[int, tuple[int, str]] = field(default_factory=dict)  # column -> rows still covered by a cell above, its text


class Writer:
    """The Markdown so far. Whatever is opened must be closed, in order."""

    def __init__(self) -> None:
        self.in_cell = 0
        self._parts: list[str] = []
        self._inline: list[str] = []
        self._marks: list[int] = []  # where in `_inline` each open mark began
        self._flat_marks = 0
        self._places: list[_Place] = []
        self._flat_places = 0
        self._tables: list[_Table] = []
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
            self._inline.append(_TAG.sub(r"\\<", _SPACE.sub(" ", text)))

    def line_break(self) -> None:
        """Go to the next line."""
        (self._inline if self._pre is None else self._pre).append(" " if self.in_cell else "\n")

    def join(self, text: str) -> None:
        """Add `text` and let the next paragraph go on in the same line."""
        self._inline.append(text)
        self._joins = not self.in_cell

    def end_block(self) -> None:
        """End the paragraph that is open, if one is."""
        if self.in_cell:
            self._inline.append(" ")
        elif not self._joins:
            self._write("\n".join(_STRUCTURE.sub(r"\1\\", line, count=1) if _STRUCTURE.match(line) else line for line in self._take()))

    def _end_line(self) -> None:
        """End the paragraph even where the next one was to go on in its line."""
        self._joins = False
        self.end_block()

    def _take(self) -> list[str]:
        """The lines of the words since the last block, which are then gone."""
        text = "".join(self._inline)
        self._inline.clear()
        self._marks = [0] * len(self._marks)
        return [" ".join(line.split()) for line in clean(text).strip().split("\n")]

    def _write(self, text: str) -> None:
        if not text.strip():
            return
        begins_item = any(not place.used and place.first != place.rest for place in self._places)
        first = "".join(place.rest if place.used else place.first for place in self._places)
        rest = "".join(place.rest for place in self._places)
        for place in self._places:
            place.used = True
        if self._parts:
            self._parts.append("\n" if begins_item and self._after_item else "\n\n")
        lines = text.split("\n")
        self._parts.append("\n".join([first + lines[0], *((rest + line).rstrip() for line in lines[1:])]))
        self._after_item = any(place.first != place.rest for place in self._places)

    def end_heading(self, level: int) -> None:
        """Make the words since the last block a heading."""
        if self.in_cell:
            self._inline.append(" ")
        elif words := " ".join(self._take()):
            self._write(heading(level, words))

    def open_item(self, marker: str) -> None:
        """Open a list item, marked "-" or by its number."""
        if self.in_cell:
            words = "".join(self._inline).rstrip()
            self._inline[:] = [f"{words}; " if words else ""]
        else:
            self._end_line()
            self._open_place(f"{marker} ", " " * (len(marker) + 1))

    def open_quote(self) -> None:
        """Open a quotation."""
        self._end_line()
        if not self.in_cell:
            self._open_place("> ", "> ")

    def _open_place(self, first: str, rest: str) -> None:
        if len(self._places) < _DEEPEST:
            self._places.append(_Place(first, rest))
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

    def close_mark(self, mark: str) -> None:
        """Put `mark` on both sides of the words since `open_mark`."""
        if self._flat_marks:
            self._flat_marks -= 1
            return
        before, words, after = self._marked()
        if mark == "`":
            words = words.replace("\\<", "<")
            words = f" {words} " if words.startswith("`") or words.endswith("`") else words
            mark = "`" * (1 + max(map(len, _TICKS.findall(words)), default=0))
        if words and not (words.startswith(mark) and words.endswith(mark)):
            words = f"{mark}{words}{mark}"
        self._inline.append(before + words + after)

    def close_link(self, target: str) -> None:
        """Make the words since `open_mark` a link; a link without words is dropped."""
        if self._flat_marks:
            self._flat_marks -= 1
            return
        before, words, after = self._marked()
        target = _TARGET.sub(lambda match: quote(match.group()), _LINE_ENDS.sub("", target.strip()))
        if words in _ANCHORS:
            words = ""
        elif target.removeprefix("mailto:") == words:
            pass  # the words say it all
        elif words and target and not target.lower().startswith(("javascript:", "data:")):
            words = f"[{' '.join(words.split())}]({target})"
        self._inline.append(before + words + after)

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
            fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
            self._write(f"{fence}{language}\n{code}\n{fence}" if code else "")

    def open_table(self) -> None:
        """Begin a table; rows and cells follow."""
        self._end_line()
        self._tables.append(_Table())

    def open_cell(self) -> None:
        """Begin a cell, or a caption."""
        self._take()
        self.in_cell += 1

    def close_cell(self, *, columns: int, rows: int, is_header: bool) -> None:
        """End a cell that is this wide and high."""
        self.in_cell -= 1
        self._tables[-1].row.append(_Cell(" ".join(self._take()), min(columns, _LARGEST_SPAN), min(rows, _LARGEST_SPAN), is_header))

    def close_caption(self) -> None:
        """Write the caption as a paragraph above its table."""
        self.in_cell -= 1
        self._write(" ".join(self._take()))

    def close_row(self, *, in_head: bool) -> None:
        """End a row; a cell that spans rows is repeated, so that each row can be read alone."""
        current = self._tables[-1]
        cells, row = current.row[::-1], []
        current.row = []
        if not current.rows:
            current.has_header = bool(cells) and (in_head or all(cell.is_header for cell in cells))
        while cells or len(row) in current.carried:
            left, text = current.carried.pop(len(row), (0, ""))
            width = 1
            if not left:
                cell = cells.pop()
                left, text, width = cell.rows, cell.text, cell.columns
            for column in range(len(row), len(row) + width):
                if left > 1:
                    current.carried[column] = (left - 1, text if column == len(row) else "")
            row += [text, *[""] * (width - 1)]
        if any(row):
            current.rows.append(row)

    def close_table(self) -> None:
        """Write the table; without a header row its header is empty, and one column is a list."""
        current = self._tables.pop()
        width = max(map(len, current.rows), default=0)
        if width == 1 and not current.has_header:
            self._write("\n".join(f"- {row[0]}" for row in current.rows))
        elif width:
            has_header = current.has_header or all(cell.startswith("**") for cell in current.rows[0])
            self._write(table(current.rows if has_header else [[""] * width, *current.rows]))
