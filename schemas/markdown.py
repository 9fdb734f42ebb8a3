"""The shape of `Document.text`: canonical Markdown as a flat list of blocks with exact character spans.

Every reader produces canonical Markdown with "\\n" line ends; chunking and the extractive generator both work on these
blocks, so that a span found by either is a span of the document. markdown-it-py (CommonMark plus tables) decides the
block structure; inline markup stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

Kind = Literal["heading", "paragraph", "list", "table", "code", "quote", "html", "rule"]
_KINDS: dict[str, Kind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "blockquote_open": "quote",
    "html_block": "html",
    "hr": "rule",
}
_MARKER = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]*")
_HEADING = re.compile(r" {0,3}(?:#{1,6}[ \t]*)?(.*?)(?:[ \t]+#+)?[ \t]*(?:\n|$)", re.DOTALL)
_CELL = re.compile(r"((?:\\.|[^|\\])*)(?:\||$)")


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (exclusive) of the text."""

    start: int
    end: int


@dataclass(frozen=True)
class Item:
    """One list item's own first paragraph; `depth` 0 is the outermost list, `number` is None for bullets."""

    start: int
    end: int
    depth: int
    number: int | None


@dataclass(frozen=True)
class Block:
    """A top-level block: `start`/`end` cover its lines without the last line end, `content` the words of a heading.

    `heading_path` holds the headings above, for a heading its own text last; `items` are a list's, `rows` a table's
    cells with the header row first. `level` is a heading's.
    """

    kind: Kind
    start: int
    end: int
    content: Span
    heading_path: tuple[str, ...]
    level: int = 0
    items: tuple[Item, ...] = ()
    rows: tuple[tuple[Span, ...], ...] = ()


def parse_blocks(text: str) -> list[Block]:
    """Return the top-level blocks of `text` in order, with disjoint spans."""
    lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    path: list[tuple[int, str]] = []
    blocks = []
    for tokens in _top_level(_parser().parse(text)):
        block = _block(text, lines, tokens, path)
        if block.end > block.start:
            blocks.append(block)
    return blocks


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline"])
    return parser


def _top_level(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []


def _block(text: str, lines: list[int], tokens: list[Token], path: list[tuple[int, str]]) -> Block:
    first = tokens[0]
    kind = _KINDS[first.type]
    span = _lines_span(text, lines, first.map or [0, 0])
    content = span
    level = 0
    if kind == "heading":
        level = int(first.tag[1:])
        content = _heading_content(text, span, setext=first.markup in "=-")
        while path and path[-1][0] >= level:
            path.pop()
        if content.end > content.start:
            path.append((level, text[content.start : content.end]))
    items = tuple(_items(text, lines, tokens)) if kind == "list" else ()
    rows = tuple(_rows(text, lines, tokens)) if kind == "table" else ()
    return Block(kind, span.start, span.end, content, tuple(words for _, words in path), level, items, rows)


def _lines_span(text: str, lines: list[int], line_map: Sequence[int]) -> Span:
    """The span of whole lines, without blank space at its end."""
    start = lines[line_map[0]]
    end = min(lines[min(line_map[1], len(lines) - 1)], len(text))
    return Span(start, start + len(text[start:end].rstrip()))


def _heading_content(text: str, span: Span, *, setext: bool) -> Span:
    raw = text[span.start : span.end]
    if setext:
        raw = raw.rsplit("\n", 1)[0]
        lead = len(raw) - len(raw.lstrip())
        return Span(span.start + lead, span.start + len(raw.rstrip()))
    match = _HEADING.match(raw)
    if match is None:
        return span
    return Span(span.start + match.start(1), span.start + match.end(1))


def _items(text: str, lines: list[int], tokens: list[Token]) -> Iterator[Item]:
    depth, waiting = -1, False
    number: int | None = None
    for token in tokens:
        if token.type.endswith("_list_open"):
            depth += 1
        elif token.type.endswith("_list_close"):
            depth -= 1
        elif token.type == "list_item_open":
            waiting, number = True, int(token.info) if token.info.isdigit() else None
        elif token.type == "paragraph_open" and waiting and token.map:
            waiting = False
            span = _lines_span(text, lines, token.map)
            marker = _MARKER.match(text, span.start)
            start = marker.end() if marker else span.start
            if start < span.end:
                yield Item(start, span.end, depth, number)


def _rows(text: str, lines: list[int], tokens: list[Token]) -> Iterator[tuple[Span, ...]]:
    for token in tokens:
        if token.type == "tr_open" and token.map:
            line = _lines_span(text, lines, [token.map[0], token.map[0] + 1])
            yield tuple(_cells(text, line))


def _cells(text: str, line: Span) -> Iterator[Span]:
    raw = text[line.start : line.end]
    body = raw.strip()
    start = raw.index(body) + (1 if body.startswith("|") else 0)
    end = line.end - line.start - (1 if body.endswith("|") and not body.endswith("\\|") else 0)
    while start <= end:
        match = _CELL.match(raw, start, end)
        if match is None:
            return
        cell = match.group(1)
        lead = len(cell) - len(cell.lstrip())
        yield Span(line.start + match.start(1) + lead, line.start + match.start(1) + lead + len(cell.strip()))
        if match.end() == match.end(1):
            return
        start = match.end()
