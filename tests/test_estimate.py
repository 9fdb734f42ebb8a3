import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.alpaca.estimate import Conversation, estimate, measured
from generators.llm.calls import Message, Request
from generators.llm.prices import Price


@dataclass(frozen=True)
class Entry:
    request: Request
    raw: bytes | None


def request(slot="qa/ask-1/first", *, text="x" * 360, max_tokens=2048):
    return Request(model="m", messages=(Message(role="user", content=text),), max_tokens=max_tokens, slot=slot)


def body(prompt, completion):
    return json.dumps({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}).encode()


def test_without_a_pilot_the_stated_assumptions_hold():
    found = estimate([request()] * 10, measured=None, price=None, items=4)

    assert (found.calls.p50, found.prompt_tokens.p50, found.completion_tokens.p50) == (10, 1000, 4400)
    assert (found.calls.p90, found.completion_tokens.p90) == (15, 20480)
    assert (found.usd, found.measured) == (None, 0)


def test_a_request_that_says_how_many_items_it_may_bring_counts_with_so_many():
    found = estimate([request(text="The facts ... Write up to 18 items.")], measured=None, price=None, items=4)

    assert found.completion_tokens.p50 == 18 * 110


def test_a_reply_is_never_taken_for_longer_than_it_may_be():
    found = estimate([request(max_tokens=100)], measured=None, price=None, items=4)

    assert found.completion_tokens.p50 == found.completion_tokens.p90 == 100


def test_a_conversation_counts_with_its_repair_and_what_has_no_usage_does_not():
    entries = [
        Entry(request("qa/ask-1/first"), body(90, 200)),
        Entry(request("qa/ask-2/first"), body(100, 300)),
        Entry(request("qa/ask-1/repair", text="y" * 900), body(400, 100)),
        Entry(request("qa/ask-3/first"), None),
        Entry(request("qa/ask-4/first"), b"<html>"),
    ]

    assert measured(entries) == [Conversation(360, 2, 490, 300), Conversation(360, 1, 100, 300)]


def test_a_pilot_decides_calls_tokens_and_price():
    pilot = [Conversation(360, 1, 100, 300)] * 9 + [Conversation(360, 2, 500, 900)]

    found = estimate([request()] * 1000, measured=pilot, price=Price(1.0, 10.0))

    assert found.measured == 10
    assert found.calls.p50 == pytest.approx(1100, abs=100)
    assert found.completion_tokens.p50 == pytest.approx(360_000, abs=60_000)
    assert found.completion_tokens.p50 < found.completion_tokens.p90
    assert found.usd
    assert found.usd.p50 == pytest.approx((found.prompt_tokens.p50 + 10 * found.completion_tokens.p50) / 1e6, rel=0.1)
    assert found == estimate([request()] * 1000, measured=pilot, price=Price(1.0, 10.0))


def test_nothing_to_ask_costs_nothing():
    found = estimate([], measured=None, price=Price(1.0, 1.0))

    assert found.calls.p90 == found.prompt_tokens.p90 == found.completion_tokens.p90 == 0
    assert found.usd
    assert found.usd.p90 == 0


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(1, 3), st.integers(1, 2000), st.integers(0, 2000)), max_size=8), st.integers(0, 50)
)
@settings(deadline=None)
def test_the_90th_percentile_is_never_below_the_median(rows, count):
    found = estimate([request()] * count, measured=[Conversation(*row) for row in rows], price=Price(2.0, 8.0))

    assert found.usd
    for spread in (found.calls, found.prompt_tokens, found.completion_tokens, found.usd):
        assert 0 <= spread.p50 <= spread.p90
