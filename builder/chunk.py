"""Documents to chunks: passages that fit a prompt, cut where the document itself has its joints.

A section is a passage. Only sections of a few words are put together, and only what is over the budget is cut: between
blocks, else between items, rows or lines, else between sentences, else between words. A heading stays with the text
below it, and a sentence that ends with a colon with the list it announces.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from textwrap import shorten

from builder.cuts import CountMany, Limits, Part, Ruler, breaks_of, finer, halves, trimmed
from schemas.markdown import Block, parse_blocks, plain
from schemas.records import Chunk, Document

# a word, three digits, one Chinese, Japanese or Korean character, or a run of one sign
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_PIECE = re.compile(rf"[{_CJK}]|\d{{1,3}}|[^\W\d_{_CJK}]+|([^\w\s]|_)\1*")
_WORD = re.compile(r"\w+")
_LONGEST_HEADING = 300  # characters in a heading path
_OWN_WORDS = 25  # a section of so many words is never put together with another one
_TINY = 0.2  # of the budget
_TINY_CHARACTERS = 1500  # nothing longer is looked at


@dataclass(frozen=True)
class _Sized:
    """A block and its tokens, counted up to where the next block begins."""

    block: Block
    tokens: int


@dataclass(frozen=True)
class _Piece:
    """A part that is not cut any more; `binds` if it must stay with what follows."""

    part: Part
    path: tuple[str, ...]
    is_heading: bool = False
    binds: bool = False


_Run = list[_Piece]


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a model's tokenizer would make: one for four letters of a word, three digits or a sign."""
    return sum(max(1, (match.end() - match.start() + 2) // 4) for match in _PIECE.finditer(text))


def chunk(
    document: Document, *, tokens: int, count: Callable[[str], int] = estimate_tokens, count_many: CountMany | None = None
) -> list[Chunk]:
    """Cut the document into chunks of at most `tokens` tokens; every word is in exactly one of them.

    Args:
        document: what to cut.
        tokens: the budget of a chunk.
        count: the tokens of a text, an estimate if there is no tokenizer.
        count_many: the same for many texts at once, which most tokenizers do faster; it is used in the place of `count`.
    """
    ruler = Ruler(document.text, count_many or (lambda texts: list(map(count, texts))))
    sections = list(_sections(_blocks(document.text)))
    sizes = ruler.sizes([(section[0].start, section[-1].end) for section in sections])
    groups = list(_merged(document.text, zip(sections, sizes, strict=True), tokens))
    return [_cut(document, run, size) for run, size in _fitting(ruler, list(_runs(ruler, groups, tokens)), tokens)]


def _runs(ruler: Ruler, groups: list[tuple[list[Block], int]], tokens: int) -> Iterator[tuple[_Run, int]]:
    """The runs of pieces with their tokens, 0 where they are not known; a group that fits is a run."""
    large = _sized(ruler, [group for group, size in groups if not 0 < size <= tokens])
    for group, size in groups:
        if 0 < size <= tokens:
            yield [_Piece(Part(block.start, block.end, 0), block.heading_path, block.kind == "heading") for block in group], size
        else:
            yield from ((run, 0) for run in _packed(_pieces(ruler, next(large), tokens), tokens))


def _cut(document: Document, run: _Run, tokens: int) -> Chunk:
    path = next((piece.path for piece in run if not piece.is_heading), run[-1].path)
    words = tuple(filter(None, map(_heading_words, path)))
    return Chunk.of(document, run[0].part.start, run[-1].part.end, words, tokens)


@lru_cache(maxsize=1024)
def _heading_words(heading: str) -> str:
    """The heading without markup; a paragraph that is marked as one must not be repeated whole in every chunk below it."""
    return shorten(plain(heading[: 4 * _LONGEST_HEADING]), _LONGEST_HEADING, placeholder="…")


def _sized(ruler: Ruler, groups: list[list[Block]]) -> Iterator[list[_Sized]]:
    """The blocks of the groups with their tokens, each up to the next one, all counted at once."""
    stops = [[*(block.start for block in group[1:]), group[-1].end] for group in groups]
    spans = [(block.start, stop) for group, ends in zip(groups, stops, strict=True) for block, stop in zip(group, ends, strict=True)]
    sizes = iter(ruler.sizes(spans))
    for group in groups:
        yield [_Sized(block, next(sizes)) for block in group]


def _blocks(text: str) -> Iterator[Block]:
    """The blocks, and as paragraphs what Markdown does not show, such as the targets of links."""
    end, path = 0, ()
    for block in parse_blocks(text):
        yield from _between(text, end, block.start, path)
        yield block
        end, path = block.end, block.heading_path
    yield from _between(text, end, len(text), path)


def _between(text: str, start: int, end: int, path: tuple[str, ...]) -> Iterator[Block]:
    for span in trimmed(text, start, end):
        yield Block("paragraph", span.start, span.end, span, path)


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


def _merged(text: str, sections: Iterable[tuple[list[Block], int]], tokens: int) -> Iterator[tuple[list[Block], int]]:
    """Put sections of a few words together with their like-sized neighbours below the same heading; 0 for a size not known."""
    group: list[Block] = []
    size = cost = 0
    for section, own in sections:
        is_tiny = _is_tiny(text, section, own, tokens)
        if group and is_tiny and cost and cost < _TINY * tokens and _are_siblings(group[0], section[0]):
            group, size, cost = group + section, 0, cost + own
            continue
        if group:
            yield group, size
        group, size, cost = section, own, own if is_tiny else 0
    if group:
        yield group, size


def _is_tiny(text: str, section: list[Block], size: int, tokens: int) -> bool:
    """Whether it is a section of a few words; a question and a heading above others stand alone."""
    first, last = section[0], section[-1]
    if first.kind != "heading" or size >= _TINY * tokens or last.end - first.start > _TINY_CHARACTERS:
        return False
    if any(block.kind == "heading" for block in section[1:]):
        return False
    words = sum(len(_WORD.findall(text, block.start, block.end)) for block in section[1:])
    return words < _OWN_WORDS and not plain(text[first.content.start : first.content.end]).endswith(("?", "？"))


def _are_siblings(first: Block, second: Block) -> bool:
    return first.level == second.level and first.heading_path[:-1] == second.heading_path[:-1]


def _pieces(ruler: Ruler, section: list[_Sized], tokens: int) -> Iterator[_Piece]:
    """The blocks, finer where one is over the budget, or over what the headings above it leave."""
    bound = 0  # tokens of what must stay with the next block
    for sized, following in pairwise([*section, None]):
        if sized is None:
            return
        block, is_heading = sized.block, sized.block.kind == "heading"
        whole = Part(block.start, block.end, sized.tokens)
        if bound + sized.tokens <= tokens * 7 // 8 and following and _binds(ruler.text, sized, following, tokens - bound):
            yield _Piece(whole, block.heading_path, is_heading=is_heading, binds=True)
            bound += sized.tokens
            continue
        for part in finer(ruler, whole, breaks_of(ruler.text, block), Limits(tokens - bound, tokens)):
            yield _Piece(part, block.heading_path, is_heading=is_heading)
        bound = 0


def _binds(text: str, sized: _Sized, following: _Sized, tokens: int) -> bool:
    """Whether a heading has text below it, or a sentence announces a list or table that fits beside it."""
    if sized.block.kind == "heading":
        return True
    announced = following.block.kind in ("list", "table", "code", "quote") and text[sized.block.end - 1] in ":："
    return announced and sized.block.kind == "paragraph" and sized.tokens + following.tokens <= tokens


def _packed(pieces: Iterable[_Piece], tokens: int) -> Iterator[_Run]:
    """Fill chunks up to the budget; what binds goes with what follows it."""
    run: _Run = []
    size = 0
    for piece in pieces:
        if size + piece.part.tokens > tokens:
            kept = len(run)
            while kept and run[kept - 1].binds:
                kept -= 1
            if kept:
                yield run[:kept]
            run = run[kept:]
            size = sum(piece.part.tokens for piece in run)
        run.append(piece)
        size += piece.part.tokens
    if run:
        yield run


def _fitting(ruler: Ruler, runs: list[tuple[_Run, int]], tokens: int) -> Iterator[tuple[_Run, int]]:
    """The runs with their tokens, counted where they are 0; one whose parts make more together than alone is taken apart again."""
    counted = iter(ruler.sizes([(run[0].part.start, run[-1].part.end) for run, known in runs if not known]))
    for run, known in runs:
        size = known or next(counted)
        if size <= tokens or run[-1].part.end - run[0].part.start == 1:
            yield run, size
        else:
            yield from _fitting(ruler, [(tighter, 0) for tighter in _tighter(ruler.text, run, size, tokens)], tokens)


def _tighter(text: str, run: _Run, size: int, tokens: int) -> list[_Run]:
    """The run in several, by its joints, else by halves of its longest part, else by its parts though one binds."""
    limit = sum(piece.part.tokens for piece in run) * tokens // size - 1
    runs = list(_packed(run, limit))
    if len(runs) > 1:
        return runs
    place, longest = max(enumerate(run), key=lambda entry: entry[1].part.end - entry[1].part.start)
    if longest.part.end - longest.part.start == 1:
        return [[piece] for piece in run]
    parts = [replace(longest, part=part, binds=False) for part in halves(text, longest.part)]
    finer_run = [*run[:place], *parts, *run[place + 1 :]]
    return list(_packed(finer_run, limit)) if len(run) > 1 else [[piece] for piece in parts]
