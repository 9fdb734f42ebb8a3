"""The certificate of a split: that nothing leaks, and what a random split of the same sizes would have leaked.

The proof (`split.prove`) raises at the first leak, so a certificate exists only where every count is 0. The comparison
draws test and validation row by row, as Hugging Face's `train_test_split` and most generators of pairs do, and counts with the
same functions. Figures are the mean of `ROUNDS` seeded draws: deterministic, O(rounds × pairs) beside one join of near questions.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from builder.connect import Edge, Link, connected, documents, linked, near_questions
from builder.hold_out import HELD_OUT
from builder.split import prove, shared
from schemas.errors import KilopairError
from schemas.records import SPLITS, Pair

ROUNDS = 5
HELD = ("test", "validation")


def certificate(
    pairs: Sequence[Pair], *, seed: int, near: float = 0.7, siblings: bool = False, links: Iterable[Link] = ()
) -> dict[str, Any]:
    """Return the proof and the comparison as JSON-able figures.

    Args:
        pairs: all of them, with their splits.
        seed: of the random splits.
        near: the ROUGE-L F that the split was made with.
        siblings: whether it kept near questions together whatever their responses are.
        links: ids of pairs that belong together, as the split was given them.

    Raises:
        KilopairError: something leaks, or a pair has no split.
    """
    listed = list(links)
    proof = prove(pairs)
    groups = connected(pairs, near=near, siblings=siblings, links=listed)
    if torn := groups_in_two_splits(pairs, groups):
        raise KilopairError(f"the split leaks (groups in two splits: {torn}, {_first(pairs, groups)}); make it again with kilopair's split")
    held = sum(pair.split in HELD for pair in pairs)
    edges = {"near_questions": [*near_questions(pairs, near, siblings=siblings)], "linked": [*linked(pairs, listed)]}
    return {
        "leaks": {**proof, "groups_in_two_splits": torn},
        "groups": len(groups),
        "largest_group": max(map(len, groups), default=0),
        "sizes": {name: sum(pair.split == name for pair in pairs) for name in SPLITS},
        "held_out_documents": len({document for pair in pairs if HELD_OUT in pair.flags for document in documents(pair)}),
        "pairs_on_held_out_documents": sum(HELD_OUT in pair.flags for pair in pairs),
        "random_split": {"seed": seed, "rounds": ROUNDS, "held_out": held, **_Random(pairs, edges, seed).leaks(held)},
    }


def groups_in_two_splits(pairs: Sequence[Pair], groups: Iterable[Sequence[int]]) -> int:
    """Count the groups (places of `pairs`) that are in more than one split; paraphrase is taken from train on purpose."""
    return len(_torn(pairs, groups))


def _torn(pairs: Sequence[Pair], groups: Iterable[Sequence[int]]) -> list[Sequence[int]]:
    splits = ["train" if pair.split == "paraphrase" else pair.split for pair in pairs]
    return [places for places in groups if len({splits[place] for place in places}) > 1]


def _first(pairs: Sequence[Pair], groups: Iterable[Sequence[int]]) -> str:
    """Name a held-out pair of a torn group and one that it belongs to elsewhere."""
    own = _torn(pairs, groups)[0]
    held = next(pairs[place] for place in own if pairs[place].split in HELD)
    other = next(pairs[place] for place in own if pairs[place].split != held.split)
    return f"such as {held.id} in {held.split} and {other.id} in {other.split}"


@dataclass(frozen=True)
class _Random:
    """Held-out sets drawn row by row, and what they share with the rest."""

    pairs: Sequence[Pair]
    edges: dict[str, list[Edge]]
    seed: int

    def leaks(self, size: int) -> dict[str, Any]:
        """Return means over the rounds: held-out pairs that leak, their share of `size`, and how many leak in each way."""
        rounds = [self._round(number, size) for number in range(ROUNDS)]
        ways = {way: round(sum(sum(found[way]) for found in rounds) / ROUNDS, 1) for way in rounds[0]}
        leaking = sum(any(row) for found in rounds for row in zip(*found.values(), strict=True)) / ROUNDS
        return {"leaking_pairs": round(leaking, 1), "leaking_share": round(leaking / size, 4) if size else 0.0, "ways": ways}

    def _round(self, number: int, size: int) -> dict[str, list[bool]]:
        """Return for each way whether each pair of one draw leaks."""
        drawn = random.Random(f"{self.seed}/{number}").sample(range(len(self.pairs)), size)  # noqa: S311 a draw, not a secret
        inside = set(drawn)
        others = [pair for place, pair in enumerate(self.pairs) if place not in inside]
        found = shared([self.pairs[place] for place in drawn], others)
        for way, edges in self.edges.items():
            across = {place for edge in edges if (edge[0] in inside) != (edge[1] in inside) for place in edge}
            found[way] = [place in across for place in drawn]
        return found
