"""The pace against limiters on a simulated clock: minutes of traffic in a second, the same in every run."""

import asyncio
import random
import selectors
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from generators.llm.pace import Pace
from tests.limiters import FixedWindow, LeakyBucket, Limiter, Never, RandomRefusals, SlidingWindow, TokenBucket

SEEDS = range(3)
LIMITERS: dict[str, Callable[[float], Limiter]] = {
    "leaky": LeakyBucket,
    "leaky with a burst": lambda rate: LeakyBucket(rate, burst=5),
    "token": lambda rate: TokenBucket(rate, size=rate / 5),
    "token with a full second": lambda rate: TokenBucket(rate, size=rate),
    "fixed": lambda rate: FixedWindow(int(rate)),
    "sliding": lambda rate: SlidingWindow(int(rate)),
}


class Leap(selectors.SelectSelector):
    """Waits for nothing: the clock leaps to the next timer."""

    now = 100.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leap = Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.now


class Open:
    """Lets everything through."""

    def wait(self, now: float) -> float:
        return 0.0


@dataclass
class Traffic:
    """Calls to one limiter, each repeated until it gets through or the time is over."""

    limiter: Limiter
    count: int = 400
    concurrency: int = 32
    retry_after: float | None = 1.0
    latency: float = 0.006
    jitter: float = 0.001  # of a call on its way there, and back
    work: float = 0.0  # seconds that an answer takes, half as long to half as long again; a refusal takes none
    until: float = 10_000.0
    seed: int = 0
    refused: int = 0
    seconds: float = 0.0
    answered: int = 0

    def run(self) -> "Traffic":
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(self._all())
        return self

    async def _all(self) -> None:
        loop = asyncio.get_running_loop()
        self._started, self._draw = loop.time(), random.Random(self.seed)
        self._pace = Pace(concurrency=self.concurrency, clock=loop.time)
        await asyncio.gather(*(self._one() for _ in range(self.count)))

    async def _one(self) -> None:
        loop = asyncio.get_running_loop()
        again = False
        while loop.time() - self._started < self.until:
            entered = await self._pace.enter(again=again)
            await self._travel()
            wait = self.limiter.wait(loop.time())
            if wait == 0.0 and self.work:
                await asyncio.sleep(self.work * self._draw.uniform(0.5, 1.5))
            await self._travel()
            self._pace.leave()
            if wait == 0.0:
                self._pace.succeeded(entered)
                self.answered, self.seconds = self.answered + 1, loop.time() - self._started
                return
            self.refused, again = self.refused + 1, True
            self._pace.refused(entered, self.retry_after)
            await asyncio.sleep(self._draw.uniform(0.3, 0.6) if self.retry_after is None else self.retry_after)

    async def _travel(self) -> None:
        await asyncio.sleep(self.latency / 2 + self._draw.expovariate(1 / self.jitter))


@pytest.mark.parametrize("name", LIMITERS)
@pytest.mark.parametrize("concurrency", [8, 32, 64])
def test_fifty_calls_a_second_are_found_with_little_in_vain(name: str, concurrency: int):
    made = [Traffic(LIMITERS[name](50.0), concurrency=concurrency, seed=seed).run() for seed in SEEDS]

    assert all(each.answered == 400 for each in made)
    assert max(each.refused for each in made) <= 0.15 * 400
    # A leaky bucket without any burst refuses what comes a hair too soon, and calls jitter by a tenth of their distance here.
    assert max(each.seconds for each in made) <= (1.55 if name == "leaky" else 1.4) * 400 / 50


@pytest.mark.parametrize("name", LIMITERS)
@pytest.mark.parametrize(("rate", "count", "jitter"), [(5.0, 400, 0.001), (300.0, 2400, 0.0003)])
def test_slow_and_fast_limits_are_found_too(name: str, rate: float, count: int, jitter: float):
    made = Traffic(LIMITERS[name](rate), count=count, jitter=jitter).run()

    assert made.answered == count
    assert made.refused <= 0.15 * count
    assert made.seconds <= (1.7 if name in {"leaky", "token"} else 1.4) * count / rate


@pytest.mark.parametrize("name", ["leaky", "fixed"])
@pytest.mark.parametrize("rate", [5.0, 10.0])
@pytest.mark.parametrize("work", [0.5, 2.0])
@pytest.mark.parametrize("retry_after", [1.0, None])
def test_a_low_limit_is_not_taken_for_refusals_by_chance_though_answers_are_slow(
    name: str, rate: float, work: float, retry_after: float | None
):
    settings = {"count": 300, "concurrency": 64, "retry_after": retry_after, "latency": 0.02, "jitter": 0.003}
    made = [Traffic(LIMITERS[name](rate), work=work, seed=seed, **settings).run() for seed in SEEDS]

    assert all(each.answered == 300 for each in made)
    assert max(each.refused for each in made) <= 0.4 * 300
    assert max(each.seconds for each in made) <= 1.75 * 300 / rate


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3])
@pytest.mark.parametrize(("latency", "jitter"), [(0.006, 0.002), (0.02, 0.02)], ids=["quick", "busy"])
def test_refusals_that_are_not_about_the_rate_are_borne(share: float, latency: float, jitter: float):
    made = [
        Traffic(RandomRefusals(share, Open(), random.Random(seed)), 300, 16, latency=latency, jitter=jitter, seed=seed).run()
        for seed in range(6)
    ]

    assert all(each.answered == 300 for each in made)
    assert max(each.refused for each in made) <= 300 * (share / (1 - share) + 0.15)
    assert max(each.seconds for each in made) <= 15.0


@pytest.mark.parametrize("count", [100, 400])
@pytest.mark.parametrize("jitter", [0.002, 0.02], ids=["quick", "busy"])
def test_random_refusals_before_a_limit_leave_half_of_it_at_least(count: int, jitter: float):
    made = [
        Traffic(RandomRefusals(0.2, TokenBucket(50.0, 10.0), random.Random(seed)), count, retry_after=0.05, jitter=jitter, seed=seed).run()
        for seed in range(6)
    ]

    assert all(each.answered == count for each in made)
    assert min(count / each.seconds for each in made) >= 25.0


@pytest.mark.parametrize("retry_after", [1.0, None])
def test_an_endpoint_that_refuses_everything_is_asked_about_twice_a_second(retry_after: float | None):
    made = Traffic(Never(), 64, retry_after=retry_after, until=60.0).run()

    assert made.answered == 0
    assert made.refused <= 2.5 * 60


def test_room_that_a_success_makes_is_used_at_once():
    async def main():
        now = 0.0
        pace = Pace(concurrency=8, clock=lambda: now)
        waiting = [asyncio.create_task(pace.enter()) for _ in range(12)]
        await asyncio.sleep(0)
        in_flight = [pace.in_flight]
        for _ in range(3):
            now += 1.0
            pace.leave()
            pace.succeeded(now - 1.0)
            in_flight.append(pace.in_flight)
        for task in waiting:
            task.cancel()
        return in_flight

    assert asyncio.run(main()) == [4, 4, 5, 6]
