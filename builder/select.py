"""About `target` pairs out of all, in balance, so that the chosen set covers the documents evenly.

At about 1,000 pairs the spread decides as much as the quality (LIMA, Zhou et al. 2023; DEITA, Liu et al. 2024), and a
small model learns a fact only from several wordings of it. So whole facts (groups) are chosen, each with as many
different question forms as `per_fact` allows:

1. queues take turns: the families' groups by their shares where rules made the pairs, else the tasks by the square root of
   supply over prompt length (between even and proportional in pairs, and less of what carries a long input and so costs
   many tokens); yes and no take even turns;
2. within a queue, facts with at least three wordings come first, then passages used least, then documents used least;
   with a balance, sections not yet used come before all that, those with the fewest facts first; what is doubtful comes
   after all else of its queue, if at all; ties fall by seeded hash;
3. caps hold (`builder/caps.py`), and yield one after another only when the target cannot be reached otherwise.

Facts wait in one heap per queue. What ranks a fact only grows as others are chosen, so a fact whose rank is still
current when it is popped is the best (lazy greedy, Minoux 1978): O(n log n) in practice.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from builder.balance import Balance
from builder.caps import Caps, opening, yes_or_no
from builder.turns import kind_of, turns
from generators.extractive.doubts import is_doubtful, told
from schemas.records import Dropped, Pair, Reason

STAGE = "select"
ENOUGH_WORDINGS = 3
WORDINGS = (3, 5)  # of a fact as long as others can fill the target, and at most: the spread is worth more than the fourth wording


def select(  # noqa: PLR0913 one keyword for each cap of the recipe
    pairs: Iterable[Pair],
    *,
    target: int,
    per_fact: int,
    at_first: int | None = None,
    per_document: float = 1.0,
    per_task: float = 1.0,
    per_opening: float = 1.0,
    document_of: Callable[[Pair], str] | None = None,
    balance: Balance | None = None,
    seed: int = 0,
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, chosen (status selected) or dropped.

    Args:
        pairs: distinct ones.
        target: pairs to choose; fewer only if the facts, at `per_fact` wordings each, do not yield as many, or if what is
            left belongs to a group that takes no more than its share.
        per_fact: most wordings of one fact.
        at_first: most wordings of one fact as long as other facts can fill the target; by default `per_fact`.
        per_document: largest share of one document in the target.
        per_task: largest share of one task.
        per_opening: largest share of one opening, the first three words of the question.
        document_of: what counts as one document; by default the document of the passage.
        balance: groups of families with their shares; without it, tasks take turns.
        seed: decides ties.
    """
    listed = list(pairs)
    shares = {"document": per_document, "task": per_task, "opening": per_opening}
    answers = Counter(yes_or_no(pair.output) for pair in listed)
    wordings = (min(at_first or per_fact, per_fact), per_fact)
    document = document_of or (lambda pair: pair.provenance.document_id)
    reach = target
    while True:  # a share of what cannot be reached is too much of what can
        caps = Caps(target, wordings, answers, shares, balance, reach)
        choice = _Choice(listed, target, caps, document, balance, seed)
        choice.run()
        if balance is None or len(choice.chosen) >= reach:
            break
        reach = len(choice.chosen)
    for index, pair in enumerate(listed):
        if index in choice.chosen:
            yield pair.model_copy(update={"status": "selected"})
        elif full := caps.full(choice.caps_of[index]):
            yield Dropped.of(pair, STAGE, Reason.OVER_CAP, f"{full[0]} {full[1]!r} has its {caps.limit(*full)} pairs")
        else:
            yield Dropped.of(pair, STAGE, Reason.NOT_SELECTED, f"{target} pairs were chosen before its turn")


def without_doubtful(pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, dropped if rules saw signs that its answer is not whole."""
    for pair in pairs:
        yield Dropped.of(pair, STAGE, Reason.DOUBTFUL, told(pair.flags)) if is_doubtful(pair.flags) else pair


Rank = tuple[bool, int, int, int, int, int, int, str]


@dataclass(frozen=True, eq=False)
class _Fact:
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


@dataclass
class _Choice:
    pairs: Sequence[Pair]
    target: int
    caps: Caps
    document_of: Callable[[Pair], str]
    balance: Balance | None
    seed: int
    chosen: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Choose, let a cap rise when nothing more can be chosen, choose on."""
        self.places: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.caps_of = [self.caps.of(pair, self._document(pair)) for pair in self.pairs]
        waiting = self._facts()
        self.rivals = Counter(fact.place for fact in waiting)
        waiting = [part for fact in waiting for part in self._parts(fact)]
        queued = ((fact.queue, [self.pairs[place] for place in fact.wordings]) for fact in waiting)
        self.weights = turns(queued, self.balance.shares if self.balance else None)
        while waiting and len(self.chosen) < self.target:
            before = len(self.chosen)
            waiting = [fact for fact in self._round(waiting) if self.caps.used["fact", fact.group] < self.caps.wordings[1]]
            if len(self.chosen) == before and not self.caps.rise():
                break

    def _document(self, pair: Pair) -> str:
        """Return the document of a pair; a fact from no document is one of its own, or a cap would bind them all together."""
        return self.document_of(pair) or pair.group

    def _facts(self) -> list[_Fact]:
        """A fact that is asked in two groups, with its passage and without, waits in both."""
        members: dict[tuple[str, str], list[int]] = {}
        for index, pair in enumerate(self.pairs):
            kind = self.balance.group_of(pair) if self.balance else ""
            members.setdefault((pair.group, kind), []).append(index)
        return [self._fact(group, kind, places) for (group, kind), places in members.items()]

    def _fact(self, group: str, kind: str, places: Sequence[int]) -> _Fact:
        """Put different forms first, then different openings; ties by seeded hash of the pair."""
        hashed = sorted(places, key=lambda place: self._hash(self.pairs[place].id))
        forms: Counter[str] = Counter()
        openings: Counter[str] = Counter()
        repeats: dict[int, tuple[int, int]] = {}
        for place in hashed:
            form, start = self.pairs[place].form, opening(self.pairs[place].instruction)
            repeats[place] = (forms[form], openings[start])
            forms[form] += 1
            openings[start] += 1
        wordings = tuple(sorted(hashed, key=lambda place: repeats[place]))
        first = self.pairs[wordings[0]]
        queue = f"{kind if self.balance else first.task}/{yes_or_no(first.output)}"
        least = min(ENOUGH_WORDINGS, len(wordings), self.caps.wordings[0])
        return _Fact(
            group=self.caps.fact_of(first),
            known=group,
            queue=queue,
            place=self._place(first),
            document=self._document(first),
            wordings=wordings,
            tie=self._hash(f"{group}{kind}"),
            least=least,
            doubtful=is_doubtful(first.flags),
        )

    def _parts(self, fact: _Fact) -> Iterator[_Fact]:
        """Let the later wordings of a fact wait for facts of other sections, in groups where the spread is worth more than they are."""
        at_first, most = self.caps.wordings
        few = self.balance.wordings.get(kind_of(fact.queue), at_first) if self.balance and at_first < most else at_first
        later = fact.wordings[few:] if few < at_first else ()
        yield replace(fact, wordings=fact.wordings[:few], least=min(fact.least, few)) if later else fact
        if later:
            yield replace(fact, wordings=later, least=1, tie=f"{fact.tie} later")

    def _place(self, pair: Pair) -> str:
        """Where a pair is from; what comes with its passage covers no section for those who ask without it."""
        if self.balance is None:
            return pair.provenance.chunk_id or pair.group
        return f"{self.balance.section_of(pair)}{'/input' if pair.input else ''}"

    def _hash(self, text: str) -> str:
        return hashlib.sha256(f"{self.seed}/{text}".encode("utf-8", "surrogatepass")).hexdigest()

    def _round(self, facts: Iterable[_Fact]) -> list[_Fact]:
        """Choose until the target or until every fact left is blocked by a cap; return those."""
        heaps: dict[str, list[tuple[Rank, _Fact]]] = {}
        for fact in facts:
            heaps.setdefault(fact.queue, []).append((self._rank(fact), fact))
        for heap in heaps.values():
            heapq.heapify(heap)
        left: list[_Fact] = []
        while heaps and len(self.chosen) < self.target:
            queue = min(heaps, key=lambda name: (self.taken[name] / self.weights[name], name))
            fact = self._best(heaps[queue])
            got = self._take(fact)
            self.taken[queue] += len(got)
            rest = tuple(place for place in fact.wordings if place not in self.chosen)
            if rest:
                left.append(replace(fact, wordings=rest, least=1 if got else fact.least))
            if not heaps[queue]:
                del heaps[queue]
        return left

    def _rank(self, fact: _Fact) -> Rank:
        few = int(fact.least < min(ENOUGH_WORDINGS, self.caps.wordings[0]))
        used, document = self.places[fact.place], self.caps.used["document", fact.document]
        if self.balance is None:
            return fact.doubtful, 0, 0, 0, few, used, document, fact.tie
        known = int(fact.known != fact.group and self.caps.used["fact", fact.known] > 0)  # asked without its passage already
        return fact.doubtful, known, used, self.rivals[fact.place], few, used, document, fact.tie

    def _best(self, heap: list[tuple[Rank, _Fact]]) -> _Fact:
        while True:
            rank, fact = heapq.heappop(heap)
            current = self._rank(fact)
            if rank == current:
                return fact
            heapq.heappush(heap, (current, fact))

    def _take(self, fact: _Fact) -> list[int]:
        """Choose the wordings that no cap forbids, if they are enough for the fact to be learnt; return them."""
        room = self.target - len(self.chosen)
        got: list[int] = []
        for place in fact.wordings:
            if len(got) < room and self.caps.allow(self.caps_of[place]):
                got.append(place)
                self.caps.used.update(self.caps_of[place])
        if len(got) < min(fact.least, room):
            self.caps.used.subtract(cap for place in got for cap in self.caps_of[place])
            return []
        self.chosen.update(got)
        self.places[fact.place] += len(got)
        return got
