"""A reviewer in Debian's Chromium before a review server: what the tests of the review page drive."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from builder.recipe_file import load_recipe
from builder.review.fold import standings
from builder.review.log import ReviewLog
from schemas.review import Event
from tests.review_side import served

PATIENCE = 30_000  # milliseconds that a loaded machine may take
LOOK = 2_000  # milliseconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WENT_WRONG = "Failed to load resource"  # what Chromium says of any answer but 200: tests look at those themselves


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """The browser; a test that needs it is skipped where none is installed."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--disable-gpu"])
        yield browser
        browser.close()


class Desk:
    """A workspace of one's own, its server, and reviewers before it; remembers whatever their pages complained about.

    The server is a thread: as a process of its own, as `KillableDesk` has it, it would first import for a second.
    """

    port = 0

    def __init__(self, project: Path, chromium: Browser) -> None:
        self.project, self.chromium = project, chromium
        self.wrong: list[str] = []
        self.pages: list[Page] = []
        self.cards = 0
        self.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workspace(self) -> Path:
        return self.project / "workspace"

    def start(self) -> None:
        """Start the server; returns when it listens."""
        self._serving = ExitStack()
        recipe = load_recipe(self.project / "recipe.yaml")
        self.url = self._serving.enter_context(served(self.workspace, recipe, root=self.project))
        self.port = urlsplit(self.url).port or 0

    def stop(self) -> None:
        """End the server."""
        self._serving.close()

    def close(self) -> None:
        for page in self.pages:
            page.context.close()
        self.stop()

    def open(self, where: str = "", *, name: str = "", **browser: Any) -> Page:
        """A browser of its own with the review page of a reviewer, e.g. at `?task=how_to`; `browser` as Playwright's new_context has it."""
        context = self.chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | browser))
        context.set_default_timeout(PATIENCE)
        self._watch(context)
        page = context.new_page()
        page.goto(f"{self.url}&{where}" if where else self.url)
        if name:
            page.locator("#name").fill(name)
            with page.expect_response("**/api/name"):
                page.locator("#name").press("Enter")
            page.reload()
        return page

    def events(self) -> list[Event]:
        """What the log holds, in its order."""
        with ReviewLog(self.workspace) as log:
            return list(log.events())

    def decided(self) -> dict[str, str]:
        """The state of each item that somebody decided on."""
        return {item: standing.state for item, standing in standings(self.events()).items()}

    def complaints(self) -> list[str]:
        """What ran, called out or was refused by the content policy in any page until now."""
        ran = [
            f"{page.url}: ran a text of a document" for page in self.pages if not page.is_closed() and page.evaluate("() => window.__xss")
        ]
        return [*self.wrong, *ran]

    def _watch(self, context: BrowserContext) -> None:
        """Listen to all pages of a browser, those included that a page opens."""
        context.on("page", self._came)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.wrong.append(f"{error.page.url if error.page else ''}: {error.error}"))
        context.on("dialog", self._opened)
        context.on("request", self._asked)
        context.on("requestfinished", self._finished)

    def _came(self, page: Page) -> None:
        self.pages.append(page)

    def _opened(self, dialog: Dialog) -> None:
        self.wrong.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_WENT_WRONG):
            self.wrong.append(f"{message.location}: {message.text}")

    def _finished(self, request: Request) -> None:
        self.cards += "/api/item/" in request.url

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:")):
            self.wrong.append(f"asked for {request.url}")


class KillableDesk(Desk):
    """A desk whose server is a process of its own, as people start it: it can be killed, and started again where it was."""

    def start(self) -> None:
        """Start the server, at the port that it had before; returns when it answers."""
        command = [str(Path(sys.executable).parent / "kilopair"), "review", "recipe.yaml", "--no-open", "--json", "--name", "ann"]
        self.server = subprocess.Popen([*command, "--port", str(self.port)], cwd=self.project, stdout=subprocess.PIPE, env=os.environ)
        line = self.server.stdout.readline() if self.server.stdout else b""
        told = json.loads(line)
        self.port, self.url = told["port"], told["url"]

    def kill(self) -> None:
        """End the server as a crash does."""
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        if self.server.stdout:
            self.server.stdout.close()

    def stop(self) -> None:
        self.kill()


def shortly(look: Callable[[float], None]) -> None:
    """Wait as long as ever, for looks of some seconds each: within a longer one, Playwright soon looks only twice a second."""
    for _ in range(PATIENCE // LOOK - 1):
        with suppress(AssertionError):
            return look(LOOK)
    return look(LOOK)


def painted(page: Page) -> str:
    """The id of the item on the screen, once it is there."""
    shortly(lambda timeout: expect(page.locator("#card")).to_have_attribute("data-painted", "1", timeout=timeout))
    return page.locator("#card").get_attribute("data-id") or ""


def press(page: Page, *keys: str) -> str:
    """Press keys on the painted pair, wait until another one is painted, and return the first one's id."""
    before = painted(page)
    for key in keys:
        page.keyboard.press(key)
    shortly(lambda timeout: expect(page.locator("#card")).not_to_have_attribute("data-id", before, timeout=timeout))
    painted(page)
    return before


def fetched_ahead(desk: Desk, page: Page, number: int = 16) -> None:
    """Wait until so many cards were fetched, so that one can work without a server; for tests with one page."""
    painted(page)
    until = time.monotonic() + PATIENCE / 1000
    while desk.cards < number:
        assert time.monotonic() < until, f"{desk.cards} cards came, not {number}"
        page.wait_for_timeout(20)


def saved(page: Page) -> None:
    """Wait until the server has stored everything."""
    shortly(lambda timeout: expect(page.locator("#saved")).to_have_text("saved", timeout=timeout))


def counted(page: Page, number: int) -> None:
    """Wait until the queue holds so many."""
    said = "nothing here" if not number else f"{number:,} {'pair' if number == 1 else 'pairs'}"
    shortly(lambda timeout: expect(page.locator("#count")).to_have_text(said, timeout=timeout))
