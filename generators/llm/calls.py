"""The engine of every call to a language model: what is asked, what comes back, and how trouble is met.

The one network seam is `Complete`. Retries, deadlines and the journal are wrappers `Complete -> Complete`; the one
bounded pool is in `generators.llm.pool`. Nothing else in the project knows that calls fail or run side by side.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import JsonValue

from schemas.errors import EndpointError
from schemas.records import Reason, Record

Sleep = Callable[[float], Awaitable[None]]

WAIT_BUDGET = 900.0  # seconds that one request may spend waiting for rate limits
DEAD_AFTER = 20  # requests in a row that fail after all their attempts: the endpoint is down, not the requests


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(Record):
    """One question to a model. Its key names everything that decides the answer, so the same request is asked once."""

    model: str
    messages: tuple[Message, ...]
    parameters: dict[str, JsonValue]
    response_schema: dict[str, JsonValue] | None = None
    sample: int = 0

    @cached_property
    def canonical(self) -> str:
        """The request as canonical JSON; neither the URL nor the API key is part of it."""
        return json.dumps(self.model_dump(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical.encode("utf-8")).hexdigest()

    def but(self, *, messages: tuple[Message, ...] | None = None, sample: int | None = None) -> "Request":
        """Return the request with other messages or another sample (model_copy would keep the key)."""
        return Request(
            model=self.model,
            messages=self.messages if messages is None else messages,
            parameters=self.parameters,
            response_schema=self.response_schema,
            sample=self.sample if sample is None else sample,
        )


class Reply(Record):
    """The body that came back, byte for byte."""

    key: str
    raw: bytes
    from_journal: bool = False


Complete = Callable[[Request], Awaitable[Reply]]


class RequestFailedError(Exception):
    """This request has no answer and will get none; the others are not concerned."""

    def __init__(self, problem: str, *, reason: Reason = Reason.REQUEST_FAILED, raw: bytes = b"") -> None:
        super().__init__(problem)
        self.reason = reason
        self.raw = raw


class ServerFaultError(Exception):
    """The call brought no answer, but the next try may."""

    def __init__(self, problem: str, *, reason: Reason = Reason.REQUEST_FAILED, raw: bytes = b"") -> None:
        super().__init__(problem)
        self.reason = reason
        self.raw = raw


class UnreachableError(ServerFaultError):
    """No connection: nothing was sent."""


class RateLimitedError(Exception):
    """The endpoint asks to wait; `seconds` is None when it does not say how long."""

    def __init__(self, problem: str, *, seconds: float | None) -> None:
        super().__init__(problem)
        self.seconds = seconds


def deadline(complete: Complete, *, seconds: float) -> Complete:
    """Bound a whole call; the HTTP client's own timeout bounds each read only, so a dripping server would never end."""

    async def bounded(request: Request) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                return await complete(request)
        except TimeoutError:
            fault = ServerFaultError(f"no answer within {seconds:g} seconds (endpoint.timeout_seconds)")
        raise fault

    return bounded


def retry(complete: Complete, *, attempts: int, wait_budget: float = WAIT_BUDGET, sleep: Sleep = asyncio.sleep) -> Complete:
    """Try again after trouble of the server; waiting for a rate limit is not a try, but `wait_budget` ends it.

    The call raises RequestFailedError when `attempts` tries brought no answer, and EndpointError when nothing answers
    any more or the rate limit outlasts the budget.
    """
    health = _Health()

    async def retried(request: Request) -> Reply:
        tries = _Tries(attempts, wait_budget, health)
        while True:
            try:
                reply = await complete(request)
            except (RateLimitedError, ServerFaultError) as trouble:
                problem = trouble
            else:
                health.failed_in_a_row = 0
                return reply
            await sleep(tries.pause(problem))

    return retried


def backoff(failures: int) -> float:
    """Seconds to wait after the n-th failure: doubling from half a second to 16, with jitter so that workers part."""
    return min(0.5 * 2 ** (failures - 1), 16.0) * random.uniform(0.75, 1.25)  # noqa: S311 - timing, not a secret


@dataclass
class _Health:
    """How the endpoint does, over all requests."""

    failed_in_a_row: int = 0


@dataclass
class _Tries:
    """What one request has been through."""

    attempts: int
    wait_budget: float
    health: _Health
    faults: int = 0
    refusals: int = 0
    waited: float = 0.0

    def pause(self, trouble: RateLimitedError | ServerFaultError) -> float:
        """Seconds to wait before the next try; raises when there is none."""
        if isinstance(trouble, ServerFaultError):
            self.faults += 1
            if self.faults >= self.attempts:
                raise self._give_up(trouble)
            return backoff(self.faults)
        self.refusals += 1
        seconds = backoff(self.refusals) if trouble.seconds is None else trouble.seconds
        self.waited += seconds
        if self.waited > self.wait_budget:
            raise EndpointError(
                f"{trouble}; one request may wait {self.wait_budget / 60:g} minutes and would wait longer; "
                "run again later (answers so far are kept) or lower endpoint.concurrency",
            )
        return seconds

    def _give_up(self, fault: ServerFaultError) -> Exception:
        self.health.failed_in_a_row += 1
        if isinstance(fault, UnreachableError):
            return EndpointError(f"{fault}; bring it up and run again: answers so far are kept")
        if self.health.failed_in_a_row >= DEAD_AFTER:
            failed = f"{self.health.failed_in_a_row} requests in a row failed"
            return EndpointError(f"{failed}, the last with: {fault}; see to the endpoint and run again: answers so far are kept")
        return RequestFailedError(f"{self.attempts} attempts brought no answer, the last: {fault}", reason=fault.reason, raw=fault.raw)
