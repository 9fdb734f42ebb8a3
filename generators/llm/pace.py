"""How many calls may be in flight, and how fast they may follow each other: as much as the endpoint takes.

Concurrency is additive increase, multiplicative decrease (Chiu & Jain 1989): one more per success, fewer when the server
says that it is overloaded. The rate is free until calls are refused for it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from generators.llm.rate import Rate

START = 4.0  # in flight at first: a new endpoint is not greeted with everything at once
RAMP = 0.5  # seconds in which the calls in flight may double


class Pace:
    """Lets calls through, first come, first served; told what became of them."""

    def __init__(
        self,
        *,
        concurrency: int,
        per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.in_flight = 0
        self.refused_calls = 0
        self._most = concurrency
        self._limit = min(START, concurrency)
        self._clock = clock
        self._rate = Rate()
        limits = ((per_minute, False), (tokens_per_minute, True))
        self._buckets = [(_Bucket(limit, clock()), counts_tokens) for limit, counts_tokens in limits if limit]
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._started = 0.0  # of the first answer
        self._hold_until = 0.0
        self._next = 0.0
        self._last_success = clock()
        self._refused_since = 0  # refusals since the last success
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, tokens: int = 0, *, again: bool = False) -> float:
        """Wait until a call of about so many tokens may start, and return when that was; one that is tried `again` goes first."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if again else self._waiting.append)((place, tokens))
        self._pump()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise
        started = self._clock()
        self._rate.started(started)
        return started

    def leave(self) -> None:
        """Say that a call has ended, whichever way."""
        self.in_flight -= 1
        self._pump()

    def succeeded(self, started: float) -> None:
        """Say that a call that started then was answered."""
        self._last_success = now = self._clock()
        self._refused_since = 0
        self._started = self._started or now
        ramp = START * 2 ** min((now - self._started) / RAMP, 10.0)
        self._limit = min(self._most, ramp, self._limit + 1.0)
        self._rate.accepted(started, now)
        self._pump()  # one more may be in flight now

    def refused(self, started: float, seconds: float | None) -> None:
        """Say that a call that started then was refused for the rate, with the wait that the endpoint asked for."""
        now = self._clock()
        self.refused_calls += 1
        self._refused_since += 1
        self._rate.refused(started, now, seconds)
        # What it asks for is meant for everybody only when nobody gets through.
        if seconds is not None and now - self._last_success > 1.0 and self._refused_since > self.in_flight:
            self._hold_until = max(self._hold_until, now + min(seconds, 5.0))

    def overloaded(self, seconds: float | None) -> None:
        """Say that the server has too much to do."""
        now = self._clock()
        self._limit = max(1.0, self._limit * 0.7)
        if seconds is not None:
            self._hold_until = max(self._hold_until, now + min(seconds, 60.0))

    def stop(self, seconds: float) -> None:
        """Let nothing through for so long, and then one call at a time until one is answered."""
        self._limit = 1.0
        self._hold_until = max(self._hold_until, self._clock() + seconds)

    @property
    def per_second(self) -> float:
        """Answers in the last second."""
        return self._rate.recent(self._clock())

    def _pump(self) -> None:
        while self._waiting and self.in_flight < int(self._limit):
            place, tokens = self._waiting[0]
            if place.done():
                self._waiting.popleft()
                continue
            now = self._clock()
            if (pause := self._pause(now, tokens)) > 0.0005:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(pause, self._wake)
                return
            self._waiting.popleft()
            self._take(now, tokens)
            place.set_result(None)

    def _wake(self) -> None:
        self._timer = None
        self._pump()

    def _pause(self, now: float, tokens: int) -> float:
        waits = [bucket.wait(tokens if counts_tokens else 1, now) for bucket, counts_tokens in self._buckets]
        return max(max(self._hold_until, self._rate.paused_until) - now, 0.0 if self._rate.is_free else self._next - now, *waits, 0.0)

    def _take(self, now: float, tokens: int) -> None:
        self.in_flight += 1
        for bucket, counts_tokens in self._buckets:
            bucket.take(tokens if counts_tokens else 1, now)
        if not self._rate.is_free:
            # A late timer may not be made up for by a burst: a strict limiter refuses what comes too soon.
            self._next = max(self._next + 1.0 / self._rate.value, now + 0.9 / self._rate.value)


class _Bucket:
    """A token bucket over a minute that holds ten seconds' worth."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._per_second = per_minute / 60
        self._most = max(per_minute / 6, 1.0)
        self._level, self._at = self._most, now

    def wait(self, amount: int, now: float) -> float:
        """Seconds until so much may be taken; more than the bucket holds waits until it is full."""
        self._level = min(self._most, self._level + (now - self._at) * self._per_second)
        self._at = now
        return max(0.0, (min(amount, self._most) - self._level) / self._per_second)

    def take(self, amount: int, now: float) -> None:
        """Take out, below zero if need be."""
        self.wait(0, now)
        self._level -= amount
