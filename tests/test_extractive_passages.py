"""Tasks with a passage as input: what is asked of it, what answers, and that nothing is invented."""

import json

from generators.extractive.families.passages import ABSENT
from schemas.markdown import plain
from tests.test_extractive_families import drafts

FILLER = " ".join(
    f"Step {number} of the yearly count takes place in hall {number}, and somebody from the {number}th team writes it down."
    for number in range(2, 6)
)
HANDBOOK = f"""# Rules of the house

## Military leave

Military leave is leave for members of the reserves. You can carry over up to 15 days into the next year. Ask Ann in the office for the form.
Write to leave@acme.example or post in #leave-questions. The desk answers on (030) 555-0199 too. {FILLER}

## Parking

Corrin Bay has 40 parking spaces for cars and 12 for bicycles. Visitors leave their number plate with reception, which keeps the list until
the evening. {FILLER}

## Backups

Backups are kept for 35 days and then overwritten by the night run. A restored file lands in the folder of its owner. {FILLER}

## Phishing

Phishing is an attempt to trick you into revealing information. Report a suspicious message with the button in your mail program. {FILLER}
"""


def of(task: str, text: str = HANDBOOK) -> list:
    return [draft for draft in drafts(text, title="Rules of the house") if draft.task == task]


def test_what_needs_its_topic_is_asked_with_it_and_of_its_passage():
    found = [draft for draft in drafts(HANDBOOK, wordings=5) if "carry over" in draft.instruction]
    about = [draft for draft in found if draft.provenance.rule == "many"]
    closed = [draft for draft in about if not draft.input]
    given = [draft for draft in about if draft.task == "open_book"]

    assert closed
    assert all("military leave" in draft.instruction for draft in closed)
    assert 2 <= len(given) <= 3
    assert {draft.group for draft in about} == {closed[0].group}
    assert all("15 days" in draft.input and "15 days" in draft.output for draft in given)


def test_a_question_of_another_passage_is_left_open():
    text = HANDBOOK + "".join(
        f"\n## Rule {number}\n\nA badge of kind {number}k must have at least {number} marks. Lamps of type {number}z are kept for {number} days.\n"
        for number in range(20, 60)
    )
    left_open = of("unanswerable", text)

    assert left_open
    for draft in left_open:
        assert draft.output == ABSENT
        assert draft.grounding == "absent"
        assert not draft.quotes
        telling = {"badge", "marks", "lamps", "spaces", "backups", "leave", "phishing", "message"}
        rare = {word for word in telling if word in draft.instruction.lower() and word in draft.input.lower()}
        assert not rare


def test_contact_details_are_those_of_the_passage_and_missing_kinds_are_empty():
    found = of("extraction")

    assert found
    for draft in found:
        details = json.loads(draft.output)
        assert list(details.values()) == [["leave@acme.example"], ["(030) 555-0199"], ["#leave-questions"]]
        assert all(key in draft.instruction for key in details)


def test_dates_and_amounts_are_no_phone_numbers():
    text = "## Dates\n\nThe count of 2024 took place on 2024-05-17 and cost 12 500 euros. Write to count@acme.example. " + FILLER
    (details,) = {draft.output for draft in of("extraction", text)}

    assert [value for value in json.loads(details).values() if value] == [["count@acme.example"]]


def test_a_summary_is_the_first_sentence_where_it_names_the_topic():
    summaries = [draft for draft in of("summarization") if draft.provenance.rule == "summary"]

    assert all(draft.output in plain(draft.quotes[0]) and draft.input.startswith(draft.output) for draft in summaries)
    assert not [draft for draft in of("summarization", HANDBOOK.replace("Military leave is", "It is")) if draft.output.startswith("It is")]


def test_the_options_of_a_choice_hold_the_heading_and_share_no_word():
    for draft in of("classification"):
        options = draft.instruction.partition("? ")[2] or draft.instruction.partition(": ")[2]
        names = options.split(" / ")
        assert draft.output in names
        assert len(set(names)) == 4


def test_a_page_is_asked_what_it_covers():
    outline = [draft for draft in drafts(HANDBOOK, title="Rules of the house") if draft.provenance.rule == "outline"]

    assert len(outline) >= 2
    assert {draft.output for draft in outline} == {"- Military leave\n- Parking\n- Backups\n- Phishing"}
    assert outline[0].quotes == ("## Military leave", "## Parking", "## Backups", "## Phishing")
