"""The chosen pairs are as many as asked for, in balance, whatever the order they come in."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.balance import Balance, by_rules, group_of, sections_of
from builder.caps import Quota, difficulty_of, length_of, opening, quotas, yes_or_no
from builder.curation.baselines import baseline
from builder.curation.explain_choice import curve, nearest_chosen, why_fewer
from builder.curation.quality import quality
from builder.select import select
from schemas.curation_embed import ChooseSection
from schemas.records import Document, Dropped, Evidence, Pair, Provenance, Reason


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


def test_what_the_whole_target_may_have_is_no_limit():
    pairs = [replaced for fact in range(30) for replaced in facts(1, wordings=1, document="a", first=fact)]

    dropped = [record for record in select(pairs, target=12, per_fact=12) if isinstance(record, Dropped)]

    assert len(dropped) == 18
    assert {record.reason for record in dropped} == {Reason.NOT_SELECTED}


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


# Families in balance: here the task of a pair is its group

BALANCE = Balance({"a": 0.5, "how": 0.2, "b": 0.2, "never": 0.1}, frozenset({"how"}), frozenset({"never"}), lambda one: one.task)


def of_group(name, count, first, wordings=2, **fields):
    return facts(count, wordings, task=name, first=first, document=f"of-{name}", chunk=[f"{name}{n}" for n in range(count)], **fields)


def balanced(pairs, **settings):
    return Counter(one.task for one in chosen(pairs, balance=BALANCE, target=100, per_fact=4, **settings))


def test_groups_share_the_set_as_they_are_meant_to():
    every = [one for n, name in enumerate(BALANCE.shares) for one in of_group(name, 50, 100 * n)]

    assert balanced(every) == {"a": 50, "how": 20, "b": 20, "never": 10}


def test_what_a_dry_group_leaves_goes_first_to_those_that_take_it_and_never_to_those_that_do_not():
    pairs = of_group("a", 8, 0) + of_group("how", 50, 100) + of_group("b", 50, 200) + of_group("never", 50, 300)

    kept = balanced(pairs)

    assert kept == {"a": 16, "how": 50, "b": 24, "never": 10}


def test_what_is_left_then_goes_to_the_other_groups():
    kept = balanced(of_group("how", 10, 0) + of_group("b", 50, 100) + of_group("never", 50, 200))

    assert kept == {"how": 20, "b": 70, "never": 10}


def test_a_group_that_takes_nothing_ends_the_choice_below_the_target_and_says_so():
    records = list(select(of_group("never", 50, 0), target=100, per_fact=4, balance=BALANCE))

    assert sum(isinstance(record, Pair) for record in records) == 10
    assert {record.detail for record in records if isinstance(record, Dropped)} >= {"group 'never' has its 10 pairs"}


@given(ROWS, st.integers(1, 40), st.integers(1, 3), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_a_balance_never_loses_a_record_nor_passes_the_target_and_ignores_the_order(rows, target, at_first, seed):
    pairs = made((*row[:4], "It is so.", row[5]) for row in rows)
    balance = Balance({"qa": 0.5, "how_to": 0.2, "yes_no": 0.3}, frozenset({"how_to"}), group_of=lambda one: one.task)
    kept = {"target": target, "per_fact": 4, "at_first": at_first, "balance": balance, "seed": seed}

    records = list(select(pairs, **kept))

    assert [record.id for record in records] == [one.id for one in pairs]
    supply = sum(min(count, 4) for count in Counter(one.group for one in pairs).values())
    assert sum(isinstance(record, Pair) for record in records) == min(target, supply)
    assert {one.id for one in chosen(pairs, **kept)} == {one.id for one in chosen(pairs[::-1], **kept)}


def test_more_facts_come_before_the_fourth_wording_of_a_fact():
    many, few = facts(40, wordings=5), facts(4, wordings=5)

    assert Counter(Counter(one.group for one in chosen(many, at_first=3, target=60)).values()) == {3: 20}
    assert Counter(Counter(one.group for one in chosen(few, at_first=3, target=60)).values()) == {5: 4}


def test_a_section_with_one_fact_gets_it_before_another_gets_its_second():
    rich = [one for n in range(20) for one in of_group("a", 1, n, wordings=4)]
    rich = [one.model_copy(update={"provenance": one.provenance.model_copy(update={"chunk_id": "rich"})}) for one in rich]
    poor = of_group("a", 6, 100, wordings=4)

    kept = chosen(rich + poor, target=28, per_fact=4, balance=BALANCE)

    assert Counter(one.provenance.chunk_id == "rich" for one in kept) == {False: 24, True: 4}


def test_yes_and_no_stay_within_60_to_40_whatever_the_groups():
    yes = of_group("a", 40, 0, output="Yes. You may.")
    no = of_group("b", 10, 100, output="No. You may not.")
    kept = chosen([*yes, *no, *of_group("how", 60, 200)], target=100, per_fact=4, balance=BALANCE)

    count = Counter(yes_or_no(one.output) for one in kept)
    assert 0.4 <= count["no"] / (count["yes"] + count["no"]) <= 0.6


def ruled(rule, generator="extractive", task="question_answering"):
    one = pair(rule, fact=rule, task=task)
    return one.model_copy(update={"provenance": one.provenance.model_copy(update={"generator": generator, "rule": rule})})


def test_pairs_of_rules_are_of_the_group_of_their_family_and_those_of_people_of_the_questions():
    named = [
        ruled("duty"),
        ruled("duty", task="open_book"),
        ruled("bold_question", "inside"),
        ruled("a.csv row 2", "existing"),
        ruled(None, "openai"),
    ]

    assert [group_of(one) for one in named] == ["rules", "open_book", "questions", "questions", ""]
    assert by_rules(named)
    assert not by_rules(named[2:])


def test_a_section_is_what_stands_under_one_heading():
    page = Document.of(path="a.md", title="A", format="md", text="# A\n\nOne.\n\n## B\n\nTwo.\n", raw=b"")
    section = sections_of([page])

    def at(start):
        return pair(start, fact=1).model_copy(update={"evidence": (Evidence.of(page, start, start + 3),)})

    one, two = page.text.index("One"), page.text.index("Two")
    assert section(at(one)) != section(at(two))
    assert section(at(two)) == section(at(two + 1))


def test_no_opening_of_rules_passes_its_share_even_where_that_leaves_the_set_smaller():
    pairs = [one.model_copy(update={"instruction": f"What is the {one.id}?"}) for one in of_group("a", 60, 0)] + of_group("b", 240, 500)

    kept = chosen(pairs, target=1000, per_fact=4, per_opening=0.05, balance=Balance({"a": 0.5, "b": 0.5}, group_of=lambda one: one.task))

    assert Counter(opening(one.instruction) for one in kept)["what is the"] == 24  # of 504, in whole facts
    assert sum(one.task == "b" for one in kept) == 480


# Quality and spread


def spread(count, *, centres=10, seed=0, dimensions=12):
    """Unit vectors around a few centres."""
    made_up = np.random.default_rng(seed)
    rows = made_up.standard_normal((centres, dimensions))[np.arange(count) % centres] + 0.1 * made_up.standard_normal((count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def singles(count, **fields):
    """Pairs of nobody knows what: a fact each, no passage."""
    made_up = facts(count, wordings=1, **fields)
    return [one.model_copy(update={"provenance": one.provenance.model_copy(update={"chunk_id": "", "document_id": ""})}) for one in made_up]


@given(ROWS, st.integers(1, 40), st.integers(1, 6), st.booleans(), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_worth_changes_neither_the_number_nor_the_caps_and_the_order_of_the_input_does_not_matter(
    rows, target, per_fact, with_vectors, with_quality, by_worth, shuffler
):
    pairs = made(rows)
    order = shuffler.sample(range(len(pairs)), len(pairs))
    vectors, scores = spread(max(len(pairs), 1))[: len(pairs)], np.linspace(0, 1, len(pairs)).round(1)

    def choose(places):
        worth = {"vectors": vectors[places] if with_vectors else None, "quality": scores[places].tolist() if with_quality else None}
        caps = {"per_document": 0.4, "quotas": [Quota("length", 0.5, length_of)]}
        return list(
            select([pairs[place] for place in places], target=target, per_fact=per_fact, by_worth=by_worth, floor=0.2, **caps, **worth)
        )

    records = choose(list(range(len(pairs))))

    supply = sum(min(count, per_fact) for count in Counter(one.group for one in pairs).values())
    assert [record.id for record in records] == [one.id for one in pairs]
    assert sum(isinstance(record, Pair) for record in records) == min(target, supply)
    assert {one.id for one in records if isinstance(one, Pair)} == {one.id for one in choose(order) if isinstance(one, Pair)}


def test_by_worth_every_cluster_is_chosen_from_before_any_is_chosen_from_twice():
    kept = chosen(singles(100), vectors=spread(100), by_worth=True, target=10)

    assert {int(one.id.split("-")[1]) % 10 for one in kept} == set(range(10))


def test_of_near_pairs_the_better_is_chosen():
    pairs, scores = singles(40), [0.1 + 0.02 * n for n in range(40)]

    kept = chosen(pairs, vectors=spread(40), quality=scores, by_worth=True, target=10)

    assert sorted(int(one.id.split("-")[1]) for one in kept) == list(range(30, 40))


def test_what_is_below_the_floor_comes_last_but_comes():
    pairs, scores = singles(40), [n / 40 for n in range(40)]

    def places(target):
        return {
            int(one.id.split("-")[1]) for one in chosen(pairs, vectors=spread(40), quality=scores, floor=0.5, by_worth=True, target=target)
        }

    assert min(places(20)) >= 19
    assert len(places(30)) == 30


def test_within_a_section_the_best_and_most_different_fact_is_chosen_first():
    pairs = [one for n in range(5) for one in facts(4, wordings=3, first=10 * n, task="a", chunk=f"section-{n}")]
    scores = [0.9 if one.group.endswith("2") else 0.4 for one in pairs]

    kept = chosen(pairs, target=15, quality=scores, vectors=np.eye(60, dtype=np.float32), balance=BALANCE)

    assert {one.group for one in kept} == {f"fact-{10 * n + 2}" for n in range(5)}


def test_the_better_wording_of_a_fact_goes_first():
    pairs = [pair(n, fact=1) for n in range(6)]

    kept = chosen(pairs, per_fact=2, quality=[0.1, 0.5, 0.9, 0.3, 0.8, 0.2])

    assert {one.id for one in kept} == {"pair-2", "pair-4"}


def test_a_quota_binds_what_it_names_and_yields_before_the_target_does():
    pairs = [one.model_copy(update={"extra": {"difficulty": "easy" if n % 4 else "hard"}}) for n, one in enumerate(singles(80))]
    limits = [Quota("difficulty", 0.5, difficulty_of)]

    kept = Counter(difficulty_of(one) for one in chosen(pairs, target=30, quotas=limits))
    all_easy = chosen([one for one in pairs if difficulty_of(one) == "easy"], target=30, quotas=limits)

    assert kept == {"easy": 15, "hard": 15}
    assert len(all_easy) == 30


def test_a_length_is_twice_the_one_before():
    assert [length_of(pair(1, fact=1, output="word " * count)) for count in (1, 3, 4, 100)] == [
        "1 to 1 words", "2 to 3 words", "4 to 7 words", "64 to 127 words",
    ]  # fmt: skip


def test_a_pair_without_a_value_is_bound_by_no_quota():
    assert len(chosen(singles(30), target=30, quotas=[Quota("difficulty", 0.1, difficulty_of)])) == 30


def test_the_recipe_names_the_quotas():
    named = quotas(ChooseSection(per_length=0.4, per_passage=0.1))

    assert [(quota.name, quota.share) for quota in named] == [("passage", 0.1), ("length", 0.4)]
    assert quotas(ChooseSection()) == ()
    pairs = [one.model_copy(update={"output": "word " * (2 + 6 * (n % 2 == 0))}) for n, one in enumerate(singles(40))]
    assert Counter(length_of(one) for one in chosen(pairs, target=20, quotas=quotas(ChooseSection(per_length=0.6)))).total() == 20


def test_every_pick_and_every_other_pair_says_why():
    pairs, scores = singles(60), [n / 60 for n in range(60)]

    records = list(select(pairs, target=20, per_fact=5, quality=scores, vectors=spread(60), floor=0.3, by_worth=True))

    kept = sorted((one for one in records if isinstance(one, Pair)), key=lambda one: one.scores["pick"])
    assert [one.scores["pick"] for one in kept] == list(range(1, 21))
    assert all(one.scores["quality"] == pytest.approx(scores[int(one.id.split("-")[1])], abs=1e-3) for one in kept)
    assert kept[0].scores["gain"] > kept[-1].scores["gain"] >= 0
    others = {one.id: one.detail for one in records if isinstance(one, Dropped)}
    assert all("; nearest chosen pair-" in detail and "quality 0." in detail for detail in others.values())
    assert "quality 0.00, among the lowest, which come last" in others["pair-0-0"]


def test_the_nearest_chosen_pair_is_the_one_of_the_highest_cosine():
    vectors = spread(50, centres=7)

    near = nearest_chosen(vectors, [3, 11, 40])

    assert [one.place for one in near] == [[3, 11, 40][place] for place in (vectors @ vectors[[3, 11, 40]].T).argmax(axis=1)]
    assert nearest_chosen(vectors, []) == []


def test_the_curve_says_what_more_pairs_would_add():
    records = list(select(singles(500), target=350, per_fact=1, vectors=spread(500, centres=60), by_worth=True))

    points = curve(one for one in records if isinstance(one, Pair))

    assert [point["pairs"] for point in points] == [100, 200, 300, 350]
    assert points[0]["coverage"] > 0.9
    assert points[-1]["coverage"] <= 1.001
    assert curve(singles(3)) == []


def test_a_set_that_is_too_small_says_what_was_in_the_way():
    ruled_out = list(select(of_group("never", 50, 0), target=100, per_fact=4, balance=BALANCE))

    assert why_fewer(ruled_out, 100) == "only 10 of 100 pairs were chosen; of those left out, 90 over the limit of group 'never'"
    assert why_fewer(ruled_out, 10) == ""
    assert why_fewer(list(select(singles(3), target=5, per_fact=1)), 5) == "only 3 of 5 pairs were chosen: there are no more"


def test_quality_is_the_mean_of_ranks_whatever_the_scales():
    def scored(**scores):
        return pair(1, fact=1).model_copy(update={"scores": scores})

    pairs = [scored(judge=5.0, loss=1.0), scored(judge=3.0, loss=9.0), scored(judge=3.0), scored()]

    assert quality(pairs, {"judge": 1}) == pytest.approx([5 / 6, 1 / 3, 1 / 3, 0.5])
    assert quality(pairs, {"judge": 1, "loss": -3}) == pytest.approx([(5 / 6 + 9 / 4) / 4, (1 / 3 + 3 / 4) / 4, (1 / 3 + 1.5) / 4, 0.5])
    assert quality(pairs, {"absent": 1}) is None


# Baselines


@given(ROWS, st.integers(1, 40), st.integers(1, 4), st.sampled_from(["random", "longest"]), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_a_baseline_chooses_as_many_under_the_same_rule_about_facts(rows, target, per_fact, kind, shuffler):
    pairs = made(rows)
    supply = sum(min(count, per_fact) for count in Counter(one.group for one in pairs).values())

    records = list(baseline(kind, pairs, target=target, per_fact=per_fact))

    kept = [record for record in records if isinstance(record, Pair)]
    again = baseline(kind, shuffler.sample(pairs, len(pairs)), target=target, per_fact=per_fact)
    assert [record.id for record in records] == [one.id for one in pairs]
    assert len(kept) == min(target, supply)
    assert max(Counter(one.group for one in kept).values(), default=0) <= per_fact
    assert {one.id for one in again if isinstance(one, Pair)} == {one.id for one in kept}


def test_the_longest_are_the_longest_and_random_ones_are_not():
    pairs = [pair(n, fact=n, output="word " * (n + 1)) for n in range(50)]

    longest, one, other = (
        {kept.id for kept in baseline(kind, pairs, target=10, per_fact=3, seed=seed) if isinstance(kept, Pair)}
        for kind, seed in (("longest", 0), ("random", 0), ("random", 1))
    )

    assert longest == {f"pair-{n}" for n in range(40, 50)}
    assert len({frozenset(longest), frozenset(one), frozenset(other)}) == 3
