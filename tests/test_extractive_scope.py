"""Questions that say what they are about, and answers that say all of it: scopes, and sentences that carry a rule on."""

import re

import pytest

from generators.extractive.generate import generate
from generators.extractive.lexicon import lexicon
from generators.interface import Source
from schemas.records import Chunk, Document, Draft

SICK = "## Sick leave\n\nYou need a note from the doctor.\n\n"


def documents(*texts: str) -> list[Document]:
    return [
        Document.of(path=f"{place}.md", title=text.split("\n")[0].lstrip("# "), format="md", text=text, raw=b"")
        for place, text in enumerate(texts)
    ]


def drafts(*texts: str) -> list[Draft]:
    sources = [Source(document, (Chunk.of(document, 0, len(document.text), (), 10),)) for document in documents(*texts)]
    return [one for one in generate(sources, company="Acme", wordings=12, seed=0) if isinstance(one, Draft)]


def asked(*texts: str) -> dict[str, str]:
    """The closed-book questions and their answers."""
    return {draft.instruction: draft.output for draft in drafts(*texts) if not draft.input}


def about(found: dict[str, str], pattern: str) -> list[str]:
    return [question for question in found if re.search(pattern, question)]


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("Military leave", "for military leave"),
        ("Travel tool", "in the travel tool"),
        ("Gift policy", "under the gift policy"),
        ("Kick-off meetings", "during kick-off meetings"),
    ],
)
def test_a_scope_is_woven_into_every_wording_with_a_fitting_preposition(heading, said):
    found = about(asked(f"# Handbook\n\n## {heading}\n\nYou can carry over up to 15 days into the next year.\n"), "carry over")

    assert len(found) >= 3
    assert all(said in question for question in found)


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("Your manager can enter the hours.", "I am booking a trip"),
        ("Results are shared on Friday, because the office is full.", "I have a question about booking a trip"),
    ],
)
def test_a_scope_that_is_a_doing_is_what_the_asker_does(rule, start):
    found = asked(f"# Handbook\n\n## Booking a trip\n\n{rule}\n\n## Eating\n\nYou may eat.")

    assert about(found, rf"^{start}\. [A-Z]")


def test_a_product_is_named_in_a_sentence_of_its_own_or_by_its_owner():
    manual = "# Plover 90 manual\n\nThe Plover 90 is a pump.\n\n## Faults\n\nIf a screw is missing, write to the shop within 5 days.\n\n| Register | Unit |\n|---|---|\n| 12 | litres |\n"
    (document,) = documents(manual)
    source = Source(document, (Chunk.of(document, 0, len(manual), (), 10),))
    found = {
        draft.instruction: draft.output
        for draft in generate([source], company="Acme", wordings=12, seed=0)
        if isinstance(draft, Draft) and not draft.input
    }

    assert about(found, r"^I use the Plover 90\. What (?:do|should) I do if a screw is missing\?$")
    assert found["What is the unit of register 12 of the Plover 90?"] == "litres"


def test_a_bare_question_is_asked_behind_what_its_page_is_for_or_not_at_all():
    text = "## What are my locker numbers?\n\nThe two numbers on the card that you get from the desk on your first day.\n"

    assert asked(f"# Ordering a locker\n\nA locker is grey.\n\n{text}")["I am ordering a locker. What are my locker numbers?"]
    assert about(asked(f"# FAQ\n\n{text}"), "locker numbers") == []


def test_a_question_about_what_is_mine_names_where_it_is():
    text = "# Print Studio\n\nThe Print Studio helps. We like the Print Studio.\n\n## What should I do if my request isn't answered?\n\nWrite to the desk after three days, and somebody will call you back.\n"
    found = about(asked(text), "my request")

    assert found
    assert all(question.startswith("I have a question about the Print Studio. ") for question in found)


def test_a_condition_keeps_its_end():
    """The scope stands before the condition, where it cannot be read as a part of it."""
    found = about(asked("# Handbook\n\n## Unpaid leave\n\nOnce all approvals are received, write to the people team.\n"), "approvals")

    assert found
    assert all("for unpaid leave once all approvals are received" in question for question in found)


def test_a_question_that_names_its_topic_is_left_as_it_is():
    found = about(asked(f"# Handbook\n\n{SICK}## Military leave\n\nYou can carry over up to 15 days of military leave."), "carry over")

    assert found
    assert not any(re.search(r"\bfor (?:the )?military leave", question) for question in found)


def test_a_scope_that_cannot_be_joined_stands_in_front():
    found = about(asked("# Handbook\n\n## Military leave\n\nYou can ask for up to 15 days for each year."), "15 days")

    assert found
    assert all(re.search(r"^(?:For|Regarding|When it comes to|I have a question about) military leave", question) for question in found)


def test_what_is_scoped_is_asked_of_its_passage_too():
    text = "# Handbook\n\n## Military leave\n\nYou can carry over up to 15 days into the next year. A reserve duty of the army, the navy or the coast guard counts, and the people team keeps the orders."
    given = [draft for draft in drafts(text) if draft.task == "open_book" and "carry over" in draft.instruction]

    assert given
    assert not any("for military leave" in draft.instruction for draft in given)


def test_rare_words_are_counted_over_the_documents():
    texts = [f"# Page {letter}\n\nThe badge of kind {letter * 4} opens the {letter * 5} door." for letter in "abcdefgh"]
    counted = lexicon(documents(*texts))

    assert "aaaa" in counted.rare
    assert "badge" in counted.frequent
    assert "badge" not in counted.rare
    assert counted.for_text(texts[0]).rare == counted.rare & {"aaaa", "aaaaa"}


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (
            "You can keep a badge at home. However, you must lock it away.",
            "Can I keep a badge at home?",
            "Yes. You can keep a badge at home. However, you must lock it away.",
        ),
        (
            "If you lose a badge, call the front desk. Then write to the people team. Badges are blue.",
            "What should I do if I lose a badge?",
            "If you lose a badge, call the front desk. Then write to the people team.",
        ),
        (
            "If you lose a badge, call the front desk. If you find a badge, keep it.",
            "What should I do if I lose a badge?",
            "If you lose a badge, call the front desk.",
        ),
        (
            "If you lose a badge, open the portal. A list opens. Choose a badge.",
            "What should I do if I lose a badge?",
            "If you lose a badge, open the portal. A list opens. Choose a badge.",
        ),
        (
            "Each employee can order 3 badges. The shop prints them.",
            "How many badges can each employee order?",
            "Each employee can order 3 badges.",
        ),
        (
            "Each employee can order 3 badges. If you are a contractor, you can order one.",
            "How many badges can each employee order?",
            "Each employee can order 3 badges. If you are a contractor, you can order one.",
        ),
    ],
)
def test_an_answer_goes_on_as_far_as_the_rule(text, question, answer):
    assert asked(f"# Handbook\n\n## Badges\n\n{text}").get(question) == answer


def test_each_joined_sentence_is_quoted():
    text = "# Handbook\n\n## Badges\n\nYou can keep a **badge** at home. However, you must lock it away."
    draft = next(draft for draft in drafts(text) if "keep a badge" in draft.instruction)

    assert draft.quotes == ("You can keep a **badge** at home.", "However, you must lock it away.")


@pytest.mark.parametrize(
    "text",
    [
        "You can keep a badge at home. However, the following is needed:\n\nA lock.",
        "If you are a contractor, you need a note. You can keep a badge at home.",
        "For contractors:\n\nYou can keep a badge at home.",
    ],
)
def test_a_rule_that_is_cut_off_from_its_condition_is_not_asked(text):
    assert not about(asked(f"# Handbook\n\n## Badges\n\n{text}"), "keep a badge")


def test_an_also_of_a_plain_fact_is_left_out():
    found = asked("# Handbook\n\n## Badges\n\nYou can also order up to 3 badges per year.")

    assert found["How many badges can I order per year?"] == "You can order up to 3 badges per year."


def test_a_choice_of_acts_is_not_a_yes_or_no_question():
    found = asked("# Handbook\n\n## Parts\n\nParts should be ordered in or printed as a batch.")

    assert not about(found, r"^Should parts")
    assert "Is it true that parts should be ordered in or printed as a batch?" in found


def test_long_falsehoods_about_things_are_not_put_to_anybody():
    text = "# Handbook\n\n## Reports\n\nCareful thought should be given to the places in the town where we post our reports of the year."

    assert not about(asked(text), "have to be given")


def test_a_step_in_a_tool_is_asked_with_what_it_is_a_step_of():
    found = about(asked("# Handbook\n\n## Ordering a badge\n\nClick on the blue button to open the printing queue."), "printing queue")

    assert found
    assert all("when ordering a badge" in question for question in found)


def test_a_short_name_is_said_in_full():
    text = "# Design Lab\n\nWe call it the Design Lab. People love the Design Lab.\n\n## Requests\n\nIf you need the Lab for a speech, tell the people team."

    assert about(asked(text), "if I need the Design Lab for a speech")


@pytest.mark.parametrize(
    "text",
    [
        "## Flags\n\nWhen set to true, the server prints a report.",
        "## Version 2.3\n\n- Restore all badges before the meeting.\n- Keep all lamps within the room.",
        "## Badges\n\nSee README.DOS for the rules on MS-DOS.",
        "## Badges\n\nWrite to the people team about the late shifts you plan to work before a feast.",
        "## Badges\n\nIf you are tired, you can take one of the restful rooms.",
        "## Badges\n\nYou can open the door by pressing the handle (it has the form of a shell.",
    ],
)
def test_what_is_no_rule_for_a_reader_is_not_asked(text):
    assert not about(asked(f"# Handbook\n\n{text}"), "set to true|restore|keep all|README.DOS|work before|restful|open the door")


def test_a_pointer_to_another_page_is_no_answer_to_a_case():
    assert not about(asked("# Handbook\n\n## Benefits\n\nIf you are looking for glasses, see the benefits page."), "glasses")


def test_a_rule_for_what_came_before_is_not_asked():
    assert not about(
        asked("# Handbook\n\n## Reviews\n\nThe talk ends. You can then appeal in writing to the people team within 10 days."), "appeal"
    )


@pytest.mark.parametrize(
    "text",
    [
        "If you ask me to check a badge, send me a picture of it.",
        "To suggest a new badge, see the files of the people team.",
        "To find your badge, check this resource of the people team.",
        "If you lose a badge, you must report it in both systems.",
    ],
)
def test_what_only_its_author_or_another_page_can_answer_is_not_asked(text):
    assert not about(asked(f"# Handbook\n\n## Offices\n\n{text}"), "badge")
