"""The lines of a block: which characters of its text stand on which printed line, and where on the page.

The engine gives blocks with their text, and apart from them the printed lines with their places. Where a paragraph ends,
an item stops or a link begins shows only in the places, so the text is laid over the lines again: letters and digits only,
because the engine adds marks and removes hyphens.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from builder.readers.pdf_words import end_of, solid, trimmed

if TYPE_CHECKING:
    from liteparse.types import AnnotationRect, ParsedPage, TextItem

_SPACE = re.compile(r"\s")
_SCHEMES = re.compile(r"(?:https?://|mailto:)[!-~]{1,2000}$", re.IGNORECASE)
_FIRST = (4, 3, 2, 1)  # letters that pieces are sorted by; most have four
_MANY = 1_000  # pieces of a page that begin with the same letters; looking through more would take long
_MARGIN = 2.0  # points by which the engine's boxes may differ
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_MARKS = (re.compile(r"(?<!\\)\*\*"), re.compile(r"(?<![\\*])\*(?!\*)"), re.compile(r"(?<!\\)`"))


class Line(NamedTuple):
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


_Link = tuple[float, "AnnotationRect", str]  # the middle between its top and bottom, its box, its address
_Found = tuple[str, str, float, float, "TextItem"]  # letters and digits, what is printed from the first to the last, the middle


@dataclass(frozen=True)
class Printed:
    """A page's printed pieces by their first letters, ready to be found in the text of blocks."""

    number: int
    source: "ParsedPage"
    pieces: dict[str, list[_Found]]
    links: tuple[_Link, ...]
    margins: frozenset[int] = field(default_factory=frozenset)  # the id() of pieces in running headers and footers

    def links_at(self, box: "AnnotationRect | None") -> list[_Link]:
        """Return the links at the height of a box; all if there is none."""
        if not self.links:
            return []
        _, _, top, bottom = _bounds(box)
        return [link for link in self.links if top < link[0] + link[1].height and link[0] - link[1].height < bottom]


def printed(page: "ParsedPage", margins: frozenset[int]) -> Printed:
    """Prepare a page."""
    pieces: defaultdict[str, list[_Found]] = defaultdict(list)
    for piece in page.text_items:
        text = piece.text
        if own := solid(text):
            core = trimmed(text)
            middle = piece.x + piece.width / 2, piece.y + piece.height / 2
            pieces[own[: _FIRST[0]]].append((own, core if core[-1].isalnum() else own, *middle, piece))
    links = tuple(
        (rect.y + rect.height / 2, rect, note.uri.strip().replace("(", "%28").replace(")", "%29"))
        for note in page.annotations or ()
        if note.uri and _SCHEMES.match(note.uri.strip())
        for rect in (note.quadpoint_rects or [note.rect])
        if rect is not None
    )
    return Printed(page.page_num, page, {letters: found[:_MANY] for letters, found in pieces.items()}, links, margins)


def find_lines(text: str, box: "AnnotationRect | None", page: Printed) -> tuple[list[Line], list[tuple[int, int, str]]]:
    """Return the lines of a block's text in its order, and the links in it as (start, end, address)."""
    lines: list[Line] = []
    links: list[tuple[int, int, str]] = []
    near = page.links_at(box)
    start = end = 0
    for own, core, _, _, piece in _laid(solid(text), box, page):
        while not text[start].isalnum():
            start += 1
        end = start + len(core) if text.startswith(core, start) else end_of(text, start, len(own))
        _add(lines, start, end, piece, page)
        if near:
            links += _links(text, start, end, piece, near)
        start = end
    return _bordering(lines, text), _joined_links(links, text) if links else links


def leading(lines: Iterable[Sequence[Line]]) -> dict[int, float]:
    """Return the usual distance of lines by their height: the smallest that a fifth of them have."""
    distances: defaultdict[int, Counter[float]] = defaultdict(Counter)
    for block in lines:
        for above, below in pairwise(block):
            distance, height = below.bottom - above.bottom, below.bottom - below.top
            if 0 < distance < 3 * height:
                distances[round(height)][round(distance, 1)] += 1
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


def _laid(text: str, box: "AnnotationRect | None", page: Printed) -> Iterator[_Found]:
    """The pieces that make up the text, from its beginning as far as they are found: the longest, then the nearest below."""
    used: set[int] = set()
    left, right, top, bottom = _bounds(box)
    position, above, pieces = 0, 0.0, page.pieces
    while position < len(text):
        size, distance, best = 0, 0.0, None
        for first in _FIRST:
            for found in pieces.get(text[position : position + first], ()):
                own, _, x, y, piece = found
                if len(own) < size or not text.startswith(own, position) or id(piece) in used:
                    continue
                if left <= x <= right and top <= y <= bottom:
                    away = abs(piece.y - above)
                    if len(own) > size or away < distance:
                        size, distance, best = len(own), away, found
            if best:
                break
        else:
            return
        used.add(id(best[4]))
        yield best
        position, above = position + size, best[4].y


def _bounds(box: "AnnotationRect | None") -> tuple[float, float, float, float]:
    if box is None:
        return -inf, inf, -inf, inf
    return box.x - _MARGIN, box.x + box.width + _MARGIN, box.y - _MARGIN, box.y + box.height + _MARGIN


def _add(lines: list[Line], start: int, end: int, piece: "TextItem", page: Printed) -> None:
    """Add a piece as a line of its own, or to the line before if it stands beside that."""
    x, top, height = piece.x, piece.y, piece.height
    right, bottom, dropped = x + piece.width, top + height, id(piece) in page.margins
    if lines:
        first, _, left, above, edge, below, font, number, is_dropped = lines[-1]
        if is_dropped == dropped and x >= left and min(below, bottom) - max(above, top) > (bottom - top) / 2:
            lines[-1] = Line(first, end, left, min(above, top), max(edge, right), max(below, bottom), font, number, dropped)
            return
    lines.append(Line(start, end, x, top, right, bottom, f"{piece.font_name} {round(height)}", page.number, dropped))


def _bordering(lines: list[Line], text: str) -> list[Line]:
    """The lines, each reaching to where the next begins."""
    if len(lines) == 1:
        return [Line(0, len(text), *lines[0][2:])]
    between = [_border(text, above[1], below[0]) for above, below in pairwise(lines)]
    return [Line(start, end, *line[2:]) for line, start, end in zip(lines, [0, *between], [*between, len(text)], strict=False)]


def _border(text: str, end: int, start: int) -> int:
    """Where a line begins: what stands behind the first space belongs to it, as a bullet does."""
    space = _SPACE.search(text, end, start) if start - end > 1 else None
    return space.end() if space else start


def _links(text: str, start: int, end: int, piece: "TextItem", links: Sequence[_Link]) -> Iterator[tuple[int, int, str]]:
    """The words of a piece that lie in the box of a link."""
    middle, left, right = piece.y + piece.height / 2, piece.x - piece.height, piece.x + piece.width + piece.height
    near = [
        (rect, address) for y, rect, address in links if abs(y - middle) < rect.height and rect.x < right and rect.x + rect.width > left
    ]
    places = [place for place in range(start, end) if text[place].isalnum()] if near else []
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
