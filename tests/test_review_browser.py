"""People decide about pairs on the review page, by keys and by mouse, in a real browser before a real server."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.review_browser import Desk, counted, painted, press, saved
from tests.review_workspace import UNSEEN

pytestmark = pytest.mark.slow


def test_one_key_accepts_the_pair_on_the_screen_and_the_next_one_comes(desk: Desk):
    page = desk.open()

    decided = [press(page, "a") for _ in range(5)]

    saved(page)
    assert [(event.item, event.action, event.reviewer) for event in desk.events()] == [(item, "accept", "ann") for item in decided]
    assert len(set(decided)) == 5
    expect(page.locator("#progress")).to_contain_text("5 of 60 decided")


def test_a_rejection_names_its_reason_by_a_digit_or_by_the_mouse_and_carries_a_note(desk: Desk):
    page = desk.open()

    first = press(page, "r", "2")
    page.locator("#reject").click()
    page.locator("#reason-note").fill("twice the same, see above")
    second = painted(page)
    page.locator("#reasons button[data-reason=duplicate]").click()
    expect(page.locator("#card")).not_to_have_attribute("data-id", second)
    painted(page)
    page.keyboard.press("r")
    expect(page.locator("#reasons")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#reasons")).to_be_hidden()

    saved(page)
    told = [(event.item, event.action, event.reason, event.note) for event in desk.events()]
    assert told == [(first, "reject", "not_in_source", ""), (second, "reject", "duplicate", "twice the same, see above")]


def test_an_edit_is_made_in_place_with_what_was_before_it_and_escape_leaves_everything_as_it_was(desk: Desk):
    page = desk.open("task=how_to")
    item = painted(page)

    page.keyboard.press("e")
    page.locator("#edit-output").fill("never kept")
    page.keyboard.press("Escape")
    expect(page.locator("#edit-form")).to_be_hidden()
    page.keyboard.press("e")
    before = page.locator("#edit-output").input_value()
    page.locator("#edit-output").fill(f"{before}\nThen tell the master.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit-form")).to_be_hidden()

    saved(page)
    [event] = desk.events()
    assert (event.item, event.action) == (item, "edit")
    assert event.before is not None
    assert event.after is not None
    assert (event.before.output, event.after.output) == (before, f"{before}\nThen tell the master.")
    page.goto(f"{desk.origin}/?id={item}")
    expect(page.locator("#state")).to_have_text("edited")
    expect(page.locator("#card [data-field=output] ins")).to_contain_text("Then tell the master.")


def test_all_wordings_of_a_fact_are_decided_at_once_and_taken_back_at_once(desk: Desk):
    page = desk.open("task=question_answering&sort=document")
    while page.locator("#accept-wordings").count() == 0:
        press(page, "j")
    item = painted(page)
    waiting = page.locator(".other-about", has_text=re.compile("^same fact$"))  # what was left out is said behind it
    shown = page.locator("#twins li").filter(has=waiting).locator("button.other")
    fact = {item, *(shown.nth(place).get_attribute("data-id") for place in range(shown.count()))}

    press(page, "w")
    saved(page)
    assert desk.decided() == dict.fromkeys(fact, "accepted")
    page.keyboard.press("u")
    expect(page.locator("#card")).to_have_attribute("data-id", item)
    painted(page)
    page.keyboard.press("r")
    page.keyboard.press("w")
    expect(page.locator("#reason-wordings")).to_be_checked()
    page.keyboard.press("8")
    expect(page.locator("#card")).not_to_have_attribute("data-id", item)

    saved(page)
    assert desk.decided() == dict.fromkeys(fact, "rejected")
    assert {event.reason for event in desk.events() if event.action == "reject"} == {"outdated"}


def test_a_digit_names_the_reason_also_after_the_wordings_were_ticked_by_the_mouse(desk: Desk):
    page = desk.open("task=question_answering&sort=document")
    while page.locator("#accept-wordings").count() == 0:
        press(page, "j")
    item = painted(page)

    page.keyboard.press("r")
    page.locator("#reason-wordings").click()
    page.keyboard.press("8")
    expect(page.locator("#card")).not_to_have_attribute("data-id", item)

    saved(page)
    assert desk.decided()[item] == "rejected"
    assert len(desk.decided()) > 1


def test_a_note_outlives_a_click_that_misses_its_field_and_stays_with_the_pair_that_it_was_begun_on(desk: Desk):
    page = desk.open("where=chosen&sort=order")
    item = painted(page)
    page.keyboard.press("n")
    page.locator("#note-text").fill("ask the harbour master")

    page.locator("#note-dialog").click(position={"x": 5, "y": 5})  # its margin
    page.locator("#note-text").hover()
    page.mouse.down()
    page.mouse.move(5, 5)  # text is selected beyond the field
    page.mouse.up()
    expect(page.locator("#note-dialog")).to_be_visible()
    page.evaluate("() => kilopair.filters.set({ where: 'left_out' })")  # as when the pairs were made anew
    expect(page.locator("#card")).not_to_have_attribute("data-id", item)
    painted(page)
    page.locator("#note-save").click()
    expect(page.locator("#note-dialog")).to_be_hidden()

    saved(page)
    assert [(event.item, event.action, event.note) for event in desk.events()] == [(item, "note", "ask the harbour master")]
    page.keyboard.press("n")
    page.mouse.click(5, 5)
    expect(page.locator("#note-dialog")).to_be_hidden()


def test_undo_takes_back_the_last_decision_and_shows_its_pair_again(desk: Desk):
    page = desk.open()
    first, second = press(page, "a"), press(page, "s")

    page.keyboard.press("u")
    expect(page.locator("#card")).to_have_attribute("data-id", second)
    page.locator("#undo").click()
    expect(page.locator("#card")).to_have_attribute("data-id", first)
    expect(page.locator("#state")).to_have_text("undecided")

    saved(page)
    assert [event.action for event in desk.events()] == ["accept", "skip", "undo", "undo"]
    assert set(desk.decided().values()) == {"undecided"}
    expect(page.locator("#undo")).to_be_disabled()


def test_what_is_skipped_comes_back_later_and_a_note_decides_nothing(desk: Desk):
    page = desk.open()
    skipped = press(page, "s")
    page.keyboard.press("n")
    page.locator("#note-text").fill("ask the harbour master")
    page.locator("#note-save").click()
    expect(page.locator("#beside")).to_contain_text("ask the harbour master")
    noted = painted(page)

    saved(page)
    assert desk.decided() == {skipped: "skipped", noted: "undecided"}
    page.locator("#filter-state").select_option("skipped")
    counted(page, 1)
    expect(page.locator("#card")).to_have_attribute("data-id", skipped)


def test_a_quarantined_draft_is_repaired_with_its_problems_at_their_fields(desk: Desk):
    page = desk.open("where=quarantined&reason=refers_to_text")
    item = painted(page)
    expect(page.locator("#card")).to_contain_text(UNSEEN)
    expect(page.locator("#card [data-problem=instruction]")).to_contain_text("points to a text that the question does not show")

    page.keyboard.press("e")
    page.locator("#edit-output").fill("")
    expect(page.locator("#edit-form [data-problem=output]")).to_be_visible()
    page.locator("#save").click()
    expect(page.locator("#edit-form")).to_be_visible()
    assert desk.events() == []
    page.locator("#edit-output").fill("The last ferry leaves at 22:10.")
    page.locator("#edit-instruction").fill("When does the last ferry leave?")
    expect(page.locator("#edit-form [data-problem]")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit-form")).to_be_hidden()

    saved(page)
    assert desk.decided() == {item: "repaired"}


def test_a_key_decides_only_about_a_painted_pair_and_never_while_it_is_held_or_something_is_typed(desk: Desk):
    page = desk.open()
    before = painted(page)
    page.route("**/api/item/*", lambda route: route.abort())
    page.locator("#filter-where").select_option("quarantined")  # whose cards nobody has fetched
    page.locator("#filter-where").blur()
    expect(page.locator("#card")).to_have_attribute("data-painted", "0")
    for key in "aas":
        page.keyboard.press(key)
    page.unroute("**/api/item/*")
    expect(page.locator("#card")).to_have_attribute("data-painted", "1")
    page.locator("#filter-where").select_option("chosen")
    expect(page.locator("#card")).to_have_attribute("data-id", before)
    painted(page)
    page.locator("#search").press("a")
    page.locator("#search").fill("")
    counted(page, 60)
    page.locator("#search").press("Escape")
    painted(page)
    page.keyboard.press("Control+s")
    page.keyboard.down("s")
    page.keyboard.down("s")  # held: the keyboard repeats it
    page.keyboard.down("s")
    page.keyboard.up("s")

    saved(page)
    expect(page.locator("#card")).not_to_have_attribute("data-id", before)
    assert [(event.item, event.action) for event in desk.events()] == [(before, "skip")]


def test_without_the_token_there_is_no_page(desk: Desk, chromium: Browser):
    page = chromium.new_page()

    answer = page.goto(desk.origin)

    assert answer is not None
    assert answer.status == 403
    expect(page.locator("body")).to_contain_text("Open the link")
    opened = desk.open()
    painted(opened)
    assert "token" not in opened.url
    page.close()
