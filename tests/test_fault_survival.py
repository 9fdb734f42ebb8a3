"""What survives: mixed faults at high concurrency, processes killed at any moment, a journal or a disk that fails, the budget, the order."""

import asyncio
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from generators.llm.answers import read_answer, usage
from generators.llm.engine import Engine
from generators.llm.journal import Journal
from generators.llm.pool import complete_all
from schemas.errors import WorkspaceError
from schemas.recipe import BudgetSection
from tests.fault_run import ROOT, Server, fault_server, many, prompt, request, run, section

pytestmark = pytest.mark.slow
SOAK = os.environ.get("KILOPAIR_SOAK") == "1"
PATIENT: dict[str, Any] = {"attempts": 5, "max_wait_seconds": 60.0, "timeout_seconds": 20.0}
RECIPE = """\
company: Tarnwell
documents: {{path: pages}}
generate: {{generator: openai, tasks: [question_answering]}}
endpoint: {{base_url: "{url}", model: m, concurrency: 4, structured: json_schema}}
"""
RATE = frozenset({"429-soon", "limit"})  # refusals for the rate: no calls


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as started:
        yield started


def plain(count: int) -> list[str]:
    return [prompt("", key=f"k{number}") for number in range(count)]


def answered(hits: list[dict[str, Any]]) -> Counter[str]:
    """Count the good answers that the server sent, by key."""
    return Counter(hit["key"] for hit in hits if not hit["fault"] and hit["done"])


def child(url: str, journal: Path, count: int, concurrency: int, **settings: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.fault_run", url, str(journal), str(count), str(concurrency)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)


def wait_for_hits(server: Server, url: str, count: int, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 30
    while len(server.log(url)["chats"]) < count and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_mixed_faults_at_high_concurrency_lose_nothing_and_pay_nothing_twice(server: Server, tmp_path: Path, haste: None):
    count = 10_000 if SOAK else 300
    url = server.space("chaos", mix=0.3, seed=7)

    made = run(url, tmp_path / "journal.sqlite", many(count), concurrency=64, **PATIENT)

    hits, states = server.hits(url), Counter(made.states)
    faults = sum(1 for hit in hits if hit["fault"] and hit["fault"] != "422")
    assert states == {"ok": count - count // 100, "failed": count // 100}
    assert faults > 0.2 * count
    assert len(hits) == states["ok"] + states["failed"] + faults
    assert len(hits) == made.counts.calls + int(made.figures["refused"])
    assert set(answered(hits).values()) == {1}
    assert len(made.stored) == states["ok"]
    # What bodies without usage took is estimated, so no token that the server counted is missing.
    assert made.counts.prompt_tokens + made.counts.completion_tokens >= sum(hit["usage"].get("total_tokens", 0) for hit in hits)
    assert sum(sum(usage(raw)[:2]) for raw in made.stored) == sum(hit["usage"]["total_tokens"] for hit in hits if not hit["fault"])


@pytest.mark.parametrize("cap", ["max_calls", "max_tokens"])
def test_row_64_no_fault_and_no_concurrency_takes_a_run_past_its_budget(cap: str, server: Server, tmp_path: Path, haste: None):
    url = server.space(f"row-64-{cap}", mix=0.3, seed=3)
    limit = {"max_calls": 60, "max_tokens": 6_000}[cap]

    made = run(url, tmp_path / "journal.sqlite", many(200), budget={cap: limit}, concurrency=64, **PATIENT)

    hits = server.log(url)["chats"]
    spent = {
        "max_calls": sum(1 for hit in hits if hit["fault"] not in RATE),
        "max_tokens": sum(hit["usage"].get("total_tokens", 0) for hit in hits),
    }
    states = Counter(made.states)
    over = [outcome for outcome in made.outcomes if outcome.reason == "over_budget"]
    assert spent[cap] <= limit
    assert states["ok"] >= 10
    assert over
    assert states["ok"] + states["failed"] == 200
    assert set(answered(hits).values()) == {1}


def test_row_58_a_run_that_is_killed_at_any_moment_repeats_at_most_what_was_in_flight(server: Server, tmp_path: Path):
    count, kills, concurrency = (2000, 20, 32) if SOAK else (300, 3, 16)
    url, calm = server.space("row-58", mix=0.3, seed=1, delay=0.03), server.space("row-58-calm")
    draw = random.Random(58)
    killed = 0
    for _ in range(kills):
        process = child(url, tmp_path / "journal.sqlite", count, concurrency)
        wait_for_hits(server, url, len(server.log(url)["chats"]) + draw.randint(1, count // kills), process)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()

    final, _ = child(url, tmp_path / "journal.sqlite", count, concurrency).communicate()
    undisturbed, _ = child(calm, tmp_path / "calm.sqlite", count, concurrency).communicate()

    assert killed == kills
    repeated = sum(answered(server.hits(url)).values()) - len(answered(server.hits(url)))
    assert repeated <= kills * concurrency
    assert json.loads(final)["texts"] == json.loads(undisturbed)["texts"]
    assert json.loads(final)["states"] == json.loads(undisturbed)["states"]


@pytest.mark.parametrize("damage", ["zeros", "garbage", "cut"])
def test_row_59_a_journal_with_a_torn_end_loses_only_that(damage: str, server: Server, tmp_path: Path):
    url, path = server.space(f"row-59-{damage}"), tmp_path / "journal.sqlite"
    run(url, path, plain(60))
    raw = path.read_bytes()
    tail = {"zeros": bytes(4096), "garbage": random.Random(1).randbytes(4096), "cut": b""}[damage]
    path.write_bytes(raw[:-4096] + tail)

    made = run(url, path, plain(60))

    assert made.states == ["ok"] * 60
    assert 0 <= len(server.hits(url)) - 60 < 45


def test_row_60_a_full_disk_stops_the_run_before_more_is_paid_than_can_be_kept(server: Server, tmp_path: Path):
    url, path, concurrency = server.space("row-60"), tmp_path / "journal.sqlite", 8

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    _, problem = child(url, path, 3000, concurrency, preexec_fn=limit).communicate(timeout=60)
    paid = answered(server.hits(url))
    with Journal(path) as journal:
        kept = sum(entry.raw is not None for entry in journal.entries())

    assert 0 < kept < 3000
    assert sum(paid.values()) - kept <= concurrency
    assert "journal" in problem or not problem


def test_row_61_a_second_process_on_the_same_journal_is_refused(server: Server, tmp_path: Path):
    url, path = server.space("row-61"), tmp_path / "journal.sqlite"

    with Journal(path) as journal:
        _, problem = child(url, path, 3, 1).communicate(timeout=60)
        with pytest.raises(WorkspaceError, match="another run"):
            Journal(path)

    assert journal.counts.calls == 0
    assert "another run" in problem
    assert server.log(url)["chats"] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_row_62_a_run_that_is_asked_to_end_sends_nothing_more_and_keeps_what_is_under_way(
    number: int, code: int, server: Server, tmp_path: Path
):
    url = server.space(f"row-62-{code}", delay=0.4)
    pages = tmp_path / "pages"
    pages.mkdir()
    for page in range(40):
        (pages / f"rule-{page}.md").write_text(
            f"# Rule {page}\n\nEmployees of region {page} book the train at least {page + 3} days ahead.\n"
        )
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=url))
    command = [sys.executable, "-m", "builder.cli.main", "generate", "--quiet"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    # A shell starts what runs in its background with Ctrl-C ignored, and its children inherit that.
    heeding = partial(signal.signal, number, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)  # noqa: PLW1509 - no threads here

    wait_for_hits(server, url, 5, process)
    process.send_signal(number)
    _, problem = process.communicate(timeout=40)

    chats = server.log(url)["chats"]
    with Journal(next((tmp_path / "workspace").rglob("journal*.sqlite"))) as journal:
        kept = [entry for entry in journal.entries() if entry.raw is not None]
    assert process.returncode == code
    assert "Traceback" not in problem
    assert 5 <= len(chats) < 40
    assert len(kept) == len(chats)


def test_row_63_a_clock_that_jumps_changes_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    draw = random.Random(63)
    monkeypatch.setattr(time, "time", lambda: draw.uniform(0.0, 4e9))

    made = run(server.space("row-63"), tmp_path / "journal.sqlite", [prompt("429-soon", 1), prompt("500", 1), *plain(5)])

    assert made.states == ["ok"] * 7
    assert made.seconds < 5


def test_row_65_answers_come_in_the_order_of_the_requests_whatever_was_tried_again(server: Server, tmp_path: Path, haste: None):
    url = server.space("row-65", mix=0.4, seed=65)

    async def ask() -> AsyncIterator[str]:
        endpoint = section(url, **PATIENT)
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with Engine(endpoint, BudgetSection(), journal) as engine:
                async for reply in complete_all([request(text) for text in plain(60)], engine.complete, concurrency=16):
                    yield json.loads(read_answer(reply.raw).text)["answer"]

    async def texts() -> list[str]:
        return [text async for text in ask()]

    assert asyncio.run(texts()) == [f"The answer to k{number}." for number in range(60)]


def test_row_66_the_journal_is_what_makes_a_second_run_the_same(server: Server, tmp_path: Path):
    url = server.space("row-66")

    first, second, other = (run(url, tmp_path / name, plain(5)) for name in ("a.sqlite", "a.sqlite", "b.sqlite"))

    assert [outcome.raw for outcome in second.outcomes] == [outcome.raw for outcome in first.outcomes]
    assert [outcome.raw for outcome in other.outcomes] != [outcome.raw for outcome in first.outcomes]  # the server numbers its answers
    assert len(server.hits(url)) == 10


def test_row_67_an_answer_that_came_by_batch_is_never_asked_for_online(server: Server, tmp_path: Path):
    url, path, asked = server.space("row-67"), tmp_path / "journal.sqlite", request(prompt("", key="by-batch"))
    raw = b'{"choices": [{"message": {"content": "by batch"}, "finish_reason": "stop"}]}'

    with Journal(path) as journal:
        put = [journal.put(asked, raw, source="batch") for _ in range(2)]
    made = run(url, path, [asked, request(prompt("", key="online"))])

    assert put == [True, False]
    assert [outcome.from_journal for outcome in made.outcomes] == [True, False]
    assert made.outcomes[0].raw == raw
    assert [hit["key"] for hit in server.hits(url)] == ["online"]
