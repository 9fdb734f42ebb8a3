"""Calls through the whole engine, each brought to one final state; as a program, a run that can be killed.

    python -m tests.fault_run URL JOURNAL COUNT CONCURRENCY

asks COUNT prompts and prints what became of them as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from generators.llm.answers import completion_problem
from generators.llm.calls import Message, Request, RequestFailedError
from generators.llm.engine import Engine
from generators.llm.journal import Counts, Entry, Journal
from schemas.errors import KilopairError
from schemas.recipe import BudgetSection, EndpointSection

ROOT = Path(__file__).parent.parent
SHORT: dict[str, Any] = {
    "model": "m",
    "timeout_seconds": 1.0,
    "max_wait_seconds": 2.0,
    "attempts": 3,
    "structured": "text",
    "api_key_env": "KILOPAIR_TEST_KEY",
}


@dataclass(frozen=True)
class Outcome:
    """The one final state of a request: ok, failed (with a reason), or stop (the whole run)."""

    state: str
    reason: str = ""
    raw: bytes = b""
    words: str = ""
    from_journal: bool = False


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    outcomes: list[Outcome]
    counts: Counts
    entries: list[Entry]
    figures: dict[str, float]
    notices: list[str]
    seconds: float

    @property
    def stored(self) -> list[bytes]:
        """The answers that the journal holds; bodies that are none are kept there too."""
        return [entry.raw for entry in self.entries if entry.raw is not None and not completion_problem(entry.raw)]

    @property
    def states(self) -> list[str]:
        return [outcome.state for outcome in self.outcomes]


def prompt(fault: str, times: int | str = "", key: str = "") -> str:
    """Return a prompt that brings a fault about."""
    return f"Please answer. [[{fault}:{times}:{key or fault or 'good'}]]"


def request(text: str, **changes: Any) -> Request:
    return Request(model="m", messages=(Message(role="user", content=text),), max_tokens=100, parameters={"temperature": 0.7}).but(
        **changes
    )


def section(url: str, **settings: Any) -> EndpointSection:
    """Return short settings for an endpoint."""
    return EndpointSection(**{**SHORT, "base_url": url, **settings})


async def outcome_of(engine: Engine, asked: Request) -> Outcome:
    """Bring a request to its final state."""
    try:
        reply = await engine.complete(asked)
    except RequestFailedError as error:
        return Outcome("failed", error.reason.value, error.raw, str(error))
    except KilopairError as error:
        return Outcome("stop", type(error).__name__, words=str(error))
    return Outcome("ok", raw=reply.raw, from_journal=reply.from_journal)


async def _ask(requests: list[Request], endpoint: EndpointSection, budget: BudgetSection, journal: Journal) -> Run:
    started = time.monotonic()
    async with Engine(endpoint, budget, journal) as engine:
        outcomes = await asyncio.gather(*(outcome_of(engine, each) for each in requests))
        seconds = time.monotonic() - started
        figures, notices = engine.figures(), list(engine.notices)
    return Run(outcomes, journal.counts, [], figures, notices, seconds)


def run(url: str, journal_path: Path, asked: list[Request] | list[str], *, budget: dict[str, Any] | None = None, **settings: Any) -> Run:
    """Ask everything at once and wait for the last outcome."""
    import_module("generators.llm.client")  # which imports openai: that takes longer than most of these runs
    requests = [request(each) if isinstance(each, str) else each for each in asked]
    endpoint = section(url, **settings)
    with Journal(journal_path) as journal:
        made = asyncio.run(_ask(requests, endpoint, BudgetSection(**budget or {}), journal))
    with Journal(journal_path) as journal:
        return Run(made.outcomes, made.counts, list(journal.entries()), made.figures, made.notices, made.seconds)


class Server:
    """The fault server in a process of its own, with a space per test."""

    def __init__(self, origin: str, process: subprocess.Popen[str]) -> None:
        self.origin = origin
        self._process = process

    def stop(self) -> None:
        """End it at once, with all its connections."""
        self._process.kill()
        self._process.wait()

    def space(self, name: str, **options: Any) -> str:
        """Set up a space and return its base URL."""
        body = json.dumps(options).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.origin}/{name}/_setup", data=body, method="POST")):
            return f"{self.origin}/{name}/v1"

    def log(self, url: str) -> dict[str, Any]:
        """Return what was asked under a base URL."""
        with urllib.request.urlopen(url.removesuffix("v1") + "_log") as answer:
            return json.load(answer)

    def hits(self, url: str) -> list[dict[str, Any]]:
        """Return the requests with a key; what a probe asks has none."""
        return [entry for entry in self.log(url)["chats"] if entry["key"]]


@contextmanager
def fault_server(*arguments: str, scheme: str = "http") -> Iterator[Server]:
    """Start the server and end it."""
    command = [sys.executable, "-m", "tests.fault_server", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(f"{scheme}://127.0.0.1:{json.loads(process.stdout.readline())['port']}", process)
        finally:
            process.kill()


def many(count: int) -> list[str]:
    """Return prompts without a fault of their own; every hundredth always fails."""
    return [prompt("422" if number % 100 == 99 else "", key=f"k{number}") for number in range(count)]


def main() -> None:
    url, journal_path, count, concurrency = sys.argv[1:]
    made = run(
        url, Path(journal_path), many(int(count)), concurrency=int(concurrency), attempts=5, max_wait_seconds=60.0, timeout_seconds=20.0
    )
    texts = [json.loads(each.raw)["choices"][0]["message"]["content"] if each.raw and each.state == "ok" else "" for each in made.outcomes]
    print(json.dumps({"states": made.states, "texts": texts, "counts": asdict(made.counts)}))


if __name__ == "__main__":
    main()
