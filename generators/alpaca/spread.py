"""Even spreading, in whole numbers and without chance: who gets how much, and in which order.

Everything here depends on its arguments alone, so that a run that was cut off plans the same again.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """How full a section is: whether it was ever asked about, and what was accepted for its weight."""

    place: int
    asked: bool
    accepted: int
    weight: int


def spaced(count: int, wanted: int) -> list[int]:
    """Return `wanted` of `count` places (at most all of them), as far apart as they can be."""
    wanted = min(count, wanted)
    return [(2 * number + 1) * count // (2 * wanted) for number in range(wanted)]


def quotas(weights: Sequence[int], total: int, *, have: Sequence[int], is_open: Sequence[bool]) -> list[int]:
    """Divide `total` by weight with the largest remainders, which only open places get; none gets a whole one more than its share.

    Args:
        weights: of each place.
        total: what there is to divide, including what the places have.
        have: what each place has.
        is_open: whether a place can take more; the share of one that cannot is left over, for the others are not to pass theirs.
    """
    whole = sum(weights)
    if not whole or total <= 0:
        return [0] * len(weights)
    shares = [weight * total // whole for weight in weights]
    spare = total - sum(shares) - sum(max(0, has - share) for has, share in zip(have, shares, strict=True))
    remainders = [weight * total % whole for weight in weights]
    candidates = [place for place, share in enumerate(shares) if is_open[place] and have[place] <= share and remainders[place]]
    for place in _largest(candidates, remainders, spare):
        shares[place] += 1
    return shares


def _largest(places: list[int], values: Sequence[int], wanted: int) -> list[int]:
    """Return the places of the largest values; of those that tie for the last ones, some at even distances."""
    if wanted <= 0 or not places:
        return []
    ordered = sorted((values[place] for place in places), reverse=True)
    last = ordered[min(wanted, len(ordered)) - 1]
    above = [place for place in places if values[place] > last]
    tied = [place for place in places if values[place] == last]
    return above + [tied[index] for index in spaced(len(tied), wanted - len(above))]


def fill(levels: Iterable[Level], total: int) -> dict[int, int]:
    """Return how many of `total` each place gets: the never asked first, then always the emptiest, ties at even distances."""
    heap = [((level.asked, level.accepted / level.weight), level.place, level) for level in levels]
    heapq.heapify(heap)
    given: dict[int, int] = {}
    while total > 0 and heap:
        lowest = heap[0][0]
        tied: list[Level] = []
        while heap and heap[0][0] == lowest:
            tied.append(heapq.heappop(heap)[2])
        chosen = frozenset(spaced(len(tied), total))
        for index, level in enumerate(tied):
            if index in chosen:
                given[level.place] = given.get(level.place, 0) + 1
                level = Level(level.place, True, level.accepted + 1, level.weight)  # noqa: PLW2901 - it goes back fuller
            heapq.heappush(heap, ((level.asked, level.accepted / level.weight), level.place, level))
        total -= len(chosen)
    return given


def parts(count: int, most: int) -> list[int]:
    """Cut `count` into as few numbers as possible, none above `most`, all nearly equal."""
    pieces = -(-count // most)
    return [count // pieces + (number < count % pieces) for number in range(pieces)] if count else []


def interleaved(groups: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Merge groups so that whatever prefix is taken, each group has about its share in it, spread over the group."""
    placed: list[tuple[float, int, tuple[int, int]]] = []
    for number, group in enumerate(groups):
        order = _halving(len(group))
        placed += [((rank + 0.5) / len(group), number, group[place]) for rank, place in enumerate(order)]
    return [entry for _, _, entry in sorted(placed, key=lambda item: item[:2])]


def woven(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge two lists at an even rate, keeping the order of each."""
    placed = [((rank + 0.5) / len(group), entry) for group in (left, right) for rank, entry in enumerate(group)]
    return [entry for _, entry in sorted(placed, key=lambda item: item[0])]


def _halving(count: int) -> Iterator[int]:
    """Yield 0 to count - 1 in the order of van der Corput: every prefix lies about evenly over the whole."""
    bits = max(1, (count - 1).bit_length())
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2)
        if place < count:
            yield place
