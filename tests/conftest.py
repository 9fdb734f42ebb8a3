"""What holds for every test: no network, one thread per worker, and no code in the data folder."""

import fcntl
import gc
import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.review_browser import Desk, KillableDesk

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
# urllib keeps the proxies it finds at its first call for good; a test that sets some would cut off those after it.
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
ROOT = Path(__file__).parent.parent
# `make test` draws the same examples each time, so that a change is what makes it fail; `make soak` draws new ones.
settings.register_profile("same", derandomize=True, database=None)
settings.register_profile("new", print_blob=True)
settings.load_profile("new" if os.environ.get("KILOPAIR_SOAK") else "same")


def pytest_sessionstart() -> None:
    """A module in datasets/ would hide the Hugging Face package: collection would fail with riddles, so stop here."""
    code = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "datasets").rglob("*.py"))
    if code:
        pytest.exit(f"datasets/ is data only, or it hides the package of that name: remove {', '.join(code)}", returncode=3)


def pytest_collection_finish() -> None:
    """What is imported by now stays: no collection looks through these millions of objects again (each training begins with one)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # by default a look for cycles after every 700 objects


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the pauses before what failed is tried again; those that an endpoint asks for, and all deadlines, stay."""
    from generators.llm import tries

    pause = tries.backoff
    monkeypatch.setattr(tries, "backoff", lambda failures: pause(failures) / 10)


@pytest.fixture(scope="session")
def ferries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of tests/review_workspace.py with its index, made once for all workers: `recipe.yaml`, `workspace`; copy it to change it."""
    from builder.review.indexing import made_index
    from builder.review.sources import Sources
    from tests.review_workspace import make_workspace

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "ferries"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            make_workspace(unfinished)
            made_index(Sources.of(unfinished / "workspace"))
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="module")  # not longer: while Playwright is open, nothing else of this process can run an event loop
def chromium() -> "Iterator[Browser]":
    """A real Chromium."""
    from tests.review_browser import open_chromium

    with open_chromium() as browser:
        yield browser


@pytest.fixture
def desk(ferries: Path, chromium: "Browser", tmp_path: Path) -> "Iterator[Desk]":
    """The review of a workspace of one's own; at the end nothing in its pages may have run, called out or been refused."""
    from tests.review_browser import Desk

    yield from watched(Desk(shutil.copytree(ferries, tmp_path / "ferries", symlinks=True), chromium))


@pytest.fixture
def killable(ferries: Path, chromium: "Browser", tmp_path: Path) -> "Iterator[KillableDesk]":
    """A desk whose server may be killed."""
    from tests.review_browser import KillableDesk

    yield from watched(KillableDesk(shutil.copytree(ferries, tmp_path / "ferries", symlinks=True), chromium))


def watched(desk: "Desk") -> "Iterator[Desk]":
    """Give a desk; at the end nobody may have complained."""
    try:
        yield desk
        assert desk.complaints() == []
    finally:
        desk.close()
