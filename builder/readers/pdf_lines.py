"""The lines of a block: which characters of its text stand on which printed line, and where on the page.

The engine gives blocks with their text, and apart from them the printed lines with their places. Where a paragraph ends,
an item stops or a link begins shows only in the places, so the text is laid over the lines again: letters and digits only,
because the engine adds marks and removes hyphens.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liteparse.types import AnnotationRect, ParsedPage, TextItem

_SOLID = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"\s")
_SCHEMES = re.compile(r"(?:https?://|mailto:)[!-~]{1,2000}$", re.IGNORECASE)
_MANY = 1_000  # pieces of a page that begin with the same letter; looking through more would take long
_MARGIN = 2.0  # points by which the engine's boxes may differ
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_MARKS = (re.compile(r"(?<!\\)\*\*"), re.compile(r"(?<![\\*])\*(?!\*)"), re.compile(r"(?<!\\)`"))


@dataclass(frozen=True)
class Line:
    """Characters `start` to `end` of a block's text on one printed line, and the line's box and font."""

    start: int
    end: int
    x: float
    top: float
    right: float
    bottom: float
    font: str
    page: int
    dropped: bool = False  # a running header or footer

    @property
    def height(self) -> float:
        """The height of its box in points."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Printed:
    """A page's printed pieces by their first letter, ready to be found in the text of blocks."""

    number: int
    source: "ParsedPage"
    pieces: dict[str, list[tuple[str, "TextItem"]]]
    links: tuple[tuple["AnnotationRect", str], ...]
    margins: frozenset[int] = field(default_factory=frozenset)  # the id() of pieces in running headers and footers


def printed(page: "ParsedPage", margins: frozenset[int]) -> Printed:
    """Prepare a page."""
    pieces: dict[str, list[tuple[str, TextItem]]] = {}
    for piece in page.text_items:
        if solid := "".join(_SOLID.findall(piece.text)):
            pieces.setdefault(solid[0], []).append((solid, piece))
    pieces = {letter: found[:_MANY] for letter, found in pieces.items()}
    links = tuple(
        (rect, note.uri.strip().replace("(", "%28").replace(")", "%29"))
        for note in page.annotations or ()
        if note.uri and _SCHEMES.match(note.uri.strip())
        for rect in (note.quadpoint_rects or [note.rect])
        if rect is not None
    )
    return Printed(page.page_num, page, pieces, links, margins)


def find_lines(text: str, box: "AnnotationRect | None", page: Printed) -> tuple[list[Line], list[tuple[int, int, str]]]:
    """Return the lines of a block's text in its order, and the links in it as (start, end, address)."""
    places: list[int] = []
    for run in _SOLID.finditer(text):
        places += range(*run.span())
    solid = "".join(_SOLID.findall(text))
    lines: list[Line] = []
    links: list[tuple[int, int, str]] = []
    for start, size, piece in _laid(solid, box, page):
        lines.append(_line(places[start], places[start + size - 1] + 1, piece, page))
        if page.links:
            links += _links(places[start : start + size], piece, page)
    return _joined(lines, text), _joined_links(links, text)


def leading(lines: Iterable[Sequence[Line]]) -> dict[int, float]:
    """Return the usual distance of lines by their height: the smallest that a fifth of them have."""
    distances: dict[int, Counter[float]] = {}
    for block in lines:
        for above, below in pairwise(block):
            distance = below.bottom - above.bottom
            if 0 < distance < 3 * below.height:
                distances.setdefault(round(below.height), Counter())[round(distance, 1)] += 1
    return {
        height: min(value for value, count in counts.items() if count * 5 >= counts.total() or count == max(counts.values()))
        for height, counts in distances.items()
    }


def with_links(text: str, start: int, end: int, links: Sequence[tuple[int, int, str]]) -> str:
    """Return `text[start:end]` with its links as Markdown, and without marks that the cut left open."""
    for link_start, link_end, address in reversed(links):
        first, last = max(link_start, start), min(link_end, end)
        words = text[first:last]
        if first < last and not any(len(mark.findall(words)) % 2 for mark in _MARKS) and not any(mark in words for mark in "[]"):
            text = f"{text[:first]}[{words}]({address}){text[last:]}"
            end += len(address) + 4
    return balanced(text[start:end].strip())


def balanced(text: str) -> str:
    """Return the text without ligatures, and without marks of emphasis or code that are opened and not closed."""
    for mark in _MARKS if "*" in text or "`" in text else ():
        if len(mark.findall(text)) % 2:
            text = mark.sub("", text)
    text = text.replace("****", "").strip()
    return text if text.isascii() else text.translate(_LIGATURES)


def _laid(solid: str, box: "AnnotationRect | None", page: Printed) -> Iterator[tuple[int, int, "TextItem"]]:
    """The pieces that make up the text, from its beginning as far as they are found."""
    used: set[int] = set()
    position, above = 0, 0.0
    while position < len(solid):
        found = [
            (-len(own), abs(piece.y - above), place, piece)
            for place, (own, piece) in enumerate(page.pieces.get(solid[position], ()))
            if solid.startswith(own, position) and id(piece) not in used and _within(piece, box)
        ]
        if not found:
            return
        size, _, _, piece = min(found, key=lambda one: one[:3])
        used.add(id(piece))
        yield position, -size, piece
        position, above = position - size, piece.y


def _within(piece: "TextItem", box: "AnnotationRect | None") -> bool:
    if box is None:
        return True
    x, y = piece.x + piece.width / 2, piece.y + piece.height / 2
    return box.x - _MARGIN <= x <= box.x + box.width + _MARGIN and box.y - _MARGIN <= y <= box.y + box.height + _MARGIN


def _line(start: int, end: int, piece: "TextItem", page: Printed) -> Line:
    font = f"{piece.font_name} {round(piece.height)}"
    box = (piece.x, piece.y, piece.x + piece.width, piece.y + piece.height)
    return Line(start, end, *box, font, page.number, id(piece) in page.margins)


def _joined(lines: Sequence[Line], text: str) -> list[Line]:
    """Pieces side by side as one line; each line reaches to where the next begins."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if (
            last
            and last.dropped == line.dropped
            and line.x >= last.x
            and min(last.bottom, line.bottom) - max(last.top, line.top) > line.height / 2
        ):
            box = (last.x, min(last.top, line.top), max(last.right, line.right), max(last.bottom, line.bottom))
            joined[-1] = Line(last.start, line.end, *box, last.font, last.page, last.dropped)
        else:
            joined.append(line)
    between = [_border(text, above.end, below.start) for above, below in pairwise(joined)]
    starts = [0, *between, len(text)]
    return [
        Line(start, end, line.x, line.top, line.right, line.bottom, line.font, line.page, line.dropped)
        for line, start, end in zip(joined, starts, starts[1:], strict=False)
    ]


def _border(text: str, end: int, start: int) -> int:
    """Where a line begins: what stands behind the first space belongs to it, as a bullet does."""
    space = _SPACE.search(text, end, start)
    return space.end() if space else start


def _links(places: Sequence[int], piece: "TextItem", page: Printed) -> Iterator[tuple[int, int, str]]:
    """The words of a piece that lie in the box of a link."""
    near = [(rect, address) for rect, address in page.links if abs(rect.y + rect.height / 2 - piece.y - piece.height / 2) < rect.height]
    position = 0
    for word in piece.words if near else ():
        size = sum(map(str.isalnum, word.text))
        x, y = word.x + word.width / 2, word.y + word.height / 2
        for rect, address in near:
            if size and position + size <= len(places) and rect.x <= x <= rect.x + rect.width and rect.y <= y <= rect.y + rect.height:
                yield places[position], places[position + size - 1] + 1, address
                break
        position += size


def _joined_links(links: Sequence[tuple[int, int, str]], text: str) -> list[tuple[int, int, str]]:
    joined: list[tuple[int, int, str]] = []
    for start, end, address in links:
        if joined and joined[-1][2] == address and not any(map(str.isalnum, text[joined[-1][1] : start])):
            joined[-1] = (joined[-1][0], end, address)
        else:
            joined.append((start, end, address))
    return joined
