"""What to ask next, so that the accepted drafts spread evenly: over documents, sections, facts, tasks and difficulties.

Planned in rounds. What a round asks depends on the documents, the settings and what earlier rounds brought, never on
the order in which answers arrive; a run that was cut off therefore plans the same asks again and finds them answered.

Two rules weigh most: a document gets no more than its share (by its sections, or by its facts where they were listed),
and nothing is asked about twice while another section of its document was never asked about.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING

from generators.alpaca.asker import FREE, PATIENCE, Asker
from generators.alpaca.asks import Ask, Passage
from generators.alpaca.corpus import Corpus, Versions, words
from generators.alpaca.coverage import Coverage
from generators.alpaca.rounds import Entry, Wanted, by_document
from generators.alpaca.rule_facts import NEED
from generators.alpaca.spread import Level, fill, interleaved, parts, quotas, woven
from generators.fitness import superseded
from generators.interface import Source
from schemas.records import Draft, Dropped, Reason
from schemas.shown import cleaned

if TYPE_CHECKING:
    from generators.alpaca.tasks import Task

ROUNDS = 8  # most of them: what is missing after a round is asked for in the next
FEWEST_WORDS = 12  # a shorter section says nothing to ask about
BARREN = 4  # asks about a section that brought nothing, after which it is left alone if nothing else came of it either


def askable(sources: Iterable[Source]) -> tuple[list[Passage], list[Dropped]]:
    """Return the sections that can be asked about, and a `Dropped` for each of the others."""
    passages: list[Passage] = []
    dropped: list[Dropped] = []
    for source in sources:
        old = superseded(source.document)
        for chunk in source.chunks:
            if old or len(words(cleaned(chunk.text))) < FEWEST_WORDS:
                why = "superseded document" if old else f"fewer than {FEWEST_WORDS} words"
                dropped.append(Dropped.of(chunk, "generate", Reason.NOTHING_TO_ASK, why))
            else:
                passages.append(Passage(source.document, chunk))
    return passages, dropped


def gives_wordings(task: "Task") -> bool:
    """Tell whether an item of the task is one fact in several wordings, each of them a draft."""
    return "wordings" in task.schema["properties"]["items"]["items"]["properties"]


class Planner:
    """Spreads `target` accepted drafts; `next_round` says what to ask, `heard` is told what came of it.

    Sections are filled by items: the wordings of one item count as one, or a section with few facts in many words would
    look well covered. The target is in drafts, each wording being one; a task that gives 5 wordings needs a fifth of
    the items.
    """

    def __init__(  # noqa: PLR0913 - the settings of the recipe, by name
        self,
        sources: Sequence[Source],
        tasks: Sequence["Task"],
        *,
        target: int,
        items_per_request: int,
        coverage: Coverage,
        corpus: Corpus,
        wordings: int = 1,
        distractors: int = 3,
        seeds: Sequence[Draft] = (),
        rule_facts: Mapping[str, Sequence[Draft]] | None = None,
        facts_per_request: int = 1,
    ) -> None:
        self.accepted = 0  # drafts
        self.planned = 0  # asks of the rounds so far
        self._coverage, self._target, self._most, self._round = coverage, target, items_per_request, 0
        usable = [task for task in tasks if task.needs != "seed_tasks" or seeds or task.seeds]
        whole = sum(task.weight for task in usable)
        self._shares = {task.name: task.weight / whole for task in usable}
        self._per_item = sum(self._shares[task.name] * (wordings if gives_wordings(task) else 1) for task in usable)
        self._asker = Asker(
            usable,
            shares=self._shares,
            corpus=corpus,
            versions=Versions(sources),
            distractors=distractors,
            seeds=seeds,
            rule_facts=rule_facts or {},
            facts_per_request=facts_per_request,
        )
        self._free = [task for task in usable if task.needs in FREE]
        self._later = sum(self._shares[task.name] for task in usable if task.needs == "pairs")  # share that needs an earlier round
        only_rules = all(task.needs == NEED for task in usable if task.needs not in FREE)
        self._rule_facts = {chunk_id: len(facts) for chunk_id, facts in (rule_facts or {}).items()} if only_rules else {}
        self._place = {passage.chunk.id: place for place, passage in enumerate(coverage.passages)}
        self._documents = by_document(coverage.passages)
        self._items = [0] * len(coverage.passages)  # accepted, by section
        self._asked = [0] * len(coverage.passages)
        self._failures = [0] * len(coverage.passages)
        self._task_failures: Counter[tuple[str, str]] = Counter()  # by task and chunk
        self._free_items: Counter[str] = Counter()
        self._free_failures: Counter[str] = Counter()
        self._drafts: dict[str, list[Draft]] = {}
        self._groups: set[str] = set()  # accepted

    def next_round(self) -> Iterator[Ask]:
        """Return the asks of the next round; none when the target or the last round is reached, or nothing is left to ask."""
        self._round += 1
        self._asker.begin(
            drafts={chunk_id: tuple(drafts) for chunk_id, drafts in self._drafts.items()},
            fact_counts={chunk_id: counts for chunk_id in self._place if (counts := self._coverage.fact_counts(chunk_id))},
            failures=self._task_failures.copy(),
            accepted=frozenset(self._groups),
        )
        plan = self._plan()
        self.planned += len(plan)
        return self._asks(plan)

    def heard(self, ask: Ask, accepted: Sequence[Draft]) -> None:
        """Note what came of an ask, in the order of the asks."""
        groups = {draft.group for draft in accepted}
        self.accepted += len(accepted)
        self._groups |= groups
        for draft in accepted:
            self._coverage.accepted(draft, ask.difficulty)
        if not ask.passages:
            self._free_items[ask.task.name] += len(groups)
            self._free_failures[ask.task.name] = 0 if groups else self._free_failures[ask.task.name] + 1
            return
        for passage in ask.passages if ask.task.needs == NEED else ask.passages[:1]:
            self._heard_of(passage.chunk.id, ask, [draft for draft in accepted if draft.provenance.chunk_id == passage.chunk.id])

    def _heard_of(self, chunk_id: str, ask: Ask, accepted: Sequence[Draft]) -> None:
        place, items = self._place[chunk_id], len({draft.group for draft in accepted})
        self._items[place] += items
        if not items:
            self._failures[place] += 1
            self._task_failures[ask.task.name, chunk_id] += 1
        if self._later:
            self._keep(chunk_id, accepted)

    def _keep(self, chunk_id: str, accepted: Sequence[Draft]) -> None:
        """Keep one wording of a few items of a section, for tasks that start from pairs."""
        kept = self._drafts.setdefault(chunk_id, [])
        for draft in accepted:
            if len(kept) < 2 * self._most and draft.group not in {other.group for other in kept}:
                kept.append(draft)

    def _plan(self) -> list[Entry]:
        if self._round > ROUNDS or self.accepted >= self._target or not self._shares:
            return []
        total = sum(self._items) + self._free_items.total() + ceil((self._target - self.accepted) / self._per_item)
        free = {task.name: round(self._shares[task.name] * total) for task in self._free}
        later = round(self._later * total) if self._round == 1 else 0
        sections = self._sections(total - sum(free.values()) - later)
        passes = [[parts(count, self._room(place)) for place, count in given.items()] for given in sections]
        return self._ordered(sections, passes, free)

    def _ordered(self, sections: list[dict[int, int]], passes: list[list[list[int]]], free: dict[str, int]) -> list[Entry]:
        """Put the first asks of all sections before the second ones, and mix the documents in each of these passes."""
        plan: list[Entry] = []
        for number in range(max((len(sizes) for group in passes for sizes in group), default=0)):
            groups = [
                [(place, sizes[number]) for place, sizes in zip(given, group, strict=True) if number < len(sizes)]
                for given, group in zip(sections, passes, strict=True)
            ]
            plan += interleaved([group for group in groups if group])
        own = [
            [(-1 - number, size) for size in parts(self._lacking(name, count), self._most)]
            for number, (name, count) in enumerate(free.items())
        ]
        return woven(plan, interleaved([group for group in own if group]))

    def _lacking(self, name: str, wanted: int) -> int:
        return max(0, wanted - self._free_items[name]) if self._free_failures[name] < PATIENCE else 0

    def _sections(self, total: int) -> list[dict[int, int]]:
        """Return for each document how many items each of its sections is to be asked for."""
        passages = self._coverage.passages
        is_open = [
            (items > 0 or failures < BARREN) and self._asker.possible(passage)
            for passage, items, failures in zip(passages, self._items, self._failures, strict=True)
        ]
        bare = 0 if self._rule_facts else 1  # weight of a section of which no fact is known
        weights = [len(self._coverage.facts(passage.chunk.id)) or self._rule_facts.get(passage.chunk.id, bare) for passage in passages]
        wanted = quotas(
            [sum(weights[place] for place in places) for places in self._documents],
            total,
            have=[sum(self._items[place] for place in places) for places in self._documents],
            is_open=[any(is_open[place] for place in places) for places in self._documents],
        )
        return [
            fill(
                (Level(place, self._asked[place] > 0, self._items[place], weights[place]) for place in places if is_open[place]),
                quota - sum(self._items[place] for place in places),
            )
            for quota, places in zip(wanted, self._documents, strict=True)
        ]

    def _room(self, place: int) -> int:
        """Return the most items of one ask about a section: one per fact, where its facts are known."""
        facts = len(self._coverage.facts(self._coverage.passages[place].chunk.id))
        return min(self._most, facts) if facts else self._most

    def _asks(self, plan: list[Entry]) -> Iterator[Ask]:
        wanted = Wanted(plan, self._documents)
        for place, planned in plan:
            if place < 0:
                yield self._asker.free_ask(self._free[-1 - place], planned)
                continue
            count = wanted.take(place, planned)
            passage = self._coverage.passages[place]
            along = ((self._coverage.passages[other], left) for other, left in wanted.around(place))
            ask = self._asker.ask(passage, count, facts=self._coverage.facts(passage.chunk.id), along=along) if count else None
            self._asked[place] += count > 0
            if ask is None:
                self.planned -= 1  # nothing is left to ask, or an earlier request took its facts along
                continue
            self._take_along(ask, place, count, wanted)
            yield ask

    def _take_along(self, ask: Ask, place: int, count: int, wanted: Wanted) -> None:
        """Note of which sections beside its own the ask holds facts of the rules, so that no other is planned for them."""
        if ask.task.needs != NEED:
            return
        facts = Counter(self._place[fact.provenance.chunk_id] for fact in ask.seeds)
        wanted.take(place, max(0, facts.pop(place, 0) - count))
        for other, taken in facts.items():
            wanted.take(other, taken)
            self._asked[other] += 1
