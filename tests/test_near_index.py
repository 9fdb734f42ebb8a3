"""The index finds exactly the pairs that a comparison of all pairs finds, whichever way it looks for them."""

import os
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from builder.curation.asked import dice
from builder.curation.near_index import SCANNED, NearIndex
from builder.curation.texts import Growing, Texts, Vocabulary, occurrences, signatures, width
from builder.rouge import lcs_length, near_pairs, rouge_l, words
from tests.near_copies import ANOTHER, LEVELS, cases, copy
from tests.near_texts import instructions

SOAK = bool(os.environ.get("KILOPAIR_SOAK"))
EXAMPLES = settings(max_examples=2000 if SOAK else 100, deadline=None)
TEXT = st.lists(st.sampled_from("abcdefgh"), max_size=9)
THRESHOLD = st.sampled_from([0.3, 0.4, 0.5, 0.7, 0.9, 0.95, 1.0])
WAY = st.sampled_from([SCANNED, 0, 5])  # by a scan, by rare words, and from the one to the other


def found(texts, threshold, *, scanned=SCANNED, batch=4, bits=512):
    """Return all near pairs as an index finds them that is asked and filled batch by batch."""
    index, vocabulary, pairs = NearIndex(threshold, scanned=scanned, bits=bits), Vocabulary(), []
    for start in range(0, len(texts), batch):
        coded = vocabulary.encode(texts[start : start + batch])
        for near, before in ((index.near(coded), 0), (index.among(coded), start)):
            pairs += zip((near.found + before).tolist(), (near.asked + start).tolist(), near.scores.tolist(), strict=True)
        index.add(coded)
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


def all_compared(texts, threshold):
    scores = ((i, j, rouge_l(texts[i], texts[j])) for j in range(len(texts)) for i in range(j) if texts[i] and texts[j])
    return [(i, j, score) for i, j, score in scores if score > threshold]


@given(st.lists(TEXT, max_size=30), THRESHOLD, WAY, st.integers(1, 12))
@EXAMPLES
def test_what_is_found_is_what_comparing_all_pairs_finds(texts, threshold, scanned, batch):
    assert found(texts, threshold, scanned=scanned, batch=batch) == all_compared(texts, threshold)


@given(st.lists(TEXT.map(tuple), max_size=30, unique=True), THRESHOLD)
@EXAMPLES
def test_near_pairs_are_all_pairs_above_the_threshold_in_order(texts, threshold):
    assert near_pairs(texts, threshold).tolist() == [[i, j] for i, j, _ in all_compared(texts, threshold)]


@given(st.lists(st.lists(st.sampled_from(["price", "of", "the", "200", "a"]), max_size=8), max_size=14), THRESHOLD, WAY)
@example([["a"] * 7 + ["b"] * 3, ["a"] * 7 + ["c"] * 3], 0.7, SCANNED)  # F is 0.7 exactly, and rounded above it
@EXAMPLES
def test_decisions_and_scores_are_those_of_the_rouge_score_package(texts, threshold, scanned):
    scores = ((i, j, rouge_scorer._score_lcs(texts[i], texts[j]).fmeasure) for j in range(len(texts)) for i in range(j))

    assert found(texts, threshold, scanned=scanned) == [pair for pair in scores if pair[2] > threshold]


def test_every_exact_tie_is_decided_as_rouge_score_rounds_it():
    ties = rounded_up = 0
    for left in range(1, 45):
        for right in range(left, 45):
            common = 7 * (left + right) // 20
            if 20 * common != 7 * (left + right) or common > left:
                continue
            texts = [[f"{n}" for n in range(left)], [*(f"{n}" for n in range(common)), *(f"x{n}" for n in range(right - common))]]
            above = rouge_scorer._score_lcs(*texts).fmeasure > 0.7
            ties, rounded_up = ties + 1, rounded_up + above

            assert bool(found(texts, 0.7)) == above

    assert 0 < rounded_up < ties


@pytest.mark.parametrize("scanned", [SCANNED, 0])
def test_texts_longer_than_a_machine_word_are_compared_exactly(scanned):
    long = [f"w{n}" for n in range(700)]
    texts = [
        long[:150],
        [*long[:60], *["x"] * 30, *long[90:150]],
        long[:80],
        long[149::-1],
        long[:64],
        long[:65],
        long,
        long[:690],
        ["x"] * 400,
    ]

    assert found(texts, 0.6, scanned=scanned, bits=1024) == all_compared(texts, 0.6)


@pytest.mark.parametrize("scanned", [SCANNED, 0, 1000])
def test_thousands_of_texts_in_many_batches_give_the_pairs_of_one(scanned):
    texts = instructions(10_000 if SOAK else 1500, seed=3)

    pairs = [(i, j) for i, j, _ in found(texts, 0.7, scanned=scanned, batch=97)]

    assert pairs == [tuple(pair) for pair in near_pairs(texts, 0.7).tolist()]
    assert len(pairs) > 100


@given(st.lists(TEXT, max_size=20), THRESHOLD, WAY)
@EXAMPLES
def test_texts_with_sorted_words_are_compared_as_bags(texts, threshold, scanned):
    vocabulary = Vocabulary()
    index = NearIndex(threshold, scanned=scanned)
    bags = [sorted(text) for text in texts]
    index.add(vocabulary.encode(bags))

    near = index.near(vocabulary.encode(bags))

    expected = [
        (i, j) for i in range(len(texts)) for j in range(len(texts)) if texts[i] and texts[j] and dice(texts[i], texts[j]) > threshold
    ]
    assert list(zip(near.asked.tolist(), near.found.tolist(), strict=True)) == expected


@given(st.lists(TEXT, min_size=2, max_size=2), st.sampled_from([64, 512, 1024]))
@EXAMPLES
def test_signatures_never_differ_in_more_bits_than_words_are_not_shared(texts, bits):
    left, right = signatures(Vocabulary().encode(texts), bits)

    differing = int(np.bitwise_count(left ^ right).sum())

    assert differing <= len(texts[0]) + len(texts[1]) - 2 * lcs_length(*texts)


@given(st.lists(TEXT, max_size=8))
@EXAMPLES
def test_texts_can_be_taken_sorted_and_grown(texts):
    coded = Vocabulary().encode(texts)
    rows = np.arange(len(texts))[::-1]
    growing = Growing(64)
    for row in range(len(texts)):
        part = coded.take(np.array([row]))
        growing.add(part, signatures(part, 64))

    assert coded.take(rows).strings(np.arange(len(texts)), letters=True) == coded.strings(rows, letters=True)
    assert growing.texts.codes.tolist() == coded.codes.tolist()
    assert growing.texts.starts.tolist() == coded.starts.tolist()
    assert growing.signatures.tolist() == signatures(coded, 64).tolist()
    assert occurrences(coded).tolist() == [text[:at].count(letter) for text in texts for at, letter in enumerate(text)]


def test_more_words_than_there_are_letters_are_compared_all_the_same():
    rare = 0x110000
    texts = Texts(np.array([rare, rare + 1, rare + 2, rare, rare + 1, rare + 3], dtype=np.int32), np.array([0, 3, 6]))
    index = NearIndex(0.6)
    index.add(texts)

    assert index.among(texts).scores.tolist() == [pytest.approx(2 / 3)]
    assert not len(index.near(Texts(np.array([1, 2, 3], dtype=np.int32), np.array([0, 3]))))


def test_signatures_are_as_wide_as_most_texts_need():
    assert [width(lengths) for lengths in ([], [10] * 20, [200] * 20, [10] * 99 + [5000], [5000] * 3)] == [512, 512, 1024, 512, 8192]


def test_an_empty_index_and_texts_without_words_are_near_to_nothing():
    index = NearIndex(0.7)
    index.add(Vocabulary().encode([]))

    assert not len(index.near(Vocabulary().encode([["a"], []])))

    index.add(Vocabulary().encode([[], []]))

    assert len(index) == 2
    assert not len(index.near(Vocabulary().encode([["a"], []])))
    assert near_pairs([], 0.7).tolist() == []


def labelled(level, count):
    """Return the words of questions and of their copies: those of copy i stand at count + i."""
    originals = cases(count)
    return [words(case.question) for case in (*originals, *(copy(case, level, seed) for seed, case in enumerate(originals)))]


@pytest.mark.parametrize("sort", [list, sorted])
@pytest.mark.parametrize("level", LEVELS)
def test_of_labelled_near_copies_all_are_found_that_comparing_all_finds(level, sort):
    count = 250 if SOAK else 60
    texts = [sort(text) for text in labelled(level, count)]
    truth = {(i, j) for i, j in combinations(range(len(texts)), 2) if rouge_l(texts[i], texts[j]) > 0.7}

    pairs = {tuple(pair) for pair in near_pairs(texts, 0.7).tolist()}

    copies = {(i, i + count) for i in range(count)}
    right = len(pairs & copies) / len(pairs) if level != ANOTHER else 0.0
    print(
        f"{level}: recall of brute force {len(pairs & truth) / len(truth):.3f}, copies {len(pairs & copies) / count:.2f}, precision {right:.3f}"
    )
    assert len(pairs & truth) >= 0.98 * len(truth)
    assert pairs == truth
