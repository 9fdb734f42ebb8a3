"""What a pair may say: the words, names and values of its evidence, of the section around it, and of the question itself.

A section is read once however many pairs rest on it, so what a pair costs depends on its own length.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from builder.curation.ground_known import Known
from builder.findings.topics import stem
from generators.alpaca.sense import LEAD, TIES, is_negative, names
from schemas.records import Document, Pair

WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]{1,2}\b)?")
_SENTENCE = re.compile(r"(?<=[.!?:;])[*_\"'”’)]*\s+(?=[^a-zß-ÿ])|\n+")
_WRAP = re.compile(r"(?<=[^\n|])\n(?=[ \t]*[^\s\-*+|#>\d(])[ \t]*")  # a line that goes on in the next
_BREAK = re.compile(r"\n[ \t]*(?:(?:[-*+>#]+|\(?\d{1,2}[.)])[ \t]+)*")  # with the marks of items, quotes and headings
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.*)$", re.MULTILINE)
_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\([^()\s]*\)|<(?:https?|mailto):[^<>\s]*>")
_CAPITAL = re.compile(r"(?<=[a-zß-ÿ,] )([^\W\d_])")
_NEAR, _STEP = 4000, 1000  # characters around the evidence that count as its section where there are no headings
_MANY_CAPITALS = 0.35  # of the words inside sentences: in German every noun has one, so a capital makes no name


@dataclass(frozen=True, eq=False)
class Sentence:
    """One sentence, item or row, as the words that say something, in order."""

    text: str

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """Its words without endings, without those that only hold it together."""
        return stems(self.text)

    @cached_property
    def bag(self) -> frozenset[str]:
        """The same as a set."""
        return frozenset(self.stems)

    @cached_property
    def known(self) -> Known:
        """Its values."""
        return Known.of(self.text)

    @cached_property
    def is_negative(self) -> bool:
        """Whether it denies or forbids something."""
        return is_negative(self.text)

    @cached_property
    def flat(self) -> str:
        """Its words as they stand, without case, markup and signs at the ends: equal for a sentence that was copied."""
        return " ".join(WORD.findall(self.text.casefold()))

    @cached_property
    def is_row(self) -> bool:
        """Whether it is a row of a table, whose cells stand in an order of their own."""
        return "|" in self.text


@dataclass(frozen=True, eq=False)
class Passage:
    """A stretch of text with its sentences, words and values, each read when it is first asked for."""

    text: str

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """Its sentences that say something."""
        return tuple(sentence for sentence in sentences(self.text) if sentence.stems)

    @cached_property
    def stems(self) -> frozenset[str]:
        """All its words without endings."""
        return frozenset(map(stem, self.words))

    @cached_property
    def words(self) -> frozenset[str]:
        """All its words in small letters, also those that only hold it together."""
        return frozenset(word.replace("’", "'").removesuffix("'s") for word in WORD.findall(self.text.casefold()))

    @cached_property
    def flat(self) -> frozenset[str]:
        """Its sentences as they stand."""
        return frozenset(sentence.flat for sentence in self.sentences)

    @cached_property
    def initials(self) -> str:
        """The first letters of its words in order, where an abbreviation that it does not spell stands: Human Resources is hr."""
        return "".join(word[0] for word in WORD.findall(self.text.casefold()))

    @cached_property
    def bigrams(self) -> frozenset[tuple[str, str]]:
        """Its telling words two by two, within a sentence."""
        return frozenset(two for sentence in self.sentences for two in pairwise(sentence.stems))

    @cached_property
    def known(self) -> Known:
        """Its values."""
        return Known.of(self.text)

    @cached_property
    def names(self) -> frozenset[str]:
        """The parts of the names in it, small."""
        return names(self.text)

    @cached_property
    def has_names(self) -> bool:
        """Whether a capital makes a name in its language."""
        inside = _CAPITAL.findall(self.text)
        return sum(map(str.isupper, inside)) <= _MANY_CAPITALS * len(inside)


@dataclass(frozen=True, eq=False)
class Source:
    """What a pair rests on: its evidence, what is asked, and the section around the evidence."""

    evidence: Passage
    asked: Passage
    """The question with its input and what was said before, the title and the headings above the evidence, the company's name."""
    section: Passage

    @property
    def near(self) -> tuple[Passage, Passage]:
        """Evidence and question."""
        return self.evidence, self.asked

    @property
    def all(self) -> tuple[Passage, Passage, Passage]:
        """Everything that the answer may take something from."""
        return self.evidence, self.section, self.asked

    def has_two(self, words: tuple[str, str]) -> bool:
        """Tell whether two telling words stand next to each other in the evidence or its section."""
        return words in self.evidence.bigrams or words in self.section.bigrams


def source_of(pair: Pair, documents: Mapping[str, Document], company: str) -> Source:
    """Return what a pair whose evidence resolves may say."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for evidence in pair.evidence:
        spans.setdefault(evidence.document_id, []).append((evidence.start, evidence.end))
    around = [_around(documents[name], tuple(found)) for name, found in spans.items()]
    turns = (turn.content for turn in pair.history)
    asked = "\n".join((pair.instruction, pair.input, company, *(above for above, _ in around), *turns))
    quoted = "\n\n".join(evidence.quote for evidence in pair.evidence)
    return Source(_passage(quoted), Passage(asked), _passage("\n\n".join(section for _, section in around)))


def sentences(text: str) -> tuple[Sentence, ...]:
    """Return the sentences, items and rows of a text, without addresses of links, and without a yes or no before them."""
    lines = _BREAK.sub("\n", "\n" + _WRAP.sub(" ", _LINK.sub(" ", text)))
    parts = (LEAD.sub("", part.strip(), count=1) for part in _SENTENCE.split(lines))
    return tuple(Sentence(part) for part in parts if part)


def answer_sentences(output: str) -> tuple[Sentence, ...]:
    """Return the sentences of an answer."""
    return tuple(
        sentence
        for sentence in sentences(_values(output) if is_data(output) else output)
        if sentence.stems or any(map(str.isdigit, sentence.text))
    )


def is_data(output: str) -> bool:
    """Tell whether an answer is JSON: values, no sentences."""
    return output.lstrip()[:1] in ("{", "[")


def _values(output: str) -> str:
    """The values of an answer in JSON, a line each: its keys are what is asked for."""
    try:
        return "\n".join(_leaves(json.loads(output)))
    except (ValueError, RecursionError):
        return output


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        yield from (leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in _leaves(inner))
    elif value is not None and not isinstance(value, bool):
        yield str(value)


@lru_cache(maxsize=16_384)
def stems(text: str) -> tuple[str, ...]:
    """Return the telling words of a text without their endings, in order."""
    words = (word.replace("’", "'").partition("'")[0] for word in WORD.findall(text.casefold()))
    return tuple(stem(word) for word in words if word not in TIES)


@lru_cache(maxsize=2048)
def _passage(text: str) -> Passage:
    return Passage(text)


def _around(document: Document, spans: tuple[tuple[int, int], ...]) -> tuple[str, str]:
    """The title and the headings above the spans, and the sections that hold them."""
    headings = _headings(document.text)
    above: dict[str, None] = {document.title: None, document.path: None}
    sections: dict[str, None] = {}
    for start, end in spans:
        begin, stop, over = _section(len(document.text), headings, start, end)
        low, high = max(begin, (start - _NEAR) // _STEP * _STEP), min(stop, -(-(end + _NEAR) // _STEP) * _STEP)
        above |= dict.fromkeys(over)
        sections[document.text[max(0, low) : high]] = None
    return "\n".join(above), "\n\n".join(sections)


_Heading = tuple[int, int, str]  # where it begins, its level, its words


def _section(length: int, headings: tuple[_Heading, ...], start: int, end: int) -> tuple[int, int, list[str]]:
    """Where the section of a span begins and ends, and the headings from the outermost to its own."""
    place = bisect_right(headings, start, key=lambda heading: heading[0]) - 1
    if place < 0:
        return 0, headings[0][0] if headings and headings[0][0] >= end else length, []
    begin, level, _ = headings[place]
    stop = next((at for at, depth, _ in headings[place + 1 :] if at >= end and depth <= level), length)
    above: list[str] = []
    for _, depth, words in reversed(headings[: place + 1]):
        if depth <= level:
            above.insert(0, words)
            level = depth - 1
    return begin, stop, above


@lru_cache(maxsize=1024)
def _headings(text: str) -> tuple[_Heading, ...]:
    """The headings of a text; a line of code that begins with # is none."""
    code = [match.span() for match in _FENCED.finditer(text)]
    found = ((match.start(), len(match[1]), match[2]) for match in _HEADING.finditer(text))
    return tuple(heading for heading in found if not _inside(heading[0], code))


def _inside(place: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)
