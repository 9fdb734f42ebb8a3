"""What is asked of a language model, what comes back, and how a call can fail: the words that the engine's parts share.

The one network seam is `Complete`. Everything else (journal, budget, pace, retries) stands between a caller and the
network and has the same shape; nothing outside of `generators.llm` knows that calls fail or run side by side.

    RequestFailedError      this request has no answer and gets none; the others are not concerned
    └── BudgetReachedError  nor will any other that costs something
    RefusedRequestError     the endpoint does not take the request as it was put; another dialect may do
    ServerFaultError        no answer, but the next try may bring one
    ├── OverloadedError     and it should come later, and with less beside it
    ├── ClosedError         the connection was closed without an answer
    └── UnreachableError    no connection: nothing was sent
    RateLimitedError        come back later; not a try
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal, Self

from pydantic import JsonValue

from schemas.records import Reason

CHARACTERS_PER_TOKEN = 3.6  # of English prose and JSON; no vocabulary is needed, and none is downloaded

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Request:
    """One question to a model. Its key names everything that decides the answer, so the same request is asked once.

    `max_tokens` is not part of the key (a reply that was not cut stays good under another limit), nor is `slot`.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    schema: str | None = None  # canonical JSON of the schema that the reply is held to, from `schema_text`
    variant: str = ""  # tells apart what is asked more than once on purpose: "sample-2", "grown", "again"
    slot: str = ""  # what it is for, e.g. "question_answering/chunk-0f.../1/first": survives a change of the prompt

    @cached_property
    def key(self) -> str:
        """SHA-256 of model, messages, parameters, schema and variant; neither URL nor API key is part of it."""
        turns = [[message.role, text_hash(message.content)] for message in self.messages]
        schema = text_hash(self.schema) if self.schema is not None else None
        return hashlib.sha256(canonical([self.model, turns, dict(self.parameters), schema, self.variant]).encode()).hexdigest()

    def but(self, **changes: Any) -> Self:
        """Return the request with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Reply:
    """The body that came back, byte for byte: a chat completion of any kind, good or bad. `source` is online, batch or replay."""

    key: str
    raw: bytes
    from_journal: bool = False
    source: str = "online"


Complete = Callable[[Request], Awaitable[Reply]]


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(value: object) -> str:
    """Return `value` as canonical JSON."""
    return _CANONICAL.encode(value)


@lru_cache(maxsize=4096)
def text_hash(text: str) -> str:
    """Return the first 32 hex digits of the SHA-256 of a text; what many requests share is hashed once."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class RequestFailedError(Exception):
    """This request has no answer and will get none; the others are not concerned."""

    def __init__(self, problem: str, *, reason: Reason = Reason.REQUEST_FAILED, raw: bytes = b"") -> None:
        super().__init__(problem)
        self.reason = reason
        self.raw = raw


class BudgetReachedError(RequestFailedError):
    """The request could pass a cap of the budget, so it is not sent."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, reason=Reason.OVER_BUDGET)


class RefusedRequestError(Exception):
    """The endpoint does not take the request as it was put (a 400 or 422 about its form); `words` are its codes and parameters."""

    def __init__(self, problem: str, *, status: int, words: frozenset[str], said: str) -> None:
        super().__init__(problem)
        self.status = status
        self.words = words
        self.said = said


class ServerFaultError(Exception):
    """The call brought no answer, but the next try may."""

    def __init__(self, problem: str, *, reason: Reason = Reason.REQUEST_FAILED, raw: bytes = b"", status: int | None = None) -> None:
        super().__init__(problem)
        self.reason = reason
        self.raw = raw
        self.status = status


class OverloadedError(ServerFaultError):
    """The server has too much to do (503, 529); `seconds` is None when it does not say how long to wait."""

    def __init__(self, problem: str, *, seconds: float | None, status: int | None = None) -> None:
        super().__init__(problem, status=status)
        self.seconds = seconds


class ClosedError(ServerFaultError):
    """The connection was closed without an answer, as servers do with one that was kept too long, just when it is used."""


class UnreachableError(ServerFaultError):
    """No connection: nothing was sent."""


class RateLimitedError(Exception):
    """The endpoint asks to wait; `seconds` is None when it does not say how long."""

    def __init__(self, problem: str, *, seconds: float | None) -> None:
        super().__init__(problem)
        self.seconds = seconds
