"""Blocks to pieces of Markdown: what the engine glued together is cut, and what it tore apart is joined.

Its blocks run a paragraph into the item above it, keep a wrapped heading as two, and take bullets in a fixed-width font
for code. The distances between printed lines decide instead.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from builder.readers.content import body, clean, fenced
from builder.readers.pdf_lines import Line, Printed, balanced, find_lines, with_links

if TYPE_CHECKING:
    from liteparse.types import LayoutBlock

Kind = Literal["heading", "paragraph", "item", "table", "code"]
_WIDE = 1.3  # a distance so many times the usual one ends a paragraph
_SHIFT = 2.0  # points; less is no indentation
BULLET = re.compile(r"(?:\*\*)?[•●▪◦‣■□○∙·\uf0b7](?:\*\*)?\s+(?=\S)")
_BEFORE_BULLETS = "*•●▪◦‣■□○∙·\uf0b7"  # all that one can begin with
_NUMBER = re.compile(r"(?:\*\*)?(\d{1,3})[.)](?:\*\*)?\s+(?=\S)")
_ORDERED = re.compile(r"\d{1,9}[.)]")
_SENTENCE_END = re.compile(r"[.!?:;…。！？]['\"”’)\]*`]*(?:\([^()\s]*\))?$")
_FIRST_LETTER = re.compile(r"[\[*`(\"“–\\ -]{0,4}([^\W\d_])")
_LIST_SIGN = re.compile(r"[-+*>]\s")
_BRACKETS = re.compile(r"(?<!\\)<(?=[!?/A-Za-z])")  # `body` has escaped some


class Block(NamedTuple):
    """A block of the engine with the lines that its text was found on; `text` begins with the marker of an item."""

    kind: str
    text: str
    level: int
    marker: str
    lines: tuple[Line, ...]
    links: tuple[tuple[int, int, str], ...]
    page: int


class Piece(NamedTuple):
    """A block of Markdown; `parts` are its texts by page number, where it runs over more than one page."""

    kind: Kind
    parts: tuple[tuple[int, str], ...]
    level: int = 0
    marker: str = ""
    first: Line | None = None
    last: Line | None = None
    doubtful: bool = False  # a table whose columns may be wrong

    @property
    def text(self) -> str:
        """Its whole text, over all pages."""
        return self.parts[0][1] if len(self.parts) == 1 else " ".join(text for _, text in self.parts)


def locate(block: "LayoutBlock", page: Printed) -> Block:
    """Find a block's lines on its page."""
    marker = clean(block.marker or "").strip() if block.kind == "list_item" else ""
    text = "\n".join(block.lines or ()) if block.lines is not None else block.text or ""
    text = f"{marker} {text}" if marker else text
    lines, links = find_lines(text, block.bbox, page) if block.kind not in ("table", "rule", "figure") else ([], [])
    return Block(block.kind, text, block.level or 0, marker, tuple(lines), tuple(links), page.number)


def cut(block: Block, pitches: Mapping[int, float]) -> Iterator[Piece]:
    """Cut a block of text where its lines show that something else begins; lines of running headers are left out."""
    if block.lines and block.lines[0].dropped and all(line.dropped for line in block.lines):
        return
    if block.kind in ("code", "grid_fallback") and not _all_bullets(block):
        if block.text.strip():
            yield Piece("code", ((block.page, _fenced(block)),), 0, "", *_ends(block.lines))
        return
    starts = _starts(block, pitches)
    for first, end in pairwise([*starts, len(block.lines)]):
        lines = [line for line in block.lines[first:end] if not line.dropped]
        if lines and (piece := _piece(block, lines, is_first=first == 0)):
            yield piece
    if not block.lines and block.text.strip() and (piece := _piece(block, (), is_first=True)):
        yield piece


def joined(pieces: Iterable[Piece], pitches: Mapping[int, float]) -> list[Piece]:
    """Join what belongs together: wrapped headings, items and sentences that go on, also on the next page."""
    result: list[Piece] = []
    for piece in pieces:
        if result and _belongs(result[-1], piece, pitches):
            result[-1] = _one(result[-1], piece)
        else:
            result.append(piece)
    return result


def _starts(block: Block, pitches: Mapping[int, float]) -> list[int]:
    if block.kind == "heading":
        return [0] if block.lines else []
    if len(block.lines) < 2:
        return [0] if block.lines else []
    words = [block.text[line.start : line.end].lstrip() for line in block.lines]
    numbered = _numbered(words)
    starts, left = [0], block.lines[0].x - _SHIFT if block.kind == "list_item" else float("-inf")
    for place, (above, below) in enumerate(pairwise(block.lines), 1):
        outdented = below.x < left and below.top > above.top
        if outdented or place in numbered or _far(above, below, pitches) or _bullet(words[place]):
            starts.append(place)
    return starts


def _piece(block: Block, lines: Sequence[Line], *, is_first: bool) -> Piece | None:
    start, end = (lines[0].start, lines[-1].end) if lines else (0, len(block.text))
    if is_first and block.marker:
        start = max(start, len(block.marker))
    is_heading = is_first and block.kind == "heading"
    words = _harmless(with_links(block.text, start, end, block.links if block.kind != "heading" else ()))
    first, last = _ends(lines)
    if not words or (is_heading and not any(map(str.isalpha, words))):
        return None
    if is_heading:
        return Piece("heading", ((block.page, balanced(words.replace("**", ""))),), block.level or 2, "", first, last)
    if is_first and block.marker:
        ordered = _ORDERED.fullmatch(block.marker)
        known = ordered or not any(map(str.isalnum, block.marker))
        words = words if known else f"{block.marker} {words}"
        return Piece("item", ((block.page, words),), block.level, ordered[0] if ordered else "-", first, last)
    if match := _bullet(words):
        return Piece("item", ((block.page, words[match.end() :]),), 0, "-", first, last)
    if match := _number(words) if not is_first or len(block.lines) > len(lines) else None:
        return Piece("item", ((block.page, words[match.end() :]),), 0, f"{match[1]}.", first, last)
    if words[0] in "-+*>" and _LIST_SIGN.match(words):
        words = "\\" + words
    return Piece("paragraph", ((block.page, words),), 0, "", first, last)


def _bullet(words: str) -> re.Match[str] | None:
    return BULLET.match(words) if words[:1] in _BEFORE_BULLETS else None


def _number(words: str) -> re.Match[str] | None:
    return _NUMBER.match(words) if words[:1].isdecimal() or words[:2] == "**" else None


def _belongs(above: Piece, below: Piece, pitches: Mapping[int, float]) -> bool:
    if above.kind in ("table", "code") or below.kind in ("table", "item"):
        return False
    ends = (above.last, below.first)
    near = None not in ends and _near(*ends, pitches)  # pyright: ignore[reportArgumentType]
    if above.kind == "heading" or below.kind == "heading":
        same = above.kind == below.kind and near and above.last.font == below.first.font  # pyright: ignore[reportOptionalMemberAccess]
        return bool(same) and not re.match(r"\d", below.text)
    if below.kind == "code":
        return above.kind == "item" and near and "\n" not in below.text.strip("`\n") and below.first.x > above.first.x  # pyright: ignore[reportOptionalMemberAccess]
    letter = _FIRST_LETTER.match(below.text)
    if letter and letter[1].islower() and not _SENTENCE_END.search(above.text):
        return True
    return near and _runs_on(above, below)


def _runs_on(above: Piece, below: Piece) -> bool:
    """Whether the line below is indented as an item is, or the line above is full and ends no sentence."""
    if not (above.first and above.last and below.first):
        return False
    if above.kind == "item" and below.first.x > above.first.x + _SHIFT:
        return True
    is_full = above.last.right >= below.first.right - (below.first.right - below.first.x) / 10
    return is_full and abs(above.last.x - below.first.x) < _SHIFT and not _SENTENCE_END.search(above.text)


def _one(above: Piece, below: Piece) -> Piece:
    words = "`" + below.text.strip("`\n") + "`" if below.kind == "code" else below.parts[0][1]
    page, text = above.parts[-1]
    if text.endswith("-") and text[-2:-1].isalpha() and words[:1].islower():
        text, words = text[:-1] + words.split(" ", 1)[0], "".join(words.split(" ", 1)[1:])
    parts = ((page, f"{text} {words}".strip()),) if page == below.parts[0][0] else ((page, text), (below.parts[0][0], words))
    return above._replace(parts=tuple(part for part in (*above.parts[:-1], *parts, *below.parts[1:]) if part[1]), last=below.last)


def _near(above: Line, below: Line, pitches: Mapping[int, float]) -> bool:
    return above.page == below.page and below.top > above.top and not _far(above, below, pitches)


def _far(above: Line, below: Line, pitches: Mapping[int, float]) -> bool:
    """Whether the distance to the next line is more than usual; a step up is the next column."""
    height = below.bottom - below.top
    return below.bottom - above.bottom > max(pitches.get(round(height), height * 1.2), height) * _WIDE


def _numbered(lines: Sequence[str]) -> set[int]:
    """The lines that begin with the numbers of one row, 1. 2. 3."""
    found = [(place, int(match[1])) for place, words in enumerate(lines) if (match := _number(words))]
    pairs = [(one, other) for one, other in pairwise(found) if other[1] == one[1] + 1]
    return {place for pair in pairs for place, _ in pair}


def _all_bullets(block: Block) -> bool:
    return bool(block.lines) and all(BULLET.match(line) for line in block.text.split("\n") if line.strip())


def _ends(lines: Sequence[Line]) -> tuple[Line | None, Line | None]:
    return (lines[0], lines[-1]) if lines else (None, None)


def _fenced(block: Block) -> str:
    return fenced(clean(block.text).strip("\n"))


def _harmless(words: str) -> str:
    """The words on one line, with nothing in them that Markdown takes for a tag."""
    words = body(words)
    if "  " in words or not (words.isascii() and words.isprintable()):
        words = " ".join(words.split())
    return _BRACKETS.sub(r"\\<", words) if "<" in words else words
