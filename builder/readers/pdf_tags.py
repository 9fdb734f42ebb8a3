"""Headings of tagged files: Word, InDesign and LibreOffice say which lines are headings, and of which level."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder.readers.pdf_margins import artifact_pieces, content_places
from builder.readers.pdf_pieces import Piece
from builder.readers.pdf_words import solid

if TYPE_CHECKING:
    from liteparse.types import ParsedPage, StructureTreeElement, TextItem

_PIECES = 9  # of one heading
_HEADING = re.compile(r"H([1-6]?)|Title")


@dataclass(frozen=True)
class Tags:
    """The headings of each page as (level, letters and digits), and what is no content."""

    headings: dict[int, list[tuple[int, str]]]
    artifacts: dict[int, list["TextItem"]]


def is_tagged(page: "ParsedPage") -> bool:
    """Whether a page names headings."""
    return any(True for _ in _headings(page))


def tags(pages: Sequence["ParsedPage"], items: Mapping[int, Sequence["TextItem"]]) -> Tags:
    """Return what the structure trees say of the pages whose `items` are given with the marked content they belong to."""
    headings: dict[int, list[tuple[int, str]]] = {}
    tagged = [(page, items[page.page_num]) for page in pages if page.page_num in items]
    for page, pieces in tagged:
        for element in _headings(page):
            places = set(content_places(element))
            words = "".join(solid(piece.text) for piece in pieces if piece.mcid in places)
            if words:
                match = _HEADING.fullmatch(element.type)
                level = int(match[1]) if match and match[1] else 1
                headings.setdefault(page.page_num, []).append((level, words))
    return Tags(headings, {page.page_num: artifact_pieces(page, pieces) for page, pieces in tagged})


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
    waiting = list(page.structure_tree.roots if page.structure_tree else ())[::-1]
    while waiting:
        element = waiting.pop()
        if _HEADING.fullmatch(element.type):
            yield element
        else:
            waiting += element.children[::-1]
