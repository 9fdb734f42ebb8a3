"""What people decide about pairs, as an append-only log: an event is never changed, only followed by another.

An item is a pair, or a draft that failed; its id is the content hash that it has everywhere. `key` names what it says (task
and texts, `said_key`) wherever it came from, so that a decision outlives a new generation that says the same of an edited document.
"""

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from schemas.records import Draft, Pair, Record, Turn, content_id

Action = Literal["accept", "reject", "edit", "repair", "skip", "note", "undo"]
LONGEST_NAME = 80  # characters of a reviewer
State = Literal["undecided", "accepted", "rejected", "edited", "repaired", "skipped", "disputed"]
# Why a pair is rejected, in the order of the keys 1 to 8.
REASONS = {
    "wrong": "The answer is wrong",
    "not_in_source": "The source does not say so",
    "incomplete": "The answer is not whole",
    "unclear": "Nobody would ask this, or it is unclear",
    "duplicate": "Another pair says the same",
    "style": "Not our voice: too long, too short, tone",
    "confidential": "Must not be learnt: personal, secret",
    "outdated": "No longer true",
}


class Texts(Record):
    """What a person may change of an item."""

    instruction: str
    input: str = ""
    output: str
    history: tuple[Turn, ...] = ()
    quotes: tuple[str, ...] | None = Field(default=None, description="verbatim evidence that a repair gives; None: as it was")

    @property
    def is_erased(self) -> bool:
        """Whether `kilopair forget` has taken them out: no pair has an empty instruction."""
        return not self.instruction

    @classmethod
    def of(cls, item: Pair | Draft) -> Self:
        """Return the texts of a pair or a draft, without its quotes."""
        return cls(instruction=item.instruction, input=item.input, output=item.output, history=item.history)


class Event(Record):
    """One thing that one person did to one item."""

    op: str = Field(min_length=8, max_length=64, description="made by whoever sends it, once: the same op again is stored once")
    item: str
    key: str = Field(default="", description="`said_key` of the item; the server fills it in")
    document: str = Field(default="", description="id of the document that the item is about; the server fills it in")
    reviewer: str = Field(min_length=1, max_length=LONGEST_NAME)
    action: Action
    reason: str = Field(default="", description="of a rejection, one of REASONS")
    note: str = Field(default="", max_length=2000)
    before: Texts | None = None
    after: Texts | None = None
    final: bool = Field(default=False, description="settles a disagreement of others")
    undoes: str = Field(default="", description="the op, or the bulk, that an undo takes back")
    bulk: str = Field(default="", description="events of one bulk action share it")
    base: int = Field(default=0, description="seq of the newest event that its reviewer had seen of the item; 0 for none")
    at: datetime
    seq: int = Field(default=0, description="place in the log, given when it is stored; 0 before")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.action == "reject" and self.reason not in REASONS:
            raise ValueError(f"a rejection needs a reason, one of {', '.join(REASONS)}")
        if self.action in ("edit", "repair") and self.after is None:
            raise ValueError(f"{self.action} needs the texts after it")
        if self.action == "undo" and not self.undoes:
            raise ValueError("undo needs what it undoes")
        return self

    @field_validator("at")
    @classmethod
    def _has_a_time_zone(cls, at: datetime) -> datetime:
        """Take a time without one for UTC: times are compared."""
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def erased(self) -> Self:
        """Return the event without its texts, for a document that must be forgotten."""
        gone = {"before": None, "note": "", "document": "", "after": self.after and Texts(instruction="", output="")}
        return self.model_copy(update=gone)


class Decision(Record):
    """The newest word of one reviewer on an item that nothing has undone."""

    reviewer: str
    action: Literal["accept", "reject", "edit", "repair", "skip"]
    reason: str = ""
    note: str = ""
    after: Texts | None = None
    final: bool = False
    at: datetime
    seq: int


class Standing(Record):
    """What all reviewers together make of an item: equal words count, an edit accepts what it made, a final word counts alone."""

    item: str
    key: str
    state: State
    decisions: tuple[Decision, ...] = Field(default=(), description="one for each reviewer, the newest last")
    reason: str = ""
    texts: Texts | None = Field(default=None, description="what stands in for the item's own, once it was edited or repaired")
    seq: int = Field(default=0, description="of the newest event on the item, undone ones and notes included")


def said_key(item: Pair | Draft) -> str:
    """Return the name of what an item says: the same in every generation that words it alike."""
    turns = [turn.model_dump(mode="json") for turn in item.history]
    return content_id("said", item.task, item.instruction, item.input, item.output, turns)
