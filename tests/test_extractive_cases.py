"""What a rule needs beside its sentence: whom or what it is for, and the sentences and lists that make it whole."""

import pytest

from generators.extractive.generate import generate
from generators.interface import Source
from schemas.records import Chunk, Document, Draft


def drafts(text: str) -> list[Draft]:
    """The closed-book drafts of one document."""
    document = Document.of(path="a.md", title="Handbook", format="md", text=text, raw=b"")
    made = generate([Source(document, (Chunk.of(document, 0, len(text), (), 10),))], company="Acme", wordings=12, seed=0)
    return [one for one in made if isinstance(one, Draft) and not one.input]


def asked(text: str) -> dict[str, str]:
    """The questions asked of `text`, and their answers."""
    return {draft.instruction: draft.output for draft in drafts(f"# Handbook\n\n{text}")}


def about(text: str, words: str) -> dict[str, str]:
    """The questions in which `words` occur, and their answers."""
    return {question: answer for question, answer in asked(text).items() if words in question}


def test_a_rule_for_new_people_is_asked_by_one_of_them():
    found = about("## New hires\n\nIf you have a dog that you wish to insure, open the harbour portal.\n", "dog")

    assert "I am a new hire. What should I do if I have a dog that I wish to insure?" in found
    assert all(question.startswith("I am a new hire.") for question in found)


def test_a_case_is_asked_about_the_side_that_is_told():
    text = "## Parking permits\n\nIf you are moving to another town, hand in your old parking permit at the gate.\n"

    assert all("parking permits" in question for question in about(text, "another town"))
    assert about(text, "another town")


@pytest.mark.parametrize(
    ("text", "question", "end"),
    [
        (
            "If you lose a badge, call the front desk. Please hand in the following papers:\n\n- your contract\n- a photo",
            "hat should I do if I lose a badge?",
            "Please hand in the following papers:\n- your contract\n- a photo",
        ),
        (
            "You can lend a badge to a guest. Your team lead's approval for the badge is needed beforehand.",
            "an I lend a badge to a guest",
            "is needed beforehand.",
        ),
        (
            "If you lose a badge, open the portal.\n\nOn the next page, choose a badge.",
            "hat should I do if I lose a badge?",
            "On the next page, choose a badge.",
        ),
        (
            "If a badge needs to be changed, it can be printed again.\n\nNote: two days must pass before the badge opens doors.",
            "hat happens if a badge needs to be changed?",
            "Note: two days must pass before the badge opens doors.",
        ),
        (
            "If you lose a badge, call the front desk. A badge with a hole is forbidden.",
            "hat should I do if I lose a badge?",
            "A badge with a hole is forbidden.",
        ),
        (
            "Every crew member must have the harbour clause in the contract. Advice on adding this clause to contracts.",
            "oes every crew member have to have the harbour clause in the contract?",
            "must have the harbour clause in the contract.",
        ),
        (
            "Every crew member must have the harbour clause in the contract. Read the guidance on adding this clause.",
            "oes every crew member have to have the harbour clause in the contract?",
            "must have the harbour clause in the contract.",
        ),
    ],
)
def test_an_answer_ends_where_its_matter_ends(text, question, end):
    found = about(f"## Badges of the harbour crew\n\n{text}\n", question)

    assert found
    assert all(answer.endswith(end) for answer in found.values())


def test_a_list_that_goes_with_an_answer_is_quoted():
    text = "# Handbook\n\n## Badges\n\nIf you lose a badge, call the front desk. Bring these papers:\n\n- your contract\n- a photo\n"
    draft = next(draft for draft in drafts(text) if draft.provenance.rule == "if_do")

    assert draft.quotes[-2:] == ("Bring these papers:", "- your contract\n- a photo")


def test_an_approval_for_something_else_is_left_out():
    found = asked("## Harbour\n\nVisitors may use the guest pier. Photos in the hall need the consent of Ann Lee.\n")

    assert found["May visitors use the guest pier?"] == "Yes. Visitors may use the guest pier."


@pytest.mark.parametrize(
    "text",
    [
        "Guests of a shipyard often may not accept presents, so ask first.",
        "Crew members in Dover report at least 2 hours before the tide turns.",
        "Once the green lamp is on as well, you can begin to row.",
        "You can post general questions in the Harbour Room.",
        "Write down the depth of the anchor, since both are needed when the anchor is lifted.",
    ],
)
def test_what_is_hedged_or_says_not_of_what_is_not_asked_as_a_rule(text):
    rules = ("permit", "forbid", "free", "ahead", "if_", "where")

    found = drafts(f"# Handbook\n\n## Summer party\n\n{text}\n")

    assert not [draft for draft in found if draft.provenance.rule and draft.provenance.rule.startswith(rules)]


def test_what_is_ours_is_asked_with_its_topic():
    found = about("## Summer party\n\nOur inner sorting does not need to happen in the cabin.\n", "inner sorting")

    assert all("summer party" in question for question in found)


def test_what_is_mine_is_said_of_what_right_behind():
    found = about("## Pension contributions\n\nYou choose your share in Harbour Books in May.\n", "share")

    assert found
    assert all("my share for pension contributions" in question for question in found)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (
            "You can carry over a maximum of 9 days of shore leave into spring.",
            "How many days of shore leave can I carry over into spring?",
        ),
        (
            "Crews can be granted up to 3 hours of shore leave for a concert.",
            "How many hours of shore leave can crews be granted for a concert?",
        ),
        ("Every winch must be greased within 40 days of its last check.", "How often must every winch be greased?"),
    ],
)
def test_an_amount_is_asked_as_an_amount(text, question):
    found = asked(f"## Shore leave and winches\n\n{text}\n")

    assert found[question] == text
    assert not [other for other in found if "maximum of" in other]


def test_what_takes_place_is_asked_with_its_verb():
    found = asked("## Boat race\n\nThe boat race takes place on 3 June.\n")

    assert found["When does the boat race take place?"] == "The boat race takes place on 3 June."


def test_the_matter_of_a_thing_stands_before_the_question():
    found = about("## Guest berths\n\nGuest berths are free. The meter must be read within 9 days.\n", "meter")

    assert "I have a question about guest berths. How soon must the meter be read?" in found


def test_what_a_named_plan_holds_is_asked_of_that_plan():
    text = (
        "## Harvest: the plan for growers\n\nFive users can work on one field. Harvest is yearly. Harvest can be ended. Harvest is green.\n"
    )

    assert all("with Harvest" in question for question in about(text, "ive users"))
