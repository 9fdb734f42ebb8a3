"""One figure for how good a pair is, out of whatever scores it has.

Scores come on scales of their own: a judge's marks, a share of words that the evidence supports, a likelihood. So each is
turned into its rank among all pairs first: the share of them that it is better than, equals counting half.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from schemas.records import Pair

UNKNOWN = 0.5  # the rank of a pair without the score


def quality(pairs: Sequence[Pair], weights: Mapping[str, float]) -> list[float] | None:
    """Return the quality of each pair, between 0 and 1: the weighted mean of its ranks; None if no pair has any of the scores.

    Args:
        pairs: n of them; O(n log n) for each score.
        weights: of each score; below zero where less is better, such as a loss.
    """
    present = {name: weight for name, weight in weights.items() if weight and any(name in pair.scores for pair in pairs)}
    if not present:
        return None
    ranks = [_ranks(pairs, name, descending=weight < 0) for name, weight in present.items()]
    return np.average(ranks, axis=0, weights=[*map(abs, present.values())]).tolist()


def _ranks(pairs: Sequence[Pair], name: str, *, descending: bool) -> np.ndarray:
    """Return for each pair the share of the scored ones that it is better than, half of its equals with it."""
    places = [place for place, pair in enumerate(pairs) if name in pair.scores]
    scores = np.array([pairs[place].scores[name] for place in places]) * (-1 if descending else 1)
    ordered = np.sort(scores)
    ranks = np.full(len(pairs), UNKNOWN)
    ranks[places] = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")) / (2 * len(scores))
    return ranks
