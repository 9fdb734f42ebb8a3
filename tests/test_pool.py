"""The pool: calls side by side, replies in order, and its bridge to plain code."""

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.llm import pool
from generators.llm.pool import complete_all, in_background, run_in_thread
from schemas.errors import EndpointError


def wait_for(awaited):
    async def waiting():
        return await awaited

    return asyncio.run(waiting())


@settings(max_examples=30, deadline=None)
@given(pauses=st.lists(st.integers(0, 3), max_size=40), concurrency=st.integers(1, 7))
def test_replies_come_in_the_order_of_the_requests_whatever_their_timing(pauses, concurrency):
    async def complete(numbered):
        for _ in range(numbered[1]):
            await asyncio.sleep(0)
        return numbered

    requests = list(enumerate(pauses))

    assert list(in_background(complete_all(requests, complete, concurrency=concurrency))) == requests


def test_no_more_calls_run_at_once_than_allowed_and_requests_are_made_when_needed():
    running, most, made = 0, 0, 0

    async def complete(number):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return number

    def requests():
        nonlocal made
        for number in range(10_000):
            made += 1
            yield number

    results = in_background(complete_all(requests(), complete, concurrency=5))
    first = next(results)
    made_for_first = made
    results.close()

    assert first == 0
    assert most == 5
    assert made_for_first == 5 * pool.WINDOW


def test_an_exception_ends_the_run_but_calls_under_way_are_finished():
    finished = []

    async def complete(number):
        if number == 3:
            raise EndpointError("the key was refused")
        await asyncio.sleep(0.05)
        finished.append(number)
        return number

    with pytest.raises(EndpointError, match="the key was refused"):
        list(in_background(complete_all(range(1000), complete, concurrency=4)))

    assert finished == [0, 1, 2]


def test_calls_go_on_while_the_reader_is_busy():
    finished = []

    async def complete(number):
        await asyncio.sleep(0.01)
        finished.append(number)
        return number

    results = in_background(complete_all(range(8), complete, concurrency=2))
    next(results)
    time.sleep(0.2)

    assert len(finished) == 8
    results.close()


def test_an_interrupted_reader_leaves_no_thread_behind_and_finishes_what_is_under_way():
    finished = []

    async def complete(number):
        await asyncio.sleep(0.02)
        finished.append(number)
        return number

    results = in_background(complete_all(range(1000), complete, concurrency=3))
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)

    assert len(finished) < 10
    assert not [thread for thread in threading.enumerate() if thread.name == "kilopair-engine"]


def test_a_coroutine_can_be_run_where_an_event_loop_already_runs():
    async def seven():
        return 7

    async def notebook():
        return run_in_thread(seven())

    assert asyncio.run(notebook()) == 7


def test_an_error_in_the_thread_reaches_the_caller():
    async def fail():
        raise EndpointError("no")

    with pytest.raises(EndpointError, match="no"):
        run_in_thread(fail())
