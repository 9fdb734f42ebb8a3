"""What a request has been through and how the endpoint does over all of them: how long to wait, and when to give up."""

import random
import time
from dataclasses import replace
from datetime import datetime, timedelta

from generators.llm.calls import ClosedError, OverloadedError, RateLimitedError, RequestFailedError, ServerFaultError, UnreachableError
from generators.llm.dialect import Dialect
from schemas.errors import EndpointError
from schemas.recipe import EndpointSection

DOWN_AFTER = 10  # requests in a row that fail, none answered in between: the endpoint is down, not the requests
SAME_FAULT = 3  # internal errors about one request, after which it is tried without its schema


class Health:
    """How the endpoint does, over all requests."""

    def __init__(self, max_wait: float) -> None:
        self._max_wait = max_wait
        self._failed: set[str] = set()
        self._since = 0.0
        self._pauses = 0

    @property
    def is_down(self) -> bool:
        """Whether so many requests failed in a row that it is not about them."""
        return len(self._failed) >= DOWN_AFTER

    def succeeded(self) -> None:
        """Say that a request was answered."""
        if self._failed:
            self._failed.clear()
            self._pauses = 0

    def failed(self, key: str, fault: ServerFaultError) -> None:
        """Count a failed call; one that could not be sent says everything at once."""
        if not self._failed:
            self._since = time.monotonic()
        self._failed.update((key, *(f"{key}{number}" for number in range(DOWN_AFTER))) if isinstance(fault, UnreachableError) else (key,))

    def pause(self, fault: ServerFaultError) -> float:
        """Seconds until the endpoint is looked at again; raises when it has been down for too long."""
        down = time.monotonic() - self._since
        if down > self._max_wait:
            raise EndpointError(
                f"{fault}; nothing was answered for {down:.0f} seconds (endpoint.max_wait_seconds); see to the endpoint and run again: "
                "answers so far are kept"
            )
        self._pauses += 1
        return min(backoff(self._pauses), max(self._max_wait - down, 0.1))


class Tries:
    """What one request has been through."""

    def __init__(self, endpoint: EndpointSection, health: Health) -> None:
        self.made = 0
        self._attempts = endpoint.attempts
        self._max_wait = endpoint.max_wait_seconds
        self._health = health
        self._faults = 0
        self._internal = 0
        self._refusals = 0
        self._refused_at = 0.0
        self._was_closed = False

    def simplified(self, dialect: Dialect) -> Dialect:
        """Return the dialect, without the schema when the server fails again and again on this request (llama.cpp's parsers do)."""
        return replace(dialect, rung="text") if self._internal >= SAME_FAULT else dialect

    def refused(self, trouble: RateLimitedError) -> float:
        """Seconds to wait for the rate limit; that is no try, but it has an end."""
        self._refusals += 1
        self._refused_at = self._refused_at or time.monotonic()
        seconds = backoff(self._refusals) if trouble.seconds is None else trouble.seconds
        if time.monotonic() - self._refused_at + seconds > self._max_wait:
            when = datetime.now().astimezone() + timedelta(seconds=seconds)
            raise EndpointError(
                f"{trouble}; run again after {when:%H:%M} (answers so far are kept), lower endpoint.concurrency, or raise "
                f"endpoint.max_wait_seconds ({self._max_wait:g})"
            )
        return seconds

    def failed(self, fault: ServerFaultError, key: str) -> float:
        """Seconds to wait before the next try; raises when there is none."""
        if isinstance(fault, ClosedError) and not self._was_closed:
            self._was_closed = True  # a new connection tells whether it was about the old one
            return 0.0
        self._health.failed(key, fault)
        if self._health.is_down:
            return self._health.pause(fault)
        self._faults += 1
        self._internal += fault.status == 500
        if self._faults >= self._attempts or self._internal > SAME_FAULT:
            raise RequestFailedError(f"{self._faults} tries brought no answer, the last: {fault}", reason=fault.reason, raw=fault.raw)
        if isinstance(fault, OverloadedError) and fault.seconds is not None:
            return min(fault.seconds, self._max_wait)
        return backoff(self._faults)


def backoff(failures: int) -> float:
    """Seconds to wait after the n-th failure: doubling from half a second to 16, with jitter so that workers part."""
    return min(0.5 * 2 ** (failures - 1), 16.0) * random.uniform(0.75, 1.25)  # noqa: S311 - timing, not a secret
