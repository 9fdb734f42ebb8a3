"""The wrappers around a call and the pool, with plain functions for models."""

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import pool
from generators.llm.calls import (
    Message,
    RateLimitedError,
    Reply,
    Request,
    RequestFailedError,
    ServerFaultError,
    UnreachableError,
    deadline,
    retry,
)
from generators.llm.pool import complete_all, in_background, run_in_thread
from generators.llm.statuses import retry_after
from schemas.errors import EndpointError


def wait_for(awaited):
    async def waiting():
        return await awaited

    return asyncio.run(waiting())


def request(text="hello", **changes):
    return Request(model="m", messages=(Message(role="user", content=text),), parameters={"temperature": 0.7, "max_tokens": 9}, **changes)


def model(*outcomes):
    """A model that raises or returns each outcome in turn, and the pauses that were slept between."""
    left, pauses = list(outcomes), []

    async def complete(asked):
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return Reply(key=asked.key, raw=outcome)

    async def sleep(seconds):
        pauses.append(seconds)

    return complete, sleep, pauses


def limited(seconds=None):
    return RateLimitedError("rate limit", seconds=seconds)


def test_the_key_of_a_request_is_that_of_its_content():
    keys = {request().key, request("other").key, request(sample=1).key, request(response_schema={"type": "object"}).key}

    assert len(keys) == 4
    assert request().key == request().key
    assert request().but(sample=1).key == request(sample=1).key


def test_a_server_fault_is_tried_again_with_growing_pauses():
    complete, sleep, pauses = model(ServerFaultError("500"), ServerFaultError("500"), b"ok")

    reply = wait_for(retry(complete, attempts=3, sleep=sleep)(request()))

    assert reply.raw == b"ok"
    assert 0.3 < pauses[0] < 0.7 < pauses[1] < 1.3


def test_a_request_fails_when_its_attempts_are_used_up():
    complete, sleep, pauses = model(*[ServerFaultError("status 500", raw=b"oops")] * 3)

    with pytest.raises(RequestFailedError, match=r"3 attempts.*status 500") as failure:
        wait_for(retry(complete, attempts=3, sleep=sleep)(request()))

    assert failure.value.raw == b"oops"
    assert len(pauses) == 2


def test_waiting_for_a_rate_limit_is_not_an_attempt_and_is_as_long_as_asked():
    complete, sleep, pauses = model(limited(3.0), limited(2.5), limited(1.0), ServerFaultError("500"), b"ok")

    reply = wait_for(retry(complete, attempts=2, sleep=sleep)(request()))

    assert reply.raw == b"ok"
    assert pauses[:3] == [3.0, 2.5, 1.0]


def test_a_rate_limit_that_outlasts_the_budget_ends_the_run_without_waiting():
    complete, sleep, pauses = model(limited(100.0), limited(7200.0))

    with pytest.raises(EndpointError, match="may wait 15 minutes"):
        wait_for(retry(complete, attempts=2, sleep=sleep)(request()))

    assert pauses == [100.0]


def test_an_endpoint_that_went_away_ends_the_run():
    complete, sleep, _ = model(*[UnreachableError("cannot reach it")] * 3)

    with pytest.raises(EndpointError, match=r"cannot reach it; .*run again"):
        wait_for(retry(complete, attempts=3, sleep=sleep)(request()))


def test_failures_of_every_request_end_the_run_but_a_success_between_them_does_not():
    async def ask(outcomes):
        complete, sleep, _ = model(*outcomes)
        tried, failed = retry(complete, attempts=1, sleep=sleep), 0
        for _ in outcomes:
            try:
                await tried(request())
            except RequestFailedError:
                failed += 1
        return failed

    fault = ServerFaultError("500")

    assert asyncio.run(ask([*[fault] * 19, b"ok", *[fault] * 19])) == 38
    with pytest.raises(EndpointError, match="20 requests in a row failed"):
        asyncio.run(ask([fault] * 20))


def test_a_call_that_takes_too_long_is_a_server_fault():
    async def hang(asked):
        await asyncio.sleep(60)
        return Reply(key=asked.key, raw=b"")

    with pytest.raises(ServerFaultError, match=r"no answer within 0\.01 seconds"):
        wait_for(deadline(hang, seconds=0.01)(request()))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_every_form_and_garbage_is_ignored(headers, seconds):
    assert retry_after(headers) == seconds


def test_retry_after_can_be_a_date():
    from datetime import UTC, datetime, timedelta
    from email.utils import format_datetime

    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert 55 < (retry_after({"retry-after": moment}) or 0) < 61


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
