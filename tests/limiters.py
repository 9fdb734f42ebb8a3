"""Rate limiters as providers and gateways have them; each says how long a request has to wait, 0.0 when it may pass."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


class Limiter(Protocol):
    """Decides on one request at a time; `now` is in seconds."""

    def wait(self, now: float) -> float: ...


@dataclass
class LeakyBucket:
    """nginx's limit_req: `rate` requests a second, `burst` more than that at a time."""

    rate: float
    burst: float = 0.0
    excess: float = 0.0
    last: float = -1e9

    def wait(self, now: float) -> float:
        excess = max(self.excess - self.rate * (now - self.last), 0.0)
        if excess > self.burst:
            return (excess - self.burst) / self.rate
        self.excess, self.last = excess + 1.0, now
        return 0.0


@dataclass
class TokenBucket:
    """`rate` tokens a second flow into a bucket of `size`; a request takes one."""

    rate: float
    size: float
    tokens: float = -1.0
    last: float = 0.0

    def wait(self, now: float) -> float:
        full = self.tokens < 0
        self.tokens = self.size if full else min(self.tokens + self.rate * (now - self.last), self.size)
        self.last = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0


@dataclass
class FixedWindow:
    """`most` requests in each window of `seconds`, counted anew at its start."""

    most: int
    seconds: float = 1.0
    window: int = -1
    used: int = 0

    def wait(self, now: float) -> float:
        window = int(now // self.seconds)
        if window != self.window:
            self.window, self.used = window, 0
        if self.used >= self.most:
            return (window + 1) * self.seconds - now
        self.used += 1
        return 0.0


@dataclass
class SlidingWindow:
    """`most` requests in any stretch of `seconds`."""

    most: int
    seconds: float = 1.0
    passed: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        while self.passed and self.passed[0] <= now - self.seconds:
            self.passed.popleft()
        if len(self.passed) >= self.most:
            return self.passed[0] + self.seconds - now
        self.passed.append(now)
        return 0.0


@dataclass
class RandomRefusals:
    """Refuses a share of the requests, whatever the rate, and what is above the rate as well."""

    share: float
    below: Limiter
    draw: random.Random = field(default_factory=lambda: random.Random(5))

    def wait(self, now: float) -> float:
        return 0.05 if self.draw.random() < self.share else self.below.wait(now)


class Never:
    """Refuses everything."""

    def wait(self, now: float) -> float:
        return 1.0


LIMITERS: dict[str, Callable[[float], Any]] = {
    "leaky": LeakyBucket,
    "token": lambda rate: TokenBucket(rate, size=rate / 5),
    "fixed": lambda rate: FixedWindow(int(rate)),
    "sliding": lambda rate: SlidingWindow(int(rate)),
    "random": lambda rate: RandomRefusals(0.2, TokenBucket(rate, size=rate / 5)),
    "never": lambda rate: Never(),
}


def limiter(name: str, rate: float) -> Limiter:
    """Return the limiter of that name at `rate` requests a second."""
    return LIMITERS[name](rate)
