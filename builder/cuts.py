"""Cuts inside of one block that is over the budget: where it may be cut, and how its parts are measured.

Tokens are whatever the caller counts, in batches. A tokenizer's time can grow with the square of a string that has no
space in it, so that none is given more than a window of text at once.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from schemas.markdown import Block, Span

Breaks = re.Pattern[str] | tuple[int, ...]
CountMany = Callable[[Sequence[str]], Sequence[int]]

_WINDOW = 4_000  # characters that are counted at once
_GRAIN = 16  # parts to a budget; smaller ones are not looked at one by one
_DEEPEST = 6  # list levels whose items are told apart
_PARAGRAPHS = re.compile(r"\n[ \t>]*\n")
_LINES = re.compile(r"\n")
_SENTENCES = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_CELLS = re.compile(r"(?<=[^\\]\|)")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Limits:
    """Most tokens of the first part and of the others."""

    first: int
    others: int


@dataclass(frozen=True)
class Part:
    """A span and its tokens, counted up to where the next part begins."""

    start: int
    end: int
    tokens: int


@dataclass(frozen=True)
class Ruler:
    """A text, and what counts the tokens of its parts."""

    text: str
    count_many: CountMany

    def sizes(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """Return the tokens of each span, all counted in one batch."""
        windows = [(place, window) for place, (start, end) in enumerate(spans) for window in self._windows(start, end)]
        sizes = [0] * len(spans)
        counts = self.count_many([window for _, window in windows])
        for (place, _), count in zip(windows, counts, strict=True):
            sizes[place] += count
        return sizes

    def measured(self, spans: Sequence[Span], end: int) -> list[Part]:
        """Return the spans with their tokens, each counted up to the next one and the last up to `end`."""
        stops = [*(span.start for span in spans), end][1:]
        sizes = self.sizes([(span.start, stop) for span, stop in zip(spans, stops, strict=True)])
        return [Part(span.start, span.end, size) for span, size in zip(spans, sizes, strict=True)]

    def _windows(self, start: int, end: int) -> Iterator[str]:
        while end - start > _WINDOW:
            cut = max(self.text.rfind(" ", start + 1, start + _WINDOW), self.text.rfind("\n", start + 1, start + _WINDOW))
            cut = cut if cut > 0 else start + _WINDOW
            yield self.text[start:cut]
            start = cut
        yield self.text[start:end]


def trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the span without space at its ends, if anything is left."""
    raw = text[start:end]
    if words := raw.strip():
        lead = len(raw) - len(raw.lstrip())
        yield Span(start + lead, start + lead + len(words))


def breaks_of(text: str, block: Block) -> tuple[Breaks, ...]:
    """Return where a block may be cut, the best places first."""
    if block.kind == "list":
        levels = {min(item.depth, _DEEPEST): None for item in block.items}
        items = [tuple(_line_start(text, item.start) for item in block.items if item.depth <= level) for level in sorted(levels)]
        return *items, _PARAGRAPHS, _SENTENCES, _LINES, _SPACES
    if block.kind == "table":
        rows = tuple(_line_start(text, row[0].start) for row in block.rows[1:] if row)
        return rows[1:], rows, _LINES, _CELLS, _SENTENCES, _SPACES  # the first row stays with the header if it can
    if block.kind in ("paragraph", "heading"):
        return _SENTENCES, _LINES, _SPACES
    return _PARAGRAPHS, _LINES, _SENTENCES, _SPACES


def finer(ruler: Ruler, part: Part, breaks: tuple[Breaks, ...], limits: Limits) -> Iterator[Part]:
    """Yield the part, or its parts where it is over the limit."""
    if part.tokens <= limits.first or part.end - part.start == 1:
        yield part
        return
    least = (part.end - part.start) * limits.first // (_GRAIN * part.tokens)
    cuts = _cuts(ruler.text, part, breaks[0], max(1, least)) if breaks else _even_cuts(part, limits.first)
    spans = [span for start, end in zip([part.start, *cuts], [*cuts, part.end], strict=True) for span in trimmed(ruler.text, start, end)]
    if len(spans) == 1 and breaks:
        yield from finer(ruler, part, breaks[1:], limits)
        return
    for piece in ruler.measured(spans, part.end):
        yield from finer(ruler, piece, breaks, limits)
        limits = Limits(limits.others, limits.others)


def halves(text: str, part: Part) -> list[Part]:
    """Return the part cut in two near its middle, in front of a word if there is one; for what no other cut can help."""
    middle = (part.start + part.end) // 2
    found = _SPACES.search(text, middle, part.end)
    cut = found.end() if found and found.end() < part.end else middle
    spans = [span for start, end in ((part.start, cut), (cut, part.end)) for span in trimmed(text, start, end)]
    return [Part(span.start, span.end, part.tokens // 2) for span in spans]


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _cuts(text: str, part: Part, breaks: Breaks, least: int) -> list[int]:
    """The places to cut at, at least so many characters from one another."""
    if isinstance(breaks, tuple):
        places = iter(breaks[bisect_right(breaks, part.start) : bisect_left(breaks, part.end)])
    else:
        places = (match.end() for match in breaks.finditer(text, part.start, part.end))
    cuts: list[int] = []
    last = part.start
    for place in places:
        if place - last >= least and place < part.end:
            cuts.append(place)
            last = place
    return cuts


def _even_cuts(part: Part, limit: int) -> list[int]:
    """Places that cut one word longer than the budget; a little more often than must be, for its letters differ."""
    length = part.end - part.start
    count = min(length, max(2, -(-part.tokens * 10 // (9 * max(1, limit)))))
    return [part.start + length * number // count for number in range(1, count)]
