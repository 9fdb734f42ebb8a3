"""Headings of tagged files: Word, InDesign and LibreOffice say which lines are headings, and of which level."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.readers.pdf_engine import Parsed, tagged_items
from builder.readers.pdf_marks import Asked, Mark, marks
from builder.readers.pdf_pieces import Piece
from builder.readers.pdf_words import solid

if TYPE_CHECKING:
    from liteparse.types import ParsedPage, StructureTreeElement, TextItem

_PIECES = 9  # of one heading
_ROW = 4.0  # points
_MOST_ROWS = 100
_BEYOND = 1e6  # points; no page is so long
_HEADING = re.compile(r"H([1-6]?)|Title")


@dataclass(frozen=True)
class Tags:
    """The headings of each page as (level, letters and digits), and the marks of text that is no content."""

    headings: dict[int, list[tuple[int, str]]]
    artifacts: dict[int, list[Mark]]


def is_tagged(page: "ParsedPage") -> bool:
    """Whether a page names headings."""
    return any(True for _ in _headings(page))


def tags(parsed: Parsed, pages: Sequence["ParsedPage"]) -> Tags:
    """Return what the structure trees of `pages` of a file say."""
    content = {page.page_num: frozenset(place for root in _roots(page) for place in _places(root)) for page in pages}
    elements = {page.page_num: [(_level(element), frozenset(_places(element))) for element in _headings(page)] for page in pages}
    asked = {
        page.page_num: Asked(page.width, page.height, own.difference(*(places for _, places in elements[page.page_num])))
        for page in pages
        if (own := content[page.page_num])
    }
    headings: dict[int, list[tuple[int, str]]] = {}
    artifacts: dict[int, list[Mark]] = {}
    known = _marks(parsed, asked)
    for page in pages:
        if found := known.get(number := page.page_num):
            artifacts[number] = [mark for mark in found if mark.place not in content[number]]
            if named := list(_named(page.text_items, elements[number], found)):
                headings[number] = named
    return Tags(headings, artifacts)


def _marks(parsed: Parsed, asked: Mapping[int, Asked]) -> dict[int, list[Mark]]:
    found = marks(parsed.raw, asked)
    if found is None:
        items = tagged_items(parsed, list(asked))
        found = {number: [_mark(item) for item in own] for number, own in items.items()}
    return found


def _mark(item: "TextItem") -> Mark:
    return Mark(-1 if item.mcid is None else item.mcid, item.x, item.x + item.width, item.y + item.height / 2)


def _named(items: Sequence["TextItem"], elements: Sequence[tuple[int, frozenset[int]]], found: Sequence[Mark]) -> Iterator[tuple[int, str]]:
    """The levels and the letters of a page's headings; not of those that share a printed line with other text."""
    if not elements:
        return
    lines = _Lines(items)
    by_place: defaultdict[int, list[Mark]] = defaultdict(list)
    for mark in found:
        by_place[mark.place].append(mark)
    for level, places in elements:
        printed: defaultdict[int, list[Mark]] = defaultdict(list)
        for mark in (mark for place in places for mark in by_place.get(place, ())):
            for line in lines.of(mark):
                printed[line].append(mark)
        whole = all(_fills(marks, items[line]) for line, marks in printed.items())
        if words := "".join(solid(items[line].text) for line in sorted(printed) if whole):
            yield level, words


def _fills(found: Sequence[Mark], item: "TextItem") -> bool:
    """Whether text objects reach from the beginning of a printed piece to its end."""
    left, right = min(mark.left for mark in found), max(mark.right for mark in found)
    return left < item.x + item.height and right > item.x + item.width - item.height


class _Lines:
    """The pieces of a page's printed lines, to be found by what is drawn there."""

    def __init__(self, items: Sequence["TextItem"]) -> None:
        self._items = items
        self._rows: defaultdict[int, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            for row in _rows(item):
                self._rows[row].append(place)

    def of(self, mark: Mark) -> list[int]:
        """The places of those that a text object is printed in; of lines that lie over each other the one that it is in the middle of."""
        items = self._items
        met = [place for place in self._rows.get(int(mark.y // _ROW), ()) if mark.meets(items[place])]
        away = [abs(items[place].y + items[place].height / 2 - mark.y) for place in met]
        return [place for place, distance in zip(met, away, strict=True) if distance <= min(away) + _ROW / 4]


def _rows(item: "TextItem") -> range:
    """The rows of the page that a printed line is in, so many as the largest letters have."""
    if not 0 <= item.y <= item.y + item.height < _BEYOND:
        return range(0)
    first, last = int(item.y // _ROW), int((item.y + item.height) // _ROW)
    return range(first, min(last, first + _MOST_ROWS) + 1)


def _level(element: "StructureTreeElement") -> int:
    match = _HEADING.fullmatch(element.type)
    return int(match[1]) if match and match[1] else 1


def _roots(page: "ParsedPage") -> Sequence["StructureTreeElement"]:
    return page.structure_tree.roots if page.structure_tree else ()


def _places(element: "StructureTreeElement") -> Iterator[int]:
    """The marked content of an element and of all below it."""
    waiting = [element]
    while waiting:
        element = waiting.pop()
        yield from element.marked_content_ids
        waiting += element.children


def retag(pieces: Sequence[Piece], headings: dict[int, list[tuple[int, str]]]) -> Iterator[Piece]:
    """Give headings the levels of their tags, make headings of paragraphs that are tagged so, and paragraphs of the rest."""
    waiting = {page: list(found) for page, found in headings.items()}
    place = 0
    while place < len(pieces):
        piece, found = pieces[place], waiting.get(pieces[place].parts[0][0], [])
        level, count = next(((level, count) for level, words in found if (count := _count(pieces, place, words))), (0, 0))
        if count:
            words = " ".join(one.text for one in pieces[place : place + count]).replace("**", "")
            yield piece._replace(
                kind="heading", level=level, marker="", parts=((piece.parts[0][0], words),), last=pieces[place + count - 1].last
            )
        else:
            yield piece._replace(kind="paragraph") if piece.kind == "heading" else piece
        place += count or 1


def _count(pieces: Sequence[Piece], place: int, words: str) -> int:
    """How many pieces from `place` on make up the heading, 0 if they do not."""
    joined = ""
    for count, piece in enumerate(pieces[place : place + _PIECES], 1):
        if piece.kind not in ("heading", "paragraph"):
            return 0
        joined += solid(piece.text)
        if joined == words:
            return count
        if not words.startswith(joined):
            return 0
    return 0


def _headings(page: "ParsedPage") -> Iterator["StructureTreeElement"]:
    waiting = list(_roots(page))[::-1]
    while waiting:
        element = waiting.pop()
        if _HEADING.fullmatch(element.type):
            yield element
        else:
            waiting += element.children[::-1]
