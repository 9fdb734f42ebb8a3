"""Questions that lose words before a pass."""

import random
from math import isclose, log

from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_models import a_pair
from trainer.word_drop import drop_words, told


def test_dropped_words_keep_the_order_of_the_rest():
    question = "How long is the warranty of the big yellow crane covered for customers?"
    draw = random.Random(0)

    variants = {drop_words(question, 1.0, draw, {}) for _ in range(50)}

    assert len(variants) > 20
    assert all(_is_subsequence(variant.split(), question.split()) for variant in variants)
    assert drop_words(question, 0.0, draw, {}) == question


def test_a_negation_is_never_dropped():
    question = "Is it fine if I don't return the crane, and may it never be without insurance, or not?"
    draw = random.Random(0)

    for _ in range(40):
        assert {"don't", "never", "without", "not?"} <= set(drop_words(question, 1.0, draw, {}).split())


def test_a_word_tells_the_more_the_fewer_facts_are_asked_about_with_it():
    facts = [a_pair(f"What is a {name}?", "A machine.", group=name) for name in ("crane", "pump", "crane", "valve")]

    tells = told(facts)

    assert isclose(tells["crane"], log(3))
    assert isclose(tells["what"], 0.0)


def test_what_is_left_still_tells_which_fact_is_meant():
    names = [f"part{number}" for number in range(50)]
    tells = told(a_pair(f"What does the term {name} mean?", "A machine.", group=name) for name in names)
    draw = random.Random(0)

    left = [drop_words(f"What does the term {name} mean?", 1.0, draw, tells) for name in names]

    assert all(name in question for name, question in zip(names, left, strict=True))
    assert sum(len(question.split()) for question in left) < 5 * len(names)


@given(st.lists(st.sampled_from(["a", "the", "crane", "pump", "valve", "not", "is"]), min_size=1, max_size=12), st.integers(0, 99))
def test_no_question_loses_more_than_half_of_what_it_tells(words: list[str], seed: int):
    tells = {"crane": 3.0, "pump": 2.0, "valve": 1.0, "the": 0.1}
    question = " ".join(words)

    left = drop_words(question, 1.0, random.Random(seed), tells).split()

    assert _is_subsequence(left, words)
    assert sum(tells.get(word, 0.0) for word in left) >= 0.5 * sum(tells.get(word, 0.0) for word in words) - 1e-9


def _is_subsequence(short, long):
    rest = iter(long)
    return all(word in rest for word in short)
