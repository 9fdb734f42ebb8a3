"""Headings of tagged files: Word, InDesign and LibreOffice say which lines are headings, and of which level."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.readers.pdf_margins import artifact_pieces, content_places
from builder.readers.pdf_pieces import Piece

if TYPE_CHECKING:
    from liteparse.types import ParsedPage, StructureTreeElement, TextItem

_PIECES = 9  # of one heading
_SOLID = re.compile(r"[^\W_]+")
_HEADING = re.compile(r"H([1-6]?)|Title")


@dataclass(frozen=True)
class Tags:
    """The headings of each page as (level, letters and digits), and what is no content."""

    headings: dict[int, list[tuple[int, str]]]
    artifacts: dict[int, list["TextItem"]]


def is_tagged(pages: Sequence["ParsedPage"]) -> bool:
    """Whether any page names headings."""
    return any(True for page in pages for _ in _headings(page))


def tags(pages: Sequence["ParsedPage"]) -> Tags:
    """Return what the structure trees of pages say; their pieces must know their marked content."""
    headings: dict[int, list[tuple[int, str]]] = {}
    for page in pages:
        for element in _headings(page):
            places = set(content_places(element))
            solid = "".join(_solid(piece.text) for piece in page.text_items if piece.mcid in places)
            if solid:
                match = _HEADING.fullmatch(element.type)
                level = int(match[1]) if match and match[1] else 1
                headings.setdefault(page.page_num, []).append((level, solid))
    return Tags(headings, {page.page_num: artifact_pieces(page) for page in pages})


def retag(pieces: Sequence[Piece], headings: dict[int, list[tuple[int, str]]]) -> Iterator[Piece]:
    """Give headings the levels of their tags, make headings of paragraphs that are tagged so, and paragraphs of the rest."""
    waiting = {page: list(found) for page, found in headings.items()}
    place = 0
    while place < len(pieces):
        piece, found = pieces[place], waiting.get(pieces[place].parts[0][0], [])
        level, count = next(((level, count) for level, solid in found if (count := _count(pieces, place, solid))), (0, 0))
        if count:
            words = " ".join(one.text for one in pieces[place : place + count]).replace("**", "")
            yield replace(
                piece, kind="heading", level=level, marker="", parts=((piece.parts[0][0], words),), last=pieces[place + count - 1].last
            )
        else:
            yield replace(piece, kind="paragraph") if piece.kind == "heading" else piece
        place += count or 1


def _count(pieces: Sequence[Piece], place: int, solid: str) -> int:
    """How many pieces from `place` on make up the heading, 0 if they do not."""
    joined = ""
    for count, piece in enumerate(pieces[place : place + _PIECES], 1):
        if piece.kind not in ("heading", "paragraph"):
            return 0
        joined += _solid(piece.text)
        if joined == solid:
            return count
        if not solid.startswith(joined):
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


def _solid(text: str) -> str:
    return "".join(_SOLID.findall(text))
