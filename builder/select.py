"""About `target` pairs out of all, in balance, so that the chosen set covers the documents evenly.

At about 1,000 pairs the spread decides as much as the quality (LIMA, Zhou et al. 2023; DEITA, Liu et al. 2024), and a
small model learns a fact only from several wordings of it. So whole facts (groups) are chosen, each with as many
different question forms as `per_fact` allows:

1. queues take turns: the families' groups by their shares where rules made the pairs, else the tasks by the square root of
   supply over prompt length (between even and proportional in pairs, and less of what carries a long input and so costs
   many tokens); yes and no take even turns;
2. within a queue, facts with at least three wordings come first, then passages used least, then documents used least;
   with a balance, sections not yet used come before all that, those with the fewest facts first; what is doubtful or of
   low quality comes after all else of its queue, if at all; what is still equal is ranked by its worth, quality times what
   it adds to what the chosen stand for (`builder/curation/worth.py`; QDIT, Bukharin et al. 2023); then by seeded hash;
3. caps hold (`builder/caps.py`), and yield one after another only when the target cannot be reached otherwise.

Pairs that nothing is known of (`by_worth`: anybody's own) wait in one queue, by their worth alone, within the same caps.

Facts wait in one heap per queue. What ranks a fact only grows as others are chosen, so a fact whose rank is still
current when it is popped is the best (lazy greedy, Minoux 1978): O(n log n) in practice.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from builder.balance import Balance
from builder.caps import Caps, Quota, yes_or_no
from builder.curation.embed import Vectors
from builder.curation.explain_choice import Nearest, nearest_chosen, why_not
from builder.curation.waiting import ENOUGH_WORDINGS, Fact, Waiting
from builder.curation.worth import Worth
from builder.review.accepted import is_accepted
from builder.turns import turns
from generators.extractive.doubts import told
from generators.interface import is_doubtful
from schemas.records import Dropped, Pair, Reason

STAGE = "select"
CODE = ("builder.select", "builder.caps", "builder.turns", "builder.rouge", "generators.extractive.doubts", "generators.interface")
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
    quotas: Sequence[Quota] = (),
    document_of: Callable[[Pair], str] | None = None,
    balance: Balance | None = None,
    quality: Sequence[float] | None = None,
    vectors: Vectors | None = None,
    floor: float = 0.0,
    by_worth: bool = False,
    seed: int = 0,
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, chosen (status selected, scores `pick` and what decided) or dropped.

    Args:
        pairs: distinct ones.
        target: pairs to choose; fewer only if the facts, at `per_fact` wordings each, do not yield as many, or if what is
            left belongs to a group that takes no more than its share.
        per_fact: most wordings of one fact.
        at_first: most wordings of one fact as long as other facts can fill the target; by default `per_fact`.
        per_document: largest share of one document in the target.
        per_task: largest share of one task.
        per_opening: largest share of one opening, the first three words of the question.
        quotas: largest shares of other things.
        document_of: what counts as one document; by default the document of the passage.
        balance: groups of families with their shares; without it, tasks take turns.
        quality: of each pair, between 0 and 1 (`builder.curation.quality`).
        vectors: a row of length 1 for each pair (`builder.curation.embed`).
        floor: share of the pairs with the lowest quality, which come after all others.
        by_worth: nothing but worth and caps decides.
        seed: decides ties.
    """
    listed = list(pairs)
    shares = {"document": per_document, "task": per_task, "opening": per_opening}
    answers = Counter(yes_or_no(pair.output) for pair in listed)
    wordings = (min(at_first or per_fact, per_fact), per_fact)
    document = document_of or (lambda pair: pair.provenance.document_id)
    reach = target
    while True:  # a share of what cannot be reached is too much of what can
        caps = Caps(target, wordings, answers, shares, balance, reach, quotas)
        choice = _Choice(listed, target, caps, document, balance, seed, by_worth)
        choice.run(quality, vectors, floor)
        if balance is None or len(choice.chosen) >= reach:
            break
        reach = len(choice.chosen)
    yield from _verdicts(choice, vectors)


def without_doubtful(pairs: Iterable[Pair]) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, dropped if rules saw signs that its answer is not whole."""
    for pair in pairs:
        yield Dropped.of(pair, STAGE, Reason.DOUBTFUL, told(pair.flags)) if is_doubtful(pair.flags) and not is_accepted(pair) else pair


def _verdicts(choice: "_Choice", vectors: Vectors | None) -> Iterator[Pair | Dropped]:
    chosen = choice.chosen
    near = nearest_chosen(vectors, list(chosen)) if vectors is not None else []
    for index, pair in enumerate(choice.pairs):
        if index in chosen:
            yield pair.model_copy(update={"status": "selected", "scores": pair.scores | chosen[index]})
        else:
            reason, detail = choice.obstacle(index, near[index] if near else None)
            yield Dropped.of(pair, STAGE, reason, detail)


Rank = tuple[tuple[float, ...], str]


@dataclass
class _Choice:
    pairs: Sequence[Pair]
    target: int
    caps: Caps
    document_of: Callable[[Pair], str]
    balance: Balance | None
    seed: int
    by_worth: bool
    chosen: dict[int, dict[str, float]] = field(default_factory=dict)
    """The chosen places in order, each with what decided."""

    def run(self, quality: Sequence[float] | None, vectors: Vectors | None, floor: float) -> None:
        """Choose, let a cap rise when nothing more can be chosen, choose on."""
        self.places: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.caps_of = [self.caps.of(pair, self._document(pair)) for pair in self.pairs]
        waiting = self._waiting(quality, vectors, floor)
        queued = ((fact.queue, [self.pairs[place] for place in fact.wordings]) for fact in waiting)
        self.weights = turns(queued, self.balance.shares if self.balance else None)
        waiting = self._accepted_first(waiting)
        while waiting and len(self.chosen) < self.target:
            before = len(self.chosen)
            waiting = [fact for fact in self._round(waiting) if self.caps.used["fact", fact.group] < self.caps.wordings[1]]
            if len(self.chosen) == before and not self.caps.rise():
                break

    def obstacle(self, index: int, near: Nearest | None) -> tuple[Reason, str]:
        """Return why a pair was not chosen."""
        if full := self.caps.full(self.caps_of[index]):
            reason, detail = Reason.OVER_CAP, f"{full[0]} {full[1]!r} has its {self.caps.limit(*full)} pairs"
        else:
            reason, detail = Reason.NOT_SELECTED, f"{self.target} pairs were chosen before its turn"
        known = None if self.worth.quality is None else float(self.worth.quality[index])
        twin, cosine = (self.pairs[near.place].id, near.cosine) if near else ("", 0.0)
        return reason, why_not(detail, quality=known, below=self.worth.below(index), twin=twin, cosine=cosine)

    def _waiting(self, quality: Sequence[float] | None, vectors: Vectors | None, floor: float) -> list[Fact]:
        better = (lambda place: -quality[place]) if quality is not None else (lambda _: 0.0)
        one_queue = (lambda _: "/") if self.by_worth else None
        maker = Waiting(self.pairs, self.caps, self._document, self.balance, better, one_queue, self.seed)
        hashed = sorted(range(len(self.pairs)), key=lambda place: maker.hash(self.pairs[place].id))
        self.worth = Worth(hashed, target=self.target, quality=quality, vectors=vectors, floor=floor)
        facts = maker.facts()
        self.rivals = Counter(fact.place for fact in facts)
        return [part for fact in facts for part in maker.parts(fact)]

    def _document(self, pair: Pair) -> str:
        """Return the document of a pair; a fact from no document is one of its own, or a cap would bind them all together."""
        return self.document_of(pair) or pair.group

    def _round(self, facts: Iterable[Fact]) -> list[Fact]:
        """Choose until the target or until every fact left is blocked by a cap; return those."""
        heaps: dict[str, list[tuple[Rank, Fact]]] = {}
        for fact in facts:
            heaps.setdefault(fact.queue, []).append((self._rank(fact), fact))
        for heap in heaps.values():
            heapq.heapify(heap)
        left: list[Fact] = []
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

    def _rank(self, fact: Fact) -> Rank:
        """Return the place of a fact in its queue, the lowest first; too low while its worth is not known."""
        worth = self.worth.of(fact.wordings[0])
        last = (fact.doubtful, self.worth.below(fact.wordings[0]))
        if self.by_worth:
            return (*last, -worth), fact.tie
        few = fact.least < min(ENOUGH_WORDINGS, self.caps.wordings[0])
        used, document = self.places[fact.place], self.caps.used["document", fact.document]
        if self.balance is None:
            return (*last, few, used, document, -worth), fact.tie
        known = fact.known != fact.group and self.caps.used["fact", fact.known] > 0  # asked without its passage already
        return (*last, known, used, self.rivals[fact.place], few, document, -worth), fact.tie

    def _best(self, heap: list[tuple[Rank, Fact]]) -> Fact:
        """Take the best fact off the heap; whoever stands before it without being it is looked at again."""
        while True:
            rank, fact = heap[0]
            if self.worth.is_known(fact.wordings[0]) and rank == self._rank(fact):
                return heapq.heappop(heap)[1]
            first = [heapq.heappop(heap)[1] for _ in range(min(self.worth.at_once, len(heap)))]
            self.worth.look([fact.wordings[0] for fact in first])
            for fact in first:
                heapq.heappush(heap, (self._rank(fact), fact))

    def _take(self, fact: Fact) -> list[int]:
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
        self._choose(fact, got)
        return got

    def _choose(self, fact: Fact, places: Sequence[int]) -> None:
        for place in places:
            self.chosen[place] = {"pick": float(len(self.chosen) + 1)} | self.worth.take(place)
        self.places[fact.place] += len(places)

    def _accepted_first(self, facts: list[Fact]) -> list[Fact]:
        """Choose what people accepted, whatever the limits, and return the rest; if it is more than the target, return it alone."""
        theirs = {place for place, pair in enumerate(self.pairs) if is_accepted(pair)}
        if not theirs:
            return facts
        if len(theirs) > self.target:
            return [part for fact in facts if (part := fact.only(theirs))]
        for fact in sorted(facts, key=lambda fact: fact.tie):
            got = [place for place in fact.wordings if place in theirs]
            self.caps.used.update(cap for place in got for cap in self.caps_of[place])
            self.taken[fact.queue] += len(got)
            self._choose(fact, got)
        return [part for fact in facts if (part := fact.only({*fact.wordings} - theirs))]
