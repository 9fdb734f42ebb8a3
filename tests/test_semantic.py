"""Near vectors are found all, none is made up, and neither tiles nor the bound change a decision."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation import semantic
from builder.curation.semantic import near, tiles

EXAMPLES = 2_000 if os.environ.get("KILOPAIR_SOAK") else 60


def vectors_with_copies(count, dimensions=24, *, seed=0, noise=0.1):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((max(1, count // 3), dimensions))[random.integers(0, max(1, count // 3), count)]
    rows = rows + noise * random.standard_normal((count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute_force(vectors, threshold):
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    return {(i, j) for i, j in np.argwhere(np.triu(cosines > threshold, 1)).tolist()}


@given(st.integers(0, 60), st.integers(1, 70), st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 0.9, 0.97]), st.booleans())
@settings(max_examples=EXAMPLES, deadline=None)
def test_all_near_pairs_are_found_and_no_others(count, dimensions, seed, threshold, bounded):
    vectors = vectors_with_copies(count, dimensions, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "TILE", (7, 11))
        patch.setattr(semantic, "BOUND_ABOVE", 0 if bounded else 10**9)

        found = list(near(vectors, threshold))

    pairs = [(one.i, one.j) for one in found]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == brute_force(vectors, threshold)
    assert all(i < j for i, j in pairs)
    assert all(one.cosine == pytest.approx(float(vectors[one.i] @ vectors[one.j]), abs=1e-5) for one in found)


def test_the_bound_decides_as_the_product_does_and_takes_fewer_coordinates(monkeypatch):
    vectors = vectors_with_copies(3000, 128, noise=0.15)
    plain = [one for part in tiles(vectors, 0.9) for one in zip(*map(np.ndarray.tolist, part), strict=True)]
    monkeypatch.setattr(semantic, "BOUND_ABOVE", 100)

    bounded = [one for part in tiles(vectors, 0.9) for one in zip(*map(np.ndarray.tolist, part), strict=True)]

    assert semantic._bound(vectors, 0.9).shape[1] < 128
    assert bounded == plain
    assert plain


def test_a_threshold_that_prunes_nothing_is_left_without_bound():
    vectors = vectors_with_copies(500, 32, noise=3)

    assert semantic._bound(vectors, 0.0) is vectors


def test_a_row_of_zeros_is_near_to_nothing():
    vectors = vectors_with_copies(10, 8, noise=0)
    vectors[[2, 5]] = 0

    assert not {2, 5} & {place for one in near(vectors, 0.5) for place in one[:2]}


@pytest.mark.parametrize("count", [0, 1])
def test_of_one_row_nothing_is_near(count):
    assert list(near(np.ones((count, 3), np.float32), 0.5)) == []


def test_the_order_of_the_rows_does_not_matter():
    vectors = vectors_with_copies(90)
    order = np.random.default_rng(1).permutation(90)

    turned = {frozenset((int(order[one.i]), int(order[one.j]))) for one in near(vectors[order], 0.9)}

    assert turned == {frozenset(one[:2]) for one in near(vectors, 0.9)}
