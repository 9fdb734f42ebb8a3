"""The facts that wait to be chosen: all wordings of one thing, the best and most different first."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from builder.balance import Balance
from builder.caps import Caps, opening, yes_or_no
from builder.turns import kind_of
from generators.interface import is_doubtful
from schemas.records import Pair

ENOUGH_WORDINGS = 3


@dataclass(frozen=True, eq=False)
class Fact:
    """What is still to be had of one fact: the places of its wordings, different forms first; `known` is the fact without a passage."""

    group: str
    known: str
    queue: str
    place: str
    document: str
    wordings: tuple[int, ...]
    tie: str
    least: int
    doubtful: bool

    def only(self, places: AbstractSet[int]) -> "Fact | None":
        """Return the fact with those of its wordings alone; if others are gone, one is enough for it to wait."""
        left = tuple(place for place in self.wordings if place in places)
        return None if not left else self if left == self.wordings else replace(self, wordings=left, least=1)


@dataclass(frozen=True)
class Waiting:
    """Makes the facts of the pairs that are to be chosen from.

    Args:
        pairs: all of them.
        caps: the limits, for how many wordings a fact has.
        document_of: the document of a pair.
        balance: groups and sections, if families are balanced.
        better: an order of places: of the wordings of a fact, the lowest goes first.
        queue_of: which queue a pair waits in, if neither its group nor its task decides.
        seed: decides ties.
    """

    pairs: Sequence[Pair]
    caps: Caps
    document_of: Callable[[Pair], str]
    balance: Balance | None
    better: Callable[[int], float]
    queue_of: Callable[[Pair], str] | None
    seed: int

    def facts(self) -> list[Fact]:
        """Return the facts; one that is asked in two groups, with its passage and without, waits in both."""
        members: dict[tuple[str, str], list[int]] = {}
        for index, pair in enumerate(self.pairs):
            kind = self.balance.group_of(pair) if self.balance else ""
            members.setdefault((pair.group, kind), []).append(index)
        return [self._fact(group, kind, places) for (group, kind), places in members.items()]

    def parts(self, fact: Fact) -> Iterator[Fact]:
        """Let the later wordings of a fact wait for facts of other sections, in groups where the spread is worth more than they are."""
        at_first, most = self.caps.wordings
        few = self.balance.wordings.get(kind_of(fact.queue), at_first) if self.balance and at_first < most else at_first
        later = fact.wordings[few:] if few < at_first else ()
        yield replace(fact, wordings=fact.wordings[:few], least=min(fact.least, few)) if later else fact
        if later:
            yield replace(fact, wordings=later, least=1, tie=f"{fact.tie} later")

    def hash(self, text: str) -> str:
        """Return a seeded hash."""
        return hashlib.sha256(f"{self.seed}/{text}".encode("utf-8", "surrogatepass")).hexdigest()

    def _fact(self, group: str, kind: str, places: Sequence[int]) -> Fact:
        wordings = self._sorted(places)
        first = self.pairs[wordings[0]]
        queue = self.queue_of(first) if self.queue_of else f"{kind if self.balance else first.task}/{yes_or_no(first.output)}"
        return Fact(
            group=self.caps.fact_of(first),
            known=group,
            queue=queue,
            place=self._place(first),
            document=self.document_of(first),
            wordings=wordings,
            tie=self.hash(f"{group}{kind}"),
            least=min(ENOUGH_WORDINGS, len(wordings), self.caps.wordings[0]),
            doubtful=is_doubtful(first.flags),
        )

    def _sorted(self, places: Sequence[int]) -> tuple[int, ...]:
        """Put different forms first, then different openings; then the better; ties by seeded hash of the pair."""
        hashed = sorted(places, key=lambda place: (self.better(place), self.hash(self.pairs[place].id)))
        forms: Counter[str] = Counter()
        openings: Counter[str] = Counter()
        repeats: dict[int, tuple[int, int]] = {}
        for place in hashed:
            form, start = self.pairs[place].form, opening(self.pairs[place].instruction)
            repeats[place] = (forms[form], openings[start])
            forms[form] += 1
            openings[start] += 1
        return tuple(sorted(hashed, key=lambda place: repeats[place]))

    def _place(self, pair: Pair) -> str:
        """Where a pair is from; what comes with its passage covers no section for those who ask without it."""
        if self.balance is None:
            return pair.provenance.chunk_id or pair.group
        return f"{self.balance.section_of(pair)}{'/input' if pair.input else ''}"
