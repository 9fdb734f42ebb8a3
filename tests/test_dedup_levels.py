"""Each level of deduplication drops its copies, says which pair they copy, and keeps the best one, whatever the order."""

import os
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation.asked import Question
from builder.curation.cascade import BATCH
from builder.curation.relation import Relations
from builder.dedup import dedup
from schemas.records import Dropped, Evidence, Pair, Provenance, Reason
from tests import near_things
from tests.near_copies import ANOTHER, LEVELS, cases, copy
from tests.near_texts import instructions

SOAK = bool(os.environ.get("KILOPAIR_SOAK"))
EXAMPLES = settings(max_examples=2000 if SOAK else 100, deadline=None)
WORD = st.sampled_from(["what", "is", "the", "price", "of", "Brook", "200", "Reef", "400", "when", "a"])
QUESTION = st.lists(WORD, min_size=1, max_size=10).map(" ".join)
RESPONSE = st.sampled_from(["Yes.", "No.", "It costs 40 EUR a month.", "It costs 50 EUR a month.", "It costs a little each month."])
ROWS = st.lists(st.tuples(QUESTION, RESPONSE, st.sampled_from("abcdef"), st.integers(0, 3)), max_size=16)
LONG = "Every team books its rooms through the portal, which also shows the keys, the coffee and the projector of each of them."


def pair(instruction, output="It is so.", *, number=0, group=None, score=0.0, grounding: Any = "quoted", source=""):
    return Pair(
        id=f"pair-{number}",
        task="question_answering",
        instruction=instruction,
        input=source,
        output=output,
        evidence=(Evidence(document_id="doc", start=0, end=1, quote="x"),) if grounding == "quoted" else (),
        provenance=Provenance(document_id="doc", chunk_id="chunk", generator="test"),
        group=group or f"group-{number}",
        form="plain",
        grounding=grounding,
        scores={"judge": score},
    )


def pairs(*rows, **given):
    return [pair(*row, number=number, **given) for number, row in enumerate(rows)]


def judged(record):
    return record.scores["judge"]


def reasons(records, **given):
    return [record.reason if isinstance(record, Dropped) else "kept" for record in dedup(records, threshold=0.7, **given)]


def cluster(dropped) -> Any:
    return dropped.record["extra"]["cluster"]


@given(ROWS, st.randoms())
@EXAMPLES
def test_with_a_quality_the_order_of_the_pairs_decides_nothing(rows, random):
    records = [pair(*row[:2], group=row[2], score=row[3], number=n) for n, row in enumerate(rows)]
    shuffled = random.sample(records, len(records))

    decided, again = (sorted(dedup(each, threshold=0.7, quality=judged), key=lambda record: record.id) for each in (records, shuffled))

    assert decided == again


@given(ROWS, st.booleans(), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15), st.sampled_from([0.8, 0.95])), max_size=6))
@EXAMPLES
def test_no_record_is_lost_and_every_dropped_one_names_a_kept_one(rows, alpaca, related):
    records = [pair(*row[:2], group=row[2], score=row[3], number=n) for n, row in enumerate(rows)]
    related = [edge for edge in related if max(edge[:2]) < len(records)]

    out = list(dedup(records, threshold=0.7, quality=judged, related=related, alpaca=alpaca))

    kept = {record.id: record for record in out if isinstance(record, Pair)}
    dropped = [record for record in out if isinstance(record, Dropped)]
    assert [record.id for record in out] == [record.id for record in records]
    assert all(cluster(record) in kept for record in dropped)
    assert sum(record.scores.get("copies", 0) for record in kept.values()) == len(dropped)
    assert sum(record.scores.get("conflicts", 0) for record in kept.values()) == sum(each.reason == Reason.CONFLICT for each in dropped)


@given(ROWS)
@EXAMPLES
def test_of_a_cluster_the_best_pair_is_kept_in_alpaca_mode_too(rows):
    records = [pair(*row[:2], score=row[3], number=n) for n, row in enumerate(rows)]

    out = list(dedup(records, threshold=0.7, quality=judged, alpaca=True))

    scores = {record.id: record.scores["judge"] for record in records}
    assert all(scores[cluster(record)] >= scores[record.id] for record in out if isinstance(record, Dropped))


def test_the_better_copy_stays_and_the_kept_pair_counts_its_copies():
    worse, better = pair("What is the limit?", score=1, number=1), pair("what is the limit", score=2, number=2)

    dropped, kept = dedup([worse, better], threshold=0.7, quality=judged)

    assert isinstance(dropped, Dropped)
    assert (dropped.reason, cluster(dropped)) == (Reason.DUPLICATE, "pair-2")
    assert kept == better.model_copy(update={"scores": {"judge": 2, "copies": 1}})


def test_a_question_in_another_order_is_reworded():
    records = pairs(("For trips to Bern, how is the hotel paid?", LONG), ("How is the hotel paid for trips to Bern?", LONG))

    assert reasons(records) == ["kept", Reason.REWORDED]
    assert reasons(records, near=1) == ["kept", "kept"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Who sends the written offer to people?", "The people team sends it."), ("When is the written offer sent to people?", "The people team sends it.")),
        (("How soon must I call back on duty?", "You must call back within 1 hour."), ("On duty, must I call back soon?", "Yes. You must call back within 1 hour.")),
        (("For trips to Bern, how is the hotel paid?", LONG), ("How is the hotel paid for trips to Graz?", LONG)),
    ],
)  # fmt: skip
def test_another_question_about_the_same_sentence_is_not_reworded(one, other):
    assert reasons(pairs(one, other)) == ["kept", "kept"]


def test_near_questions_whose_responses_disagree_are_a_conflict():
    asked = ("What is the limit for a hotel room per night?", "What is the limit for the hotel room per night?")
    numbers = pairs((asked[0], "It is 140 EUR a night."), (asked[1], "It is 160 EUR a night."))
    names = pairs((asked[0], "It is set by Bruna Falk."), (asked[1], "It is set by Tom Ilves."))
    denied = pairs((asked[0], "There is a limit for it."), (asked[1], "There is not a limit for it."))

    for records in (numbers, names, denied):
        kept, conflict = dedup(records, threshold=0.7)

        assert isinstance(conflict, Dropped)
        assert (conflict.reason, cluster(conflict)) == (Reason.CONFLICT, "pair-0")
        assert isinstance(kept, Pair)
        assert kept.scores["conflicts"] == 1


def test_the_same_question_of_no_document_may_be_answered_in_two_ways():
    poems = (("Write a line about rain.", "Rain falls on the quiet roof."), ("Write a line about rain.", "The street is a drum tonight."))

    assert reasons(pairs(*poems, grounding="none")) == ["kept", Reason.NEAR_DUPLICATE]
    assert reasons(pairs(*poems)) == ["kept", Reason.CONFLICT]


def test_the_same_question_with_nearly_the_same_long_response_is_no_conflict():
    assert reasons(pairs(("How are rooms booked?", LONG), ("How are rooms booked?", LONG.replace("also", "")))) == [
        "kept",
        Reason.NEAR_DUPLICATE,
    ]


def test_related_pairs_mean_the_same_unless_numbers_or_names_or_rare_terms_differ():
    same = pairs(
        ("How much leave do I get?", "You get 30 days of leave a year."),
        ("What is my holiday entitlement?", "You get 30 days of leave a year."),
    )
    other = pairs(("What does the Reef 400 cost?", "It costs 40 EUR."), ("How dear is a Brook 200?", "It costs 60 EUR."))
    rare = pairs(("Is there a sauna?", "There is one."), ("Is there a gym?", "There is another."))

    assert reasons(same, related=[(0, 1, 0.87)]) == ["kept", Reason.SAME_MEANING]
    assert reasons(other, related=[(0, 1, 0.99)]) == ["kept", "kept"]
    assert reasons(rare, related=[(0, 1, 0.87)]) == ["kept", "kept"]
    assert reasons(same) == ["kept", "kept"]


def test_related_pairs_that_disagree_are_a_conflict_only_if_they_surely_mean_the_same():
    records = pairs(("How much leave do I get?", "You get 30 days."), ("What is my leave?", "You get 25 days."))

    assert reasons(records, related=[(1, 0, 0.95)]) == ["kept", Reason.CONFLICT]
    assert reasons(records, related=[(1, 0, 0.9)]) == ["kept", "kept"]


def test_related_pairs_about_different_inputs_are_kept():
    records = [pair("Sum it up.", "All is well.", source=f"Text {n}", number=n) for n in range(2)]

    assert reasons(records, related=[(0, 1, 0.99)]) == ["kept", "kept"]


def test_accepted_pairs_are_better_than_all_others_and_are_not_yielded():
    accepted = [pair("What is the limit?", number=7)]
    out = list(
        dedup(
            pairs(("what is the limit",), ("What is the fee?",)),
            threshold=0.7,
            accepted=accepted,
            quality=lambda _: 9.0,
            related=[(1, 2, 0.8)],
        )
    )

    assert [record.id for record in out] == ["pair-0", "pair-1"]
    assert isinstance(out[0], Dropped)
    assert cluster(out[0]) == "pair-7"


def test_batches_change_nothing():
    texts = [f"{' '.join(words)} {n}" for n, words in enumerate(instructions(3 * BATCH, seed=5))]
    records = [pair(text, f"It is {text}", number=n, grounding="none") for n, text in enumerate(texts)]
    twice = [pair(record.instruction + " ?", record.output, number=n + len(texts), grounding="none") for n, record in enumerate(records)]

    decided = reasons([*records, *twice])

    assert decided[len(texts) :] == [Reason.DUPLICATE if reason == "kept" else reason for reason in decided[: len(texts)]]


def test_few_questions_about_one_input_are_compared_as_many_are():
    questions = [f"What does the {name} plan of last year cost per month" for name in ("basic", "family", "basic", "small")]
    few = [pair(f"{question}{' please' * n}?", "It is cheap.", number=n, source="Plans.") for n, question in enumerate(questions)]
    many = [*few, *(pair("".join(f"{letter}{n} " for letter in "abcdef"), number=n, source="Plans.") for n in range(10, 20))]

    assert reasons(few) == reasons(many)[: len(few)]
    assert Reason.NEAR_DUPLICATE in reasons(few)


def shares(originals, made):
    """Return the share of copies that are dropped, and of what is dropped the share that is a copy of what it is said to copy."""
    records = [pair(case.question, case.answer, number=n) for n, case in enumerate((*originals, *made))]
    dropped = [record for record in dedup(records, threshold=0.7) if isinstance(record, Dropped)]
    right = [record for record in dropped if cluster(record) == f"pair-{int(record.id[5:]) - len(originals)}"]
    return len(right) / len(originals), len(right) / max(1, len(dropped))


def of_level(level, count=250 if SOAK else 60):
    originals = cases(count)
    return shares(originals, [copy(case, level, seed) for seed, case in enumerate(originals)])


@pytest.mark.parametrize("level", LEVELS[:-1])
def test_labelled_copies_go_and_nothing_else_does(level):
    recall, precision = of_level(level)

    print(f"{level}: recall {recall:.3f}, precision {precision:.3f}")
    assert recall >= 0.98
    assert precision == 1


def test_labelled_questions_about_another_thing_stay():
    recall, _ = of_level(ANOTHER)

    print(f"{ANOTHER}: wrongly merged {recall:.3f}")
    assert recall == 0


def test_things_that_both_answers_speak_of_are_not_reworded_however_common_their_names_are():
    rooms, towns = ("parcel desk", "reading room", "tool shed"), ("Arlow", "Brest", "Corm", "Dunn")
    said = (
        "opens at the third bell",
        "keeps its keys behind the blue door",
        "is cleaned by the night shift",
        "lends out ladders",
        "has a lamp",
    )
    named = [f"{room} in {town}" for room in rooms for town in towns]
    asked = [(f"What should I know about the {name}?", f"The {name} {said[place % 5]}.") for place, name in enumerate(named)]
    plans = [(f"How many {what} does the Ripple plan have?", f"It has {count}.") for what, count in (("users", 1), ("sensors", 3))]

    assert set(reasons(pairs(*asked, *plans))) == {"kept"}


TOOLS, ROOMS = near_things.TOOLS, near_things.ROOMS


@pytest.mark.parametrize("things", [TOOLS[:2], TOOLS[:3], TOOLS, ROOMS, (*TOOLS, *ROOMS)], ids=len)
def test_things_with_plain_names_that_many_questions_hold_are_told_apart(things):
    made = near_things.cases(things)

    assert len(near_things.pairs_apart(made)) >= 15
    assert set(reasons([pair(case.question, case.answer, number=n) for n, case in enumerate(made)])) == {"kept"}


@pytest.mark.parametrize("things", [TOOLS[:2], TOOLS[:3], TOOLS, ROOMS, (*TOOLS, *ROOMS)], ids=len)
def test_the_same_question_about_a_thing_goes_in_another_order_and_nothing_else_does(things):
    made = near_things.cases(things)
    recall, precision = shares(made, [near_things.reordered(case) for case in made])

    print(f"{len(things)} things, another order: recall {recall:.3f}, precision {precision:.3f}")
    assert recall >= 0.98
    assert precision == 1


@pytest.mark.parametrize(("things", "least"), [(TOOLS[:3], 0.98), (TOOLS, 0.98), (ROOMS, 0.98), ((*TOOLS, *ROOMS), 0.85), (TOOLS[:2], 0.5)])
def test_another_word_for_what_is_asked_is_known_if_it_is_not_rare(things, least):
    made = near_things.cases(things)
    recall, precision = shares(made, [near_things.with_synonyms(case) for case in made])

    print(f"{len(things)} things, other words: recall {recall:.3f}, precision {precision:.3f}")
    assert recall >= least
    assert precision == 1


def test_words_whose_exchange_changes_answers_name_two_things_even_where_the_answer_is_the_same():
    policy = "You can send it back within two weeks of the day it came."
    asked = [(f"How do I send the {name} back?", policy) for name in ("kettle", "toaster")]
    prices = [(f"What does the {name} cost?", f"It costs {price} euros.") for name, price in (("kettle", "forty"), ("toaster", "sixty"))]
    same = [(f"What does the {name} cost?", "It costs forty euros.") for name in ("kettle", "toaster")]

    assert reasons(pairs(*asked)) == ["kept", Reason.NEAR_DUPLICATE]
    assert reasons(pairs(*asked, *prices)) == ["kept"] * 4
    assert reasons(pairs(*asked, *same))[:2] == ["kept", Reason.NEAR_DUPLICATE]


def test_numbers_in_words_contradict_each_other_as_digits_do():
    asked = ("How long is the warranty?", "How long is a warranty?")

    assert reasons(pairs((asked[0], "It is two years."), (asked[1], "It is three years."))) == ["kept", Reason.CONFLICT]
    assert reasons(pairs((asked[0], "It is two years."), (asked[1], "It is 2 years."))) == ["kept", Reason.NEAR_DUPLICATE]


@given(st.lists(st.tuples(QUESTION, RESPONSE), max_size=5), st.booleans())
@EXAMPLES
def test_what_two_questions_are_to_each_other_does_not_depend_on_which_comes_first(rows, rare):
    questions = [Question(pair(*row, number=n)) for n, row in enumerate(rows)]
    relation, backwards = (Relations([[question] for question in listed]) for listed in (questions, questions[::-1]))

    for one, other in combinations(questions, 2):
        found = relation(one, other, rare=rare)
        assert relation(other, one, rare=rare) is found
        assert backwards(one, other, rare=rare) is found


def test_an_answer_that_holds_the_other_does_not_contradict_it():
    pairs = [
        pair("What does a float cost?", "A float costs 289 euros."),
        pair("What does a float cost?", "A float costs 289 euros. Posting it is free."),
    ]

    (gone,) = [one for one in dedup(pairs, threshold=0.7) if isinstance(one, Dropped)]

    assert gone.reason == Reason.NEAR_DUPLICATE
