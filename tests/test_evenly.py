"""At most so many of a set, evenly spread."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trainer.evenly import evenly


def test_a_sample_is_spread_evenly_and_a_limit_that_is_not_reached_takes_all():
    assert evenly("abcdefghij", 3) == ["a", "d", "g"]
    assert evenly("abc", 3) == evenly("abc", 20) == evenly("abc", None) == ["a", "b", "c"]
    assert evenly([], 3) == []


@given(st.integers(0, 300), st.integers(1, 300))
def test_no_row_comes_twice_and_gaps_differ_by_one_at_most(count, most):
    taken = evenly(range(count), most)

    gaps = {after - before for before, after in pairwise(taken)}
    assert len(taken) == min(count, most)
    assert not gaps or (min(gaps) > 0 and max(gaps) - min(gaps) <= 1)
