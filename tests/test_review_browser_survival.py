"""No decision is lost or stored twice: tabs and people side by side, a server that is killed, a browser that is cut off or closed."""

import re
from collections import Counter
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Route, expect

from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.store import read_records
from schemas.records import Pair
from tests.review_browser import Desk, fetched_ahead, painted, press, saved

pytestmark = pytest.mark.slow


def test_decisions_outlive_a_server_that_is_killed_amid_them_and_none_is_stored_twice(desk: Desk):
    page = desk.open()
    decided = [press(page, "a") for _ in range(3)]
    fetched_ahead(desk, page)

    desk.kill()
    decided += [press(page, key) for key in "asaasa"]
    expect(page.locator("#saved")).to_have_text("not saved – retrying")
    desk.start()
    saved(page)
    decided += [press(page, "a") for _ in range(3)]  # by the same page: the session and its token outlive the server
    saved(page)

    events = desk.events()
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


def test_a_tab_closed_with_unsent_decisions_leaves_them_to_the_next_one(desk: Desk):
    page = desk.open()
    fetched_ahead(desk, page)
    desk.kill()
    decided = [press(page, "a"), press(page, "r", "1")]
    expect(page.locator("#saved")).to_have_text("not saved – retrying")
    page.close()
    desk.start()

    later = page.context.new_page()
    later.goto(desk.origin)

    painted(later)
    saved(later)
    expect(later.locator("#progress")).to_contain_text("2 of 60 decided")
    assert [(event.item, event.action) for event in desk.events()] == [(decided[0], "accept"), (decided[1], "reject")]


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


def test_the_dataset_made_anew_is_what_was_decided_and_the_page_still_knows_it(desk: Desk):
    page = desk.open("where=chosen&task=question_answering&sort=order")
    rejected, accepted = press(page, "r", "1"), press(page, "a")
    page.keyboard.press("e")
    page.locator("#edit-output").fill("Boarding opens 35 minutes before departure.")
    edited = press(page, "Control+Enter")
    page.goto(f"{desk.origin}/?where=quarantined&reason=refers_to_text")
    painted(page)
    page.keyboard.press("e")
    page.locator("#edit-instruction").fill("When does the last ferry leave the island?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit-form")).to_be_hidden()
    saved(page)
    desk.kill()

    run(load_recipe(desk.project / "recipe.yaml"), desk.project, until="split")

    pairs = {pair.id: pair for pair in read_records(desk.workspace / "pairs.jsonl", Pair)}
    said = {pair.instruction: pair.output for pair in pairs.values()}
    assert rejected not in pairs
    assert accepted in pairs
    assert "Boarding opens 35 minutes before departure." in said.values()
    assert said["When does the last ferry leave the island?"] == "The last ferry leaves at 22:10."
    desk.start()
    page.goto(f"{desk.origin}/?id={rejected}")
    painted(page)
    expect(page.locator("#state")).to_have_text("rejected")
    expect(page.locator("#place")).to_contain_text("left out")
    assert edited not in pairs
