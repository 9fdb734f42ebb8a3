"""Corpus statistics that the rules lean on: how the documents write a word, which headings repeat, which names are products."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from generators.extractive.acronyms import acronyms
from generators.extractive.english import stem
from generators.extractive.words import words
from schemas.markdown import parse_blocks
from schemas.records import Document, content_id

_WORD = re.compile(r"[A-Za-z][\w’'-]*")
_ADDRESS = re.compile(r"\S+@\S+|https?:\S+|\]\([^)]*\)|\S+\.\w{2,}/\S*")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,3}\b")
_PRODUCT = re.compile(r"\b[A-Z][a-z]{2,} (?!101\b)\d{2,4}\b(?![.,:]\d)")
_STEMMED = re.compile(r"[A-Za-z][\w-]{2,}")
_FIRST = re.compile(r"[\"“(]*([\w’'-]+)(?:(?: (?:of|or|and|the|for|to|&))* ([A-Z][a-z]+)\b)?")
_MONTHS = words("months")
_FEW, _OF_TWELVE = 2, 12  # documents that may use a rare stem, or one of twelve
_MANY, _OF_TWO = 3, 2  # documents that a frequent one exceeds, or half of them
_HEADINGS = 4  # that use a stem which tells none of them from the others


@dataclass(frozen=True)
class Lexicon:
    """What the documents do with words.

    `proper`: lower-cased words that they capitalise inside sentences; `lowered`: words that they also write small; `names`: runs of
    capitalised words inside sentences; `repeated`: headings used more than once; `products`: names with a number;
    `acronyms`: short form, long form and the path of the one document that is asked about them; `rare` and `frequent`: stems that few
    or many documents use; `headed`: stems that many headings use.
    """

    proper: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    lowered: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    acronyms: frozenset[tuple[str, str, str]] = frozenset()
    rare: frozenset[str] = frozenset()
    frequent: frozenset[str] = frozenset()
    headed: frozenset[str] = frozenset()

    def for_text(self, text: str) -> "Lexicon":
        """Only the entries that concern `text`: what a document's drafts depend on."""
        lower = text.lower()
        seen = set(re.findall(r"[a-z][\w’'-]*", lower))
        used = stems_of(text)
        return Lexicon(
            proper=self.proper & seen,
            repeated=frozenset(heading for heading in self.repeated if heading in lower),
            products=frozenset(name for name in self.products if name in text),
            lowered=self.lowered & seen,
            names=frozenset(name for name in self.names if name in text),
            acronyms=frozenset(entry for entry in self.acronyms if f"({entry[0]})" in text),
            rare=self.rare & used,
            frequent=self.frequent & used,
            headed=self.headed & used,
        )

    def as_json(self) -> dict[str, list]:
        """Every statistic as a sorted list."""
        return {field.name: sorted(getattr(self, field.name)) for field in fields(self)}

    def figures(self) -> dict[str, int]:
        """How many entries each statistic has."""
        return {field.name: len(getattr(self, field.name)) for field in fields(self)}

    def key(self) -> str:
        """A content hash, for caching the drafts of one document."""
        return content_id("lexicon", *self.as_json().values())

    def is_proper(self, word: str) -> bool:
        """Whether `word` keeps its capital inside a sentence."""
        core = word.strip("'’\"“”().,;:")
        if core.lower() in words("function"):
            return False
        pronoun = re.match(r"I(?:[’']|$)", core) is not None
        return pronoun or any(character.isupper() or character.isdigit() for character in core[1:]) or core.lower() in self.proper

    def lower_first(self, text: str) -> str:
        """Lower-case the first letter unless its word is a name."""
        first = _FIRST.match(text)
        if first is None:
            return text
        begins_name = first.group(2) is not None and first.group(1).lower() not in words("function")
        if begins_name or self.is_proper(first.group(1)):
            return text
        start = first.start(1)
        return text[:start] + text[start].lower() + text[start + 1 :]

    def heading_case(self, heading: str) -> str:
        """A heading as it would stand inside a sentence: title case is lowered, all of it or nothing, except for names."""
        written = heading.split()
        if heading in self.names:
            return heading
        capitals = [word for word in written if word[:1].isupper()]
        mostly_names = len(capitals) > 1 and sum(map(self.is_proper, capitals)) * 2 > len(capitals)
        if mostly_names or any(word[:1].islower() and len(word) > 3 for word in written):
            return self.lower_first(heading)
        return " ".join(word if self.is_proper(word) or not word[:1].isupper() else word[0].lower() + word[1:] for word in written)


def lexicon(documents: Iterable[Document]) -> Lexicon:
    """Count casing, headings and product names over `documents`."""
    upper: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    headings: Counter[str] = Counter()
    products: Counter[str] = Counter()
    names: Counter[str] = Counter()
    homes: dict[tuple[str, str], str] = {}
    used: Counter[str] = Counter()
    headed: Counter[str] = Counter()
    size = 0
    for document in documents:
        size += 1
        used.update(stems_of(document.text))
        products.update(set(_PRODUCT.findall(document.text)))
        for block in parse_blocks(document.text):
            raw = document.text[block.start : block.end]
            if block.kind == "heading":
                heading = document.text[block.content.start : block.content.end]
                headings[heading_key(heading)] += 1
                headed.update(stems_of(heading))
            elif block.kind in {"paragraph", "list"}:
                _count_case(raw, upper, lower)
                names.update(_NAME.findall(raw))
                for pair in acronyms(" ".join(raw.split())):
                    homes[pair] = min(homes.get(pair, document.path), document.path)
    return Lexicon(
        proper=frozenset(word for word, count in upper.items() if count >= 2 * lower[word])
        | frozenset(month.lower() for month in _MONTHS - {"May", "March"}),
        repeated=frozenset(heading for heading, count in headings.items() if count > 1),
        lowered=frozenset(lower),
        names=frozenset(name for name, count in names.items() if count > 1),
        acronyms=frozenset((*pair, path) for pair, path in homes.items()),
        products=frozenset(name for name, count in products.items() if count > 1 and name.split()[0] not in _MONTHS),
        rare=frozenset(root for root, count in used.items() if count <= max(_FEW, size // _OF_TWELVE)),
        frequent=frozenset(root for root, count in used.items() if count > max(_MANY, size // _OF_TWO)),
        headed=frozenset(root for root, count in headed.items() if count >= _HEADINGS),
    )


def stems_of(text: str) -> set[str]:
    """The stems of the words of `text`, addresses left out."""
    return {stem(word) for word in set(_STEMMED.findall(_ADDRESS.sub(" ", text)))}


def heading_key(heading: str) -> str:
    """A heading for comparing: lower case, single spaces."""
    return " ".join(heading.lower().split())


def _count_case(raw: str, upper: Counter[str], lower: Counter[str]) -> None:
    for match in _WORD.finditer(_ADDRESS.sub("", raw)):
        word = match.group()
        if word[0].islower():
            lower[word.lower()] += 1
        elif re.search(r"[a-z,)][*_’'\"”]* [*_\[‘“\"(]*$", match.string[max(0, match.start() - 6) : match.start()]):
            upper[word.lower()] += 1
