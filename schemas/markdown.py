"""The shape of `Document.text`: canonical Markdown as a flat list of blocks with exact character spans.

Every reader produces canonical Markdown with line feeds as line ends; chunking and the extractive generator both work on these
blocks, so that a span found by either is a span of the document. markdown-it-py (CommonMark plus tables) decides the
block structure; inline markup stays as it is.
"""

import html
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.token import Token

from schemas.memory import Kept, no_collections

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
_OF_CELLS = frozenset({"th_open", "th_close", "td_open", "td_close", "inline"})
_MOST_KEPT = 400_000  # blocks, items and cells: some 50 MB
_LINE_END = re.compile(r"\r\n?|\n")  # what markdown-it takes for a line end
_MARKER = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_CELL = re.compile(r"((?:\\.|[^|])*+)(?:\||$)")

_HIDDEN = "\\`*_[]<>!&~#|"  # characters that are markup unless escaped or inside a code span
_HIDE = {ord(character): 0xF700 + place for place, character in enumerate(_HIDDEN)}
_SHOW = {code: ord(_HIDDEN[code - 0xF700]) for code in _HIDE.values()}
_SIGNS = re.compile(r"[\\`*_\[\]<>&~]")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_CODE_SPAN = re.compile(r"(?<!`)(`{1,3})(?!`)(.{1,2000}?)(?<!`)\1(?!`)", re.DOTALL)
_TARGET = r"\((?:[^()\s]|\([^()\s]{0,400}\)){0,2000}(?:\s+[\"'][^\"'()]{0,400}[\"'])?\s?\)"
_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!\[[^\[\]]{0,1000}\](?:" + _TARGET + r"|\[[^\[\]]{0,200}\])"), ""),
    (re.compile(r"\[\^[^\[\]\s]{1,100}\]"), ""),
    (re.compile(r"\[([^\[\]]{0,2000})\](?:" + _TARGET + r"|\[[^\[\]]{0,200}\])"), r"\1"),
    (re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,2000}|[^<>\s@]{1,200}@[^<>\s@]{1,200})>"), r"\1"),
    (re.compile(r"<br[ \t]{0,9}/?>", re.IGNORECASE), " "),
    (re.compile(r"<!--.{0,2000}?-->|</?[A-Za-z][^<>]{0,2000}>", re.DOTALL), ""),
    *(
        (re.compile(rf"{re.escape(mark)}(?=\S)(.{{1,2000}}?)(?<=\S){re.escape(mark)}", re.DOTALL), r"\1")
        for mark in ("***", "**", "*", "~~")
    ),
    *((re.compile(rf"(?<!\w){mark}(?=\S)(.{{1,2000}}?)(?<=\S){mark}(?!\w)", re.DOTALL), r"\1") for mark in ("___", "__", "_")),
)


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """One list item's own first paragraph; `depth` 0 is the outermost list, `number` is None for bullets."""

    start: int
    end: int
    depth: int
    number: int | None


@dataclass(frozen=True, slots=True)
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
    return [*_BLOCKS.of(text)]


def parsed_once() -> AbstractContextManager[None]:
    """Inside of it no text is parsed twice, as long as there is room: for what looks at every document several times."""
    return _BLOCKS.keeping()


def _parsed(text: str) -> list[Block]:
    lines = [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    path: list[tuple[int, str]] = []
    with no_collections():
        blocks = [_block(text, lines, tokens, path) for tokens in _top_level(_parser().parse(text))]
    return [block for block in blocks if block.end > block.start]


def _size(blocks: Sequence[Block]) -> int:
    return sum(1 + len(block.items) + sum(map(len, block.rows)) for block in blocks)


_BLOCKS = Kept(_parsed, size=_size, most=_MOST_KEPT)


def plain(text: str) -> str:
    """Return the words of inline Markdown on one line: no emphasis, links, images, code ticks or HTML tags."""
    if not _SIGNS.search(text):  # most headings
        return " ".join(text.split())
    text = _ESCAPE.sub(lambda match: match.group(1).translate(_HIDE), text)
    text = _CODE_SPAN.sub(lambda match: match.group(2).translate(_HIDE), text)
    for pattern, words in _MARKUP:
        text = pattern.sub(words, text)
    return " ".join(html.unescape(text).translate(_SHOW).split())


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline"])
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    return parser


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a table without the tokens of its cells, which nobody reads: a million of them would take a gigabyte."""
    push, cell = state.push, Token("", "", 0)
    state.push = lambda ttype, tag, nesting: cell if ttype in _OF_CELLS else push(ttype, tag, nesting)
    try:
        return table(state, start, end, silent)
    finally:
        state.push = push


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
        content = _heading_content(text, span, tokens[1].content)
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


def _heading_content(text: str, span: Span, words: str) -> Span:
    """Where in its lines a heading's words are."""
    start = text.find(words, span.start, span.end)
    return Span(start, start + len(words)) if start >= 0 else span


def _items(text: str, lines: list[int], tokens: list[Token]) -> Iterator[Item]:
    depth, waiting = -1, False
    line, markers = -1, 0  # how many list items begin on this line, as in "- 1. text"
    number: int | None = None
    for token in tokens:
        if token.type.endswith("_list_open"):
            depth += 1
        elif token.type.endswith("_list_close"):
            depth -= 1
        elif token.type == "list_item_open" and token.map:
            waiting, number = True, int(token.info) if token.info.isdigit() else None
            line, markers = token.map[0], markers + 1 if token.map[0] == line else 1
        elif token.type == "paragraph_open" and waiting and token.map:
            waiting = False
            span = _lines_span(text, lines, token.map)
            start = _after_markers(text, span, markers if token.map[0] == line else 0)
            if start < span.end:
                yield Item(start, span.end, depth, number)


def _after_markers(text: str, span: Span, markers: int) -> int:
    start = span.start
    for _ in range(markers):
        match = _MARKER.match(text, start, span.end)
        start = match.end() if match else start
    while start < span.end and text[start].isspace():
        start += 1
    return start


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
