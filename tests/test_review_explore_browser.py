"""Disputes are settled and models are asked in a real browser before a real server."""

import re
import uuid
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from builder.lineage import split_pairs
from builder.review.log import ReviewLog
from schemas.records import Pair
from schemas.review import Event, Texts, said_key
from tests.review_browser import Desk, KillableDesk

pytestmark = pytest.mark.slow


def said(pair: Pair, reviewer: str, action: str, **more: object) -> Event:
    values = {
        "op": uuid.uuid4().hex,
        "item": pair.id,
        "key": said_key(pair),
        "reviewer": reviewer,
        "action": action,
        "at": datetime.now(UTC),
    }
    return Event.model_validate(values | more)


def test_a_dispute_is_settled_by_one_click_which_another_click_takes_back(desk: Desk):
    first, second, third = split_pairs(desk.workspace)[:3]
    texts = Texts.of(first)
    edited = texts.model_copy(update={"output": f"{texts.output} Really."})
    with ReviewLog(desk.workspace) as log:
        log.append(
            [
                said(first, "ann", "edit", before=texts, after=edited),
                said(first, "bob", "accept"),
                said(first, "carl", "reject", reason="style"),
            ]
        )
        for pair in (second, third):
            log.append([said(pair, "ann", "accept"), said(pair, "bob", "reject", reason="outdated")])
    page = desk.open(name="dora")
    page.goto(f"{desk.origin}/explore/disputes")
    disputes = {pair.id: page.locator(f'.dispute[data-item="{pair.id}"]') for pair in (first, second, third)}

    disputes[first.id].get_by_role("button", name="Take this wording").click()
    expect(disputes[first.id].locator(".outcome .chip")).to_have_text("settled: edited")
    expect(disputes[second.id].locator("select")).to_have_value("outdated")
    disputes[second.id].get_by_role("button", name="Reject").click()
    expect(disputes[second.id].locator(".outcome .chip")).to_have_text("settled: rejected")
    disputes[third.id].get_by_role("button", name="Accept as it is").click()
    expect(disputes[third.id].locator(".outcome .chip")).to_have_text("settled: accepted")
    assert desk.decided() == {first.id: "edited", second.id: "rejected", third.id: "accepted"}
    disputes[third.id].get_by_role("button", name="Undo").click()
    expect(disputes[third.id].get_by_role("button", name="Accept as it is")).to_be_visible()
    disputes[third.id].locator("select").select_option("wrong")
    disputes[third.id].get_by_role("button", name="Reject").click()
    expect(disputes[third.id].locator(".outcome .chip")).to_have_text("settled: rejected")

    final = [event for event in desk.events() if event.final]
    assert [(event.reviewer, event.action, event.reason) for event in final] == [
        ("dora", "edit", ""), ("dora", "reject", "outdated"), ("dora", "accept", ""), ("dora", "reject", "wrong"),
    ]  # fmt: skip
    assert final[0].after == edited
    assert desk.decided()[third.id] == "rejected"


def test_a_word_that_cannot_be_saved_is_told_and_saved_once_by_the_next_click(killable: KillableDesk):
    pair = split_pairs(killable.workspace)[0]
    with ReviewLog(killable.workspace) as log:
        log.append([said(pair, "ann", "accept"), said(pair, "bob", "reject", reason="wrong")])
    page = killable.open(name="dora")
    page.goto(f"{killable.origin}/explore/disputes")

    killable.kill()
    page.get_by_role("button", name="Accept as it is").click()
    expect(page.locator("#settle-problem")).to_contain_text("not saved")
    killable.start()
    page.get_by_role("button", name="Accept as it is").click()
    expect(page.locator(".outcome .chip")).to_have_text("settled: accepted")

    assert page.locator("#settle-problem").is_hidden()
    assert len([event for event in killable.events() if event.final]) == 1


def test_both_models_answer_beside_each_other_and_the_source_of_a_held_out_question_is_shown(killable: KillableDesk):
    from tests.tiny_models import chat_tokenizer, saved

    tokenizer = chat_tokenizer()
    for name in ("base", "model"):
        saved(killable.workspace / name, "llama", tokenizer, initializer_range=0.5, max_position_embeddings=4096)
    pairs = {pair.instruction: pair for pair in split_pairs(killable.workspace)}
    page = killable.open()
    page.goto(f"{killable.origin}/explore/playground")

    page.locator("#split").select_option("test")
    page.locator("#draw").click()
    expect(page.locator("#question")).not_to_have_value("")
    page.get_by_text("Input and settings").click()
    page.locator("#longest").select_option("64")
    page.locator("#go").click()

    sides = page.locator(".exchange .side")
    expect(sides).to_have_count(2)
    expect(page.locator(".exchange [data-done]")).to_have_count(2)
    for model in ("base", "tuned"):
        expect(page.locator(f".side[data-model={model}] .facts")).to_have_text(
            re.compile(r"not as expected.*64 tokens in .* s.*cut at the longest answer")
        )
    pair = pairs[page.locator("#question").input_value()]
    expect(page.locator(".near")).to_contain_text("A held-out question")
    expect(page.locator(".near")).to_contain_text(" ".join(pair.output.split())[:60])

    page.locator("#question").fill("")
    page.locator("#question").fill("Why?")
    page.locator("#temperature").fill("1.5")
    page.locator("#longest").select_option("2048")
    page.keyboard.press("Control+Enter")
    page.locator("#stop").click()
    expect(page.locator(".exchange").first.locator("[data-done]")).to_have_count(2)
    expect(page.locator("#go")).to_be_enabled()


def test_the_focus_is_on_undo_once_a_dispute_is_settled_and_back_once_that_is_taken_back(desk: Desk):
    pair = split_pairs(desk.workspace)[0]
    with ReviewLog(desk.workspace) as log:
        log.append([said(pair, "ann", "accept"), said(pair, "bob", "reject", reason="wrong")])
    page = desk.open(name="dora")
    page.goto(f"{desk.origin}/explore/disputes")

    page.get_by_role("button", name="Accept as it is").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Accept as it is")).to_be_focused()
