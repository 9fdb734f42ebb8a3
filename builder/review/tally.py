"""How many items of each place are in each state, kept up to date by what is new in the log, however many were decided on."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from builder.review.filters import UNDECIDED

Change = tuple[int, str, str, int]
"""The number of an item, its place, the state that it is in now, and the seq of the newest event on it."""


class Tally:
    """Counts of decided items by place; `seq` is the newest event that they heed."""

    def __init__(self) -> None:
        self.seq = 0
        self._states: dict[int, str] = {}
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def heed(self, changes: Iterable[Change]) -> None:
        """Take in how items stand now."""
        for n, place, state, seq in changes:
            before = self._states.pop(n, UNDECIDED)
            self._counts[place][before] -= before != UNDECIDED
            if state != UNDECIDED:
                self._states[n] = state
                self._counts[place][state] += 1
            self.seq = max(self.seq, seq)

    def of(self, places: Iterable[str]) -> Counter[str]:
        """Return how many items of these places are in each state but undecided; of all places, if none is named."""
        wanted = list(places) or list(self._counts)
        return sum((+self._counts[place] for place in wanted), Counter())
