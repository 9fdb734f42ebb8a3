"""How far reviewers agree beyond chance on the items that several of them decided on.

A rating is accept, reject or edit (a repair is an edit), as each reviewer last said it and nobody undid it. Skips are no rating,
and neither are final words: who settles a disagreement has seen what the others said.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from builder.agreement import cohen
from builder.review.fold import live, standings, words
from schemas.review import Event, Standing

RATINGS = ("accept", "reject", "edit")
_RATING = {"accept": "accept", "reject": "reject", "edit": "edit", "repair": "edit"}


@dataclass(frozen=True)
class Two:
    """Two reviewers: items that both rated, how many alike, and Cohen's kappa with its 95 % interval; None where it is 0 / 0."""

    first: str
    second: str
    n: int
    equal: int
    kappa: float | None
    low: float | None
    high: float | None

    @property
    def sentence(self) -> str:
        """What it comes to, in words."""
        beyond = "no kappa of one rating only" if self.kappa is None else f"kappa {self.kappa:.2f} ({self.low:.2f} to {self.high:.2f})"
        return f"{self.first} and {self.second} agree on {self.equal:,} of {self.n:,}; {beyond}"


@dataclass(frozen=True)
class Agreed:
    """Items rated by each reviewer, each two of them, Krippendorff's alpha over all (None where it is 0 / 0), items in dispute."""

    rated: Mapping[str, int]
    shared: int
    pairs: tuple[Two, ...]
    alpha: float | None
    disputed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the agreement for other programs."""
        return {**asdict(self), "rated": dict(self.rated), "pairs": [asdict(two) for two in self.pairs], "disputed": list(self.disputed)}


def agreement(events: Iterable[Event], stand: Mapping[str, Standing] | None = None) -> Agreed:
    """Return how far the reviewers of a log agree; `stand` is how its items stand, if that is known."""
    ordered = sorted(events, key=lambda event: event.seq)
    units = _ratings(ordered)
    several = [ratings for ratings in units.values() if len(ratings) > 1]
    rated = Counter(reviewer for ratings in units.values() for reviewer in ratings)
    stand = standings(ordered) if stand is None else stand
    disputed = tuple(sorted(item for item, standing in stand.items() if standing.state == "disputed"))
    return Agreed(dict(sorted(rated.items())), len(several), tuple(_twos(several)), krippendorff(several), disputed)


def krippendorff(units: Iterable[Mapping[str, str]]) -> float | None:
    """Return Krippendorff's alpha of nominal ratings, any of which may be missing; None if all are the same or none has two.

    By coincidences (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"): a unit with m ratings gives each of its
    m (m - 1) ordered pairs of ratings the weight 1 / (m - 1); alpha = 1 - observed / expected disagreement.

    Args:
        units: of each thing that was rated, the ratings by rater.
    """
    totals: Counter[str] = Counter()
    differing = 0.0
    for unit in units:
        if len(unit) > 1:
            counts = Counter(unit.values())
            totals.update(counts)
            differing += sum(count * (len(unit) - count) for count in counts.values()) / (len(unit) - 1)
    total = totals.total()
    expected = sum(count * (total - count) for count in totals.values())
    return 1 - (total - 1) * differing / expected if expected else None


def _ratings(ordered: Sequence[Event]) -> dict[str, dict[str, str]]:
    """Return the ratings of each item by reviewer."""
    said: defaultdict[str, list[Event]] = defaultdict(list)
    for event in live(ordered):
        if not event.final:
            said[event.item].append(event)
    return {
        item: {name: _RATING[word.action] for name, word in words(events).items() if word.action in _RATING}
        for item, events in said.items()
    }


def _twos(units: Sequence[Mapping[str, str]]) -> list[Two]:
    tables: defaultdict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for ratings in units:
        for first, second in combinations(sorted(ratings), 2):
            tables[first, second][ratings[first], ratings[second]] += 1
    return [_two(first, second, tables[first, second]) for first, second in sorted(tables)]


def _two(first: str, second: str, table: Counter[tuple[str, str]]) -> Two:
    n, equal = table.total(), sum(table[rating, rating] for rating in RATINGS)
    try:
        found = cohen([[table[one, other] for other in RATINGS] for one in RATINGS])
    except ValueError:  # both gave one and the same rating throughout
        return Two(first, second, n, equal, None, None, None)
    return Two(first, second, n, equal, found.kappa, found.low, found.high)
