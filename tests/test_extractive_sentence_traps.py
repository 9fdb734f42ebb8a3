"""Real mistakes of rules that question sentences (measured on two handbooks): each is refused or worded right."""

import re

import pytest

from generators.extractive.generate import generate
from generators.interface import Source
from schemas.records import Chunk, Document, Draft


def asked(*texts: str) -> dict[str, str]:
    """The closed-book questions asked of documents with `texts`, and their answers."""
    documents = [Document.of(path=f"{place}.md", title="Handbook", format="md", text=text, raw=b"") for place, text in enumerate(texts)]
    sources = [Source(document, (Chunk.of(document, 0, len(document.text), (), 10),)) for document in documents]
    made = generate(sources, company="Acme", wordings=12, seed=0)
    return {one.instruction: one.output for one in made if isinstance(one, Draft) and not one.input}


def holds(found: dict[str, str], pattern: str) -> list[str]:
    """The questions of `found` in which `pattern` occurs."""
    return [question for question in found if re.search(pattern, question)]


def test_the_reader_is_never_me_before_a_verb():
    """Trap 1."""
    found = asked(
        "## Leave\n\nIf you ever need leave, tell the people team.\n\nIf you believe you have a parental claim, write to the people team."
    )

    assert "What should I do if I ever need leave?" in found
    assert "What should I do if I believe I have a parental claim?" in found
    assert not holds(found, r"\bme (?:ever )?(?:need|have)\b")


def test_a_name_is_never_put_into_another_person():
    """Trap 1."""
    found = asked("## Equity\n\nEmployees can read the Guide to Your Equity in Atlas.\n\nThank you again for joining us on the first day.")

    assert holds(found, "Guide to Your Equity")
    assert not holds(found, r"Guide to My|thank I")


def test_we_and_i_never_meet_in_one_question():
    """Trap 2."""
    found = asked("## Patents\n\nWe pay 500 euros for your patent.\n\nWe do not work weekends.")

    assert "How much does Acme pay for my patent?" in found
    assert "Do we work weekends?" in found
    assert not holds(found, r"\b(?:we|us)\b.*\b(?:I|me|my)\b|\b(?:I|me|my)\b.*\b(?:we|us)\b")


def test_a_rule_for_one_kind_of_leave_is_never_asked_of_all_leave():
    """Trap 6."""
    found = asked("## Military leave\n\nYou can carry over up to 15 days into the next year.")

    assert holds(found, "[Cc]an I carry over up to 15 days")
    assert all("military leave" in question for question in found)


def test_a_case_under_a_question_is_never_asked_without_it():
    """Trap 6."""
    text = "## What if I rent a car for a private journey?\n\nDo not use your travel card. The insurance company sends the documents within 10 days."

    assert not holds(asked(text), r"use my travel card|documents\b")


def test_a_clause_is_never_swallowed_as_a_subject():
    """Trap 7."""
    assert not holds(
        asked("## Help\n\nSo please tell us where you find a fault you can mend. If you are new you can ask."), r"so please|are if"
    )


def test_only_and_unless_are_never_dropped():
    """Trap 8."""
    text = "## Hours\n\nYou should only enter hours used in Rota. You must enter hours unless you travel abroad."

    assert not holds(asked(text), r"[Ss]hould I enter|have to enter hours")


def test_a_prohibition_never_gets_the_wrong_answer():
    """Trap 9."""
    found = asked("## Dogs\n\nYou may not bring dogs to the office.")

    assert found["Is it against the rules to bring dogs to the office?"].startswith("Yes. ")
    assert found["Can I bring dogs to the office?"].startswith("No. ")


def test_what_may_not_come_to_pass_is_never_a_prohibition():
    """Trap 9."""
    assert not holds(asked("## Slack\n\nYou may not read every Slack channel, but all of them are open."), "every Slack channel")


def test_a_positive_wording_of_must_not_keeps_its_sense():
    """Trap 9."""
    found = asked("## Rules\n\nConfidential files must not be saved on private phones.")

    assert found["May confidential files be saved on private phones?"].startswith("No. ")


def test_a_list_of_acts_is_never_cut_in_the_middle():
    """Trap 10."""
    text = "## Holidays\n\nDrivers should check tyres, let the depot know, and enter them. You must come to the yard or have a signed note in Rota."

    assert not holds(asked(text), r"let the depot know|come to the yard")


def test_what_can_come_to_pass_is_never_a_permission():
    """Trap 11."""
    text = "## Parents\n\nParenthood can be unexpected. You may experience slow pages of the portal. The portal page should load at once."

    assert not holds(asked(text), "parenthood|experience|load")


def test_a_number_in_a_frame_is_never_counted():
    """Trap 12."""
    text = "## Hours\n\nThe points move from one season to the following one. The new rate starts two weeks after the talk."

    assert not holds(asked(text), r"[Hh]ow many (?:seasons|points|weeks)")


def test_what_an_amount_is_for_is_never_left_out():
    """Trap 12."""
    text = "## Study leave\n\nYou can use up to 6 hours of study leave to sit an exam for yourself or stand in for a colleague."
    found = asked(text)

    assert all("exam" in question for question in holds(found, "how many hours|number of hours"))


def test_an_amount_is_never_asked_as_what_is_offered():
    """Trap 13."""
    found = asked("## Referral bonus\n\nThe referral bonus is 1,500 euros. We offer a $500 referral bonus for engineers.")

    assert "How much is the referral bonus?" in found
    assert not holds(found, "do we offer referral|does Acme offer referral")


def test_a_plain_fact_never_says_what_to_do():
    """Trap 17."""
    found = asked("## Leaving\n\nIf you leave Acme, award leave is not paid out.")

    assert "What happens if I leave Acme?" in found
    assert "Is award leave paid out if I leave Acme?" in found
    assert not holds(found, "[Ss]hould I do|[Dd]o I do")


def test_a_purpose_of_the_company_is_never_a_how_to():
    """Trap 18."""
    text = "## Prices\n\nTo keep prices simple, we change them once a season. You plan to work from home and need to ask."

    assert not holds(asked(text), "keep prices simple|[Hh]ow do I work")


def test_praise_is_never_a_definition():
    """Trap 19."""
    text = "## Trust\n\nTrust is the currency of teams. Acme is an equal-opportunity employer of people. Monday is a good day to start."

    assert not holds(asked(text), r"[Ww]hat is (?:trust|Acme|Monday)\b")


def test_any_questions_are_never_a_situation():
    """Trap 20."""
    text = "## Help\n\nIf you have any questions, write to the people team.\n\nIf you are not sure whether it is safe, ask first."

    assert not holds(asked(text), "questions[.?]|not sure")


def test_a_contact_is_never_taken_from_the_heading():
    """Trap 21."""
    assert not holds(asked("## Changes in tax\n\nSend the completed form to payroll."), "about changes in tax")


def test_residue_of_templates_is_never_asked():
    """Trap 22."""
    assert asked("## Forms\n\nSee [cgeform] and {% page %} within 5 days of $[x,xxx].") == {}
    assert asked("## Travel\n\nNext to: reimbursement within 5 days >") == {}


@pytest.mark.parametrize(
    "text",
    [
        "## Leave\n\nThe cap is low. For example: it is March. You can claim up to 40 early rest hours.",
        "## Leave example\n\nYou are not required to lock up in the laboratory.",
        "## Shares\n\nIf Acme sold for 40 million euros, then 9 million would go to the shareholders.",
        "## Marks\n\nIf the deduction for a late sample is 3 marks a week, then handing it in 2 weeks late leaves a total of 8.",
    ],
)
def test_an_example_is_never_a_rule(text):
    """Trap 26."""
    assert not holds(asked(text), "early rest hours|lock up|sold|deduction")


def test_a_plural_acronym_is_never_in_the_singular():
    """Trap 27."""
    assert not holds(asked("## Goals\n\nObjectives and Key Results (OKRs) are set by the team."), "OKRs stand for")


def test_an_acronym_never_has_two_answers():
    """Trap 27."""
    first = "## FMLA\n\nThe Family and Medical Leave Act (FMLA) protects your job."
    second = "## Leave\n\nThe Family Medical Leave Act (FMLA) holds for all. The Standard Lamp Assembly (SLA) is sold."
    third = "## Replies\n\nA Service Level Agreement (SLA) is a promise on reply times."
    found = asked(first, second, third)

    assert found["What does FMLA stand for?"] == "Family and Medical Leave Act"
    assert not holds(found, r"\bSLA\b.*\bstand")


def test_a_connective_is_never_in_question_or_answer():
    """Trap 28."""
    found = asked("## Leave\n\nHowever, you can also donate leave to a colleague.")

    assert found["Can I donate leave to a colleague?"] == "Yes. You can donate leave to a colleague."
    assert not holds(found, r"\balso\b|[Hh]owever")


def test_a_sentence_that_points_back_is_never_asked():
    """Of the causes of C: pronouns."""
    assert asked("## Leave\n\nIt expires within 30 days of the award.\n\nYou must follow the rules described above.") == {}
    assert not holds(asked("## Storage\n\nDelete the customer data when its retention period ends."), "do when its")


def test_a_bare_noun_is_named_by_its_heading():
    """Of the causes of C: scope."""
    assert "When is the company bonus paid?" in asked("## Company bonus\n\nThe bonus is paid on 25 June.")
