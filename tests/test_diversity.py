"""What the figures of a chosen set say: verbs and nouns as a person reads them, and distances as their definitions have them."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation.diversity import chart, distinct_n, diversity, mix
from builder.curation.novelty import densities, nearest_distances, novel_sum, spread_out
from builder.curation.verbs import asked, verb_and_noun
from schemas.records import Evidence, Pair, Provenance


def pair(number, instruction, *, task="qa", output="It is so.", group=None, document="", chunk=""):
    evidence = (Evidence(document_id=document, start=0, end=3, quote="abc"),) if document else ()
    return Pair(
        id=f"pair-{number}", task=task, instruction=instruction, output=output, evidence=evidence, group=group or f"g{number}", form="f",
        provenance=Provenance(document_id=document, chunk_id=chunk, generator="test"), grounding="quoted" if evidence else "none",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "verb", "noun"),
    [
        ("How do I request annual leave?", "request", "leave"),
        ("How many days of leave do I get?", "get", "day"),
        ("Who approves travel expenses?", "approve", "expense"),
        ("When must I submit the medical certificate?", "submit", "certificate"),
        ("Which form do I use for expenses?", "use", "form"),
        ("What documents do new employees have to submit?", "submit", "document"),
        ("Can I carry over annual leave?", "carry", "leave"),
        ("Do I need to tell my manager before 9:30?", "tell", "manager"),
        ("Where should I send questions about payroll?", "send", "question"),
        ("How to write a cover letter", "write", "letter"),
        ("Write a short story about a lighthouse.", "write", "story"),
        ("Please summarize the following paragraph in two sentences.", "summarize", "paragraph"),
        ("Give me three tips for staying healthy.", "give", "tip"),
        ("Could you please translate this text into German?", "translate", "text"),
        ("Given a list of tide times, compute the mean of the gaps.", "compute", "mean"),
        ("Your task is to classify the sentence as positive or negative.", "classify", "sentence"),
        ("I want you to design a logo using two colours.", "design", "logo"),
        ("You are given a table. Find the largest number.", "find", "number"),
        ("What should I do if I am ill?", "do", ""),
        ("Explain why the sky is blue.", "explain", ""),
        ("How does the warranty work?", "work", ""),
        ("Make it shorter.", "make", ""),
        ("Tell me whether I have to moor the float.", "tell", ""),
        ("How many sensors can one gateway handle?", "handle", "sensor"),
        ("Hi, may customers call the emergency line at night?", "call", "line"),
        ("Can a logger lie permanently under water?", "lie", ""),
    ],
)
def test_the_verb_and_its_noun_are_found_as_a_reader_finds_them(question, verb, noun):
    assert verb_and_noun(question) == (verb, noun)


@pytest.mark.parametrize(
    "question", ["", "?", "What is the price of the Brook 200?", "Wie viel Urlaub bekomme ich?", "年假有几天？", "10 + 2"]
)
def test_a_question_without_a_verb_of_its_own_has_none(question):
    assert verb_and_noun(question) is None


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_asked(question):
    assert asked(question)
    assert verb_and_noun(question) is None or verb_and_noun(question)[0]


@pytest.mark.parametrize(
    ("question", "how"),
    [("How many?", "how"), ("Could you tell me?", "told"), ("Can I go?", "yes or no"), ("Write.", "told"), ("Please, what is it?", "what")],
)
def test_questions_are_told_by_how_they_are_asked(question, how):
    assert asked(question) == how


def test_the_effective_number_is_that_of_equally_frequent_names():
    assert mix("aabb")["effective"] == 2.0
    assert 1 < mix("aaaaaaab")["effective"] < 2
    assert mix("")["effective"] == 0.0


@given(st.dictionaries(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")), st.integers(1, 9), max_size=20))
def test_arcs_fill_the_turn_and_nouns_stand_over_their_verb(counts):
    arcs = chart(counts, most=4, nouns=2)
    inner = [arc for arc in arcs if arc["ring"] == 0]

    assert [arc["count"] for arc in inner] == sorted((arc["count"] for arc in inner), reverse=True)
    assert not inner or (inner[0]["start"], inner[-1]["end"]) == (0, 1)
    for arc in arcs:
        verb = next(one for one in inner if one["verb"] == arc["verb"])
        assert verb["start"] <= arc["start"] <= arc["end"] <= verb["end"]
    assert all(count <= 2 for count in Counter(arc["verb"] for arc in arcs if arc["ring"]).values())


def test_distinct_n_is_the_share_of_different_grams():
    assert distinct_n([["a", "b", "a", "b"]]) == {"1": 0.5, "2": 0.6667, "3": 1.0}
    assert distinct_n([]) == {"1": 0.0, "2": 0.0, "3": 0.0}


def test_coverage_is_a_share_of_what_there_was():
    supply = [pair(n, f"What is {n}?", document=f"d{n % 3}", chunk=f"c{n % 5}", group=f"g{n}") for n in range(15)]

    figures = diversity(supply[:4], supply=supply)

    assert figures["coverage"] == {
        "documents": {"chosen": 3, "all": 3},
        "sections": {"chosen": 4, "all": 5},
        "facts": {"chosen": 4, "all": 15},
    }


def test_the_figures_of_any_set_are_json():
    for pairs in ([], [pair(0, "How do I book a room?")], [pair(n, f"Book room {n}.", task=f"t{n % 2}") for n in range(9)]):
        vectors = np.eye(len(pairs), 12, dtype=np.float32)

        figures = diversity(pairs, vectors=vectors)

        assert json.loads(json.dumps(figures, allow_nan=False)) == figures
        assert figures["pairs"] == len(pairs)
    assert figures["verbs"]["with_noun"] == 9
    assert figures["tasks"]["effective"] == pytest.approx(1.99, abs=0.01)


def rows(count, width=16, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(count, width))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_nearest_distances_are_those_of_all_pairs():
    vectors = rows(300)
    products = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(products, -1)

    assert nearest_distances(vectors) == pytest.approx(1 - products.max(axis=1), abs=1e-5)


@pytest.mark.parametrize(("count", "more"), [(2, 0), (40, 0), (300, 100)])
def test_novel_sum_is_what_its_definition_says(count, more):
    vectors, reference = rows(count), np.concatenate([rows(count), rows(more, seed=1)])
    expected = 0.0
    for one in vectors.astype(np.float64):
        around = sorted(float(((one - other) ** 2).sum()) for other in reference.astype(np.float64))[1:11]
        apart = sorted(1 - float(one @ other) for other in vectors.astype(np.float64))[1:]
        weights = [1 / rank for rank in range(1, len(apart) + 1)]
        novelty = sum(weight * distance for weight, distance in zip(weights, apart, strict=True)) / sum(weights)
        expected += novelty / (sum(around) / len(around)) ** 0.5 / count

    assert novel_sum(vectors, reference) == pytest.approx(expected, rel=1e-3)


def test_copies_lower_the_novelty_of_a_set():
    vectors = rows(100)

    assert novel_sum(np.concatenate([vectors[:50], vectors[:50]]), vectors) < novel_sum(vectors, vectors)
    assert novel_sum(vectors[:1], vectors) == 0


def test_without_neighbours_every_region_is_equally_dense():
    assert densities(rows(3), rows(1), neighbours=10, power=0.5).tolist() == [1, 1, 1]


def test_a_large_set_is_compared_by_rows_at_even_distances():
    vectors = rows(50)

    assert len(spread_out(vectors, 10)) == 10
    assert (spread_out(vectors, 10)[[0, -1]] == vectors[[0, -1]]).all()
    assert spread_out(vectors, 50) is vectors
