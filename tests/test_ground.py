"""An answer that says what its document does not is found, and one that only says it in other words is not refused."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation.ground import ground, told, verdict_on
from builder.curation.ground_known import Known
from builder.curation.ground_numbers import figures as values
from builder.curation.ground_source import sentences
from schemas.curation_filters import GroundSection
from schemas.records import Document, Dropped, Evidence, Pair, Provenance, Reason
from tests.labelled_answers import EXTRACTIVE, GOALS, MOST_FALSE_ALARMS, company, false_alarms, figures, labelled

SOAK = bool(os.environ.get("KILOPAIR_SOAK"))
COMPANY = company(Path(__file__).parent.parent / "datasets" / "tarnwell")
TEXT = """# Harbour handbook

## Leave

You have 28 days of leave a year. You may carry over five days, until 31 March 2026. Ask Nora Lind before you book.
Leave of more than two weeks needs 6 weeks of notice. It does not cover the days on which the yard is closed.

## Costs

A hotel may cost up to 1,500 EUR a week, and the desk opens at 7:30. Trips are booked by Tomas Vrba in the Oslo office.
Private calls on the company phone are not allowed. Report a lost badge within 24 hours to the Human Resources desk.

| Plan | Price | Users |
|---|---|---|
| Basic | 20 EUR | 5 |
| Gold | 45 EUR | 12 |

You need three things: a helmet, gloves and boots.
"""
BOOK = Document.of(path="handbook.md", title="Harbour handbook", format="markdown", text=TEXT, raw=TEXT.encode())
DOCUMENTS = {BOOK.id: BOOK}


def pair(output, *quotes, question="What is the rule?", **fields):
    evidence = tuple(Evidence.of(BOOK, TEXT.index(quote), TEXT.index(quote) + len(quote)) for quote in quotes)
    return Pair(**{
        "id": "pair-1", "task": "question_answering", "instruction": question, "output": output, "evidence": evidence,
        "provenance": Provenance(document_id=BOOK.id, chunk_id="chunk-1", generator="test"), "group": "g", "form": "f", **fields,
    })  # fmt: skip


def one(made, **given):
    return next(ground([made], documents=DOCUMENTS, settings=GroundSection(**given), company="Harbour"))


LEAVE, CARRY, NOTICE = (
    "You have 28 days of leave a year.",
    "You may carry over five days, until 31 March 2026.",
    "Leave of more than two weeks needs 6 weeks of notice.",
)
HOTEL, CALLS, BADGE = (
    "A hotel may cost up to 1,500 EUR a week, and the desk opens at 7:30.",
    "Private calls on the company phone are not allowed.",
    "Report a lost badge within 24 hours to the Human Resources desk.",
)
TRIPS = "Trips are booked by Tomas Vrba in the Oslo office."


@pytest.mark.parametrize(("output", "quote"), [
    ("You have twenty-eight days of leave a year.", LEAVE),
    ("You may carry over 5 days, until March 31, 2026.", CARRY),
    ("You may carry over five days, until 2026-03-31.", CARRY),
    ("You may carry over five days until 31.3.2026.", CARRY),
    ("A hotel may cost up to EUR 1.500,00 a week.", HOTEL),
    ("The desk opens at 7.30 am.", HOTEL),
    ("Leave of more than 14 days needs six weeks of notice.", NOTICE),
    ("Report a lost badge within one day to the HR desk.", BADGE),
    ("Private phone calls on the company phone aren't allowed.", CALLS),
    ("Yes. Trips are booked by Tomas Vrba.", TRIPS),
    ('{"booked_by": "Tomas Vrba", "office": "Oslo"}', TRIPS),
])  # fmt: skip
def test_the_same_in_another_form_has_no_sign(output, quote):
    verdict = verdict_on(pair(output, quote), DOCUMENTS, thin=0.5)

    assert verdict.signs == ()


@pytest.mark.parametrize(("output", "quote", "reason"), [
    ("You have 30 days of leave a year.", LEAVE, Reason.UNGROUNDED_NUMBER),
    ("You have 28 weeks of leave a year.", LEAVE, Reason.UNGROUNDED_NUMBER),
    ("You may carry over five days, until 31 May 2026.", CARRY, Reason.UNGROUNDED_NUMBER),
    ("You may carry over five days, until 31 March 2027.", CARRY, Reason.UNGROUNDED_NUMBER),
    ("A hotel may cost up to 1,900 EUR a week.", HOTEL, Reason.UNGROUNDED_NUMBER),
    ("The desk opens at 8:30.", HOTEL, Reason.UNGROUNDED_NUMBER),
    ("Trips are booked by Tomas Berg in the Oslo office.", TRIPS, Reason.FOREIGN_NAME),
    ("Trips are booked by Tomas Vrba in the Lisbon office.", TRIPS, Reason.FOREIGN_NAME),
    ("Private calls on the company phone are allowed.", CALLS, Reason.CONTRADICTS_SOURCE),
    ("You may not carry over five days.", CARRY, Reason.CONTRADICTS_SOURCE),
    ("You can't carry over five days, until 31 March 2026.", CARRY, Reason.CONTRADICTS_SOURCE),
])  # fmt: skip
def test_a_sentence_of_the_document_with_one_thing_changed_is_dropped(output, quote, reason):
    record = one(pair(output, quote))

    assert isinstance(record, Dropped)
    assert record.reason == reason
    assert record.detail


@pytest.mark.parametrize("output", [
    "Every year the yard gives people almost six weeks off, which is generous by the standards of Hamburg.",
    "Think of it as a budget: spend it, roll a handful into spring, and talk to Nora first.",
    "Holiday is plentiful here, though nothing is paid for closed days in 2031.",
    "It never expires quickly; about 40 percent of colleagues save a little for March.",
])  # fmt: skip
def test_an_answer_in_words_of_its_own_is_flagged_and_never_refused(output):
    record = one(pair(output, LEAVE, CARRY))

    assert isinstance(record, Pair)
    assert 0 <= record.scores["support"] < 0.6
    assert told(record.flags)


@pytest.mark.parametrize(("output", "quote"), [
    ("Everyone gets 28 days off each year.", LEAVE),
    ("Up to five unused days move into the next year, as long as they are taken by the end of March 2026.", CARRY),
    ("If you want to be away for over a fortnight, tell us six weeks ahead.", NOTICE),
    ("Hotels are paid up to a limit of 1,500 euros per week.", HOTEL),
    ("From half past seven in the morning you find somebody at the desk.", HOTEL),
    ("Contact Tomas Vrba; he arranges travel from the Oslo office.", TRIPS),
    ("No. Please use your own phone for private calls.", CALLS),
    ("Tell Human Resources within a day if your badge is gone.", BADGE),
    ("You have 24 hours to let HR know that a badge was lost.", BADGE),
    ("Gold is 25 euros more than Basic and adds seven users.", "| Basic | 20 EUR | 5 |\n| Gold | 45 EUR | 12 |"),
    ("Nora Lind has to agree first. Book only after that.", "Ask Nora Lind before you book."),
])  # fmt: skip
def test_a_good_answer_in_words_of_its_own_is_not_refused(output, quote):
    record = one(pair(output, quote))

    assert isinstance(record, Pair)
    assert not {"foreign_name", "ungrounded_number", "wrong_unit"} & set(record.flags)


def test_a_good_answer_passes_with_its_support():
    record = one(pair(f"{LEAVE} {CARRY}", LEAVE, CARRY))

    assert isinstance(record, Pair)
    assert record.scores == {"support": 1.0, "verbatim": 1.0}
    assert not record.flags


def test_never_refuse_only_flags():
    record = one(pair("You have 30 days of leave a year.", LEAVE), refuse="never")

    assert isinstance(record, Pair)
    assert record.flags == ("ungrounded_number",)


@pytest.mark.parametrize(("output", "quotes", "question", "flag"), [
    ("You have five days of leave a year.", [LEAVE], "How long is it?", "far_number"),
    ("Ask Tomas before you book.", ["Ask Nora Lind before you book."], "Whom do I ask?", "foreign_name"),
    ("You need 33 days of leave a year.", [LEAVE, CARRY], "How many?", "derived_number"),
    ("Yes. You may not smoke in the yard.", [CARRY], "May I smoke in the yard?", "yes_no"),
    ("The Oslo office is booked by Tomas Vrba on trips.", [TRIPS], "Who books?", "word_order"),
    ("Trips are booked by Nora Lind.", [TRIPS, "Ask Nora Lind before you book."], "Who books?", "far_name"),
])  # fmt: skip
def test_what_is_doubtful_is_flagged(output, quotes, question, flag):
    verdict = verdict_on(pair(output, *quotes, question=question), DOCUMENTS, thin=0.6)

    assert flag in {sign.flag for sign in verdict.signs}


def test_what_the_question_says_may_be_repeated():
    record = one(pair("For Kestrel you have 28 days of leave in 2031.", LEAVE, question="How much leave is there at Kestrel in 2031?"))

    assert isinstance(record, Pair)
    assert record.flags == ()


def test_a_count_of_what_the_source_lists_is_no_foreign_number():
    record = one(pair("There are 2 plans: Basic and Gold.", "| Basic | 20 EUR | 5 |\n| Gold | 45 EUR | 12 |"))

    assert isinstance(record, Pair)
    assert "ungrounded_number" not in record.flags


def test_evidence_that_does_not_resolve_is_dropped():
    good = pair(LEAVE, LEAVE)
    moved = good.evidence[0].model_copy(update={"start": 1, "end": 1 + len(LEAVE)})
    unread = good.evidence[0].model_copy(update={"document_id": "doc-elsewhere"})
    records = [one(good.model_copy(update={"evidence": (evidence,)})) for evidence in (moved, unread)]

    assert [record.reason for record in records if isinstance(record, Dropped)] == [Reason.UNGROUNDED] * 2


@pytest.mark.parametrize("grounding", ["absent", "none"])
def test_a_pair_that_rests_on_no_quote_passes_as_it_is(grounding):
    made = pair("We know nothing about 99 dragons in Atlantis.", grounding=grounding)

    assert one(made) is made


def test_a_german_noun_is_no_name():
    text = "# Urlaub\n\nDie Beschäftigten haben 28 Tage Urlaub im Jahr. Der Antrag geht an die Leitung der Abteilung im Hafen.\n"
    document = Document.of(path="urlaub.md", title="Urlaub", format="markdown", text=text, raw=text.encode())
    quote = "Der Antrag geht an die Leitung der Abteilung im Hafen."
    start = text.index(quote)
    made = pair("Der Antrag geht an die Leitung und die Abteilung mit Gruß.", grounding="none").model_copy(
        update={"grounding": "quoted", "evidence": (Evidence.of(document, start, start + len(quote)),)}
    )
    record = next(ground([made], documents={document.id: document}, settings=GroundSection()))

    assert isinstance(record, Pair)
    assert "foreign_name" not in record.flags


def test_labelled_answers_are_told_apart():
    answers = labelled(COMPANY, seed=7, most=2000 if SOAK else 150)
    table = figures(answers, COMPANY)

    for kind, goal in GOALS.items():
        assert table[kind]["any"] >= goal, (kind, table[kind])
    assert false_alarms(table) <= MOST_FALSE_ALARMS, {kind: table[kind] for kind in EXTRACTIVE}
    assert table["reworded"]["dropped"] <= 0.01
    assert table["invented sentence"]["any"] >= 0.95


WORDS = st.sampled_from(
    ["5", "28 days", "not", "Oslo", "You", "leave", ".", "\n- ", "{", "7:30", "a", "Tomas", "|", "no", "-", "Yes.", "½", "１２", "EUR"]
)


@given(st.lists(WORDS, min_size=1, max_size=25), st.sampled_from(["sure", "never"]))
@settings(max_examples=3000 if SOAK else 150, deadline=None)
def test_any_answer_is_yielded_once_with_its_id(parts, refuse):
    output = " ".join(parts)
    made = pair(output, LEAVE, TRIPS)
    record = one(made, refuse=refuse)

    assert record.id == made.id
    assert record == one(made, refuse=refuse)
    if isinstance(record, Pair):
        assert 0 <= record.scores["support"] <= 1
        assert 0 <= record.scores["verbatim"] <= 1


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=400), st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=400)
)
@settings(max_examples=3000 if SOAK else 100, deadline=None)
def test_any_text_can_be_compared_with_any_other(output, text):
    document = Document.of(path="x.md", title="x", format="markdown", text=text, raw=b"")
    made = pair(output or "x", grounding="none").model_copy(
        update={"grounding": "quoted", "evidence": (Evidence.of(document, 0, len(text)),)}
    )
    same = made.model_copy(update={"output": text})
    verdicts = [verdict_on(one, {document.id: document}, thin=0.6) for one in (made, same)]

    assert all(0 <= verdict.support <= 1 for verdict in verdicts)
    assert not any(sign.sure for sign in verdicts[1].signs)


@pytest.mark.parametrize(
    "text", ["9" * 20_000, "a" * 60_000, "A1 " * 8_000, "\n- " * 10_000, "one and two, " * 2_000, "](" * 20_000, "Aa of " * 4_000]
)
def test_no_answer_takes_long(text):
    document = Document.of(path="x.md", title="x", format="markdown", text=f"{TEXT}{text}", raw=b"")
    made = pair(LEAVE, LEAVE).model_copy(update={"output": text, "evidence": (Evidence.of(document, 0, len(document.text)),)})
    started = time.process_time()
    verdict_on(made, {document.id: document}, thin=0.6)

    assert time.process_time() - started < 3


@given(st.integers(2, 10**7))
@settings(max_examples=1000 if SOAK else 100)
def test_a_number_is_the_same_with_and_without_separators(number):
    known = Known.of(f"It is {number:,} euros.")

    assert all(known.has(value) for form in (f"{number}", f"{number:,}", f"EUR {number:,}.00") for value in values(f"It is {form} here"))


@given(st.dates())
@settings(max_examples=1000 if SOAK else 100)
def test_a_date_is_the_same_in_every_form(date):
    if not 1900 <= date.year < 2100:
        date = date.replace(year=2024, day=min(date.day, 28))
    forms = [
        f"{date:%Y-%m-%d}",
        f"{date.day} {date:%B} {date.year}",
        f"{date:%B} {date.day}, {date.year}",
        f"{date.day}.{date.month}.{date.year}",
    ]

    for form in forms:
        known = Known.of(f"It starts on {form}.")
        assert all(known.has(value) for other in forms for value in values(f"from {other} on")), form


def test_numbers_of_list_items_and_words_for_somebody_count_nothing():
    assert values("1. Open it\n2. Close it\nNo one may, and one of them must; this one at once.") == []


def test_a_wrapped_line_is_one_sentence():
    assert [sentence.text for sentence in sentences("A line that\ngoes on here. Then\nthe end.\n- item")] == [
        "A line that goes on here.",
        "Then the end.",
        "item",
    ]
