"""Why a pair was chosen, and why another was not: what `kilopair explain` shows of the choice.

A chosen pair holds it in its scores: `pick`, when it was chosen (1 is first); `quality`; `gain`, the share of all pairs that
it stood for and nothing before it did. One that was not chosen holds it in the detail of its `Dropped`: the limit that was
full, or that others went before it; its quality; and the chosen pair nearest to it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from builder.curation.embed import Vectors
from schemas.records import Dropped, Pair, Reason

TILE = 4096
SHOWN = 3


@dataclass(frozen=True)
class Nearest:
    """The place of the nearest chosen pair, and the cosine."""

    place: int
    cosine: float


def nearest_chosen(vectors: Vectors, chosen: Sequence[int]) -> list[Nearest]:
    """Return for each of n rows the nearest of k chosen ones: n k d multiplications, a tile at a time."""
    if not chosen:
        return []
    picked, places = np.ascontiguousarray(vectors[list(chosen)]), np.array(chosen)
    found: list[Nearest] = []
    for start in range(0, len(vectors), TILE):
        products = vectors[start : start + TILE] @ picked.T
        best = products.argmax(axis=1)
        cosines = products[np.arange(len(best)), best]
        found += map(Nearest, places[best].tolist(), np.round(cosines, 3).tolist())
    return found


def why_not(detail: str, *, quality: float | None, below: bool, twin: str, cosine: float) -> str:
    """Return the whole reason why a pair was not chosen."""
    said = [detail]
    if quality is not None:
        said.append(f"quality {quality:.2f}{', among the lowest, which come last' if below else ''}")
    if twin:
        said.append(f"nearest chosen {twin} (cosine {cosine:.2f})")
    return "; ".join(said)


def why_fewer(records: Iterable[Pair | Dropped], target: int) -> str:
    """Return why fewer than `target` pairs were chosen, in a line; an empty string if there are as many."""
    listed = list(records)
    chosen = sum(isinstance(record, Pair) for record in listed)
    if chosen >= target:
        return ""
    full = Counter(
        record.detail.partition(" has its ")[0] for record in listed if isinstance(record, Dropped) and record.reason is Reason.OVER_CAP
    )
    if not full:
        return f"only {chosen} of {target} pairs were chosen: there are no more"
    told = ", ".join(f"{count} over the limit of {name}" for name, count in full.most_common(SHOWN))
    more = f" and {len(full) - SHOWN} other limits" if len(full) > SHOWN else ""
    return f"only {chosen} of {target} pairs were chosen; of those left out, {told}{more}"


def curve(pairs: Iterable[Pair]) -> list[dict[str, float]]:
    """Return coverage and mean quality of the first 100, 200, ... of the chosen pairs: where it flattens, more pairs add little.

    Coverage is the sum of the gains: the mean cosine of all pairs to the nearest chosen one. Empty if no vectors were given.
    O(n log n).
    """
    picked = sorted((pair.scores["pick"], pair.scores["gain"], pair.scores.get("quality", 1.0)) for pair in pairs if "gain" in pair.scores)
    covered, qualities = np.cumsum([gain for _, gain, _ in picked]), np.cumsum([one for *_, one in picked])
    counts = [*range(100, len(picked), 100), *[len(picked)][: len(picked)]]
    return [
        {"pairs": count, "coverage": round(float(covered[count - 1]), 4), "quality": round(float(qualities[count - 1] / count), 4)}
        for count in counts
    ]
