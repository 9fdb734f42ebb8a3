"""Tables again, from the places of their words: for tables whose columns the engine cut in the middle of sentences.

A column begins where the words of most lines begin; a row begins after a wider gap. A line in larger letters is a heading
that stands between two tables.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING

from builder.readers.pdf_lines import Printed

if TYPE_CHECKING:
    from liteparse.types import AnnotationRect, ParsedPage, TextItem, WordBox

_NEAR = 1.5  # points between left edges of one column
_SPACE = 0.5  # of the height is more than a space between words
_GAP = 1.2  # times the least distance of lines is between rows
_LARGE = 1.3  # times the usual height is a heading
_SHARE = 2  # a column begins in every second line at least
_FEW = 4  # of its lines one at least begins a printed piece there; the others may run over it

Row = list[str]


@dataclass(frozen=True)
class Heading:
    """A line in larger letters."""

    text: str
    x: float
    top: float
    bottom: float


def may_have_columns(box: "AnnotationRect", page: "ParsedPage") -> bool:
    """Return whether some printed pieces in the box stand below each other, so that it may be worth asking for their words."""
    pieces = [piece for piece in page.text_items if _inside(piece, box)]
    first, lines = min((piece.x for piece in pieces), default=0.0), len({round(piece.y / 3) for piece in pieces})
    edges = Counter(
        point for piece in pieces if piece.x > first + _NEAR for point in (round(piece.x) - 1, round(piece.x), round(piece.x) + 1)
    )
    return max(edges.values(), default=0) * _FEW >= lines


def rebuilt(box: "AnnotationRect", page: Printed) -> list[Heading | list[Row]] | None:
    """Return headings and tables as rows of cells, or nothing if the words do not stand in columns."""
    lines = _lines(page, box)
    usual = median(word.height for line in lines for word in line) if lines else 0
    found: list[Heading | list[Row]] = []
    for is_large, group in groupby(lines, key=lambda line: line[0].height > usual * _LARGE):
        if is_large:
            found += [_heading(line) for line in group]
        elif (rows := _rows(list(group), page)) is not None:
            found.append(rows)
        else:
            return None
    return found


def _heading(line: Sequence["WordBox"]) -> Heading:
    first = line[0]
    return Heading(" ".join(word.text for word in line), first.x, first.y, first.y + first.height)


def _lines(page: Printed, box: "AnnotationRect") -> list[list["WordBox"]]:
    """The words in the box by printed line, each from left to right."""
    words = [word for piece in page.source.text_items for word in piece.words if _inside(word, box)]
    words.sort(key=lambda word: (word.y, word.x))
    lines: list[list[WordBox]] = []
    for word in words:
        if lines and word.y < lines[-1][0].y + lines[-1][0].height / 2:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word.x) for line in lines]


def _inside(word: "WordBox | TextItem", box: "AnnotationRect") -> bool:
    x, y = word.x + word.width / 2, word.y + word.height / 2
    return box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height


def _rows(lines: list[list["WordBox"]], page: Printed) -> list[Row] | None:
    columns = _columns(lines)
    if len(columns) < 2:
        return None
    distances = [below[0].y - above[0].y for above, below in pairwise(lines)]
    wide = min(distances, default=0) * _GAP
    rows: list[list[list[WordBox]]] = []
    for distance, line in zip([wide + 1, *distances], lines, strict=True):
        if distance > wide or max(distances, default=0) <= wide:
            rows.append([[] for _ in columns])
        for word in line:
            rows[-1][sum(word.x > left - _NEAR for left in columns[1:])].append(word)
    return [[_cell(cell, page) for cell in row] for row in rows]


def _columns(lines: Sequence[Sequence["WordBox"]]) -> list[float]:
    """The left edges that every second line has, mostly behind a gap, and that no word crosses."""
    near = Counter(point for line in lines for word in line for point in (round(word.x) - 1, round(word.x), round(word.x) + 1))
    lefts = sorted({round(word.x): word.x for line in lines for word in line if near[round(word.x)] * _SHARE >= len(lines)}.values())
    found: list[float] = []
    for left in lefts:
        gaps = [gap for line in lines if (gap := _gap_before(left, line)) is not None]
        wide = sum(gap > _SPACE for gap in gaps)
        crossed = any(word.x < left - _NEAR and word.x + word.width > left + _NEAR for line in lines for word in line)
        is_new = not found or left - found[-1] > 2 * _NEAR
        if is_new and not crossed and len(gaps) * _SHARE >= len(lines) and wide * _SHARE >= len(gaps):
            found.append(left)
    return found


def _gap_before(left: float, line: Sequence["WordBox"]) -> float | None:
    """The gap before the word that begins at `left`, if one does, in heights of it; without bound before the first."""
    for above, word in pairwise([None, *line]):
        if word and abs(word.x - left) < _NEAR:
            return (word.x - above.x - above.width) / word.height if above and word.height else float("inf")
    return None


def _cell(words: Sequence["WordBox"], page: Printed) -> str:
    return " ".join(_linked(words, page))


def _linked(words: Sequence["WordBox"], page: Printed) -> Iterator[str]:
    for address, group in groupby(words, key=lambda word: _address(word, page)):
        text = " ".join(word.text for word in group)
        yield f"[{text}]({address})" if address and "[" not in text and "]" not in text else text


def _address(word: "WordBox", page: Printed) -> str:
    return next((address for _, rect, address in page.links if _inside(word, rect)), "")
