"""Questions of single sentences: which wordings a rule, a condition, a means or a period gets, and which it must not get."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.extractive.english import contracted, flip
from generators.extractive.generate import generate
from generators.interface import Source
from schemas.records import Chunk, Document, Draft


def asked(text: str) -> dict[str, str]:
    """The closed-book questions asked of `text`, and their answers."""
    document = Document.of(path="a.md", title="Handbook", format="md", text=text, raw=b"")
    sources = [Source(document, (Chunk.of(document, 0, len(text), (), 10),))]
    made = generate(sources, company="Acme", wordings=12, seed=0)
    return {one.instruction: one.output for one in made if isinstance(one, Draft) and not one.input}


EXAMPLES = [
    ("## Leave\n\nIf you have used up paid leave, you can request unpaid leave.", "What are my options if I have used up paid leave?", ""),
    ("## Leave\n\nIf you have used up paid leave, you can request unpaid leave.", "Can I request unpaid leave if I have used up paid leave?", "Yes. "),
    ("## Moving\n\nIf you are moving to another town, you'll also need to hand in a parking form.", "I am moving to another town. What should I do?", ""),
    ("## Moving\n\nWrite to payroll if you plan to move to another town.", "What should I do if I plan to move to another town?", ""),
    ("## Leave\n\nUse TS Desk to request sick leave.", "How do I request sick leave?", ""),
    ("## Badges\n\nYou can fill out the blue form to order a visitor badge.", "How do I order a visitor badge?", ""),
    ("## Refunds\n\nCustomers can return an opened sensor within 30 days.", "How long do customers have to return an opened sensor?", ""),
    ("## Overtime\n\nYou take overtime back as time off within 3 months.", "How long do I have to take overtime back as time off?", ""),
    ("## Study leave\n\nYou can receive a maximum of 30 hours of study leave per season.", "What is the maximum number of hours of study leave I can receive per season?", ""),
    ("## Passwords\n\nA password must have at least 14 characters.", "What is the minimum number of characters that a password must have?", ""),
    ("## Overtime\n\nYou are not required to work overtime in a laboratory.", "Do I have to work overtime in a laboratory?", "No. "),
    ("## Reviews\n\nEvery employee must complete a self-review each May.", "Someone told me that not every employee has to complete a self-review each May. Is that right?", "No. "),
    ("## Orders\n\nAt the end of a project, the team lead must archive its repository of code.", "Does the team lead have to archive its repository of code at the end of a project?", "Yes. "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "question", "lead"), EXAMPLES, ids=[question for _, question, _ in EXAMPLES])
def test_a_sentence_is_asked_as_a_person_would_ask_it(text, question, lead):
    sentence = text.rsplit("\n", maxsplit=1)[1].replace(" also", "") if lead else text.rsplit("\n", maxsplit=1)[1]

    assert asked(text)[question] == lead + sentence


NEVER = [
    ("a trivial order", "## Classes\n\nGet actively involved in the course. Take care when connecting probes."),
    ("a plan of one person", "## Changes\n\nRuth will be keeping some time free every month on Monday mornings."),
    ("an expectation", "## Mileage\n\nA list of choices should open. Your mileage should fill in by itself."),
    ("an evaluation", "## Acme\n\nLoud music is not appropriate. We are not a normal boat maker."),
    ("a means that is no place", "## Slack\n\nYou can also raise other matters in the Harbor Ideas Room, as noted above."),
]  # fmt: skip


@pytest.mark.parametrize("text", [text for _, text in NEVER], ids=[name for name, _ in NEVER])
def test_what_nobody_would_ask_is_not_asked(text):
    assert not [
        question
        for question in asked(text)
        if not re.match(r"(?:What|How|Which|Tell me about|Give me).*\b(?:rules|apply|say|overview)", question)
    ]


def test_a_sentence_with_but_is_never_turned_into_a_falsehood():
    found = asked("## Peripherals\n\nSecond screens can be ordered by the team lead, but only with approval.")

    assert found["Can second screens be ordered by the team lead?"].startswith("Yes. ")
    assert not [question for question, answer in found.items() if answer.startswith("No. ")]


def test_a_prohibition_until_a_time_is_not_asked_as_a_permission():
    assert not [
        question for question in asked("## Devices\n\nDo not restart the devices until their logs are copied.") if "restart" in question
    ]


WORDS = st.sampled_from(
    ["you", "your", "you are", "help", "must", "if", "ask", "the plan", "with", "believe", "have", "leave", ",", "Acme"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=10).map(" ".join))
def test_the_asker_is_never_addressed(text):
    turned = flip(text)

    assert not re.search(r"\byou(?:r|rself)?\b|\bme (?:am|are|must)\b|\bI are\b", turned)
    assert flip(turned) == turned


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["do", "does", "is", "are", "should", "must", "can", "will"]), st.sampled_from(["he", "the plan"]))
def test_a_contraction_keeps_every_other_word(verb, subject):
    assert contracted(f"{subject} {verb} not work").replace("n't", "").split()[0] == subject.split()[0]
    assert contracted(f"{subject} {verb} work") == f"{subject} {verb} work"


def test_are_you_is_am_i_where_it_asks():
    assert flip("How long are you away? Were you asked?") == "How long am I away? Was I asked?"
