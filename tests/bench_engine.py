"""The engine's rows of `make bench`: CPU per request against its peers on one loopback server, and memory against the number of requests.

Every side is a script in tests/peers that is run in a process and in an environment of its own, asks the same questions and
has to get every answer. Rounds are interleaved and the best of a side counts, so that a noisy machine harms none of them.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import ENVIRONMENT, ROOT, Row, row

HERE = Path(__file__).parent
PEERS = ROOT / ".venv-peers"
REQUESTS, CONCURRENCY, ROUNDS = 1_000, 64, 3
FEW, MANY = 1_000, 100_000
SECONDS = 3600


class NotMeasuredError(Exception):
    """A side has no figures; says why."""


@dataclass(frozen=True)
class Side:
    """One side: its command, and the most that we may cost as a ratio of it."""

    name: str
    command: tuple[str, ...]
    most: float = 1.0
    how: str = ""


def peer(name: str) -> tuple[str, ...]:
    """Return the command of a peer that has an environment of its own."""
    return str(PEERS / name / "bin" / "python"), str(HERE / "peers" / f"{name}_side.py")


OURS = Side("engine", (sys.executable, str(HERE / "peers" / "ours.py")))
WHOLE = Side("whole conversations", (*OURS.command, "--whole"))
SDK = (sys.executable, str(HERE / "peers" / "sdk.py"))
SIDES = (
    Side("create", (*SDK, "create"), 0.33, "AsyncOpenAI as its README shows"),
    Side("post", (*SDK, "post"), 1.3, "AsyncOpenAI's client.post alone on its aiohttp backend and asyncio's loop, replies not looked into"),
    Side("curator", peer("curator"), 0.40, "bespokelabs-curator with a response format"),
    Side("distilabel", peer("distilabel"), 0.12, "distilabel's Pipeline, all processes, replies not validated"),
)


def engine_rows() -> list[Row]:
    """CPU per request against every peer, and the peak of memory of many requests against that of few."""
    with server() as port, tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.jsonl"
        sides = (OURS, *SIDES)
        rounds = [{side.name: milliseconds(side, port, bodies) for side in sides} for _ in range(ROUNDS)]
        best = {side.name: min((figures[side.name] for figures in rounds), key=rank) for side in sides}
        return [*(cpu_row(side, best) for side in SIDES), memory_row(port)]


def rank(figure: float | str) -> float:
    """Order figures; what was not measured comes last."""
    return float("inf") if isinstance(figure, str) else figure


def cpu_row(side: Side, best: dict[str, float | str]) -> Row:
    """Compare with one peer; a peer that was not measured is no goal met."""
    name, ours, theirs = f"engine against {side.name}, CPU ms", best[OURS.name], best[side.name]
    if isinstance(ours, str):
        sys.exit(f"bench: the engine was not measured: {ours}")
    if isinstance(theirs, str):
        return Row(name, round(ours, 3), 0.0, 0.0, f"<= {side.most:g}", met=False, how=f"not measured: {theirs}")
    how = f"per request, best of {ROUNDS} rounds of {REQUESTS:,} at concurrency {CONCURRENCY}, journal and validation included; the peer is"
    return row(name, ours, theirs, most=side.most, how=f"{how} {side.how}")


def memory_row(port: int) -> Row:
    """Peak resident memory of the engine's process, few and many requests."""
    try:
        few, many = (run(WHOLE, port, requests)["peak_megabytes"] for requests in (FEW, MANY))
    except NotMeasuredError as error:
        sys.exit(f"bench: the engine's memory was not measured: {error}")
    return row("engine, peak MB of many requests", many, few, most=1.3, how=f"{MANY:,} whole conversations; the peer is {FEW:,} of them")


def milliseconds(side: Side, port: int, bodies: Path) -> float | str:
    """Return the CPU milliseconds of one request, or why there are none."""
    try:
        return 1000 * run(side, port, REQUESTS, "--bodies", str(bodies))["cpu_seconds"] / REQUESTS
    except NotMeasuredError as error:
        return str(error)


def run(side: Side, port: int, requests: int, *more: str) -> dict[str, float]:
    """Run one side in a folder of its own and return its figures.

    Raises:
        NotMeasuredError: it is not installed, failed, or did not get every answer.
    """
    if not Path(side.command[0]).exists():
        raise NotMeasuredError(f"{side.name} could not be installed")
    environment = ENVIRONMENT | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as folder:
        given = ("--port", port, "--requests", requests, "--concurrency", CONCURRENCY, "--folder", folder, *more)
        command = [*side.command, *map(str, given)]
        try:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotMeasuredError(f"{side.name}: {type(error).__name__}") from error
    if done.returncode:
        raise NotMeasuredError(f"{side.name} failed: {(done.stderr.strip().splitlines() or ['no words'])[-1][:200]}")
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["answered"] != requests:
        raise NotMeasuredError(f"{side.name} got {figures['answered']:,} of {requests:,} answers")
    return figures


@contextmanager
def server() -> Iterator[int]:
    """Start the server in its own process and give its port."""
    process = subprocess.Popen([sys.executable, str(HERE / "bench_server.py")], stdout=subprocess.PIPE, env=os.environ)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.terminate()
        process.wait()
