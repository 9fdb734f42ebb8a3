"""Faults that concern a whole run: the endpoint as such, the journal, the disk, the clock, the budget, and processes that are killed."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from generators.llm.answers import read_answer
from generators.llm.engine import Engine
from generators.llm.journal import Journal
from schemas.recipe import BudgetSection
from tests.fault_run import Run, Server, fault_server, prompt, request, run, section

pytestmark = pytest.mark.slow
SOAK = os.environ.get("KILOPAIR_SOAK") == "1"
KEY = "sk-test-SECRET-of-the-fault-runs"
SCHEMA = json.dumps({
    "type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"], "additionalProperties": False,
})  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as started:
        yield started


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOPAIR_TEST_KEY", KEY)


def answers(made: Run) -> list[str]:
    return [json.loads(read_answer(outcome.raw).text)["answer"] for outcome in made.outcomes if outcome.state == "ok"]


def plain(count: int) -> list[str]:
    return [prompt("", key=f"k{number}") for number in range(count)]


def test_row_10_a_prompt_that_always_breaks_the_server_fails_alone(server: Server, tmp_path: Path, haste: None):
    url = server.space("row-10")

    made = run(url, tmp_path / "journal.sqlite", [*plain(10), prompt("500", key="bad")])

    assert made.states == ["ok"] * 10 + ["failed"]
    assert Counter(hit["key"] for hit in server.hits(url))["bad"] == 3


def test_row_10_a_prompt_that_breaks_the_structured_output_is_asked_without(server: Server, tmp_path: Path, haste: None):
    url = server.space("row-10-schema")

    made = run(url, tmp_path / "journal.sqlite", [request(prompt("500-schema"), schema=SCHEMA)], structured="json_schema", attempts=4)

    assert answers(made) == ["The answer to 500-schema."]
    hits = server.hits(url)
    assert len(hits) <= 4
    assert "response_format" not in hits[-1]["fields"]


@pytest.mark.parametrize("refused", ["response_format", "max_tokens", "temperature"])
def test_row_13_what_the_endpoint_does_not_take_is_left_out_once_and_for_all(refused: str, server: Server, tmp_path: Path):
    url = server.space(f"row-13-{refused}", refuses=[refused])

    made = run(url, tmp_path / "journal.sqlite", [request(text, schema=SCHEMA) for text in plain(30)], structured="auto")

    log = server.log(url)["chats"]
    assert made.states == ["ok"] * 30
    assert len([entry for entry in log if entry["fault"].startswith("refuses")]) <= 4
    assert all(refused not in hit["fields"] for hit in server.hits(url)[-20:])


def test_row_14_a_500_that_means_no_json_schema_is_noticed_at_the_start(server: Server, tmp_path: Path, haste: None):
    url = server.space("row-14", always="500-schema")

    made = run(url, tmp_path / "journal.sqlite", [request(text, schema=SCHEMA) for text in plain(20)], structured="auto")

    assert made.states == ["ok"] * 20
    assert len(server.hits(url)) == 20


def test_row_14_a_server_that_ignores_the_schema_is_noticed(server: Server, tmp_path: Path):
    url = server.space("row-14-ignored", ignores_schema=True)

    made = run(url, tmp_path / "journal.sqlite", [request(text, schema=SCHEMA) for text in plain(5)], structured="auto")

    assert made.states == ["ok"] * 5
    assert all("tools" not in hit["fields"] for hit in server.hits(url))


@pytest.mark.parametrize("status", ["401", "403"])
def test_row_16_a_refused_key_stops_the_run_before_any_work(status: str, server: Server, tmp_path: Path):
    url = server.space(f"row-16-{status}", always=status)

    made = run(url, tmp_path / "journal.sqlite", plain(50), structured="auto")

    assert made.states == ["stop"] * 50
    assert len(server.log(url)["chats"]) <= 4  # what was let through beside the first
    assert all("KILOPAIR_TEST_KEY" in outcome.words and KEY not in outcome.words for outcome in made.outcomes)


def test_row_17_a_key_that_is_revoked_stops_the_run_and_keeps_what_was_paid(server: Server, tmp_path: Path):
    url = server.space("row-17", always="401", after=15, delay=0.05)

    made = run(url, tmp_path / "journal.sqlite", plain(60), concurrency=4)
    server.space("row-17")
    again = run(url, tmp_path / "journal.sqlite", plain(60))

    assert Counter(made.states) == {"ok": 15, "stop": 45}
    assert again.states == ["ok"] * 60
    assert sum(outcome.from_journal for outcome in again.outcomes) == 15
    assert len(server.hits(url)) <= 60 + 4


def test_row_18_a_model_that_is_not_there_stops_the_run_with_the_list_of_those_that_are(server: Server, tmp_path: Path):
    url = server.space("row-18", models=["large", "small"])

    made = run(url, tmp_path / "journal.sqlite", plain(5))

    assert made.states == ["stop"] * 5
    assert "large" in made.outcomes[0].words
    assert server.log(url)["chats"] == []


def test_row_23_an_endpoint_that_is_not_there_stops_the_run(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    made = run(f"http://127.0.0.1:{port}/v1", tmp_path / "journal.sqlite", plain(5))

    assert made.states == ["stop"] * 5
    assert f"127.0.0.1:{port}" in made.outcomes[0].words
    assert made.seconds < 10
    assert made.counts.calls == 0


def test_row_23_an_endpoint_that_comes_back_is_waited_for(tmp_path: Path):
    with fault_server() as first:
        port = first.origin.rpartition(":")[2]
        url = first.space("row-23")

        async def ask() -> list[str]:
            endpoint = section(url, max_wait_seconds=20.0)
            with Journal(tmp_path / "journal.sqlite") as journal:
                async with Engine(endpoint, BudgetSection(), journal) as engine:
                    before = await engine.complete(request(prompt("", key="before")))
                    first.stop()
                    asking = asyncio.gather(*(engine.complete(request(text)) for text in plain(8)))
                    await asyncio.sleep(1.5)
                    with fault_server("--port", port):
                        return [read_answer(reply.raw).text for reply in (before, *await asking)]

        texts = asyncio.run(ask())

    assert [json.loads(text)["answer"] for text in texts] == [
        "The answer to before.",
        *(f"The answer to k{number}." for number in range(8)),
    ]


@pytest.mark.parametrize("fault", ["stale", "closes"])
def test_row_25_a_kept_connection_that_is_gone_costs_nothing(fault: str, server: Server, tmp_path: Path):
    url = server.space(f"row-25-{fault}")

    async def ask() -> list[str]:
        endpoint = section(url, attempts=1, concurrency=1)
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with Engine(endpoint, BudgetSection(), journal) as engine:
                return [read_answer((await engine.complete(request(prompt(fault, key=f"k{number}")))).raw).text for number in range(6)]

    assert [json.loads(text)["answer"] for text in asyncio.run(ask())] == [f"The answer to k{number}." for number in range(6)]


def test_row_32_a_login_page_in_place_of_every_answer_stops_the_run(server: Server, tmp_path: Path):
    url = server.space("row-32", always="html")

    made = run(url, tmp_path / "journal.sqlite", plain(200), concurrency=4)

    assert "stop" in made.states
    assert "ok" not in made.states
    assert len(server.hits(url)) < 100


def test_row_40_an_answer_that_was_cut_is_asked_for_again_only_with_more_tokens(server: Server, tmp_path: Path):
    url = server.space("row-40")
    cut = request(prompt("length", 1, key="long"))

    made = [run(url, tmp_path / "journal.sqlite", [asked]) for asked in (cut, cut, cut.but(max_tokens=200), cut)]

    assert len(server.hits(url)) == 2
    assert [each.outcomes[0].from_journal for each in made] == [False, True, False, True]
    assert answers(made[3]) == ["The answer to long."]


def test_row_45_asking_again_is_a_request_of_its_own_and_all_of_its_tokens_count(server: Server, tmp_path: Path):
    url = server.space("row-45")
    asked = request(prompt("wrong-shape", 1, key="shape"), schema=SCHEMA)

    made = run(url, tmp_path / "journal.sqlite", [asked, asked.but(variant="again")], concurrency=1)

    hits = server.hits(url)
    assert len(hits) == 2
    assert made.counts.prompt_tokens + made.counts.completion_tokens == sum(hit["usage"]["total_tokens"] for hit in hits)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_row_55_a_certificate_that_nobody_vouches_for_stops_the_run_with_a_hint(tmp_path: Path):
    pem = tmp_path / "self-signed.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(pem)]
    certificate = subprocess.run(make, check=True, capture_output=True).stdout
    pem.write_bytes(pem.read_bytes() + certificate)

    with fault_server("--certificate", str(pem), scheme="https") as secured:
        made = run(f"{secured.origin}/v1", tmp_path / "journal.sqlite", plain(3))

    assert made.states == ["stop"] * 3
    assert "SSL_CERT_FILE" in made.outcomes[0].words


def test_row_56_a_proxy_is_not_used_for_this_machine(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert run(server.space("row-56"), tmp_path / "journal.sqlite", plain(2)).states == ["ok"] * 2
