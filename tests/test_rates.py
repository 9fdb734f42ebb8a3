"""Rate limiters on real sockets: nothing is lost, little is asked in vain, and it takes little longer than it must."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fault_run import Server, fault_server, prompt, run
from tests.limiters import limiter

SOAK = os.environ.get("KILOPAIR_SOAK") == "1"
RATE = 50.0
ATTEMPTS = 3  # calls that a busy machine sends late are refused or slow through no fault of the pace: one of so many runs must do
PATIENT: dict[str, Any] = {"concurrency": 32, "max_wait_seconds": 60.0, "timeout_seconds": 20.0}
# (limiter, requests, time as a multiple of requests / RATE); a short run has not the time to make up for its start.
SHORT_RUN = [("leaky", 240, 2.0)]
LONG_RUNS = [("leaky", 400, 1.4), ("token", 400, 1.4), ("fixed", 400, 1.4), ("sliding", 400, 1.4)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as started:
        yield started


def plain(count: int) -> list[str]:
    return [prompt("", key=f"k{number}") for number in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count", "most"), LONG_RUNS if SOAK else SHORT_RUN)
def test_a_rate_limit_loses_nothing_and_wastes_little(name: str, count: int, most: float, server: Server, tmp_path: Path):
    tried = []
    for attempt in range(ATTEMPTS):
        url = server.space(f"{name}-{count}-{attempt}", limiter=name, rate=RATE)
        made = run(url, tmp_path / f"journal-{attempt}.sqlite", plain(count), **PATIENT)

        outcomes = Counter(hit["fault"] for hit in server.hits(url))
        assert made.states == ["ok"] * count
        assert outcomes[""] == count
        assert outcomes["limit"] == made.figures["refused"]
        assert made.counts.calls == count
        tried.append((outcomes["limit"] <= 0.15 * count, made.seconds <= most * count / RATE))
        if all(tried[-1]):
            break
    assert (True, True) in tried


@pytest.mark.slow
def test_row_07_refusals_at_random_lose_nothing_and_slow_a_run_down_by_half_at_most(server: Server, tmp_path: Path):
    count = 400 if SOAK else 100
    rates = []
    for attempt in range(ATTEMPTS):
        url = server.space(f"random-{attempt}", limiter="random", rate=RATE, retry_after="0.05")
        made = run(url, tmp_path / f"journal-{attempt}.sqlite", plain(count), **PATIENT)

        assert made.states == ["ok"] * count
        assert made.counts.calls == count
        rates.append(count / made.seconds)
        if rates[-1] >= 0.5 * RATE:
            break
    assert max(rates) >= 0.5 * RATE


@given(name=st.sampled_from(["leaky", "token", "fixed", "sliding"]), gaps=st.lists(st.floats(0.0, 0.2), min_size=1, max_size=200))
def test_the_limiters_of_these_tests_let_no_more_through_than_their_rate(name: str, gaps: list[float]):
    made, now, passed = limiter(name, RATE), 1.0, []
    for gap in gaps:
        now += gap
        if made.wait(now) == 0.0:
            passed.append(now)

    busiest = max(sum(start <= moment < start + 1.0 for moment in passed) for start in passed)
    assert busiest <= {"leaky": RATE + 1, "token": 1.2 * RATE + 1, "fixed": 2 * RATE, "sliding": RATE}[name] + 1


@given(name=st.sampled_from(["leaky", "token", "fixed", "sliding"]))
def test_the_limiters_of_these_tests_take_everything_that_comes_at_half_their_rate(name: str):
    made = limiter(name, RATE)

    assert [made.wait(1.0 + number * 2 / RATE) for number in range(200)] == [0.0] * 200
