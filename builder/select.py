"""About `target` pairs out of all, in balance, so that the chosen set covers the documents evenly.

At about 1,000 pairs the spread decides as much as the quality (LIMA, Zhou et al. 2023; DEITA, Liu et al. 2024), and a
small model learns a fact only from several wordings of it. So whole facts (groups) are chosen, each with as many
different question forms as `per_fact` allows:

1. tasks take turns by the square root of supply over prompt length: between even and proportional in pairs, and less
   of what carries a long input and so costs many tokens; yes and no take even turns;
2. within a task, facts with at least three wordings come first, then passages used least, then documents used least;
   ties fall by a seeded hash of the fact, so the order of the input does not matter;
3. shares of the target cap documents, tasks and openings, and the more frequent of yes and no at 60:40 of what the
   rarer can supply. A cap yields only when the target cannot be reached otherwise: then those that block rise together.

Facts wait in one heap per task. What ranks a fact only grows as others are chosen, so a fact whose rank is still
current when it is popped is the best (lazy greedy, Minoux 1978): O(n log n) in practice.
"""

import hashlib
import heapq
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from builder.rouge import words
from schemas.records import Dropped, Pair, Reason

STAGE = "select"
ENOUGH_WORDINGS = 3
MOST_TO_LEAST = 1.5  # yes to no, or no to yes: 60:40
_RISE = 1.25
_YES_NO = re.compile(r"\W*(yes|no)\b\s*(?:[.,;:!–—-]|$)", re.IGNORECASE)

Cap = tuple[str, str]


def select(  # noqa: PLR0913 one keyword for each cap of the recipe
    pairs: Iterable[Pair],
    *,
    target: int,
    per_fact: int,
    per_document: float = 1.0,
    per_task: float = 1.0,
    per_opening: float = 1.0,
    document_of: Callable[[Pair], str] | None = None,
    seed: int = 0,
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, chosen (status selected) or dropped.

    Args:
        pairs: distinct ones.
        target: pairs to choose; fewer only if the facts, at `per_fact` wordings each, do not yield as many.
        per_fact: most wordings of one fact.
        per_document: largest share of one document in the target.
        per_task: largest share of one task.
        per_opening: largest share of one opening, the first three words of the question.
        document_of: what counts as one document; by default the document of the passage.
        seed: decides ties.
    """
    listed = list(pairs)
    shares = {"document": per_document, "task": per_task, "opening": per_opening}
    document = document_of or (lambda pair: pair.provenance.document_id)
    choice = _Choice(listed, target, per_fact, shares, document, seed)
    choice.run()
    for index, pair in enumerate(listed):
        if index in choice.chosen:
            yield pair.model_copy(update={"status": "selected"})
        elif full := choice.full(index):
            yield Dropped.of(pair, STAGE, Reason.OVER_CAP, f"{full[0]} {full[1]!r} has its {choice.limit(*full)} pairs")
        else:
            yield Dropped.of(pair, STAGE, Reason.NOT_SELECTED, f"{target} pairs were chosen before its turn")


def yes_or_no(output: str) -> Literal["yes", "no", ""]:
    """Return whether a response begins with a plain yes or no: "No." and "No, ..." do, "No more than ten" does not."""
    match = _YES_NO.match(output)
    return ("yes" if match[1].lower() == "yes" else "no") if match else ""


def opening(instruction: str) -> str:
    """Return the first three words of a question."""
    return " ".join(words(instruction)[:3])


def _prompt_words(pair: Pair) -> int:
    said = (*(turn.content for turn in pair.history), pair.instruction, pair.input)
    return 1 + sum(len(text.split()) for text in said)


@dataclass(frozen=True, eq=False)
class _Fact:
    """What is still to be had of one fact: the places of its wordings, different forms first."""

    group: str
    queue: str
    chunk: str
    document: str
    wordings: tuple[int, ...]
    tie: str
    least: int


@dataclass
class _Choice:
    pairs: Sequence[Pair]
    target: int
    per_fact: int
    shares: dict[str, float]
    document_of: Callable[[Pair], str]
    seed: int
    chosen: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Choose, let the caps rise while the target is out of reach, choose on."""
        self.used: Counter[Cap] = Counter()
        self.chunks: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.caps = [self._caps_of(pair) for pair in self.pairs]
        self.supply = Counter(cap for caps in self.caps for cap in caps)
        self.rise: dict[str, float] = dict.fromkeys(("document", "task", "opening", "answer"), 1.0)
        waiting = self._facts()
        self.weights = self._weights(waiting)
        while waiting and len(self.chosen) < self.target:
            self.hit: set[str] = set()
            waiting = [fact for fact in self._round(waiting) if self.used["fact", fact.group] < self.per_fact]
            self.rise = {name: rise * (_RISE if name in self.hit else 1) for name, rise in self.rise.items()}

    def _caps_of(self, pair: Pair) -> tuple[Cap, ...]:
        answer = yes_or_no(pair.output)
        caps = (
            ("fact", pair.group),
            ("document", self._document(pair)),
            ("task", pair.task),
            ("opening", opening(pair.instruction)),
        )
        return (*caps, ("answer", answer)) if answer else caps

    def _document(self, pair: Pair) -> str:
        """Return the document of a pair; a fact from no document is one of its own, or a cap would bind them all together."""
        return self.document_of(pair) or pair.group

    def _facts(self) -> list[_Fact]:
        members: dict[str, list[int]] = {}
        for index, pair in enumerate(self.pairs):
            members.setdefault(pair.group, []).append(index)
        return [self._fact(group, places) for group, places in members.items()]

    def _fact(self, group: str, places: Sequence[int]) -> _Fact:
        """Put different forms first, then different openings; ties by seeded hash of the pair."""
        hashed = sorted(places, key=lambda place: self._hash(self.pairs[place].id))
        forms: Counter[str] = Counter()
        openings: Counter[Cap] = Counter()
        repeats: dict[int, tuple[int, int]] = {}
        for place in hashed:
            form, start = self.pairs[place].form, self.caps[place][3]
            repeats[place] = (forms[form], openings[start])
            forms[form] += 1
            openings[start] += 1
        wordings = tuple(sorted(hashed, key=lambda place: repeats[place]))
        first = self.pairs[wordings[0]]
        queue = f"{first.task}/{yes_or_no(first.output)}"
        least = min(ENOUGH_WORDINGS, len(wordings), self.per_fact)
        passage = first.provenance.chunk_id or group
        return _Fact(group, queue, passage, self._document(first), wordings, self._hash(group), least)

    def _hash(self, text: str) -> str:
        return hashlib.sha256(f"{self.seed}/{text}".encode("utf-8", "surrogatepass")).hexdigest()

    def _weights(self, facts: Iterable[_Fact]) -> dict[str, float]:
        """Weigh each queue by its supply and the mean length of its prompts; yes and no of one task weigh as the rarer of them."""
        supply: Counter[str] = Counter()
        prompts: Counter[str] = Counter()
        for fact in facts:
            supply[fact.queue] += len(fact.wordings)
            prompts[fact.queue] += sum(_prompt_words(self.pairs[place]) for place in fact.wordings)
        sides = {queue: [f"{queue.rpartition('/')[0]}/{side}" for side in ("yes", "no")] for queue in supply if not queue.endswith("/")}
        rarer = {queue: min(supply[side] for side in both) for queue, both in sides.items()}
        return {queue: math.sqrt((rarer.get(queue) or count) * count / prompts[queue]) for queue, count in supply.items()}

    def _round(self, facts: Iterable[_Fact]) -> list[_Fact]:
        """Choose until the target or until every fact left is blocked by a cap; return those."""
        heaps: dict[str, list[tuple[tuple[int, int, int, str], _Fact]]] = {}
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
                left.append(_Fact(fact.group, queue, fact.chunk, fact.document, rest, fact.tie, 1 if got else fact.least))
            if not heaps[queue]:
                del heaps[queue]
        return left

    def _rank(self, fact: _Fact) -> tuple[int, int, int, str]:
        few = fact.least < min(ENOUGH_WORDINGS, self.per_fact)
        return int(few), self.chunks[fact.chunk], self.used["document", fact.document], fact.tie

    def _best(self, heap: list[tuple[tuple[int, int, int, str], _Fact]]) -> _Fact:
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
            if full := self.full(place):
                self.hit.add(full[0])
            elif len(got) < room:
                got.append(place)
                self.used.update(self.caps[place])
        if len(got) < min(fact.least, room):
            self.used.subtract(cap for place in got for cap in self.caps[place])
            return []
        self.chosen.update(got)
        self.chunks[fact.chunk] += len(got)
        return got

    def full(self, place: int) -> Cap | None:
        """Return the first cap that forbids the wording, or None."""
        return next((cap for cap in self.caps[place] if self.used[cap] >= self.limit(*cap)), None)

    def limit(self, name: str, value: str) -> int:
        if name == "fact":
            return self.per_fact
        if name == "answer":
            rarer = self.supply[name, "no" if value == "yes" else "yes"]
            return int(max(rarer * MOST_TO_LEAST, 0.02 * self.target, 1) * self.rise[name])
        return int(max(self.shares[name] * self.target, 1) * self.rise[name])
