"""What stands at the margins of pages and is no text: running headers and footers, and page numbers.

A line at the margin is one of them if it stands at the same height of three pages (of both, if there are two) in the same
words, or in the same words with a number that grows, and is no larger than the text. In tagged files artifacts are marked.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from builder.readers.pdf_marks import Mark

if TYPE_CHECKING:
    from liteparse.types import ParsedPage, TextItem

_ZONE = 0.09  # the share of a page's height that counts as margin, above and below
_PAGES = 3
_MANY = 500  # pieces in the margins of a page; more are no header
_DIGITS = re.compile(r"\d+")
_LARGE = 1.3  # times the height of the text
_PAGE_OF = re.compile(r"\b(?:page|seite)\s+\d{1,4}\s*(?:of|von|/)\s*\d{1,4}\b", re.IGNORECASE)
_PAGE_NUMBER = re.compile(
    r"[-–—|\s]*(?:page|seite|p\.|s\.)?\s*(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|von|/)\s*\d{1,4})?[-–—|\s]*", re.IGNORECASE
)


@dataclass(frozen=True)
class _Running:
    """The words that repeat, by the height they stand at; with numbers as # where these grow from page to page."""

    same: frozenset[tuple[str, int]]
    numbered: frozenset[tuple[str, int]]
    large: float


def margins(pages: Sequence["ParsedPage"], artifacts: Mapping[int, Sequence[Mark]]) -> dict[int, frozenset[int]]:
    """Return for each page's number the id() of the pieces that belong to running headers and footers."""
    pieces = [_in_margin(page)[:_MANY] for page in pages]
    running = _repeated(pages, pieces)
    return {
        page.page_num: frozenset(_found(page, own, running, artifacts.get(page.page_num, ()), alone=len(pages) == 1))
        for page, own in zip(pages, pieces, strict=True)
    }


def unexplained(page: "ParsedPage", found: frozenset[int]) -> bool:
    """Whether a page has pieces at its margins, other than those found, that tags may call artifacts."""
    return any(id(piece) not in found for piece in _in_margin(page)[:_MANY])


def _repeated(pages: Sequence["ParsedPage"], margin: Sequence[Sequence["TextItem"]]) -> _Running:
    needed = min(_PAGES, max(2, len(pages)))
    exact: defaultdict[float, int] = defaultdict(int)
    for page in pages:
        for piece in page.text_items:
            exact[piece.height] += len(piece.text)
    heights: Counter[float] = Counter()
    for height, letters in exact.items():
        heights[round(height, 1)] += letters
    same: Counter[tuple[str, int]] = Counter()
    numbers: dict[tuple[str, int], list[list[int]]] = {}
    for pieces in margin:
        same.update({_key(piece, _DIGITS.findall(piece.text)) for piece in pieces})
        for piece in {_key(piece, ()): piece for piece in pieces}.values():
            numbers.setdefault(_key(piece, ()), []).append([int(digits[-9:]) for digits in _DIGITS.findall(piece.text)])
    return _Running(
        frozenset(key for key, count in same.items() if count >= needed),
        frozenset(key for key, found in numbers.items() if len(found) >= needed and _grows(found)),
        max(heights, key=lambda height: (heights[height], -height), default=0.0) * _LARGE,
    )


def _grows(found: Sequence[Sequence[int]]) -> bool:
    """Whether the first or the last number grows from page to page."""
    if not all(found):
        return False
    return any(all(one[place] < other[place] for one, other in pairwise(found)) for place in (0, -1))


def _found(page: "ParsedPage", pieces: Sequence["TextItem"], running: _Running, artifacts: Sequence[Mark], *, alone: bool) -> Iterator[int]:
    for piece in pieces:
        number = not alone and _PAGE_NUMBER.fullmatch(piece.text.strip()) and _alone(piece, page)
        repeated = _key(piece, _DIGITS.findall(piece.text)) in running.same
        numbered = piece.height <= running.large and (_key(piece, ()) in running.numbered or _PAGE_OF.search(piece.text))
        if number or repeated or numbered or any(artifact.meets(piece) for artifact in artifacts):
            yield id(piece)


def _in_margin(page: "ParsedPage") -> list["TextItem"]:
    top, bottom = page.height * _ZONE, page.height * (1 - _ZONE)
    return [piece for piece in page.text_items if piece.y > bottom or piece.y + piece.height < top]


def _key(piece: "TextItem", numbers: Sequence[str]) -> tuple[str, int]:
    """The words with # for numbers, the numbers if they count, and the height they stand at."""
    return f"{_DIGITS.sub('#', ' '.join(piece.text.split()))} {' '.join(numbers)}", round(piece.y / 4)


def _alone(piece: "TextItem", page: "ParsedPage") -> bool:
    """Whether nothing but other text of the margin is beside it."""
    return not any(
        other is not piece and abs(other.y - piece.y) < piece.height / 2 and abs(other.x - piece.x) < piece.width + page.width / 8
        for other in page.text_items
    )
