"""The engine against a real server on loopback: what it asks, what it stores, when it stops."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from generators.llm.calls import Message, Request, RequestFailedError
from generators.llm.dialect import Dialect
from generators.llm.engine import CONNECT_TRIES, Engine
from generators.llm.journal import Journal
from generators.llm.local import dialect_note
from generators.llm.offline import Collector, Offline
from schemas.errors import EndpointError, RecipeError
from schemas.recipe import BudgetSection, EndpointSection
from schemas.records import Reason

FAKE = Path(__file__).parent / "fake_endpoint.py"


@contextmanager
def server(*faults, **options):
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    process = subprocess.Popen(
        [sys.executable, str(FAKE), "--port", "0", "--faults", json.dumps(faults), *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/v1"
    finally:
        process.kill()
        process.wait()


def asked(url):
    """How often each kind of request arrived: real ones, and those of the probe."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/_log") as response:
        chats = json.load(response)["chats"]
    return [chat for chat in chats if "about" in json.dumps(chat["body"]["messages"])]


def request(number, **changes):
    return Request("fake-small", (Message("user", f"tell me about {number}"),), 50, slot=f"test/{number}", **changes)


def ask(folder, url, requests, *, budget=None, **settings):
    """Complete requests side by side; return replies, or the RequestFailedError of those that failed, and the engine's figures."""

    async def one(engine, wanted):
        try:
            return await engine.complete(wanted)
        except RequestFailedError as error:
            return error

    async def main():
        section = EndpointSection(base_url=url, model="fake-small", structured="text", **settings)
        with Journal(folder / "journal.sqlite") as journal:
            async with Engine(section, budget or BudgetSection(), journal) as engine:
                replies = await asyncio.gather(*(one(engine, wanted) for wanted in requests))
                return replies, engine.figures(), engine.notices

    return asyncio.run(main())


def test_an_answer_is_paid_once_and_then_comes_from_the_journal_without_endpoint_or_key(tmp_path):
    with server() as url:
        first, _, _ = ask(tmp_path, url, [request(1), request(2)])
        count = len(asked(url))
    again, figures, _ = ask(tmp_path, url, [request(1), request(2)])

    assert count == 2
    assert [reply.raw for reply in again] == [reply.raw for reply in first]
    assert all(reply.from_journal for reply in again)
    assert figures["from_journal"] == 2


def test_the_key_of_a_request_is_that_of_what_decides_the_answer():
    other = Request("fake-small", (Message("user", "tell me about 1"),), 999, slot="elsewhere")

    assert request(1).key == other.key
    assert len({request(1).key, request(2).key, request(1, variant="sample-2").key, request(1, schema="{}").key}) == 4


@pytest.mark.parametrize("fault", ["500", "half_body", "html", "drop", "429", "503"])
def test_trouble_of_the_server_is_tried_again(tmp_path, fault, haste):
    with server({"fault": fault, "times": 2, "match": "about 1"}) as url:
        replies, _, _ = ask(tmp_path, url, [request(1)])

        assert len(asked(url)) == 3
    assert replies[0].raw


def test_a_request_that_fails_for_ever_is_given_up_and_the_others_are_not(tmp_path, haste):
    with server({"fault": "502", "match": "about 13"}) as url:
        replies, _, _ = ask(tmp_path, url, [request(number) for number in (12, 13, 14)], attempts=2)

        assert sum("about 13" in json.dumps(chat["body"]) for chat in asked(url)) == 2
    assert isinstance(replies[1], RequestFailedError)
    assert replies[0].raw
    assert replies[2].raw


def test_an_internal_error_about_one_request_is_tried_without_its_schema_in_the_end(tmp_path, haste):
    with server({"fault": "500", "match": "about 13", "times": 3}) as url:
        replies, _, _ = ask(tmp_path, url, [request(13)])

        assert len(asked(url)) == 4
    assert replies[0].raw


def test_a_rate_limit_that_lasts_longer_than_the_recipe_waits_ends_the_run_and_says_when_to_come_back(tmp_path):
    with server({"fault": "429_long", "match": "about"}) as url, pytest.raises(EndpointError, match=r"run again after \d\d:\d\d") as raised:
        ask(tmp_path, url, [request(1)], max_wait_seconds=5)

    assert "max_wait_seconds" in str(raised.value)


def test_an_endpoint_that_is_down_for_longer_than_the_recipe_waits_ends_the_run(tmp_path):
    started = time.monotonic()
    with server({"fault": "502", "match": "about"}) as url, pytest.raises(EndpointError, match="answers so far are kept"):
        ask(tmp_path, url, [request(number) for number in range(30)], max_wait_seconds=1.5)

    assert time.monotonic() - started < 15


def test_an_endpoint_that_comes_back_costs_no_request(tmp_path):
    with server({"fault": "502", "match": "about", "times": 14}) as url:
        replies, _, _ = ask(tmp_path, url, [request(number) for number in range(12)], attempts=2, max_wait_seconds=60)

    assert all(not isinstance(reply, RequestFailedError) for reply in replies)


def test_the_cap_on_calls_holds_at_any_concurrency_and_the_rest_is_told_apart(tmp_path):
    with server() as url:
        replies, figures, _ = ask(tmp_path, url, [request(number) for number in range(40)], budget=BudgetSection(max_calls=7))

        assert len(asked(url)) == 7
    reasons = [reply.reason for reply in replies if isinstance(reply, RequestFailedError)]
    assert reasons == [Reason.OVER_BUDGET] * 33
    assert figures["calls"] == 7


def test_the_caps_on_tokens_and_dollars_are_not_passed_and_count_earlier_runs(tmp_path):
    tokens = BudgetSection(max_tokens=4000)
    dollars = BudgetSection(max_usd=0.01, usd_per_million_input=1.0, usd_per_million_output=10.0)
    with server() as url:
        _, first, _ = ask(tmp_path / "tokens", url, [request(number) for number in range(50)], budget=tokens)
        _, second, _ = ask(tmp_path / "tokens", url, [request(number) for number in range(50, 100)], budget=tokens)
        _, spent, _ = ask(tmp_path / "dollars", url, [request(number) for number in range(100)], budget=dollars)

    assert 0 < first["tokens"] <= second["tokens"] <= 4000
    assert 0 < spent["usd"] <= 0.01


def test_a_cap_in_dollars_on_a_model_without_a_price_is_refused_before_anything_is_sent(tmp_path):
    with pytest.raises(RecipeError, match="usd_per_million_input"):
        ask(tmp_path, "http://127.0.0.1:9/v1", [request(1)], budget=BudgetSection(max_usd=1))


def test_an_unknown_price_is_said_plainly(tmp_path):
    with server() as url:
        _, figures, notices = ask(tmp_path, url, [request(1)])

    assert "usd" not in figures
    assert any("price of fake-small is not known" in notice for notice in notices)


def test_the_capability_of_an_endpoint_is_probed_once_and_remembered(tmp_path):
    async def main(url, wanted):
        section = EndpointSection(base_url=url, model="fake-small")
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with Engine(section, BudgetSection(), journal) as engine:
                await engine.complete(wanted)

    with server() as url:
        asyncio.run(main(url, request(1)))
        with urllib.request.urlopen(url.removesuffix("/v1") + "/_count") as response:
            first = json.load(response)
        asyncio.run(main(url, request(2)))
        with urllib.request.urlopen(url.removesuffix("/v1") + "/_count") as response:
            second = json.load(response)

    assert json.dumps(first) != json.dumps(second)
    assert len(str(first)) >= 1
    assert int("".join(filter(str.isdigit, str(second)))) - int("".join(filter(str.isdigit, str(first)))) == 1


def test_pages_that_came_in_place_of_a_probe_teach_nothing_about_the_endpoint(tmp_path):
    async def main(url):
        section = EndpointSection(base_url=url, model="fake-small", attempts=1)
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with Engine(section, BudgetSection(), journal) as engine:
                await engine.complete(request(1))
            return Dialect.from_text(journal.note(dialect_note(section)) or "")

    with server({"fault": "html", "times": 4}) as url:
        with pytest.raises(EndpointError, match="answers none of the test requests"):
            asyncio.run(main(url))
        learned = asyncio.run(main(url))

    assert learned.rung == "json_object"


def test_nobody_waits_after_the_last_try_to_connect(tmp_path, monkeypatch):
    waits = []

    async def wait(seconds):
        waits.append(seconds)

    monkeypatch.setattr("generators.llm.engine.asyncio.sleep", wait)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, so nobody else takes the port, and not listening
        with pytest.raises(EndpointError, match="start the endpoint"):
            ask(tmp_path, f"http://127.0.0.1:{closed.getsockname()[1]}/v1", [request(1)])

    assert len(waits) == CONNECT_TRIES - 1


def test_offline_answers_by_request_or_by_slot_and_never_asks(tmp_path):
    with server() as url:
        ask(tmp_path, url, [request(1)])
    changed = Request("fake-small", (Message("user", "another prompt"),), 50, slot="test/1")

    with Journal(tmp_path / "journal.sqlite") as journal:
        found = asyncio.run(Offline(journal, by_slot=True).complete(changed))
        with pytest.raises(RequestFailedError) as raised:
            asyncio.run(Offline(journal).complete(changed))
        collector = Collector(journal)
        with pytest.raises(RequestFailedError):
            asyncio.run(collector.complete(changed))

    assert found.raw
    assert raised.value.reason is Reason.NOT_ASKED
    assert list(collector.missing) == [changed.key]
