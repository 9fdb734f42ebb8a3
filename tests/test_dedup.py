"""Near copies go, siblings and wordings stay, and in alpaca mode every decision is Alpaca's."""

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer
from rouge_score.tokenize import tokenize

from builder.dedup import dedup
from builder.rouge import alpaca_words, lcs_length, normalised, words
from schemas.records import Dropped, Evidence, Pair, Provenance, Reason, Turn

WORD = st.sampled_from(["what", "is", "the", "price", "of", "Brook", "200", "Reef", "400", "Ünit", "価格", "a", "b", "how-many"])
QUESTION = st.lists(WORD, min_size=1, max_size=14).map(" ".join)


def pair(instruction, output="It is so.", *, group=None, source="", number=0):
    return Pair(
        id=f"pair-{number}",
        task="question_answering",
        instruction=instruction,
        input=source,
        output=output,
        evidence=(Evidence(document_id="doc", start=0, end=1, quote="x"),),
        provenance=Provenance(document_id="doc", chunk_id="chunk", generator="test"),
        group=group or f"group-{number}",
        form="plain",
    )


def pairs(*rows):
    return [pair(*row[:2], **(row[2] if len(row) > 2 else {}), number=number) for number, row in enumerate(rows)]


def decided(records) -> Any:
    return list(dedup(records, threshold=0.7))


def result(records, *, threshold=0.7, alpaca=False):
    return [record.reason if isinstance(record, Dropped) else "kept" for record in dedup(records, threshold=threshold, alpaca=alpaca)]


def alpaca_by_brute_force(instructions, threshold):
    kept, decisions = [], []
    for instruction in instructions:
        tokens = tokenize(instruction, None)
        near = any(rouge_scorer._score_lcs(tokens, other).fmeasure > threshold for other in kept)
        decisions.append(Reason.NEAR_DUPLICATE if near else "kept")
        if not near:
            kept.append(tokens)
    return decisions


@given(st.lists(QUESTION, max_size=25), st.sampled_from([0.3, 0.5, 0.7, 0.9, 1.0]))
@example(["a b c d e f g", "a b c d e f g x y z", "价格", "价格", "?", "?"], 0.7)
@settings(max_examples=150, deadline=None)
def test_alpaca_mode_decides_as_a_brute_force_loop_over_rouge_score(instructions, threshold):
    records = [pair(instruction, number=number) for number, instruction in enumerate(instructions)]

    assert result(records, threshold=threshold, alpaca=True) == alpaca_by_brute_force(instructions, threshold)


@given(st.text("abc", max_size=80), st.text("abc", max_size=80))
@settings(max_examples=100, deadline=None)
def test_the_bit_parallel_lcs_is_that_of_the_textbook(left, right):
    row = [0] * (len(right) + 1)
    for one in left:
        above = row[:]
        for place, other in enumerate(right):
            row[place + 1] = above[place] + 1 if one == other else max(above[place + 1], row[place])

    assert lcs_length(left, right) == row[-1]


@given(st.text(max_size=60))
def test_alpaca_words_are_those_of_rouge_score(text):
    assert alpaca_words(text) == tokenize(text, None)


def test_words_are_of_any_script():
    assert words("Überprüfe C++ und C#, 价格 ﬁx") == ["überprüfe", "c++", "und", "c#", "价", "格", "fix"]


def test_normalised_is_blind_to_case_spacing_quotes_and_the_mark_at_the_end():
    assert normalised("  What’s\n the “limit” ?") == normalised('what\'s the "limit"')


@given(
    st.lists(
        st.tuples(
            QUESTION, st.sampled_from(["Yes.", "No.", "It costs 40 EUR a month."]), st.sampled_from("abc"), st.sampled_from(["", "t", "u"])
        )
    )
)
@settings(max_examples=100, deadline=None)
def test_no_record_is_lost_and_the_order_stays(rows):
    records = [pair(question, output, group=group, source=source, number=n) for n, (question, output, group, source) in enumerate(rows)]

    out = list(dedup(records, threshold=0.7))

    assert [record.id for record in out] == [record.id for record in records]
    assert out == list(dedup(records, threshold=0.7))


@given(st.lists(st.tuples(QUESTION, st.sampled_from(["Yes.", "It costs 40 EUR a month."]), st.sampled_from("abcd"))))
@settings(max_examples=100, deadline=None)
def test_what_was_kept_is_kept_again(rows):
    records = [pair(question, output, group=group, number=n) for n, (question, output, group) in enumerate(rows)]
    kept = [record for record in dedup(records, threshold=0.7) if isinstance(record, Pair)]

    keys = [(normalised(record.instruction), record.input) for record in kept]

    assert len(keys) == len(set(keys))


def test_the_same_question_with_the_same_response_is_a_duplicate():
    records = pairs(("What is the limit?", "40 EUR a night."), ("what is  the limit", "40 EUR a night"))

    *_, dropped = decided(records)

    assert isinstance(dropped, Dropped)
    assert (dropped.reason, dropped.stage, dropped.record["instruction"]) == (Reason.DUPLICATE, "dedup", "what is  the limit")
    assert "pair-0" in dropped.detail


def test_the_same_question_with_another_response_is_a_conflict_that_takes_its_whole_fact_along():
    new, old = {"group": "new policy"}, {"group": "old policy"}
    records = pairs(
        ("How many days of leave do I get?", "You get 30 days.", new),
        ("How many days of leave do I get?", "You get 25 days.", old),
        ("Tell me my yearly days off.", "You get 25 days.", old),
    )

    _, conflict, along = decided(records)

    assert conflict.reason == along.reason == Reason.CONFLICT
    assert "pair-0" in conflict.detail
    assert "pair-0" in along.detail


def test_wordings_of_one_fact_may_be_near_copies_but_not_the_same():
    fact = {"group": "limit"}
    records = pairs(
        ("What is the limit for hotels?", "140 EUR.", fact),
        ("What's the limit for hotels?", "140 EUR.", fact),
        ("What is the limit for hotels", "140 EUR.", fact),
    )

    assert result(records) == ["kept", "kept", Reason.DUPLICATE]


def test_a_fact_that_repeats_another_goes_with_all_its_wordings():
    first, second = {"group": "first"}, {"group": "second"}
    records = pairs(
        ("What is the limit for a hotel room per night?", "It is 140 EUR a night.", first),
        ("What is the limit for the hotel room per night?", "It is 140 EUR a night.", second),
        ("How much may my bed cost?", "It is 140 EUR a night.", second),
    )

    assert result(records) == ["kept", Reason.NEAR_DUPLICATE, Reason.NEAR_DUPLICATE]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the price of the Brook 200?", "What is the price of the Reef 400?"),
        ("What is the meal limit for trips to Bern?", "What is the meal limit for trips to Berlin?"),
        ("Who approves the travel request of a manager?", "Who approves the travel request of a contractor?"),
        ("What is the deadline for expenses?", "When is the deadline for expenses?"),
    ],
)
def test_siblings_with_different_responses_are_kept_and_counted(one, other):
    first, second = decided(pairs((one, "The first response is this."), (other, "The second response is that.")))

    assert not first.scores
    assert second.scores == {"sibling": 1.0}
    assert result([first, second], alpaca=True) == ["kept", Reason.NEAR_DUPLICATE]


def test_with_the_same_response_only_a_number_or_name_on_both_sides_makes_siblings():
    response = "It costs 40 EUR per month."
    named = pairs(("What does the Basic plan cost per month?", response), ("What does the Family plan cost per month?", response))
    extra = pairs(("What does the Basic plan cost per month?", response), ("What does the plan cost per month?", response))
    rare = pairs(("How do I buy a monthly licence key?", response), ("How do I purchase a monthly licence key?", response))

    assert result(named) == ["kept", "kept"]
    assert result(extra) == ["kept", Reason.NEAR_DUPLICATE]
    assert result(rare) == ["kept", Reason.NEAR_DUPLICATE]


def test_a_short_response_is_right_for_many_facts():
    assert result(pairs(("Can I carry over my leave?", "Yes."), ("Can I carry over my laptop?", "Yes."))) == ["kept", "kept"]


def test_another_form_of_a_word_is_no_other_thing():
    records = pairs(
        ("What is the travel budget of a team?", "It is small."), ("What is the travel budgets of a team?", "It is rather small.")
    )

    assert result(records) == ["kept", Reason.NEAR_DUPLICATE]


def test_the_same_question_about_another_input_is_kept():
    records = pairs(
        ("Summarise this passage.", "Leave is 30 days.", {"source": "Everyone gets 30 days of leave."}),
        ("Summarise this passage.", "Trips need approval.", {"source": "Trips are approved by the manager."}),
        ("Summarise this passage.", "Leave is 30 days.", {"source": "Everyone gets 30 days of leave."}),
    )

    assert result(records) == ["kept", "kept", Reason.DUPLICATE]


def after(one, *said):
    turns = tuple(Turn(role=("user", "assistant")[place % 2], content=content) for place, content in enumerate(said))
    return one.model_copy(update={"history": turns})


def test_the_same_question_after_other_turns_is_another_question():
    one, other, again, alone = pairs(*[("How much is it a year?", "It is 30 days a year.")] * 4)
    leave = ("Do I get leave?", "Yes.")

    records = [after(one, *leave), after(other, "Is there training?", "Yes."), after(again, "do I  get leave", "Yes"), alone]

    assert result(records) == ["kept", "kept", Reason.DUPLICATE, "kept"]


def test_a_thousand_questions_of_one_template_take_a_second_or_two():
    records = [pair(f"What is the {n % 59} of item {n} in the {n % 13} list?", f"It is {n}.", number=n) for n in range(1000)]
    start = time.process_time()

    decisions = result(records, alpaca=True)

    assert time.process_time() - start < 5
    assert 0 < decisions.count("kept") < 1000
