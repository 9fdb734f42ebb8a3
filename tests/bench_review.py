"""The rows of `make bench` for the review page: 100,000 pairs in a real Chromium, decisions over loopback, memory of the server.

The pairs are made here (review_side.py): 500 documents, 80,000 pairs chosen, 20,000 left out. The server is a process of its own, as a user
starts it. The first paint counts from the navigation until the first pair can be decided on; each peer is the goal itself.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
from bench import BIN, Row, row

sys.path.insert(0, str(Path(__file__).parent.parent))  # bench.py is started as a script

DOCUMENTS, CHUNKS, FACTS, LEFT_OUT = 500, 20, 10, 20_000
DECISIONS, BATCH, PAINTS = 250, 50, 7
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
PAINTED = '#card[data-painted="1"]'


def review_rows() -> Iterator[Row]:
    """Everything about the speed of the review."""
    from tests.review_side import Reviewer, event, made

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = made(documents=DOCUMENTS, chunks=CHUNKS, facts=FACTS, left_out=LEFT_OUT, failed=0)
        pairs.write(folder / "workspace")
        (folder / "recipe.yaml").write_text("workspace: workspace\n", encoding="utf-8")
        started = time.perf_counter()
        with serving(folder) as (url, process):
            count = f"{DOCUMENTS * CHUNKS * FACTS:,}"
            yield row(f"review: start, {count} pairs, s", time.perf_counter() - started, 30, most=1.0, how="index made; peer: 30 s")
            yield from _painted(url)
            ann = Reviewer(url)
            how = f"{DECISIONS} by HTTP, each synced; best of {DECISIONS // BATCH} batches, as others use this machine"
            took = _batches(lambda number: ann.decide(event("accept", pairs.chosen[number].id)))
            yield row("review: a decision stored, median ms", 1000 * took, 50, most=1.0, how=how)
            asked = {"where": "chosen", "state": "undecided"}
            bulk = {"filter": asked, "expect": len(pairs.chosen) - DECISIONS, "action": "accept", "op": "bulk-bench"}
            server = psutil.Process(process.pid)
            before = sum(server.cpu_times()[:2])
            ann.post("/api/bulk", bulk)
            took = sum(server.cpu_times()[:2]) - before
            how = "of the server, all or none on disk; peer: what the page waits for, 15 s"
            yield row(f"review: {bulk['expect']:,} decisions in bulk, CPU s", took, 15, most=1.0, how=how)
            took = _batches(lambda number: ann.decide(event("reject", pairs.chosen[-number - 1].id, reason="wrong")))
            yield row("review: a decision after all, median ms", 1000 * took, 50, most=1.0, how="every pair was decided on before")
            held = server.memory_info().rss / 1e6
            yield row("review: memory of the server, MB", held, 500, most=1.0, how="resident, after all of the above")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start `kilopair review`; yields the link, once it answers, and the process."""
    command = [str(BIN / "kilopair"), "review", "recipe.yaml", "--no-open", "--json", "--port", "0", "--name", "ann"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"], process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _painted(url: str) -> Iterator[Row]:
    """Measure the first paint, each in a browser of its own; no row where there is no Chromium."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        browser.new_context().new_page().goto("about:blank")  # the browser's own start is not ours
        paints, pairs = [], []
        for _ in range(PAINTS):
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            started = time.perf_counter()
            page.goto(url, wait_until="commit")
            page.locator(PAINTED).wait_for()
            pairs.append(time.perf_counter() - started)
            paints.append(page.evaluate(FIRST_PAINT) / 1000)
            page.context.close()
        browser.close()
    how = f"Chromium, best of {PAINTS} new sessions"
    yield row("review: first paint, s", min(paints), 1.0, most=1.0, how=how)
    yield row("review: first pair to decide on, s", min(pairs), 1.0, most=1.0, how=how)


def _batches(work: Callable[[int], object]) -> float:
    """Return the median seconds of the quickest batch."""
    took = [_seconds(lambda number=number: work(number)) for number in range(DECISIONS)]
    return min(median(took[start : start + BATCH]) for start in range(0, DECISIONS, BATCH))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
