"""What strict readers found wrong in questions of sentences: pasted headings, lost context, cut answers, false echoes."""

import pytest

from tests.test_extractive_scope import about, asked

CASE = "If the lighthouse loses its lamp, call the harbour master in Corrin Bay."


@pytest.mark.parametrize(
    ("heading", "unsaid"),
    [
        ("Limit contract sizes", "limit contract"),
        ("04 Good habits for contracts", "04"),
        ("Costs of candidates", "costs"),
        ("Growth and Contracts", "contracts if"),
    ],
)
def test_a_heading_that_nobody_would_say_is_not_pasted_into_a_question(heading, unsaid):
    found = about(asked(f"# Handbook\n\n## {heading}\n\n{CASE}\n"), "lighthouse")

    assert not any(unsaid in question for question in found)


def test_a_heading_of_two_things_stands_in_front():
    found = about(asked("# Handbook\n\n## Tracks and levels\n\nYou may defer a promotion for one year.\n"), "defer a promotion")

    assert found
    assert not any("for tracks and levels" in question for question in found)


def test_a_thing_is_named_in_full_and_not_twice():
    found = asked("# Handbook\n\n## Company cards\n\nIf the card is lost, block it at once in Ledgerline.\n")

    assert about(found, "if the company card is lost")
    assert not about(found, "for company cards")


def test_a_day_is_not_named_by_a_heading_that_does_not_say_whose_it_is():
    found = asked("# Handbook\n\n## First day\n\nThe day should start at 10:00. The printer must be cleaned every 3 days.\n")

    assert not about(found, "the first day (?:should )?start|the day should start|doesn't have to start")


def test_a_comparison_needs_what_it_compares_with():
    found = asked("# Handbook\n\nIf all rooms in the harbour hotel are dearer during a fair, ask Ann Lee for an exception.\n")

    assert not about(found, "dearer")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "If your sensor is out of warranty, the workshop inspects it for 40 euros. The fee is deducted if you accept the quote.",
            "If your sensor is out of warranty, the workshop inspects it for 40 euros. The fee is deducted if you accept the quote.",
        ),
        (
            "If your sensor is out of warranty, the workshop inspects it for 40 euros. Lamps are green.",
            "If your sensor is out of warranty, the workshop inspects it for 40 euros.",
        ),
    ],
)
def test_the_rest_of_a_short_paragraph_belongs_to_a_case(text, answer):
    found = asked(f"# Repairs\n\n{text}\n")

    assert {found[question] for question in about(found, "out of warranty")} == {answer}


def test_a_rule_does_not_swallow_the_rules_after_it():
    found = asked("# Desks\n\nYou must lock the cabinet before 18:00. Order the pens on Monday. Lamps must be cleaned each May.\n")

    assert {found[question] for question in about(found, "lock the cabinet")} <= {
        "Yes. You must lock the cabinet before 18:00.",
        "No. You must lock the cabinet before 18:00.",
        "You must lock the cabinet before 18:00.",
    }


def test_a_noun_that_somebody_owns_is_no_verb():
    found = asked("# Teams\n\nThe teams' need to coordinate their calendars is minimal, because every welder follows the tide table.\n")

    assert not about(found, "must coordinate|have to coordinate")


def test_what_is_encouraged_is_not_said_to_be_right():
    found = asked("# Mentors\n\nEmployees are encouraged to walk with their mentor on quiet afternoons.\n")

    assert about(found, "encouraged to walk")
    assert not about(found, r"\bshould\b")


def test_a_thing_is_never_said_to_be_free_of_a_duty():
    found = asked("# Reviews\n\nThe harbour review should start at 10:00 in Lagoon.\n")

    assert about(found, "start at 10:00")
    assert not about(found, "have to start")


def test_a_reason_of_a_relative_clause_is_no_reason_of_the_rule():
    found = asked(
        "# Shipping\n\nYou pay to ship a sensor that is out of warranty or that you return because the colour does not please you.\n"
    )

    assert not about(found, "(?i)why|how come|reason")


def test_an_answer_that_promises_an_answer_is_none():
    found = asked("# Holidays\n\nIf a bank holiday falls on a Sunday, we will let you know when the harbour is closed.\n")

    assert not about(found, "bank holiday")


def test_a_condition_behind_two_acts_is_not_taken_for_that_of_both():
    found = asked("# Trips\n\nBook the ferry 14 days ahead and choose a cabin with a window if you carry sensors.\n")

    assert not about(found, "if I carry sensors")


def test_a_footnote_number_is_no_part_of_an_answer():
    found = asked("# Grants\n\nHarbour grants provide 31% of all pier budgets, and they cover the repair costs3 of every pier.\n")

    assert not any("costs3" in answer for answer in found.values())


def test_a_definition_is_not_asked_as_if_somebody_had_heard_of_a_single_thing():
    found = asked("# Terms\n\nA billable sensor is a device that has sent at least one reading in the calendar month.\n")

    assert about(found, "billable sensor")
    assert not about(found, "hearing about a|Describe a")
