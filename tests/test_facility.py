"""Rows are chosen as plain greedy facility location chooses them, looking at few of them twice."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation import facility as module
from builder.curation.facility import Facility, choose, sample_rows

EXAMPLES = 2_000 if os.environ.get("KILOPAIR_SOAK") else 60


def clusters(count, dimensions=16, *, seed=0, noise=0.5):
    """Unit vectors around a few centres."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((max(2, count // 8), dimensions))[random.integers(0, max(2, count // 8), count)]
    rows = rows + noise * random.standard_normal((count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def greedy(vectors, rows, quality, places):
    """The method as it is written, along the places that were chosen: what each added, and what its worth and the best one's were.

    The best is not always one: two rows that cover only each other and themselves add exactly the same.
    """
    products = np.maximum(vectors.astype(np.float64) @ rows.T.astype(np.float64), 0)
    covered, left, steps = np.zeros(len(rows)), set(range(len(vectors))), []
    for chosen in places:
        gains = {place: np.maximum(products[place] - covered, 0).sum() for place in left}
        steps.append((gains[chosen], gains[chosen] * quality[chosen], max(gains[place] * quality[place] for place in left)))
        left.remove(chosen)
        covered = np.maximum(covered, products[chosen])
    return np.array(steps).T, covered.sum()


@given(st.integers(1, 80), st.integers(1, 40), st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_choice_is_that_of_plain_greedy(size, count, seed, with_quality, with_rows):
    vectors = clusters(size, seed=seed)
    quality = np.random.default_rng(seed).uniform(0.1, 1, size) if with_quality else np.ones(size)
    rows = clusters(50, seed=seed + 1) if with_rows else vectors

    chosen = choose(vectors, count, quality=quality.tolist(), rows=rows if with_rows else None)

    (gains, worth, best), objective = greedy(vectors, rows, quality, chosen.places)
    assert len(chosen.places) == len(set(chosen.places)) == min(count, size)
    assert sum(chosen.gains) == pytest.approx(objective, rel=1e-4)
    assert chosen.gains == pytest.approx(gains, rel=1e-4, abs=1e-5)
    assert worth == pytest.approx(best, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("most", [0, 400 * 20])
def test_products_that_have_no_room_are_made_when_they_are_needed(monkeypatch, most):
    vectors = clusters(400)
    roomy = choose(vectors, 60)
    monkeypatch.setattr(module, "MOST_KEPT", most)

    tight = choose(vectors, 60)

    assert tight.places == roomy.places


def test_no_more_products_are_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 200 * 30)
    facility = Facility(clusters(200))
    for place in range(0, 100, 10):
        facility.add(place)
        facility.look(range(200))

    kept = [len(one.rows) for one in facility._kept.values()]

    assert max(kept) <= 30
    assert len(kept) > 50


def test_who_comes_last_is_not_looked_at_before_somebody_asks(monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 60 * 60)
    vectors = clusters(60)
    facility = Facility(vectors, quality=np.where(np.arange(60) < 20, 0.0, 1.0))

    assert (facility.is_current == (np.arange(60) >= 20)).all()
    assert (facility.bounds[:20] == 60).all()

    facility.look(range(60))

    assert facility.bounds == pytest.approx(Facility(vectors).bounds, rel=1e-5)


def test_a_gain_only_shrinks_and_is_an_upper_bound_until_it_is_looked_at():
    vectors = clusters(120)
    facility = Facility(vectors)
    before = facility.bounds.copy()
    for place in (3, 50, 77):
        facility.add(place)
        stale = facility.bounds.copy()
        facility.look(range(120))

        assert (facility.bounds <= stale + 1e-4).all()
    assert (facility.bounds <= before + 1e-4).all()
    assert facility.is_current.all()


def test_what_is_chosen_adds_up_to_what_is_covered():
    facility = Facility(clusters(100))

    added = [facility.add(place) for place in range(0, 100, 7)]

    assert sum(added) == pytest.approx(facility.objective, rel=1e-4)
    assert facility.add(0) == 0  # chosen before


def test_few_are_looked_at_again(monkeypatch):
    looked = []
    look = Facility.look
    monkeypatch.setattr(Facility, "look", lambda self, places: looked.append(len(places)) or look(self, places))

    choose(clusters(1000, seed=3), 100)

    assert sum(looked) < 0.3 * 1000 * 100


def test_it_covers_more_than_chance_and_leaves_no_cluster_out():
    vectors = clusters(800, noise=0.2)
    chosen = choose(vectors, 100).places
    random = np.random.default_rng(0).choice(800, 100, replace=False)

    def covered(places):
        return float((vectors @ vectors[places].T).max(axis=1).mean())

    assert covered(chosen) > covered(random) + 0.1
    assert (vectors @ vectors[chosen].T).max(axis=1).min() > 0.5


def test_nothing_is_chosen_of_nothing():
    assert choose(np.empty((0, 4), np.float32), 5) == ([], [])


def test_a_sample_is_eight_times_the_choice_and_never_too_small():
    rows = np.zeros((20_000, 1), np.float32)

    assert [len(sample_rows(rows, count)) for count in (10, 1_000, 5_000)] == [4_000, 8_000, 20_000]
