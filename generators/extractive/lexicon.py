"""Corpus statistics that the rules lean on: how the documents write a word, which headings repeat, which names are products."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from generators.extractive.acronyms import acronyms
from generators.extractive.words import words
from schemas.markdown import parse_blocks
from schemas.records import Document, content_id

_WORD = re.compile(r"[A-Za-z][\w’'-]*")
_ADDRESS = re.compile(r"\S+@\S+|https?:\S+|\]\([^)]*\)|\S+\.\w{2,}/\S*")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,3}\b")
_PRODUCT = re.compile(r"\b[A-Z][a-z]{2,} \d{2,4}\b(?![.,:]\d)")
_FIRST = re.compile(r"[\"“(]*([\w’'-]+)(?:(?: (?:of|or|and|the|for|to|&))* ([A-Z][a-z]+)\b)?")
_MONTHS = words("months")


@dataclass(frozen=True)
class Lexicon:
    """What the documents do with words.

    `proper`: lower-cased words that they capitalise inside sentences; `lowered`: words that they also write small; `names`: runs of
    capitalised words inside sentences; `repeated`: headings used more than once; `products`: names with a number;
    `acronyms`: short form, long form and the path of the one document that is asked about them.
    """

    proper: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    lowered: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    acronyms: frozenset[tuple[str, str, str]] = frozenset()

    def for_text(self, text: str) -> "Lexicon":
        """Only the entries that concern `text`: what a document's drafts depend on."""
        lower = text.lower()
        seen = set(re.findall(r"[a-z][\w’'-]*", lower))
        return Lexicon(
            proper=self.proper & seen,
            repeated=frozenset(heading for heading in self.repeated if heading in lower),
            products=frozenset(name for name in self.products if name in text),
            lowered=self.lowered & seen,
            names=frozenset(name for name in self.names if name in text),
            acronyms=frozenset(entry for entry in self.acronyms if f"({entry[0]})" in text),
        )

    def key(self) -> str:
        """A content hash, for caching the drafts of one document."""
        return content_id("lexicon", *(sorted(getattr(self, field.name)) for field in fields(self)))

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
    for document in documents:
        products.update(set(_PRODUCT.findall(document.text)))
        for block in parse_blocks(document.text):
            raw = document.text[block.start : block.end]
            if block.kind == "heading":
                headings[heading_key(document.text[block.content.start : block.content.end])] += 1
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
    )


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
