"""What a round still wants of each section: a request on facts of the rules takes along what is wanted of the sections around."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from generators.alpaca.asks import Passage

Entry = tuple[int, int]  # one ask of a round: the place of its section (below 0: of a task without passages) and its items


class Wanted:
    """The items of a round that no ask has taken yet, by the place of their section."""

    def __init__(self, plan: Iterable[Entry], documents: Sequence[Sequence[int]]) -> None:
        self._left: Counter[int] = Counter()
        for place, count in plan:
            self._left[place] += count
        self._siblings = {place: (places, at) for places in documents for at, place in enumerate(places)}

    def take(self, place: int, planned: int) -> int:
        """Take what was planned for an ask about a section, or what earlier asks left of it; return how many items."""
        count = min(planned, self._left[place])
        self._left[place] -= count
        return count

    def around(self, place: int) -> Iterator[Entry]:
        """Yield the sections of the same document of which something is wanted, from this one on and round."""
        places, at = self._siblings[place]
        for other in (*places[at:], *places[:at]):
            if self._left[other]:
                yield other, self._left[other]


def by_document(passages: Sequence[Passage]) -> list[list[int]]:
    """Return the places of the sections of each document."""
    places: dict[str, list[int]] = {}
    for place, passage in enumerate(passages):
        places.setdefault(passage.document.id, []).append(place)
    return list(places.values())
