"""The chosen pairs are as many as asked for, in balance, whatever the order they come in."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.select import opening, select, yes_or_no
from schemas.records import Dropped, Evidence, Pair, Provenance, Reason


def pair(number, *, fact, form="plain", document="doc", chunk="chunk", task="question_answering", instruction=None, output="It is so."):
    return Pair(
        id=f"pair-{number}",
        task=task,
        instruction=instruction or f"Word{number} what is it?",
        output=output,
        evidence=(Evidence(document_id=document, start=0, end=1, quote="x"),),
        provenance=Provenance(document_id=document, chunk_id=f"{document}/{chunk}", generator="test"),
        group=f"fact-{fact}",
        form=form,
    )


def facts(count, wordings=4, **fields):
    """Make `count` facts; a field given as a list goes round."""
    made = []
    for fact in range(count):
        own = {name: values[fact % len(values)] if isinstance(values, list) else values for name, values in fields.items()}
        first = fields.get("first", 0)
        own.pop("first", None)
        made += [pair(f"{first + fact}-{n}", fact=first + fact, form=f"form-{n}", **own) for n in range(wordings)]
    return made


def chosen(pairs, **settings):
    return [record for record in select(pairs, **{"target": 20, "per_fact": 5, **settings}) if isinstance(record, Pair)]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 12), st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["qa", "how_to", "yes_no"]),
        st.sampled_from(["Yes.", "No.", "It is so."]), st.sampled_from(["What is the", "How do I", "Tell me"]),
    ),
    max_size=60,
)  # fmt: skip


def made(rows):
    return [
        pair(n, fact=fact, form=start, document=document, chunk=chunk, task=task, output=output, instruction=f"{start} thing {n}?")
        for n, (fact, document, chunk, task, output, start) in enumerate(rows)
    ]


@given(ROWS, st.integers(1, 40), st.integers(1, 6), st.sampled_from([0.05, 0.3, 1.0]), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_exactly_the_target_is_chosen_when_the_supply_allows_else_all(rows, target, per_fact, share, seed):
    pairs = made(rows)
    supply = sum(min(count, per_fact) for count in Counter(one.group for one in pairs).values())

    records = list(
        select(pairs, target=target, per_fact=per_fact, per_document=share, per_task=share, per_opening=share, seed=seed),
    )

    kept = [record for record in records if isinstance(record, Pair)]
    assert [record.id for record in records] == [one.id for one in pairs]
    assert len(kept) == min(target, supply)
    assert max(Counter(one.group for one in kept).values(), default=0) <= per_fact
    assert {one.status for one in kept} <= {"selected"}
    assert {record.reason for record in records if isinstance(record, Dropped)} <= {Reason.OVER_CAP, Reason.NOT_SELECTED}


@given(ROWS, st.integers(1, 30), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_input_does_not_matter(rows, target, shuffler):
    pairs = made(rows)
    shuffled = shuffler.sample(pairs, len(pairs))

    one, other = (chosen(order, target=target, per_document=0.4, per_opening=0.4, seed=1) for order in (pairs, shuffled))

    assert {kept.id for kept in one} == {kept.id for kept in other}


def test_the_seed_decides_which():
    pairs = facts(40)

    assert {kept.id for kept in chosen(pairs, seed=1)} != {kept.id for kept in chosen(pairs, seed=2)}


def test_every_passage_is_used_before_any_is_used_twice():
    rich = facts(30, document="rich", chunk="one")
    poor = facts(4, first=100, document="poor", chunk=["a", "b", "c", "d"])

    kept = chosen(rich + poor)

    assert Counter(one.provenance.chunk_id for one in kept) == dict.fromkeys(("rich/one", "poor/a", "poor/b", "poor/c", "poor/d"), 4)


def test_documents_take_turns():
    pairs = facts(60, document=["a", "b", "c", "c", "c"], chunk=[f"chunk-{n}" for n in range(60)])

    kept = chosen(pairs, target=60)

    assert Counter(one.provenance.document_id for one in kept) == {"a": 20, "b": 20, "c": 20}


def test_facts_with_three_wordings_come_first_and_are_kept_whole():
    pairs = facts(10, wordings=4) + facts(10, wordings=2, first=50)

    kept = chosen(pairs)

    assert Counter(Counter(one.group for one in kept).values()) == {4: 5}


def test_the_wordings_of_a_fact_have_different_forms():
    pairs = [pair(f"{n}", fact=1, form=f"form-{n // 3}") for n in range(9)]

    kept = chosen(pairs, per_fact=3)

    assert {one.form for one in kept} == {"form-0", "form-1", "form-2"}


def test_a_share_caps_documents_tasks_and_openings_while_others_can_fill_the_target():
    pairs = facts(40, document=["a", "a", "b", "c", "d"], chunk=[f"chunk-{n}" for n in range(40)], task=["x", "x", "y"])

    kept = chosen(pairs, target=40, per_document=0.3, per_task=0.5)

    assert max(Counter(one.provenance.document_id for one in kept).values()) <= 12
    assert max(Counter(one.task for one in kept).values()) <= 20


def test_a_pair_over_a_cap_names_the_cap():
    pairs = facts(10, document="a") + facts(10, document="b", first=50)

    dropped = [record for record in select(pairs, target=18, per_fact=3, per_document=0.5) if isinstance(record, Dropped)]

    assert {record.reason for record in dropped} == {Reason.OVER_CAP}
    assert {record.detail.partition(" '")[0] for record in dropped} == {"fact", "document"}
    assert any(record.detail == "document 'a' has its 9 pairs" for record in dropped)


def test_a_cap_that_makes_the_target_unreachable_rises_and_the_others_do_not():
    pairs = facts(20, document="only", task=["x", "y"])

    kept = chosen(pairs, target=40, per_document=0.1, per_task=0.5)

    assert Counter(one.task for one in kept) == {"x": 20, "y": 20}


def test_what_counts_as_a_document_can_be_given():
    pairs = facts(20, document=["a/1", "a/2", "b/1"], chunk=[f"chunk-{n}" for n in range(20)])

    kept = chosen(pairs, target=16, per_document=0.5, document_of=lambda one: one.provenance.document_id.partition("/")[0])

    assert Counter(one.provenance.document_id.partition("/")[0] for one in kept) == {"a": 8, "b": 8}


@pytest.mark.parametrize("supply", [(60, 60), (100, 20)])
def test_yes_and_no_are_60_to_40_at_worst(supply):
    yes = facts(supply[0], output="Yes. You may.", chunk=[f"y{n}" for n in range(supply[0])])
    no = facts(supply[1], first=500, output="No. You may not.", chunk=[f"n{n}" for n in range(supply[1])])
    other = facts(100, first=900, chunk=[f"o{n}" for n in range(100)])

    kept = Counter(yes_or_no(one.output) for one in chosen(yes + no + other, target=400))

    assert 0.4 <= kept["no"] / (kept["yes"] + kept["no"]) <= 0.6


def test_a_task_with_long_inputs_gets_less():
    short = facts(40, task="short", chunk=[f"s{n}" for n in range(40)])
    long = [
        one.model_copy(update={"input": "word " * 200}) for one in facts(40, first=100, task="long", chunk=[f"l{n}" for n in range(40)])
    ]

    kept = Counter(one.task for one in chosen(short + long, target=100))

    assert kept["short"] > 2 * kept["long"] > 0


def test_yes_or_no_is_the_first_word_by_itself():
    assert [yes_or_no(text) for text in ("Yes.", "no, never", "**No.** Ask first.", "No more than ten.", "Yesterday.", "Nothing", "No")] == [
        "yes", "no", "no", "", "", "", "no",
    ]  # fmt: skip


def test_an_opening_is_the_first_three_words():
    assert opening("What is the limit?") == opening("what IS, the cap") == "what is the"


def test_ten_thousand_pairs_are_chosen_from_quickly():
    pairs = facts(2500, document=[f"d{n}" for n in range(50)], chunk=[f"c{n}" for n in range(400)])
    random.Random(0).shuffle(pairs)

    kept = chosen(pairs, target=1000, per_document=0.12, per_opening=0.04)

    assert len(kept) == 1000
