"""From a section and a number of items to one ask: which task, which further passages, which facts or seeds, how difficult."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from generators.alpaca.asks import Ask, Fact, Passage
from generators.alpaca.corpus import Corpus, Versions
from generators.alpaca.rule_facts import NEED
from generators.difficulty import DIFFICULTIES
from schemas.records import Draft, content_id

if TYPE_CHECKING:
    from generators.alpaca.tasks import Task

PATIENCE = 2  # a task that brought nothing usable this often about a section is not asked there again: it has no steps, or no rules
SEEDS = 3  # seed tasks of one request, as in Alpaca
FREE = frozenset({"nothing", "seed_tasks"})  # what tasks need that no passage meets


class Asker:
    """Chooses what lags most behind its weight. Within a round only asks change its state, so how fast answers come changes nothing."""

    def __init__(  # noqa: PLR0913 - the settings of the recipe, by name
        self,
        tasks: Sequence["Task"],
        *,
        shares: Mapping[str, float],
        corpus: Corpus,
        versions: Versions,
        distractors: int,
        seeds: Sequence[Draft],
        rule_facts: Mapping[str, Sequence[Draft]],
        facts_per_request: int,
    ) -> None:
        self._tasks = [task for task in tasks if task.needs not in FREE]
        self._shares, self._corpus, self._versions, self._distractors, self._seeds = shares, corpus, versions, distractors, seeds
        self._rule_facts, self._facts_per_request = rule_facts, facts_per_request
        self._tries: Counter[tuple[str, str]] = Counter()  # asks by task and fact of the rules
        self._tried: Mapping[tuple[str, str], int] = Counter()  # those of earlier rounds
        self._accepted: AbstractSet[str] = frozenset()  # groups
        self._items: Counter[str] = Counter()  # asked for, by task
        self._asks: Counter[str] = Counter()  # by task
        self._asked: Counter[tuple[str, str]] = Counter()  # asks by task and chunk
        self._failures: Mapping[tuple[str, str], int] = Counter()  # asks of earlier rounds that brought nothing, by task and chunk
        self._first: dict[tuple[str, str], int] = {}
        self._fact_asks: Counter[tuple[str, int]] = Counter()
        self._fact_counts: Mapping[str, Sequence[int]] = {}
        self._drafts: Mapping[str, Sequence[Draft]] = {}

    def begin(
        self,
        *,
        drafts: Mapping[str, Sequence[Draft]],
        fact_counts: Mapping[str, Sequence[int]],
        failures: Mapping[tuple[str, str], int],
        accepted: AbstractSet[str] = frozenset(),
    ) -> None:
        """Begin a round with what earlier rounds brought, by chunk id and by group, and which tasks brought nothing where."""
        self._accepted, self._tried = accepted, self._tries.copy()
        self._drafts, self._fact_counts, self._failures = drafts, fact_counts, Counter(failures)

    def possible(self, passage: Passage) -> bool:
        """Tell whether any task can be asked about a section."""
        return any(self._possible(task, passage) for task in self._tasks)

    def ask(self, passage: Passage, count: int, *, facts: tuple[Fact, ...], along: Iterable[tuple[Passage, int]] = ()) -> Ask | None:
        """Return an ask about a section by the task that lags most, or None if no task fits the section.

        Args:
            passage: the section.
            count: items that are wanted of it.
            facts: those that were listed for it.
            along: sections of the same document of which items are still wanted in this round: facts of the rules are short, so a
                request holds those of many sections.
        """
        for task in sorted((task for task in self._tasks if self._possible(task, passage)), key=lambda task: -self._lag(task, count)):
            if task.needs == NEED:
                return self._rule_facts_ask(task, [(passage, count), *along])
            passages = self._passages(task, passage)
            if not passages:
                continue
            seeds = self._new_drafts(task, passage)[:count] if task.needs == "pairs" else ()
            return self._noted(task, passages, len(seeds) or count, facts=self._facts(passage, count, facts), seeds=seeds)
        return None

    def _rule_facts_ask(self, task: "Task", wanted: Iterable[tuple[Passage, int]]) -> Ask:
        passages: list[Passage] = []
        seeds: list[Draft] = []
        for passage, count in wanted:
            if found := self._untried(task, passage)[: min(count, self._facts_per_request - len(seeds))]:
                self._tries.update((task.name, fact.id) for fact in found)
                passages += [passage] if all(passage.chunk.id != other.chunk.id for other in passages) else []
                seeds += found
            if len(seeds) == self._facts_per_request:
                break
        return self._noted(task, tuple(passages), len(seeds), facts=(), seeds=tuple(seeds))

    def _untried(self, task: "Task", passage: Passage) -> list[Draft]:
        """Return the facts of a section that this round did not ask for, that nothing was accepted for, and that are not given up."""

        def is_left(fact: Draft) -> bool:
            tries = self._tries[task.name, fact.id]
            return fact.group not in self._accepted and tries == self._tried[task.name, fact.id] < PATIENCE

        return [fact for fact in self._rule_facts.get(passage.chunk.id, ()) if is_left(fact)]

    def free_ask(self, task: "Task", count: int) -> Ask:
        """Return an ask of a task that needs no passage."""
        number = self._asked[task.name, ""]
        seeds = (self._seeds or task.seeds) if task.needs == "seed_tasks" else ()
        drawn = sorted(seeds, key=lambda seed: content_id("draw", number, seed.id))[:SEEDS]
        return self._noted(task, (), count, facts=(), seeds=tuple(drawn))

    def _noted(self, task: "Task", passages: tuple[Passage, ...], count: int, *, facts: tuple[Fact, ...], seeds: tuple[Draft, ...]) -> Ask:
        about = (task.name, passages[0].chunk.id if passages else "")
        first = self._first.setdefault(about, self._asks[task.name])  # the same task on the same section gets another difficulty each time
        difficulty = DIFFICULTIES[(first + self._asked[about]) % len(DIFFICULTIES)]
        ask = Ask(task, passages, count, difficulty, facts, seeds, self._asked[about])
        self._asked[about] += 1
        self._asks[task.name] += 1
        self._items[task.name] += count
        return ask

    def _lag(self, task: "Task", count: int) -> float:
        return self._shares[task.name] * (self._items.total() + count) - self._items[task.name]

    def _possible(self, task: "Task", passage: Passage) -> bool:
        if self._failures[task.name, passage.chunk.id] >= PATIENCE:
            return False
        if task.needs == "pairs":
            return bool(self._new_drafts(task, passage))
        if task.needs == NEED:
            return bool(self._untried(task, passage))
        if task.needs == "superseded":
            return self._versions.passage(passage) is not None
        return task.needs != "two_passages" or self._asked[task.name, passage.chunk.id] + 1 < len(self._corpus.passages)

    def _passages(self, task: "Task", passage: Passage) -> tuple[Passage, ...]:
        """Return the section and what the task needs beside it; nothing if that does not exist."""
        number = self._asked[task.name, passage.chunk.id]
        if task.needs == "distractors":
            return (passage, *self._near(passage, self._distractors))
        if task.needs == "two_passages":
            near = self._near(passage, number + 1)
            return (passage, near[number]) if len(near) > number else ()
        if task.needs == "superseded":
            older = self._versions.passage(passage)
            return (passage, older) if older else ()
        return (passage,)

    def _near(self, passage: Passage, limit: int) -> list[Passage]:
        if not limit:
            return []
        found = self._corpus.search(passage.chunk.text, limit=limit, leave_out=frozenset({passage.chunk.id}))
        return [near for near, _ in found]

    def _new_drafts(self, task: "Task", passage: Passage) -> tuple[Draft, ...]:
        """Return drafts of earlier rounds that did not come from this task; each ask about the section starts from later ones."""
        drafts = [draft for draft in self._drafts.get(passage.chunk.id, ()) if draft.task != task.name]
        return tuple(drafts[self._asked[task.name, passage.chunk.id] :])

    def _facts(self, passage: Passage, count: int, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
        """Return the `count` facts that least was accepted for and that were least asked about, in their order."""
        counts, chunk_id = self._fact_counts.get(passage.chunk.id, ()), passage.chunk.id
        ranked = sorted(range(len(facts)), key=lambda place: (counts[place], self._fact_asks[chunk_id, place], place))
        chosen = sorted(ranked[:count])
        self._fact_asks.update((chunk_id, place) for place in chosen)
        return tuple(facts[place] for place in chosen)
