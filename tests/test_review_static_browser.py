"""The page as one file in a real Chromium: reviewed without a server, decisions saved as a file and taken in, nothing asked of anybody."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect

from builder.cli import review as command
from builder.review.fold import standings
from builder.review.log import ReviewLog
from builder.review.static import Wanted, export_static
from schemas.records import Evidence
from tests.hostile_texts import HOSTILE
from tests.review_browser import PATIENCE, counted, painted, press
from tests.review_side import made

pytestmark = pytest.mark.slow
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"


FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"


class File:
    """A workspace, the page of it as a file, and reviewers who open it; remembers whatever their browsers complained about."""

    def __init__(self, project: Path, chromium: Browser) -> None:
        self.project, self.chromium = project, chromium
        self.wrong: list[str] = []
        self.path = project / "review.html"
        self.export()

    def export(self, **wanted: Any) -> None:
        export_static(self.project / "workspace", self.path, Wanted(**wanted))

    def open(self, *, init: str = "", **browser: Any) -> Page:
        context = self.chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | browser))
        context.set_default_timeout(PATIENCE)
        if init:
            context.add_init_script(init)
        context.on("page", self._watch)
        page = context.new_page()
        page.goto(self.path.as_uri())
        painted(page)
        return page

    def run(self, *arguments: str) -> dict[str, Any]:
        """What `kilopair review` says to programs."""
        done = CliRunner().invoke(command.review, [str(self.project / "recipe.yaml"), "--json", *arguments], catch_exceptions=False)
        return json.loads(done.stdout)

    def states(self) -> dict[str, str]:
        with ReviewLog(self.project / "workspace") as log:
            return {item: standing.state for item, standing in standings(log.events()).items()}

    def _watch(self, page: Page) -> None:
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.wrong.append(request.url) if request.url != self.path.as_uri() else None)


@pytest.fixture
def file(ferries: Path, chromium: Browser, tmp_path: Path) -> Iterator[File]:
    """A file of one's own; at the end nothing of it may have run, been refused by the content policy, or asked anybody for anything."""
    found = File(shutil.copytree(ferries, tmp_path / "ferries", symlinks=True), chromium)
    yield found
    ran = [page.url for context in chromium.contexts for page in context.pages if page.evaluate("() => window.__xss")]
    for context in chromium.contexts:
        context.close()
    assert [*found.wrong, *ran] == []


def save(page: Page, folder: Path) -> Path:
    """Save the decisions as a person does; return the file."""
    with page.expect_download() as waiting:
        page.locator("#save").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_reviewer_without_kilopair_decides_saves_a_file_and_it_is_taken_in(file: File, tmp_path: Path):
    page = file.open()
    accepted, rejected = press(page, "a"), press(page, "r", "4")
    edited = painted(page)
    page.keyboard.press("e")
    page.locator("#edit-output").fill("")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-problem=output]")).to_be_visible()
    page.locator("#edit-output").fill("Twelve metres, as the plate says.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#card")).not_to_have_attribute("data-id", edited)
    skipped, undone = press(page, "s"), press(page, "a")
    page.keyboard.press("u")
    expect(page.locator("#card")).to_have_attribute("data-id", undone)
    painted(page)
    page.keyboard.press("n")
    page.locator("#note-text").fill("Ask the harbour master.")
    page.locator("#note-save").click()
    expect(page.locator("#save")).to_have_text("Save decisions (7)")

    page.locator("#save").click()
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type("Zoë Ash")
    page.keyboard.press("Enter")
    path = save(page, tmp_path)
    expect(page.locator("#save")).to_have_text("Save decisions")

    assert path.name.startswith("decisions-Zoë-Ash-20")
    told, again = file.run("--import", str(path)), file.run("--import", str(path))
    assert (told[0]["stored"], told[0]["left"], told[0]["reviewers"]) == (7, [], ["Zoë Ash"])
    assert (again[0]["stored"], again[0]["known"]) == (0, 7)
    wanted = {accepted: "accepted", rejected: "rejected", edited: "edited", skipped: "skipped", undone: "undecided"}
    assert file.states() == wanted
    with ReviewLog(file.project / "workspace") as log:
        [change] = [event for event in log.events() if event.action == "edit"]
        assert change.before
        assert change.after
        assert (change.after.output, change.before.instruction) == ("Twelve metres, as the plate says.", change.after.instruction)
        assert [event.note for event in log.events() if event.action == "note"] == ["Ask the harbour master."]


def test_the_page_offers_all_that_it_offers_before_a_server(file: File, root: Path):
    served = (root / "builder" / "review" / "page" / "source_server.js").read_text(encoding="utf-8").partition("kilopair.source = {")[2]
    wanted = set(re.findall(r"^    (\w+): \(", served, flags=re.MULTILINE))
    page = file.open()

    assert len(wanted) >= 11
    assert set(page.evaluate("() => Object.keys(kilopair.source)")) == wanted


def test_what_was_decided_is_there_again_tomorrow_and_in_another_tab(file: File):
    page = file.open()
    first = press(page, "a")

    page.reload()
    painted(page)
    other = page.context.new_page()
    other.goto(file.path.as_uri())
    second = press(other, "r", "1")

    expect(page.locator("#save")).to_have_text("Save decisions (2)")
    page.locator("#filter-state").select_option("")
    for item, state in ((first, "accepted"), (second, "rejected")):
        page.locator(f"#queue [data-id={item}]").click()
        expect(page.locator("#state")).to_have_text(state)


def test_lists_are_filtered_searched_and_decided_as_a_whole_and_taken_back(file: File, tmp_path: Path):
    page = file.open()
    page.locator("#search").fill("sundays termin")
    counted(page, 3)
    page.locator("#search").fill("")
    counted(page, 60)
    page.locator("#filter-task").select_option("hostile")
    total = int((page.locator("#count").text_content() or "").split()[0])
    page.keyboard.press("Escape")
    page.locator("#bulk-open").click()
    page.locator("#bulk-action").select_option("reject")
    page.locator("#bulk-reason").select_option("style")
    page.locator("#bulk-go").click()
    counted(page, 0)

    page.locator("#filter-task").select_option("")
    counted(page, 60 - total)
    page.locator("#name").fill("bob")
    page.locator("#name").press("Enter")
    file.run("--import", str(save(page, tmp_path)))
    assert list(file.states().values()) == ["rejected"] * total

    page.locator("#card").focus()
    page.keyboard.press("u")
    counted(page, 60)
    file.run("--import", str(save(page, tmp_path)))
    assert set(file.states().values()) == {"undecided"}


def test_texts_that_would_run_are_shown_as_texts(file: File):
    page = file.open()
    page.locator("#filter-task").select_option("hostile")
    page.locator("#sort").select_option("order")
    page.locator("#queue [role=option]").first.wait_for()
    held = page.evaluate("() => JSON.parse(document.getElementById('embedded').textContent).items.map((item) => item.card)")
    cards = {one["id"]: one for one in held if one["task"] == "hostile"}
    assert len(cards) > 20
    assert {one["output"] for one in cards.values()} & {text.strip() for text in HOSTILE.values()}

    seen = set()
    for _ in cards:
        item = painted(page)
        seen.add(item)
        shown = page.locator("#card [data-field=output] .said").evaluate("(box) => box.textContent")
        assert shown == cards[item]["output"]
        page.keyboard.press("j")
        expect(page.locator(f"#card[data-id={item}]")).to_have_count(0)
    assert seen == set(cards)
    assert page.locator("iframe, object, embed, base, #card img, #source img, #queue img, #card a, #card form, #card script").count() == 0


def tariffs(file: File) -> Page:
    """Open the file at the items of one document."""
    page = file.open()
    page.locator("#filter-document").select_option(
        "pages/tariffs.html" if page.locator("option[value='pages/tariffs.html']").count() else "tariffs.html"
    )
    painted(page)
    return page


def test_the_whole_document_is_one_click_away_with_the_evidence_in_view(file: File):
    page = tariffs(file)

    page.keyboard.press("o")

    expect(page.locator("#whole-title")).to_have_text("Tariffs 2026")
    expect(page.locator("#whole-text mark").first).to_be_in_viewport()
    expect(page.locator("#whole-text")).to_contain_text("Children under 6 travel free of charge")
    expect(page.locator("#whole-text")).to_contain_text("Refunds are paid")
    page.keyboard.press("Escape")
    expect(page.locator("#whole")).to_be_hidden()


def test_escape_closes_the_document_over_an_edit_and_leaves_the_edit_as_it_is(file: File):
    page = tariffs(file)
    page.keyboard.press("e")
    page.locator("#edit-output").fill("half a sen")
    page.locator("#document").click()
    expect(page.locator("#whole")).to_be_visible()

    page.keyboard.press("Escape")

    expect(page.locator("#whole")).to_be_hidden()
    expect(page.locator("#edit-output")).to_have_value("half a sen")
    page.keyboard.press("Escape")
    expect(page.locator("#edit-form")).to_be_hidden()


def test_evidence_in_another_document_is_no_problem_of_an_edit(chromium: Browser, tmp_path: Path):
    dataset = made()
    pair = dataset.chosen[0]
    both = (*pair.evidence, Evidence.of(dataset.documents[1], 0, 10))
    dataset.chosen[0] = pair.model_copy(update={"evidence": both})
    dataset.write(tmp_path / "run")
    export_static(tmp_path / "run", tmp_path / "review.html", Wanted())
    page = chromium.new_context().new_page()
    page.goto((tmp_path / "review.html").as_uri())
    quotes = [*(evidence.quote for evidence in both), "nowhere to be found"]

    texts = {"instruction": "What?", "input": "", "output": "That.", "history": [], "quotes": quotes}
    found = page.evaluate("([item, texts]) => kilopair.source.check(item, texts)", [pair.id, texts])

    assert [problem["message"] for problem in found["problems"]] == ["the passage does not say “nowhere to be found”"]
    page.context.close()


def test_a_browser_whose_storage_is_full_takes_the_name_and_saves_the_file_all_the_same(file: File, tmp_path: Path):
    page = file.open(init=FULL)
    press(page, "a")
    page.locator("#name").fill("bob")
    page.locator("#name").press("Enter")

    told = file.run("--import", str(save(page, tmp_path)))

    assert (told[0]["stored"], told[0]["reviewers"]) == (1, ["bob"])
    expect(page.locator("#save")).to_have_text("Save decisions")


def test_a_browser_that_keeps_nothing_says_so_and_asks_before_it_forgets(file: File, tmp_path: Path):
    page = file.open(init=NO_STORAGE)
    expect(page.locator("#unkept")).to_be_visible()
    press(page, "a")
    press(page, "a")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    page.evaluate("() => void setTimeout(() => location.reload(), 0)")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    page.locator("#name").fill("bob")
    page.locator("#name").press("Enter")
    assert file.run("--import", str(save(page, tmp_path)))[0]["stored"] == 2


def test_a_file_for_somebody_knows_the_name_and_what_others_said(file: File, tmp_path: Path):
    file.run("--static", str(file.path), "--assign", "ann,bob", "--overlap", "1")
    file.path = file.project / "review-bob.html"
    page = file.open(viewport={"width": 390, "height": 844}, color_scheme="dark")
    expect(page.locator("#name")).to_have_value("bob")
    item = press(page, "a")
    file.run("--import", str(save(page, tmp_path)))
    file.run("--static", str(file.path))
    page = file.open(viewport={"width": 390, "height": 844})
    page.locator("#list-open").click()
    page.locator("#filter-state").select_option("accepted")
    counted(page, 1)
    page.locator(f"#queue [data-id={item}]").click()
    expect(page.locator(".events")).to_contain_text("bob accepted")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
