"""Sentences with what they are about and the values that they set: numbers with units, amounts, dates, times, and must or must not."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from builder.findings.scope import Scope, is_no_rule, scope_of, sides, times_of
from builder.findings.topics import WORD, meaning, side_by_side, stem, told, topics
from builder.findings.values import Value
from builder.findings.values import values as values_of
from schemas.markdown import Block, parse_blocks, plain
from schemas.records import Document

_NEVER = (
    r"(?:must not|mustn't|may not|shall not|can(?:not|'t| not)|do not|don't|should not|is not allowed|are not allowed|"
    r"(?:not|never|no longer) (?:be )?(?:allowed|permitted|accepted|reimbursed|covered|refunded|eligible)|prohibited|forbidden|never)\b"
)
_NO_NEED = r"(?:need not|(?:is|are) (?:not (?:required|necessary|needed|mandatory)|optional|voluntary)|(?:do|does) not (?:need|have) to)\b"
_ALWAYS = (
    r"(?:must|shall|(?:is|are) (?:required|mandatory|obligatory|allowed|permitted|accepted|reimbursed|covered|refunded|eligible)|"
    r"(?:has|have|need|needs) to|may|can|always)\b"
)
_NEGATIVE, _NEEDLESS, _POSITIVE, _RULE = (
    re.compile(rf"\b(?:{words})", re.IGNORECASE) for words in (_NEVER, _NO_NEED, _ALWAYS, f"{_NEVER}|{_NO_NEED}|{_ALWAYS}")
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
_MOST_ROWS = 300  # of a table that sets rules, such as a price list; a larger one holds records, and parsing a million cells takes long
_TABLE = re.compile(r"(?:^\|.*\n?)++", re.MULTILINE)
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
    def wording(self) -> str:
        """Its words in order."""
        return " ".join(WORD.findall(self.quote.lower()))

    @cached_property
    def measures(self) -> dict[str, frozenset[Value]]:
        """Its values by what they measure, such as a span of time, be it in weeks or in months."""
        return {name: frozenset(value for value in self.said.values if measure(value) == name) for name in map(measure, self.said.values)}

    @cached_property
    def sides(self) -> frozenset[int]:
        """The opposites that it speaks of, such as opening and not closing."""
        return sides(self.quote)

    @cached_property
    def surroundings(self) -> frozenset[str]:
        """Every word of the sentence, its title and headings."""
        return self.context | {meaning(word.replace("-", "")) for word in self.wording.split(" ") if word}


def statements(document: Document) -> Iterator[Statement]:
    """Yield what the document states with a value or as a rule, in order."""
    names = document.metadata.get("language") != "de"  # every noun has a capital there
    text, goes_on, left_out = _without_data(document.text)
    for block in parse_blocks(text):
        found = list(_rows(text, block) if block.kind == "table" else _prose(text, block, names=names))
        if found and (under := _under(document.title, block.heading_path)) is not None:
            for said in found:
                before = left_out[bisect_right(goes_on, said.start) - 1]
                moved = replace(said, start=said.start + before, end=said.end + before) if before else said
                yield Statement(document, moved, *under)


def _without_data(text: str) -> tuple[str, list[int], list[int]]:
    """The text without its large tables, where it goes on behind each, and how many characters were left out before there."""
    parts: list[str] = []
    last, goes_on, left_out = 0, [0], [0]
    for match in _TABLE.finditer(text) if text.count("\n|") > _MOST_ROWS else ():
        if text.count("\n", *match.span()) > _MOST_ROWS:
            parts += [text[last : match.start()], "\n"]
            last = match.end()
            left_out.append(left_out[-1] + last - match.start() - 1)
            goes_on.append(last - left_out[-1])
    return "".join([*parts, text[last:]]), goes_on, left_out


@lru_cache(64)
def _under(title: str, headings: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str], frozenset[str], tuple[str, ...]] | None:
    """The context, heading, times and section of what stands there, or nothing if no rule does."""
    above = " ".join((title, *headings))
    if is_no_rule(above):
        return None
    about = [*map(_about, (title, *headings))]
    return frozenset().union(*about), about[-1], times_of(above), headings


@lru_cache(1000)
def _about(heading: str) -> frozenset[str]:
    return frozenset(topics(heading)) - _KINDS_OF_TEXT


def measure(value: Value) -> str:
    """Return what a value measures: `span` for two weeks and for a month, `span/week` for three days a week."""
    unit, each, rate = value[0].partition("/")
    often, _, span = unit.rpartition(" ")
    return f"{often or 'span'}{each}{rate}" if span in _SPANS and often in ("", "every") else value[0]


def _prose(text: str, block: Block, *, names: bool) -> Iterator[Said]:
    if block.kind not in {"paragraph", "list", "quote"}:
        return
    for start, end in _sentences(text, block):
        if end - start > _LONGEST:
            continue
        words = plain(text[start:end])
        values, rest = values_of(words)
        polarity = _polarity(rest)
        if not (values or polarity) or words.endswith("?") or is_no_rule(words):  # it sets nothing, as most sentences
            continue
        about = told(rest)
        scope = scope_of(words, rest, names=names, is_dated=any(unit != "date" for unit, _ in values))
        telling = frozenset(word for word, _ in about)
        yield Said(start, end, telling, frozenset(values), polarity, side_by_side(about), scope=scope)


def _rows(text: str, block: Block) -> Iterator[Said]:
    """The rows of a table: a bare number counts what the head of its column says."""
    if not block.rows:
        return
    columns = [" ".join(topics(text[head.start : head.end])) for head in block.rows[0]]
    for row in block.rows[1:]:
        cells = [plain(text[cell.start : cell.end]) for cell in row[: len(columns)]]
        found = [values_of(cell) for cell in cells]
        if not any(numbers for numbers, _ in found):  # as in most tables
            continue
        words: set[str] = set()
        values: set[Value] = set()
        for column, cell, (numbers, rest) in zip(columns, cells, found, strict=False):
            if cell.endswith("?") or is_no_rule(cell):
                continue
            words.update(topics(rest), column.split() if numbers else ())
            values |= {(f"count {column}" if unit == "count" else unit, number) for unit, number in numbers}
        if values:
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
    if not _RULE.search(text):
        return 0
    if _NEEDLESS.search(text):
        return 2
    negative, positive = _NEGATIVE.search(text), _POSITIVE.search(_NEGATIVE.sub(" ", text))
    return 0 if negative and positive else -1 if negative else 1 if positive else 0
