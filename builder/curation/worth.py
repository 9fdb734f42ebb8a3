"""What it is worth to choose a pair next: its quality, times what it adds to what the chosen pairs stand for."""

from collections.abc import Sequence

import numpy as np

from builder.curation.embed import Vectors
from builder.curation.facility import BLOCK, Facility, sample_rows


class Worth:
    """The worth of each pair, which only falls as others are chosen.

    Args:
        order: the places of the pairs in an order that does not depend on how they came, such as that of a hash: floats are
            summed in it, and the rows to be covered are the first of it.
        target: how many will be chosen.
        quality: of each pair, between 0 and 1; all equal when None.
        vectors: n x d, of length 1; without them the worth of a pair is its quality.
        floor: the share of the pairs with the lowest quality that come after all others.
    """

    def __init__(
        self, order: Sequence[int], *, target: int, quality: Sequence[float] | None, vectors: Vectors | None, floor: float = 0.0
    ) -> None:
        self.quality = None if quality is None else np.asarray(quality, np.float64)
        self._least = float(np.quantile(quality, floor, method="lower")) if quality is not None and len(quality) else -1.0
        self._facility: Facility | None = None
        self._rows = 1
        if vectors is not None and len(vectors):
            turned = np.ascontiguousarray(vectors[list(order)], np.float32)
            rows = sample_rows(turned, target)
            likely = None if self.quality is None else np.where(self.quality < self._least, 0.0, self.quality)[list(order)]
            self._facility = Facility(turned, None if len(rows) == len(turned) else rows, likely)
            self._rows = len(rows)
            self._at = np.argsort(order)

    def below(self, place: int) -> bool:
        """Whether a pair is of those that come last for their quality."""
        return self.quality is not None and bool(self.quality[place] < self._least)

    @property
    def at_once(self) -> int:
        """How many pairs are best looked at together."""
        return BLOCK if self._facility else 1

    def look(self, places: Sequence[int]) -> None:
        """Look at pairs again, so that what they are worth is known."""
        if self._facility:
            self._facility.look([self._at[place] for place in places])

    def is_known(self, place: int) -> bool:
        """Whether what a pair is worth has not changed since it was looked at."""
        return self._facility is None or self._facility.is_known(self._at[place])

    def of(self, place: int) -> float:
        """Return what a pair was worth when it was last looked at: never less than now."""
        return self._quality(place) * (float(self._facility.bounds[self._at[place]]) if self._facility else 1.0)

    def take(self, place: int) -> dict[str, float]:
        """Choose a pair; return for its scores what decided: quality, and the share of all that it adds to what is covered."""
        scores = {} if self.quality is None else {"quality": round(self._quality(place), 4)}
        if self._facility:
            scores["gain"] = round(self._facility.add(self._at[place]) / self._rows, 6)
        return scores

    def _quality(self, place: int) -> float:
        return 1.0 if self.quality is None else float(self.quality[place])
