"""Sentences with what they are about and the values that they set: numbers with units, amounts, dates, times, and must or must not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from builder.findings.topics import WORD, topics
from builder.findings.values import Value
from builder.findings.values import values as values_of
from schemas.markdown import Block, parse_blocks, plain
from schemas.records import Document

_NEGATIVE = re.compile(
    r"\b(?:must not|mustn't|may not|shall not|can(?:not|'t| not)|do not|don't|should not|is not allowed|are not allowed|"
    r"(?:not|never|no longer) (?:be )?(?:allowed|permitted|accepted|reimbursed|covered|refunded|eligible)|prohibited|forbidden|never)\b",
    re.IGNORECASE,
)
_NEEDLESS = re.compile(
    r"\b(?:need not|(?:is|are) (?:not (?:required|necessary|needed|mandatory)|optional|voluntary)|(?:do|does) not (?:need|have) to)\b",
    re.IGNORECASE,
)
_POSITIVE = re.compile(
    r"\b(?:must|shall|(?:is|are) (?:required|mandatory|obligatory|allowed|permitted|accepted|reimbursed|covered|refunded|eligible)|"
    r"(?:has|have|need|needs) to|may|can|always)\b",
    re.IGNORECASE,
)
_LONGEST = 500  # characters: what is longer is no sentence that sets one rule
_BREAK = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[\"'(\[*_]*[A-ZÄÖÜ])")


@dataclass(frozen=True)
class Said:
    """A sentence, item or row: the words that say what it is about, and the values that it sets."""

    start: int
    end: int
    words: frozenset[str]
    values: frozenset[Value]
    polarity: int  # 1 must, may; -1 must not; 2 need not; 0 none of them
    neighbours: frozenset[tuple[str, str]] = frozenset()  # words that stand side by side: (sick, leave)
    is_row: bool = False


@dataclass(frozen=True)
class Statement:
    """What a document says in one place, under its title and headings (`context`) and the last of them (`heading`)."""

    document: Document
    said: Said
    context: frozenset[str]
    heading: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        """The words that say what it is about."""
        return self.said.words

    @property
    def quote(self) -> str:
        """The text as it stands in the document."""
        return self.document.text[self.said.start : self.said.end]

    @cached_property
    def wording(self) -> tuple[str, ...]:
        """Its words in order."""
        return tuple(WORD.findall(self.quote.lower()))

    @cached_property
    def units(self) -> dict[str, frozenset[float]]:
        """Its values by their units."""
        return {unit: frozenset(number for other, number in self.said.values if other == unit) for unit, _ in self.said.values}


def statements(document: Document) -> Iterator[Statement]:
    """Yield what the document states with a value or as a rule, in order."""
    title = frozenset(topics(document.title))
    for block in parse_blocks(document.text):
        headings = (title, *(frozenset(topics(heading)) for heading in block.heading_path))
        if block.kind in {"paragraph", "list", "quote"}:
            spans = (span for span in _sentences(document.text, block) if span[1] - span[0] <= _LONGEST)
            found = (_said(document.text[start:end], start, end) for start, end in spans)
        else:
            found = _rows(document.text, block)
        for said in found:
            if said.values or said.polarity:
                yield Statement(document, said, context=frozenset().union(*headings), heading=headings[-1])


def _said(text: str, start: int, end: int) -> Said:
    words = plain(text)
    values, rest = ([], "") if words.endswith("?") else values_of(words)
    about = list(topics(rest))
    return Said(start, end, frozenset(about), frozenset(values), _polarity(rest), frozenset(pairwise(about)))


def _rows(text: str, block: Block) -> Iterator[Said]:
    """The rows of a table: a bare number counts what the head of its column says."""
    for row in block.rows[1:]:
        words: set[str] = set()
        values: set[Value] = set()
        for head, cell in zip(block.rows[0], row, strict=False):
            said = _said(text[cell.start : cell.end], cell.start, cell.end)
            words |= said.words
            column = " ".join(topics(text[head.start : head.end]))
            words |= set(column.split()) if said.values else set()
            values |= {(f"count {column}" if unit == "count" else unit, number) for unit, number in said.values}
        if row:
            yield Said(row[0].start, row[-1].end, frozenset(words), frozenset(values), 0, is_row=True)


def _sentences(text: str, block: Block) -> Iterator[tuple[int, int]]:
    spans = [(item.start, item.end) for item in block.items] if block.kind == "list" else [(block.start, block.end)]
    for start, end in spans:
        last = start
        for match in _BREAK.finditer(text, start, end):
            yield last, match.start()
            last = match.end()
        if last < end:
            yield last, end


def _polarity(text: str) -> int:
    if _NEEDLESS.search(text):
        return 2
    negative, positive = _NEGATIVE.search(text), _POSITIVE.search(_NEGATIVE.sub(" ", text))
    return 0 if negative and positive else -1 if negative else 1 if positive else 0
