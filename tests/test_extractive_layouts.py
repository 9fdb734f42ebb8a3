"""What the extractive generator leaves alone, and what it keeps whole: layout tables, generic headings, further questions, links."""

import pytest

from generators.extractive.generate import generate
from generators.interface import Source
from schemas.records import Chunk, Document, Draft


def drafts(text: str, *, title: str = "Handbook") -> list[Draft]:
    document = Document.of(path=f"{title}.md", title=title, format="md", text=text, raw=b"")
    source = Source(document, (Chunk.of(document, 0, len(text), (), 10),))
    return [one for one in generate([source], company="Acme", wordings=12, seed=0) if isinstance(one, Draft)]


def asked(text: str, *, title: str = "Handbook") -> dict[str, str]:
    return {one.instruction: one.output for one in drafts(text, title=title) if not one.input}


NO_FACTS = [
    ("a pull quote cut into lines", "| the boats are | Notes |\n|---|---|\n| painted white in May | Ask Ann |\n| by the whole crew and | Ask Ben |\n| the guests of the club | Ask Cem |\n| Nobody is paid | Ask Dee |"),
    ("check boxes", "| Crew | Checklist | Due |\n|---|---|---|\n| Deck | □ The ropes are dry | May |\n| Galley | □ The stove is clean | June |"),
    ("prose in columns", "| Boat and what it is for | Rule | Crew |\n|---|---|---|\n| Heron The boat that carries guests from the pier to the island and back | Wear a vest | Two |\n| Otter The boat that carries stones and sand for the new harbour wall | Wear a helmet | Three |"),
    ("headings of a dummy", "| Header 0 | Header 1 | Header 2 |\n|---|---|---|\n| Alpha | Beta | Gamma |\n| Delta | Epsilon | Zeta |"),
    ("a template", "| Name | Role | Office |\n|---|---|---|\n| @ Name | Job title | [town] |\n| @ Name 2 | Job title | % time |"),
    ("rows parted by merged cells", "| Boat | Length | Crew |\n|---|---|---|\n| Heron | 9 m | Two |\n| | 10 m | Three |"),
    ("pictures and links", "| Boat | Photo |\n|---|---|\n| Heron | [View PNG](a.png) |\n| Otter | No photo available. |"),
]  # fmt: skip


@pytest.mark.parametrize("table", [table for _, table in NO_FACTS], ids=[name for name, _ in NO_FACTS])
def test_a_table_that_is_no_table_gives_no_fact_and_no_record(table):
    assert not [
        one
        for one in drafts(f"# Harbour\n\n## Boats of the club\n\n{table}\n")
        if (one.provenance.rule or "").startswith(("table", "describe", "json_row"))
    ]


def test_a_table_or_title_still_to_be_filled_in_answers_nothing():
    table = "| Name | Role | Office |\n|---|---|---|\n| @ Name | Job title or chapter of the club | City or time zone |\n"
    text = f"# [Club] team charter\n\n## Members of the crew\n\n{table}\n## Boats\n\n{REPORT}\n\n## Piers\n\n{REPORT}\n"
    found = drafts(text, title="[Club] team charter")
    assert not [one for one in found if "@ Name" in one.output or one.provenance.rule == "outline"]


def test_a_record_has_all_its_cells():
    text = "## Boats\n\n| Boat | Length | Crew |\n|---|---|---|\n| Heron | | Two |\n| Otter | 7 m | One |\n"
    assert {one.output for one in drafts(text) if one.provenance.rule == "json_row"} == {
        '{"Boat": "Otter", "Length": "7 m", "Crew": "One"}'
    }


def test_a_plural_property_is_something_a_thing_has():
    text = "# Lamps\n\n## Heron lamp\n\n| Property | Value |\n|---|---|\n| Batteries | two AA cells |\n| Weight | 90 g |\n"
    found = asked(text, title="Lamps")
    assert found["What batteries does the heron lamp have?"] == "two AA cells"
    assert not any("the batteries of" in question for question in found)


def test_a_first_answer_of_some_days_is_a_time():
    text = "## Plans\n\n| Plan | First reply |\n|---|---|\n| Ripple | 3 working days |\n| Tide | 1 hour |\n"
    assert asked(text)["What is the first reply time for the Ripple plan?"] == "3 working days"


REPORT = "The pump of the north pier lost its power at noon, because a fuse had melted. The guards noticed it after an hour and sent for the electrician."


def test_a_part_of_any_report_is_asked_about_with_its_report():
    found = asked(f"# Pump outage of the north pier\n\n## Root cause\n\n{REPORT}\n", title="Pump outage of the north pier")
    assert 'What does "Pump outage of the north pier" say about the root cause?' in found
    assert "What should I know about the root cause?" not in found


def test_a_chapter_number_stays_out_of_the_question():
    found = asked(f"# Pumps\n\n## 02 Outage of the north pier\n\n{REPORT}\n", title="Pumps")
    assert found
    assert not any("02" in question for question in found)


@pytest.mark.parametrize("heading", ["Key questions", "Checklist", "Analysis and discussion", "02 Root cause"])
def test_a_generic_heading_is_never_the_wanted_title(heading):
    texts = [
        f"# Pumps\n\n## {heading}\n\n{REPORT} Pump {number} was not touched, and the guards wrote it down in the book of the pier.\n"
        for number in range(12)
    ]
    assert not [
        one
        for text in texts
        for one in drafts(text, title="Pumps")
        if one.provenance.rule in {"title", "classify"} and one.output == heading
    ]


@pytest.mark.parametrize("mark", ["", "**"])
def test_an_answer_stops_at_the_next_question(mark):
    text = f"## How long does the ferry to the island take?\n\nThe ferry takes 40 minutes.\n\n{mark}Who sells the tickets for the ferry?{mark}\n\nThe kiosk does.\n"
    assert asked(text)["How long does the ferry to the island take?"] == "The ferry takes 40 minutes."


def test_a_wrong_answer_shown_as_an_example_is_no_answer():
    text = "## Who will own the ferry?\n\nWrong answer: the shipyard that built it.\n\nRight answer: the town that pays for it.\n"
    assert not [one for one in drafts(text) if (one.provenance.rule or "").startswith("faq")]


def test_a_paragraph_with_a_link_of_one_word_is_no_residue():
    text = "# Birds\n\n## Feeding of herons\n\nHerons eat [fish](fish.md), frogs and small [crabs](crabs.md) of the harbour.\n\nIn winter the guards of the pier put out herring twice a week for them.\n"
    found = asked(text, title="Birds")
    assert any("small crabs of the harbour" in answer and "herring" in answer for answer in found.values())


def test_a_printed_receipt_is_not_told_about():
    lines = "```\n12 Quay Street\nROPE 20 m 14.00\nPAINT white 32.00\nBRUSH wide 4.00\nTOTAL 50.00\nCARD ending 1234\nPOINTS 5\n```"
    assert not [
        one
        for one in drafts(f"# Harbour supply store\n\n{lines}\n", title="Harbour supply store")
        if (one.provenance.rule or "").startswith("topic")
    ]


def test_a_message_of_a_customer_is_asked_about_as_a_case():
    text = "## Loud pump\n\n> Hi, why is the pump of my boat so loud? Thanks, A.B.\n\nAnn found that a stone was stuck in the inlet.\n"
    found = asked(text)
    assert "Why is the pump of my boat so loud?" not in found
    assert found['How was the support case "Loud pump" solved?'] == "Ann found that a stone was stuck in the inlet."


def test_an_intro_that_tells_of_its_page_is_no_answer():
    intros = [
        "Guests rent the boats of the club by the hour, and you will find here how a boat is booked. Ann answers questions at the pier.",
        "Owner: Ann Lee, head of the pier. In force from 1 May 2026. Questions about the hire of boats go to the kiosk in the harbour at any time.",
    ]
    for intro in intros:
        found = asked(f"# Boat hire\n\n{intro}\n\n## Prices of boats\n\n{REPORT}\n", title="Boat hire")
        assert not [question for question, answer in found.items() if answer == intro]
