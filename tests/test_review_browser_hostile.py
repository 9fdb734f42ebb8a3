"""Whatever a document, a pair, a reviewer or an address says is text: nothing of it runs, calls out or breaks the page."""

import re
from urllib.parse import quote, quote_plus

import httpx2
import pytest
from playwright.sync_api import expect

from builder.store import read_records
from schemas.records import Draft
from tests.hostile_texts import HOSTILE, LANGUAGES, LETTERS, MARKUP, OUTSIDE
from tests.review_browser import Desk, painted, saved
from tests.review_workspace import HOSTILE_FILE

pytestmark = pytest.mark.slow
_WITHOUT_DELETED = "box => [...box.childNodes].filter((node) => node.nodeName !== 'DEL').map((node) => node.textContent).join('')"
PAGES = ("funnel", "documents", "clusters", "dataset", "disputes", "playground")


def shown(text: str) -> str:
    """A text as `inner_text` or `text_content` tell it, whatever becomes of its white space."""
    return "".join(text.split())


def test_these_tests_see_what_runs_and_what_calls_out(desk: Desk):
    page = desk.open()
    painted(page)
    for markup in (MARKUP["image without source"], MARKUP["style attribute"], f'<img src="https://{OUTSIDE}/dot.png">'):
        page.evaluate("(markup) => document.body.insertAdjacentHTML('beforeend', markup)", markup)
    with page.context.expect_event("request", lambda request: request.url == f"https://{OUTSIDE}/"):
        page.evaluate("(address) => { window.open(address); window.__xss = 1; }", f"https://{OUTSIDE}/")
    expect(page.locator("body > img")).to_have_count(2)

    told = " ".join(desk.complaints())
    desk.wrong.clear()
    page.evaluate("() => { delete window.__xss; }")

    for seen in ("inline event handler", "inline style", f"asked for https://{OUTSIDE}/dot.png", f"asked for https://{OUTSIDE}/", "ran a text of a document"):  # fmt: skip
        assert seen in told


def test_every_hostile_pair_is_shown_as_the_text_it_is(desk: Desk):
    page = desk.open("where=&task=hostile&sort=order")
    painted(page)
    wanted = {
        draft.id: [draft.instruction, draft.output]
        for draft in read_records(desk.workspace / "drafts.jsonl", Draft)
        if draft.task == "hostile"
    }
    assert len(wanted) > len(HOSTILE)

    found = {}
    while len(found) < len(wanted):
        item = painted(page)
        found[item] = page.locator("#card .said").all_text_contents()
        page.keyboard.press("j")
        expect(page.locator("#card")).not_to_have_attribute("data-id", item)

    assert {item: list(map(shown, texts)) for item, texts in found.items()} == {
        item: list(map(shown, texts)) for item, texts in wanted.items()
    }
    assert page.evaluate("() => typeof window.kilopair.queue.add") == "function"


def test_a_hostile_document_is_shown_as_the_text_it_is_in_passage_queue_filters_and_whole(desk: Desk):
    page = desk.open(f"text=Remind+me&document={quote(HOSTILE_FILE)}&sort=order")  # one wording of each fact
    painted(page)
    total, passages = int(page.locator("#count").inner_text().split()[0]), set()
    for place in range(1, total + 1):
        expect(page.locator("#position")).to_have_text(f"{place} of {total}")
        painted(page)
        expect(page.locator("#source mark").first).to_be_visible()
        passage = page.locator("#source").inner_text()
        assert HOSTILE_FILE in passage
        passages.add(passage)
        if place < total:
            page.keyboard.press("j")
    assert len(passages) > 3
    assert "<script>window.__xss=1</script>" in "".join(passages)
    expect(page.locator("#filter-document option:checked")).to_contain_text(HOSTILE_FILE)

    with page.context.expect_page() as opened:
        page.keyboard.press("o")
    expect(opened.value.locator("h1")).to_contain_text("<script>window.__xss=1</script>")
    expect(
        opened.value.locator("script:not([src]), iframe, object, embed, form, base, body img, [onerror], [onload], [style]")
    ).to_have_count(0)


def test_the_other_pages_show_hostile_texts_as_text(desk: Desk):
    page = desk.open()
    painted(page)

    for name in PAGES:
        answer = page.goto(f"{desk.origin}/explore/{name}")
        assert answer is not None
        assert answer.status == 200, name
        expect(page.locator("main")).to_be_visible()
        expect(
            page.locator("script:not([src]), iframe, object, embed, base, main img, [onerror], [onload], [onfocus], [style]")
        ).to_have_count(0)
    for where in ("documents", "clusters", "dataset"):
        for text in (MARKUP["double quote"], MARKUP["script closes script"], LANGUAGES["template of Jinja"]):
            page.goto(f"{desk.origin}/explore/{where}?text={quote(text)}&document={quote(text)}&split={quote(text)}&page={quote(text)}")
            assert "1337" not in page.content()
            expect(page.locator("body")).to_be_visible()


def test_hostile_edits_notes_and_names_are_kept_word_for_word_and_shown_as_text(desk: Desk):
    page = desk.open("where=chosen&task=question_answering&sort=order")
    kept = [MARKUP["script"], MARKUP["style attribute"], LANGUAGES["Markdown link"], LANGUAGES["end of a line in JavaScript"], LETTERS["right to left override"]]  # fmt: skip
    page.locator("#name").fill("<b onclick=x>Eve</b> \"'&")
    with page.expect_response("**/api/name"):
        page.locator("#name").press("Enter")
    page.locator("#name").press("Escape")

    edited = []
    for text in kept:
        edited.append(painted(page))
        page.keyboard.press("n")
        page.locator("#note-text").fill(text)
        page.locator("#note-save").click()
        page.keyboard.press("e")
        page.locator("#edit-output").fill(f"It reads {text} here.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#card")).not_to_have_attribute("data-id", edited[-1])
    saved(page)

    edits = {event.item: event.after.output for event in desk.events() if event.action == "edit" and event.after}
    assert edits == {item: f"It reads {text} here." for item, text in zip(edited, kept, strict=True)}
    for item, text in zip(edited, kept, strict=True):
        page.goto(f"{desk.origin}/?id={item}")
        painted(page)
        expect(page.locator("#state")).to_have_text("edited")
        now = page.locator("#card [data-field=output] .said").evaluate(_WITHOUT_DELETED)
        assert shown(now) == shown(f"It reads {text} here.")
        assert shown(text) in shown(page.locator("#beside .note").first.text_content() or "")
        expect(page.locator("#beside")).to_contain_text("<b onclick=x>Eve</b> \"'&")


def test_no_hostile_text_in_an_address_a_search_or_a_decision_is_a_mistake_of_the_server(desk: Desk):
    with httpx2.Client(base_url=desk.origin, follow_redirects=True, trust_env=False) as asking:
        page = asking.get("/", params={"token": desk.url.partition("token=")[2]})
        sent = {"X-Kilopair-CSRF": re.findall('name="csrf" content="([^"]+)"', page.text)[0], "Origin": desk.origin}
        for name, text in HOSTILE.items():
            short, event = text[:2000], {"op": f"hostile-{len(text)}", "item": text, "action": "accept", "note": text}
            answers = [asking.get("/api/items", params={"text": short, "task": short})]
            places = ("api/item", "document", "static") if name in LANGUAGES else ("api/item",)
            answers += [asking.get(f"/{where}/{quote(short, safe='')}") for where in places]
            answers += [asking.post("/api/decisions", headers=sent, json={"events": [event]})]
            assert [answer.status_code for answer in answers] == [200, *[404] * len(places), answers[-1].status_code], name
            assert 400 <= answers[-1].status_code < 500, name
            assert all("default-src 'none'" in answer.headers["content-security-policy"] for answer in answers), name
    assert desk.events() == []


def _searching(text: str) -> re.Pattern[str]:
    return re.compile(f"[?&]text={re.escape(quote_plus(text.strip(), safe='*'))}(&|$)")


def test_a_search_for_a_hostile_text_finds_its_pair_and_shows_it_as_text(desk: Desk):
    page = desk.open("where=&task=hostile")
    painted(page)

    for name in ("image without source", "template of JavaScript", "SQL", "cell of a sheet", "words of a search"):
        page.locator("#search").fill(f"card {name}")
        expect(page.locator("#card")).to_contain_text(f"card {name}")
        page.locator("#search").fill(HOSTILE[name])
        expect(page).to_have_url(_searching(HOSTILE[name]))
        expect(page.locator("#count")).to_have_text(re.compile("pairs?$|nothing here"))
    page.reload()  # the search stands in the address
    expect(page.locator("#search")).to_have_value(HOSTILE["words of a search"])
