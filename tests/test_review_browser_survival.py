"""No decision is lost or stored twice: tabs and people side by side, a server that is killed, a browser that is cut off or closed."""

import re
from collections import Counter
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Route, expect

from builder.lineage import split_pairs
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.store import read_records
from schemas.records import Pair
from tests.review_browser import Desk, KillableDesk, fetched_ahead, painted, press, saved

pytestmark = pytest.mark.slow


def test_decisions_outlive_a_server_that_is_killed_amid_them_and_none_is_stored_twice(killable: KillableDesk):
    page = killable.open()
    decided = [press(page, "a") for _ in range(3)]
    fetched_ahead(killable, page)

    killable.kill()
    decided += [press(page, key) for key in "asaasa"]
    expect(page.locator("#saved")).to_have_text("not saved – retrying")
    killable.start()
    saved(page)
    decided += [press(page, "a") for _ in range(3)]  # by the same page: the session and its token outlive the server
    saved(page)

    events = killable.events()
    assert [event.item for event in events] == decided
    assert len({event.op for event in events}) == len(decided) == 12
    assert Counter(event.action for event in events) == {"accept": 10, "skip": 2}


def test_what_was_stored_but_never_answered_is_sent_again_and_stored_once(desk: Desk):
    page = desk.open()
    fetched_ahead(desk, page)
    page.route("**/api/decisions", _lost_on_the_way_back)
    decided = [press(page, "a") for _ in range(8)]
    expect(page.locator("#saved")).to_have_text("not saved – retrying")
    page.unroute_all(behavior="wait")

    saved(page)
    assert [event.item for event in desk.events()] == decided
    assert list(desk.decided().values()) == ["accepted"] * 8


def _lost_on_the_way_back(route: Route) -> None:
    with suppress(Error):  # the page may stop listening in the middle of it
        route.fetch()
        route.abort()


def test_decisions_made_while_the_browser_is_cut_off_are_sent_when_it_is_back(desk: Desk):
    page = desk.open()
    fetched_ahead(desk, page)
    page.context.set_offline(True)

    decided = [press(page, "a") for _ in range(10)]
    expect(page.locator("#saved")).to_have_text("not saved – retrying")
    assert desk.events() == []
    page.context.set_offline(False)

    saved(page)
    assert [event.item for event in desk.events()] == decided


def test_a_tab_closed_with_unsent_decisions_leaves_them_to_the_next_one(killable: KillableDesk):
    page = killable.open()
    fetched_ahead(killable, page)
    killable.kill()
    decided = [press(page, "a"), press(page, "r", "1")]
    expect(page.locator("#saved")).to_have_text("not saved – retrying")
    page.close()
    killable.start()

    later = page.context.new_page()
    later.goto(killable.origin)

    painted(later)
    saved(later)
    expect(later.locator("#progress")).to_contain_text("2 of 60 decided")
    assert [(event.item, event.action) for event in killable.events()] == [(decided[0], "accept"), (decided[1], "reject")]


def test_two_tabs_of_one_reviewer_keep_all_that_was_decided_in_both(desk: Desk):
    one = desk.open("where=chosen&sort=order")
    other = one.context.new_page()
    other.goto(f"{desk.origin}/?where=left_out&sort=order")

    decided = [press(tab, key) for key in "aasa" for tab in (one, other)]
    saved(one)
    saved(other)

    assert sorted(event.item for event in desk.events()) == sorted(decided)
    assert len({event.op for event in desk.events()}) == 8
    other.locator("#undo").click()  # each tab takes back what was done in it
    expect(other.locator("#card")).to_have_attribute("data-id", decided[-1])
    saved(other)
    assert desk.decided()[decided[-1]] == "undecided"
    assert desk.decided()[decided[-2]] == "accepted"


def test_two_people_at_the_same_pair_are_both_heard_and_see_each_other(desk: Desk):
    ann, bob = desk.open("sort=order"), desk.open("sort=order", name="bob")
    item = painted(ann)
    assert painted(bob) == item

    assert press(ann, "a") == item
    saved(ann)
    expect(bob.locator("#notices")).to_contain_text("ann has just decided on this pair")
    expect(bob.locator("#state")).to_have_text("accepted")
    assert press(bob, "r", "3") == item
    saved(bob)

    assert desk.decided() == {item: "disputed"}
    assert {event.reviewer for event in desk.events()} == {"ann", "bob"}
    expect(ann.locator(f"#queue [data-id='{item}']")).to_contain_text("disputed")
    ann.goto(f"{desk.origin}/?id={item}")
    expect(ann.locator("#beside")).to_contain_text(re.compile("bob rejected", re.IGNORECASE))


def test_a_decision_on_what_another_had_decided_unseen_says_so_and_keeps_both(desk: Desk):
    ann, bob = desk.open("sort=order"), desk.open("sort=order", name="bob")
    painted(bob)
    bob.route("**/api/changes*", lambda route: route.abort())  # bob's page does not hear of ann
    item = press(ann, "r", "1")
    saved(ann)

    assert press(bob, "a") == item

    expect(bob.locator("#toast")).to_contain_text("ann had meanwhile said reject")
    assert desk.decided() == {item: "disputed"}


def test_the_dataset_made_anew_is_what_was_decided_and_the_page_still_knows_it(killable: KillableDesk):
    page = killable.open("where=chosen&task=question_answering&sort=order")
    rejected, accepted = press(page, "r", "1"), press(page, "a")
    page.keyboard.press("e")
    page.locator("#edit-output").fill("Boarding opens 35 minutes before departure.")
    edited = press(page, "Control+Enter")
    page.goto(f"{killable.origin}/?where=quarantined&reason=refers_to_text")
    painted(page)
    page.keyboard.press("e")
    page.locator("#edit-instruction").fill("When does the last ferry leave the island?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit-form")).to_be_hidden()
    saved(page)
    killable.kill()

    run(load_recipe(killable.project / "recipe.yaml"), killable.project, until="split")

    pairs = {pair.id: pair for pair in read_records(killable.workspace / "pairs.jsonl", Pair)}
    said = {pair.instruction: pair.output for pair in pairs.values()}
    assert rejected not in pairs
    assert accepted in pairs
    assert "Boarding opens 35 minutes before departure." in said.values()
    assert said["When does the last ferry leave the island?"] == "The last ferry leaves at 22:10."
    killable.start()
    page.goto(f"{killable.origin}/?id={rejected}")
    painted(page)
    expect(page.locator("#state")).to_have_text("rejected")
    expect(page.locator("#place")).to_contain_text("left out")
    assert edited not in pairs


def test_all_that_was_typed_of_a_refused_edit_is_there_again_and_the_next_edit_keeps_its_evidence(desk: Desk):
    pair = next(pair for pair in split_pairs(desk.workspace) if pair.grounding == "quoted")
    page = desk.open(f"id={pair.id}")
    painted(page)
    passage = page.request.get(f"{desk.origin}/api/item/{pair.id}").json()["source"]["text"]
    said = " ".join(evidence.quote for evidence in pair.evidence)
    quote = next(word for word in passage.split() if word.isalpha() and len(word) > 3 and word not in said)
    page.keyboard.press("e")
    page.locator("#edit-output").fill("Refused, and there again.")
    page.locator(".edit-evidence summary").click()
    page.get_by_role("button", name="Add a quote").click()
    page.locator("#edit-quotes textarea").last.fill(quote)
    page.route("**/api/decisions", lambda route: route.fulfill(status=404, json={"error": "no such item"}))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#notices")).to_contain_text("Not stored: your edit")
    page.unroute("**/api/decisions")
    painted(page)
    page.keyboard.press("e")
    page.locator("#edit-output").fill("half a sen")
    page.get_by_role("button", name="Look at it again").click()
    expect(page.locator("#toast")).to_have_text("Save the edit or cancel it first")
    expect(page.locator("#edit-output")).to_have_value("half a sen")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Look at it again").click()
    expect(page.locator("#edit-output")).to_have_value("Refused, and there again.")
    expect(page.locator("#edit-quotes textarea").last).to_have_value(quote)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit-form")).to_be_hidden()
    saved(page)
    page.goto(f"{desk.origin}/?id={pair.id}")
    painted(page)
    page.keyboard.press("e")
    page.locator("#edit-output").fill("Once more, in other words.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit-form")).to_be_hidden()
    saved(page)

    wanted = (*(evidence.quote for evidence in pair.evidence), quote)
    assert [event.after and event.after.quotes for event in desk.events()] == [wanted, wanted]


def test_of_decisions_made_together_a_refused_one_stands_as_it_did(desk: Desk):
    page = desk.open("task=question_answering&sort=document")
    while page.locator("#accept-wordings").count() == 0:
        press(page, "j")
    item = painted(page)

    def refusing(route: Route) -> None:
        events = (route.request.post_data_json or {})["events"]
        if len(events) > 1 or events[0]["item"] == item:
            route.fulfill(status=404, json={"error": "no such item"})
        else:
            route.continue_()

    page.route("**/api/decisions", refusing)
    press(page, "w")
    expect(page.locator("#notices")).to_contain_text("Not stored: your accept")

    saved(page)
    expect(page.locator(f"#queue [data-id='{item}']")).not_to_contain_text("accepted")
    assert set(desk.decided().values()) == {"accepted"}
    assert item not in desk.decided()
