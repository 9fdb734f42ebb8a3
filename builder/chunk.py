"""Documents to chunks: passages that fit a prompt, cut where the document itself has its joints.

A section is a passage. Only sections of a few words are put together, and only what is over the budget is cut: between
blocks, else between items, rows or lines, else between sentences, else between words. A heading stays with the text
below it, and a sentence that ends with a colon with the list it announces.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from textwrap import shorten

from schemas.markdown import Block, Span, parse_blocks, plain
from schemas.records import Chunk, Document

# a word, three digits, one Chinese, Japanese or Korean character, or a run of one sign
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PIECE = re.compile(rf"[{_CJK}]|\d{{1,3}}|[^\W\d_{_CJK}]+|([^\w\s]|_)\1*")
_WORD = re.compile(r"\w+")
_LINES = re.compile(r"\n")
_SENTENCES = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_SPACES = re.compile(r"\s+")
_LONGEST_HEADING = 300  # characters in a heading path
_OWN_WORDS = 25  # a section of so many words is never put together with another one
_TINY = 0.2  # of the budget
_TINY_CHARACTERS = 1500  # nothing longer is looked at


@dataclass(frozen=True)
class _Piece:
    """A span that is not cut any more; `binds` if it must stay with what follows."""

    start: int
    end: int
    tokens: int
    path: tuple[str, ...]
    is_heading: bool = False
    binds: bool = False


@dataclass(frozen=True)
class _Limits:
    """Most tokens of the first part and of the others."""

    first: int
    others: int


def chunk(document: Document, *, tokens: int) -> list[Chunk]:
    """Cut the document into chunks of at most `tokens` estimated tokens; every word is in exactly one of them."""
    sections = _merged(document.text, _sections(_blocks(document.text)), tokens)
    runs = (run for section in sections for run in _packed(_pieces(document.text, section, tokens), tokens))
    return [_cut(document, run) for run in runs]


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a model's tokenizer would make: one for four letters of a word, three digits or a sign."""
    return sum(max(1, (match.end() - match.start() + 2) // 4) for match in _PIECE.finditer(text))


def _cut(document: Document, run: list[_Piece]) -> Chunk:
    start, end = run[0].start, run[-1].end
    path = next((piece.path for piece in run if not piece.is_heading), run[-1].path)
    words = tuple(filter(None, map(_heading_words, path)))
    return Chunk.of(document, start, end, words, estimate_tokens(document.text[start:end]))


@lru_cache(maxsize=1024)
def _heading_words(heading: str) -> str:
    """The heading without markup; a paragraph that is marked as one must not be repeated whole in every chunk below it."""
    return shorten(plain(heading[: 4 * _LONGEST_HEADING]), _LONGEST_HEADING, placeholder="…")


def _blocks(text: str) -> Iterator[Block]:
    """The blocks, and as paragraphs what Markdown does not show, such as the targets of links."""
    end, path = 0, ()
    for block in parse_blocks(text):
        yield from _between(text, end, block.start, path)
        yield block
        end, path = block.end, block.heading_path
    yield from _between(text, end, len(text), path)


def _between(text: str, start: int, end: int, path: tuple[str, ...]) -> Iterator[Block]:
    for span in _trimmed(text, start, end):
        yield Block("paragraph", span.start, span.end, span, path)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without space at its ends, if anything is left."""
    raw = text[start:end]
    if words := raw.strip():
        lead = len(raw) - len(raw.lstrip())
        yield Span(start + lead, start + lead + len(words))


def _sections(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Headings in a row with the blocks below them."""
    section: list[Block] = []
    for block in blocks:
        if block.kind == "heading" and section and section[-1].kind != "heading":
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def _merged(text: str, sections: Iterable[list[Block]], tokens: int) -> Iterator[list[Block]]:
    """Put sections of a few words together with their like-sized neighbours below the same heading."""
    group: list[Block] = []
    size = 0
    for section in sections:
        cost = _tiny_cost(text, section, tokens)
        if group and cost and size and size < _TINY * tokens and _are_siblings(group[0], section[0]):
            group, size = group + section, size + cost
            continue
        if group:
            yield group
        group, size = section, cost
    if group:
        yield group


def _tiny_cost(text: str, section: list[Block], tokens: int) -> int:
    """The tokens of a section of a few words, 0 for one that stands alone: a longer one, a question, a heading above others."""
    first, last = section[0], section[-1]
    if first.kind != "heading" or last.end - first.start > _TINY_CHARACTERS or any(block.kind == "heading" for block in section[1:]):
        return 0
    words = sum(len(_WORD.findall(text, block.start, block.end)) for block in section[1:])
    cost = estimate_tokens(text[first.start : last.end])
    is_question = plain(text[first.content.start : first.content.end]).endswith(("?", "？"))
    return 0 if is_question or words >= _OWN_WORDS or cost >= _TINY * tokens else cost


def _are_siblings(first: Block, second: Block) -> bool:
    return first.level == second.level and first.heading_path[:-1] == second.heading_path[:-1]


def _pieces(text: str, section: list[Block], tokens: int) -> Iterator[_Piece]:
    """The blocks, finer where one is over the budget, or over what the headings above it leave."""
    bound = 0  # tokens of what must stay with the next block
    costs = [estimate_tokens(text[block.start : block.end]) for block in section]
    for place, (block, cost) in enumerate(zip(section, costs, strict=True)):
        if bound + cost <= tokens * 7 // 8 and _binds(text, section[place : place + 2], bound + sum(costs[place : place + 2]), tokens):
            yield _Piece(block.start, block.end, cost, block.heading_path, is_heading=block.kind == "heading", binds=True)
            bound += cost
            continue
        for span, size in _finer(text, Span(block.start, block.end), _breaks(text, block), _Limits(tokens - bound, tokens)):
            yield _Piece(span.start, span.end, size, block.heading_path, is_heading=block.kind == "heading")
        bound = 0


def _binds(text: str, blocks: list[Block], size: int, tokens: int) -> bool:
    """Whether a heading has text below it, or a sentence announces a list or table that fits beside it."""
    if len(blocks) < 2 or blocks[0].kind == "heading":
        return len(blocks) == 2
    announced = blocks[1].kind in ("list", "table", "code", "quote") and text[blocks[0].end - 1] in ":："
    return announced and blocks[0].kind == "paragraph" and size <= tokens


def _breaks(text: str, block: Block) -> tuple[re.Pattern[str] | tuple[int, ...], ...]:
    """Where a block may be cut, the best places first."""
    if block.kind == "list":
        items = tuple(text.rfind("\n", 0, item.start) + 1 for item in block.items if item.depth == 0)
        return items, _LINES, _SENTENCES, _SPACES
    return (_SENTENCES, _LINES, _SPACES) if block.kind in ("paragraph", "heading") else (_LINES, _SENTENCES, _SPACES)


def _finer(text: str, span: Span, breaks: tuple[re.Pattern[str] | tuple[int, ...], ...], limits: _Limits) -> Iterator[tuple[Span, int]]:
    """The span with its tokens, or its parts where it is over the limit."""
    cost = estimate_tokens(text[span.start : span.end])
    if cost <= limits.first:
        yield span, cost
    elif not breaks:
        yield from _windows(text, span, limits)
    else:
        for part in _parts(text, span, breaks[0]):
            yield from _finer(text, part, breaks[1:], limits)
            limits = _Limits(limits.others, limits.others)


def _parts(text: str, span: Span, places: re.Pattern[str] | tuple[int, ...]) -> Iterator[Span]:
    cuts = (match.end() for match in places.finditer(text, span.start, span.end)) if isinstance(places, re.Pattern) else places
    start = span.start
    for cut in (*cuts, span.end):
        if start < cut <= span.end:
            yield from _trimmed(text, start, cut)
            start = cut


def _windows(text: str, span: Span, limits: _Limits) -> Iterator[tuple[Span, int]]:
    """One word longer than the budget, by the piece."""
    step = 4 * min(limits.first, limits.others) - 2  # costs exactly the smaller limit
    start, size, limit = span.start, 0, limits.first
    for match in _PIECE.finditer(text, span.start, span.end):
        for begin in range(match.start(), match.end(), step):
            cost = max(1, (min(step, match.end() - begin) + 2) // 4)
            if size + cost > limit:
                yield Span(start, begin), size
                start, size, limit = begin, 0, limits.others
            size += cost
    yield Span(start, span.end), size


def _packed(pieces: Iterable[_Piece], tokens: int) -> Iterator[list[_Piece]]:
    """Fill chunks up to the budget; what binds goes with what follows it."""
    run: list[_Piece] = []
    size = 0
    for piece in pieces:
        if size + piece.tokens > tokens:
            kept = len(run)
            while kept and run[kept - 1].binds:
                kept -= 1
            if kept:
                yield run[:kept]
            run = run[kept:]
            size = sum(piece.tokens for piece in run)
        run.append(piece)
        size += piece.tokens
    if run:
        yield run
