"""Sentences with what they are about and the values that they set: numbers with units, amounts, dates, times, and must or must not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from builder.findings.scope import Scope, is_no_rule, scope_of, times_of
from builder.findings.topics import WORD, meaning, side_by_side, stem, topics
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
_KINDS_OF_TEXT = frozenset(  # in titles they say nothing
    stem(word)
    for word in re.findall(
        r"\w+",
        "policy guide guideline handbook faq rule rules overview question questions checklist terms notes process "
        "procedure manual welcome introduction general document information details conditions agreement regulation "
        "instructions standard ",
    )
)
_SPANS = ("second", "day", "month")
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
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True)
class Statement:
    """What a document says in one place, under its title and headings (`context`) and the last of them (`heading`)."""

    document: Document
    said: Said
    context: frozenset[str]
    heading: frozenset[str]
    times: frozenset[str] = frozenset()  # of the title and the headings
    section: tuple[str, ...] = ()  # the headings

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
    def measures(self) -> dict[str, frozenset[Value]]:
        """Its values by what they measure, such as a span of time, be it in weeks or in months."""
        return {name: frozenset(value for value in self.said.values if measure(value) == name) for name in map(measure, self.said.values)}

    @cached_property
    def surroundings(self) -> frozenset[str]:
        """Every word of the sentence, its title and headings."""
        return self.context | {meaning(word.replace("-", "")) for word in self.wording}


def statements(document: Document) -> Iterator[Statement]:
    """Yield what the document states with a value or as a rule, in order."""
    title = _about(document.title)
    names = document.metadata.get("language") != "de"  # every noun has a capital there
    for block in parse_blocks(document.text):
        above = " ".join((document.title, *block.heading_path))
        if is_no_rule(above):
            continue
        headings = (title, *map(_about, block.heading_path))
        if block.kind in {"paragraph", "list", "quote"}:
            spans = (span for span in _sentences(document.text, block) if span[1] - span[0] <= _LONGEST)
            found = (_said(document.text[start:end], start, end, names=names) for start, end in spans)
        else:
            found = _rows(document.text, block)
        for said in found:
            if said.values or said.polarity:
                yield Statement(
                    document,
                    said,
                    context=frozenset().union(*headings),
                    heading=headings[-1],
                    times=times_of(above),
                    section=block.heading_path,
                )


@cache
def _about(heading: str) -> frozenset[str]:
    return frozenset(topics(heading)) - _KINDS_OF_TEXT


def measure(value: Value) -> str:
    """Return what a value measures: `span` for two weeks and for a month, `span/week` for three days a week."""
    unit, each, rate = value[0].partition("/")
    often, _, span = unit.rpartition(" ")
    return f"{often or 'span'}{each}{rate}" if span in _SPANS and often in ("", "every") else value[0]


def _said(text: str, start: int, end: int, *, names: bool = False) -> Said:
    words = plain(text)
    values, rest = ([], "") if words.endswith("?") or is_no_rule(words) else values_of(words)
    said = Said(start, end, frozenset(topics(rest)), frozenset(values), _polarity(rest))
    if not values and not said.polarity:  # it sets nothing, as most sentences
        return said
    scope = scope_of(words, rest, names=names, is_dated=any(unit != "date" for unit, _ in values))
    return replace(said, neighbours=frozenset(side_by_side(rest)), scope=scope)


def _rows(text: str, block: Block) -> Iterator[Said]:
    """The rows of a table: a bare number counts what the head of its column says."""
    columns = [" ".join(topics(text[head.start : head.end])) for head in block.rows[0]] if block.rows else []
    for row in block.rows[1:]:
        words: set[str] = set()
        values: set[Value] = set()
        for column, cell in zip(columns, row, strict=False):
            said = _said(text[cell.start : cell.end], cell.start, cell.end)
            words |= said.words
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
