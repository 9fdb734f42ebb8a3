"""How many calls may be in flight, and how fast they may follow each other: as much as the endpoint takes.

Concurrency is additive increase, multiplicative decrease (Chiu & Jain 1989): one more per round of successes, fewer when
the server says that it is overloaded. The rate is free until the first 429. From then on it is held by a loop that
looks at the share of refusals in short windows: it doubles until there are too many, then falls to what was accepted; few,
and it grows fast up to just below the last rate that was too much and slowly beyond it (as TCP CUBIC does, Ha et al. 2008). Refusals
that do not become fewer when the rate falls are not about the rate, and then it is given free again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

START = 4.0  # in flight at first: a new endpoint is not greeted with everything at once
RAMP = 0.5  # seconds in which the calls in flight may double
SLOW = 16.0  # calls per second after the first refusal
WINDOW = 0.25  # seconds between two looks
SETTLE = 0.1  # seconds after the first refusal whose calls say nothing: they were started together
BEYOND = 0.005  # first step beyond the last rate that was too much, doubled from look to look
CALM = 10.0  # seconds for which the rate stays free when refusals are not about it
SLOWEST = 2.0  # seconds after which a look is taken whatever was seen
BEST = 10.0  # seconds for which the best rate so far counts
FEW = 8  # outcomes that are enough for an early look
TOO_MANY = 0.08  # share of refusals
UNRELATED = 0.6  # refusals that stay above this part of their share at a lower rate are not about the rate
ENOUGH = 24  # outcomes after which some refusals among many answers say something
NEAR = 0.94  # of the rate that was too much


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
        self._rate = _Rate()
        self._buckets = [_Bucket(limit, clock()) for limit in (per_minute, tokens_per_minute) if limit]
        self._has_calls, self._has_tokens = bool(per_minute), bool(tokens_per_minute)
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._started = 0.0  # of the first answer
        self._hold_until = 0.0
        self._next = 0.0
        self._last_success = clock()
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
        return self._clock()

    def leave(self) -> None:
        """Say that a call has ended, whichever way."""
        self.in_flight -= 1
        self._pump()

    def succeeded(self, started: float) -> None:
        """Say that a call that started then was answered."""
        self._last_success = now = self._clock()
        self._started = self._started or now
        ramp = START * 2 ** min((now - self._started) / RAMP, 10.0)
        self._limit = min(self._most, ramp, self._limit + (1.0 if self._rate.is_free else 1.0 / self._limit))
        self._rate.accepted(started, now)

    def refused(self, started: float, seconds: float | None) -> None:
        """Say that a call that started then was refused for the rate, with the wait that the endpoint asked for."""
        now = self._clock()
        self.refused_calls += 1
        self._rate.refused(started, now)
        # What it asks for is meant for everybody only when nobody gets through.
        if seconds is not None and now - self._last_success > 1.0:
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
        waits = [bucket.wait(amount, now) for bucket, amount in zip(self._buckets, self._amounts(tokens), strict=True)]
        return max(self._hold_until - now, 0.0 if self._rate.is_free else self._next - now, *waits, 0.0)

    def _take(self, now: float, tokens: int) -> None:
        self.in_flight += 1
        for bucket, amount in zip(self._buckets, self._amounts(tokens), strict=True):
            bucket.take(amount, now)
        if not self._rate.is_free:
            # A late timer may not be made up for by a burst: a strict limiter refuses what comes too soon.
            self._next = max(self._next + 1.0 / self._rate.value, now + 0.9 / self._rate.value)

    def _amounts(self, tokens: int) -> list[int]:
        return [amount for amount, wanted in ((1, self._has_calls), (tokens, self._has_tokens)) if wanted]


class _Rate:
    """The adaptive rate, in calls per second."""

    def __init__(self) -> None:
        self.value = 0.0
        self.is_free = True
        self._ceiling = 0.0  # the lowest rate that was lately too much; 0 while none is known
        self._accepted: deque[float] = deque()
        self._looked, self._good, self._bad = 0.0, 0, 0
        self._beyond = BEYOND
        self._best, self._best_until = 0.0, 0.0  # answers in one second, lately
        self._last_cut: tuple[float, float] | None = None  # rate and share of refusals, if nothing grew since
        self._calm_until = 0.0

    def recent(self, now: float) -> float:
        """Answers in the last second."""
        while self._accepted and self._accepted[0] < now - 1.0:
            self._accepted.popleft()
        return float(len(self._accepted))

    def accepted(self, started: float, now: float) -> None:
        """Count an answer to a call that started then."""
        self._accepted.append(now)
        if (recent := self.recent(now)) > self._best or now > self._best_until:
            self._best, self._best_until = recent, now + BEST
        if not self.is_free and started >= self._looked:
            self._good += 1
            self._look(now)

    def refused(self, started: float, now: float) -> None:
        """Count a refusal; the first one starts the pacing, from a rate that nearly every endpoint takes."""
        if self.is_free and now >= self._calm_until:
            self.is_free, self.value, self._ceiling, self._last_cut = False, SLOW, 0.0, None
            self._restart(now + SETTLE)
        elif not self.is_free and started >= self._looked:  # what was under way at the last look is no news
            self._bad += 1
            self._look(now)

    def _look(self, now: float) -> None:
        seen, passed = self._good + self._bad, now - self._looked
        share = self._bad / seen
        if (seen < FEW and passed < SLOWEST) or (passed < WINDOW and share < 0.5):
            return
        if seen < ENOUGH and TOO_MANY < share < 0.5 and passed < 1.0:
            return
        if share <= TOO_MANY:
            self._grow()
        elif self._is_unrelated(share, seen):
            self.is_free, self._calm_until, self._last_cut = True, now + CALM, None
        else:
            self._cut(share, self._good / max(passed, 0.05))
        self._restart(now)

    def _is_unrelated(self, share: float, seen: int) -> bool:
        """Tell whether a lower rate is refused nearly as often as a higher one was, while most calls get through."""
        if self._last_cut is None or seen < FEW or share >= 0.5:
            return False
        value, before = self._last_cut
        return before < 0.5 and self.value <= 0.95 * value and share >= UNRELATED * before

    def _cut(self, share: float, accepted: float) -> None:
        self._last_cut = (self.value, share)
        self._ceiling, self._beyond = self.value, BEYOND
        self.value = max(0.5, 0.5 * self._best, min(0.9 * self.value, max(NEAR * accepted, 0.5 * self.value)))

    def _grow(self) -> None:
        self._last_cut = None
        near = NEAR * self._ceiling
        if not self._ceiling:
            self.value *= 2
        elif self.value < near:
            self.value += max(0.5 * (near - self.value), 0.02 * self.value)
        else:  # beyond what was too much: the longer it goes well, the faster
            self._beyond = min(2 * self._beyond, 0.5)
            self.value *= 1.0 + self._beyond
            self._ceiling = self.value / NEAR

    def _restart(self, now: float) -> None:
        self._looked, self._good, self._bad = now, 0, 0


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
