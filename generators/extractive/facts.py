"""The fact: one thing a document says, with the slots of its questions, its verbatim answer and where that stands."""

from collections.abc import Mapping
from dataclasses import dataclass

from generators.extractive.lexicon import Lexicon


@dataclass(frozen=True)
class Fact:
    """`slots` fill the forms of `family`; `scoped` facts are asked only with their topic named in front."""

    family: str
    slots: tuple[tuple[str, str], ...]
    answer: str
    spans: tuple[tuple[int, int], ...]
    task: str = "question_answering"
    input: str = ""
    topic: str = ""
    scoped: bool = False

    @classmethod
    def of(cls, family: str, slots: Mapping[str, str], answer: str, *spans: tuple[int, int], task: str = "question_answering") -> "Fact":
        """Make a fact; empty slots are left out, so forms that need them are not used."""
        return cls(family, tuple(sorted((name, value) for name, value in slots.items() if value)), answer, tuple(spans), task)

    def slot(self, name: str) -> str:
        """The slot `name`, empty if absent."""
        return dict(self.slots).get(name, "")


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
