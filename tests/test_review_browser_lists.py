"""What the review page shows: lists by filter and order, decided as a whole, and beside a pair its passage, copies and neighbours."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.review_browser import Desk, counted, painted, press, saved
from tests.review_workspace import SEALED

pytestmark = pytest.mark.slow


def test_every_filter_shows_what_it_names_and_all_of_it(desk: Desk):
    page = desk.open("where=")
    painted(page)
    total = int(re.sub(r"\D", "", page.locator("#count").inner_text()))
    facets = page.request.get(f"{desk.origin}/api/facets").json()
    assert total == facets["total"]

    for control, name in (("where", "wheres"), ("task", "tasks"), ("document", "documents"), ("reason", "reasons")):
        for facet in facets[name][:4]:
            page.locator(f"#filter-{control}").select_option(facet["name"])
            counted(page, facet["n"])
            found = page.request.get(f"{desk.origin}/api/items", params={control: facet["name"], "limit": "200"}).json()
            assert {row[control] for row in found["rows"]} == {facet["name"]}
        page.locator(f"#filter-{control}").select_option("")
        counted(page, total)

    page.locator("#search").fill("blue seal")
    expect(page.locator("#card")).to_contain_text("blue seal")
    page.locator("#search").fill("word that nobody wrote")
    counted(page, 0)
    page.locator("#clear").click()
    counted(page, total)


def test_the_order_is_the_most_doubtful_first_unless_another_is_chosen(desk: Desk):
    page = desk.open("where=chosen&sort=doubt")
    painted(page)
    asked = f"{desk.origin}/api/items?where=chosen&limit=100&sort="
    doubts = [row["doubt"] for row in page.request.get(f"{asked}doubt").json()["rows"]]
    documents = [row["document"] or "" for row in page.request.get(f"{asked}document").json()["rows"]]

    assert doubts == sorted(doubts, reverse=True)
    assert len(set(doubts)) > 1
    assert documents == sorted(documents)
    for sort in ("document", "task", "doubt"):
        page.locator("#sort").select_option(sort)
        first = page.request.get(f"{asked}{sort}").json()["rows"][0]["id"]
        expect(page.locator("#card")).to_have_attribute("data-id", first)


def test_a_whole_list_is_decided_at_once_and_taken_back_at_once(desk: Desk):
    page = desk.open("task=how_to")
    painted(page)
    number = int(page.locator("#count").inner_text().split()[0])
    assert number > 2

    page.keyboard.press("b")
    page.locator("#bulk-action").select_option("reject")
    page.locator("#bulk-reason").select_option("style")
    expect(page.locator("#bulk-go")).to_have_text(f"Reject {number}")
    page.locator("#bulk-go").click()
    expect(page.locator("#bulk")).to_be_hidden()
    expect(page.locator("#state")).to_have_text("rejected")
    assert list(desk.decided().values()) == ["rejected"] * number
    assert len({event.bulk for event in desk.events()}) == 1

    page.keyboard.press("u")
    expect(page.locator("#state")).to_have_text("undecided")
    saved(page)
    assert set(desk.decided().values()) == {"undecided"}


def test_a_list_that_changed_meanwhile_is_not_decided_unseen(desk: Desk):
    page, other = desk.open("state=undecided&task=how_to"), desk.open("state=undecided&task=how_to", name="bob")
    painted(page)
    page.locator("#bulk-open").click()
    press(other, "a")
    saved(other)

    page.locator("#bulk-go").click()

    expect(page.locator("#bulk-problem")).to_contain_text("nothing was decided")
    assert [event.reviewer for event in desk.events()] == ["bob"]


def test_a_list_whose_answer_was_lost_is_decided_once_by_the_next_click_and_taken_back_as_one(desk: Desk):
    page = desk.open("task=how_to")
    painted(page)
    number = int(page.locator("#count").inner_text().split()[0])

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/bulk", lost, times=1)
    page.keyboard.press("b")
    page.locator("#bulk-go").click()
    expect(page.locator("#bulk-problem")).to_contain_text("Press again")
    page.locator("#bulk-go").click()
    expect(page.locator("#bulk")).to_be_hidden()

    expect(page.locator("#state")).to_have_text("accepted")
    assert [event.action for event in desk.events()] == ["accept"] * number
    page.keyboard.press("u")
    expect(page.locator("#state")).to_have_text("undecided")
    saved(page)
    assert set(desk.decided().values()) == {"undecided"}


def test_a_pair_stands_beside_its_passage_with_the_evidence_marked_and_its_page_and_document_named(desk: Desk):
    page = desk.open("where=&document=engine.pdf&text=blackout")
    painted(page)

    expect(page.locator("#source mark").first).to_contain_text("45 seconds")
    expect(page.locator("#source")).to_contain_text("engine.pdf, page 2")
    expect(page.locator("#source .headings, #source h2").first).to_contain_text(re.compile("Engine room|Emergency generator"))
    with page.context.expect_page() as opened:
        page.keyboard.press("o")
    expect(opened.value.locator("body")).to_contain_text("oil pressure must be at least 3.2 bar")
    expect(opened.value.locator("mark").first).to_contain_text("45 seconds")


def test_pairs_that_say_the_same_and_pairs_of_the_same_passage_are_one_click_away(desk: Desk):
    page = desk.open("where=&text=%22terminal open on%22")
    item = painted(page)
    expect(page.locator("#twins button.other")).not_to_have_count(0)

    page.keyboard.press("g")
    page.keyboard.press("Enter")
    expect(page.locator("#card")).not_to_have_attribute("data-id", item)
    painted(page)
    expect(page.locator("#card")).to_contain_text(re.compile("terminal open"))
    page.goto(f"{desk.origin}/?task=question_answering&text=blue+seal&sort=order")
    expect(page.locator("#same-passage button.other")).not_to_have_count(0)
    expect(page.locator("#source mark").first).to_contain_text(SEALED)


def test_whoever_comes_back_goes_on_where_they_stopped(desk: Desk):
    page = desk.open("where=left_out&state=undecided&sort=document")
    decided = [press(page, "a"), press(page, "s")]
    saved(page)
    there = painted(page)

    page.goto(desk.origin)

    expect(page.locator("#filter-where")).to_have_value("left_out")
    expect(page.locator("#sort")).to_have_value("document")
    expect(page.locator("#card")).to_have_attribute("data-id", there)
    assert set(desk.decided()) == set(decided)
