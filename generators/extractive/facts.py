"""The fact: one thing a document says, with the slots of its questions, its verbatim answer and where that stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from generators.extractive.glossary import Glossary
from generators.extractive.lexicon import Lexicon
from schemas.records import content_id


@dataclass(frozen=True)
class Fact:
    """One thing that a document says.

    `family` is its type and `slots` fill the forms of that family; filters look at slots, so they accept or drop the fact
    with all its wordings. `topic` is its scope: a `scoped` fact is asked only with the topic named in front, `opening` is a
    sentence in front of each question that names it, and `named` must occur in every wording. A fact with an `input` is asked of
    that passage; `absent` says that the passage does not hold the answer, so that there is nothing to quote. `doubts` are signs
    that the answer is not whole.
    """

    family: str
    slots: tuple[tuple[str, str], ...]
    answer: str
    spans: tuple[tuple[int, int], ...]
    task: str = "question_answering"
    input: str = ""
    topic: str = ""
    scoped: bool = False
    opening: str = ""
    named: str = ""
    absent: bool = False
    doubts: tuple[str, ...] = ()

    @classmethod
    def of(cls, family: str, slots: Mapping[str, str], answer: str, *spans: tuple[int, int], task: str = "question_answering") -> "Fact":
        """Make a fact; empty slots are left out, so forms that need them are not used."""
        return cls(family, tuple(sorted((name, value) for name, value in slots.items() if value)), answer, tuple(spans), task)

    def slot(self, name: str) -> str:
        """The slot `name`, empty if absent."""
        return dict(self.slots).get(name, "")

    @property
    def said(self) -> str:
        """All that the slots say, as one text."""
        return " ".join(value for _, value in self.slots)

    def group(self, document_id: str) -> str:
        """The id that all wordings of the fact share, closed-book or of a passage."""
        return content_id("fact", document_id, self.family, self.spans, self.answer)


@dataclass(frozen=True)
class Context:
    """What a family may know beside its section: corpus statistics, the company's name, and facts about the document."""

    lexicon: Lexicon
    company: str
    path: str = ""
    title: str = ""
    product: str = ""
    product_noun: str = ""
    headings: tuple[str, ...] = ()
    glossary: Glossary = field(default_factory=Glossary)
    language: str = "en"
