"""Documents of which nothing is in train: the second test set, of questions about what the model never read a pair on.

*New questions on known documents* ask whether training on a document taught what other pairs did not ask. *Held-out documents*
ask what training taught beyond its own documents. A document is held out with every component (see `connect`) that touches
it; what such a component says about other documents is tested as well, but counts as known.
"""

from collections.abc import Iterable, Sequence

from builder.connect import documents
from builder.wordings import seeded
from schemas.records import Pair

HELD_OUT = "held_out_document"  # the flag of a pair all of whose documents are held out
FEWEST = 3  # documents, or there is no room for a set of their own
_OVERSHOOT = 1.5  # pairs of a held-out document, against the share of the documents
_LARGEST = 0.3  # of all pairs that the one document may take that is held out when none fits


def hold_out(pairs: Sequence[Pair], groups: Sequence[Sequence[int]], share: float, *, seed: int) -> set[int]:
    """Return which of `groups` (components, as places of `pairs`) go to test so that `share` of the documents is held out.

    Documents are taken by seeded hash as long as their pairs are in proportion: O(documents × their groups).
    """
    touching = _touching(pairs, groups)
    wanted = max(round(share * len(touching)), 1) if share and len(touching) >= FEWEST else 0
    ordered = sorted(touching, key=lambda document: seeded(seed, document))
    chosen: set[int] = set()
    room, taken = share * _OVERSHOOT * len(pairs), 0
    for document in ordered:
        cost = _cost(groups, touching[document] - chosen)
        if taken < wanted and cost <= room:
            chosen |= touching[document]
            room, taken = room - cost, taken + 1
    if wanted and not taken:
        smallest = min(ordered, key=lambda document: _cost(groups, touching[document]))
        if _cost(groups, touching[smallest]) <= _LARGEST * len(pairs):
            chosen = touching[smallest]
    return chosen


def on_held_out(pairs: Sequence[Pair], held: Iterable[int]) -> set[int]:
    """Return which of the places `held` are of pairs all of whose documents have no pair anywhere else."""
    places = set(held)
    known = {document for place, pair in enumerate(pairs) if place not in places for document in documents(pair)}
    return {place for place in places if (rests_on := documents(pairs[place])) and known.isdisjoint(rests_on)}


def _touching(pairs: Sequence[Pair], groups: Sequence[Sequence[int]]) -> dict[str, set[int]]:
    """Return by document the groups that say something about it."""
    touching: dict[str, set[int]] = {}
    for index, places in enumerate(groups):
        for place in places:
            for document in documents(pairs[place]):
                touching.setdefault(document, set()).add(index)
    return touching


def _cost(groups: Sequence[Sequence[int]], which: Iterable[int]) -> int:
    return sum(len(groups[index]) for index in which)
