"""What a conversation is about: the words that planner, prompts and conversation share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from generators.difficulty import Difficulty
from schemas.records import Chunk, Document, Draft, content_id

if TYPE_CHECKING:
    from generators.alpaca.corpus import Corpus
    from generators.alpaca.tasks import Task


@dataclass(frozen=True)
class Passage:
    """A chunk with the document that it is part of."""

    document: Document
    chunk: Chunk

    @property
    def place(self) -> str:
        """The title of the document and the headings above the text, each once."""
        return " > ".join(dict.fromkeys((self.document.title, *self.chunk.heading_path)))


@dataclass(frozen=True)
class Fact:
    """One atomic fact of a passage: its statement, and the span of the document that says it."""

    statement: str
    start: int
    end: int


@dataclass(frozen=True)
class Ask:
    """One conversation to have. Asks with equal fields are the same conversation, in this run and in any other.

    `passages` begins with the one that the answer rests on; others are distractors, the second passage of a comparison,
    or the older version of a document. It is empty for tasks that need no passage; for one that needs facts of the rules it
    holds the sections that these stand in.
    """

    task: "Task"
    passages: tuple[Passage, ...]
    count: int  # items to ask for
    difficulty: Difficulty = "basic"
    facts: tuple[Fact, ...] = ()  # write about these only, when given
    seeds: tuple[Draft, ...] = ()  # accepted drafts, seed tasks of the user, or facts of the rules, to start from
    number: int = 0  # how many asks of this task on these passages came before

    def passage_of(self, seed: Draft) -> Passage:
        """Return the section that a fact of the rules stands in."""
        return next(passage for passage in self.passages if passage.chunk.id == seed.provenance.chunk_id)

    @property
    def id(self) -> str:
        """Hash of what is asked about; not of how it is asked, so a changed prompt keeps it."""
        about = [passage.chunk.id for passage in self.passages]
        return content_id(
            "ask", self.task.name, about, [fact.statement for fact in self.facts], [seed.id for seed in self.seeds], self.number
        )


@dataclass(frozen=True)
class Style:
    """What is the same for every request of a run."""

    company: str
    voice: str
    language: str  # "auto": that of the passage
    wordings: int
    samples: int
    labels: Mapping[str, str]
    extraction_schema: Mapping[str, Any] | None
    model: str
    temperature: float
    max_tokens: int
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    repair: bool = True


@dataclass(frozen=True)
class Material:
    """What a task's checks may look at beside the item: the ask, the style, and all documents."""

    ask: Ask
    style: Style
    corpus: "Corpus | None" = None
