"""The generator that asks a language model: plan a round, hold its conversations, plan the next by what was accepted.

Whatever happens to a conversation, it ends in drafts, in `Dropped` with a typed reason, or in both; only trouble that
concerns the whole run (key, model, endpoint, disk) is raised. Answers are consumed in the order of the asks, so a run
that was cut off goes the same way again through what the journal holds.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Protocol

from generators.alpaca.asks import Ask, Passage, Style
from generators.alpaca.conversation import converse
from generators.alpaca.corpus import Corpus
from generators.alpaca.coverage import Coverage
from generators.alpaca.facts import Listed, facts_request, list_facts
from generators.alpaca.planner import Planner, askable
from generators.alpaca.prompts import first_request
from generators.alpaca.rule_facts import room
from generators.alpaca.spread import spaced
from generators.alpaca.tasks import Task
from generators.interface import Source
from generators.llm.calls import Complete, Request
from generators.llm.pool import complete_all, in_background
from schemas.records import Draft, Dropped, Reason

Progress = Callable[[int, int, dict[str, float]], None]


class Answers(Protocol):
    """What answers requests: the engine, the journal alone, or a collector of what would have to be asked."""

    @property
    def complete(self) -> Complete:
        """Answer one request."""
        ...

    @property
    def notices(self) -> Sequence[str]:
        """What the user should be told once."""
        ...

    def figures(self) -> Mapping[str, float]:
        """Return what was asked and spent so far."""
        ...


OpenAnswers = Callable[[], AbstractAsyncContextManager[Answers]]


@dataclass(frozen=True)
class Plan:
    """How the asking is spread.

    Args:
        tasks: with their weights.
        target: accepted drafts at which asking stops, each wording being one.
        items_per_request: most items of one request.
        distractors: other passages beside the right one in open-book questions.
        facts: have the facts of every section listed first.
        seeds: the user's seed tasks, if there are any.
        rule_facts: what the rules found, by chunk id (`rule_facts.by_section`), for tasks that need it.
        limit: most asks, for a pilot; spread over the plan.
    """

    tasks: tuple[Task, ...]
    target: int
    items_per_request: int = 4
    distractors: int = 3
    facts: bool = False
    seeds: tuple[Draft, ...] = ()
    rule_facts: Mapping[str, tuple[Draft, ...]] = field(default_factory=dict)
    limit: int | None = None


@dataclass
class Outcome:
    """What is known about the asking itself when it has ended."""

    coverage: Coverage = field(default_factory=lambda: Coverage(()))
    asks: int = 0
    accepted: int = 0
    over_budget: bool = False
    figures: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Heard:
    """A conversation that has ended, with the figures of that moment."""

    ask: Ask
    records: list[Draft | Dropped]
    figures: Mapping[str, float]


def generate(  # noqa: PLR0913 - what it is given by the builder, by name
    sources: Iterable[Source],
    *,
    plan: Plan,
    style: Style,
    open_answers: OpenAnswers,
    accept: Callable[[Draft], bool],
    concurrency: int,
    outcome: Outcome | None = None,
    progress: Progress | None = None,
) -> Iterator[Draft | Dropped]:
    """Yield the drafts of all asks in their order, whatever the order of the answers.

    Args:
        sources: documents with their chunks.
        plan: how the asking is spread.
        style: what is the same for every request.
        open_answers: opens what answers the requests, for the length of the run.
        accept: tells whether a draft counts toward the target: it is valid and new. Called once per draft, in order.
        concurrency: most conversations at once.
        outcome: takes the coverage, the figures and the notices.
        progress: told (conversations ended, those planned so far, figures).

    Raises:
        KilopairError: whatever ends the run: an endpoint that refuses the key, a journal that cannot be written.
    """
    held, outcome = list(sources), outcome or Outcome()
    run = _Run(held, plan, style, outcome, concurrency)
    yield from run.skipped
    with closing(in_background(run.conversations(open_answers))) as conversations:
        for heard in conversations:
            if isinstance(heard, Listed):
                outcome.coverage.list_facts(heard.passage.chunk.id, heard.facts, lost=heard.lost)
                yield from filter(None, [heard.dropped])
                continue
            accepted = [record for record in heard.records if isinstance(record, Draft) and accept(record)]
            run.planner.heard(heard.ask, accepted)
            outcome.asks, outcome.accepted = outcome.asks + 1, run.planner.accepted
            outcome.over_budget |= any(isinstance(record, Dropped) and record.reason is Reason.OVER_BUDGET for record in heard.records)
            if progress:
                progress(outcome.asks, run.planner.planned, {**heard.figures, "accepted": outcome.accepted, "target": plan.target})
            yield from heard.records


def first_requests(sources: Iterable[Source], *, plan: Plan, style: Style) -> Iterator[Request]:
    """Yield the requests that can be planned before any answer: of the facts, and of the first round."""
    run = _Run(list(sources), plan, style, Outcome(), 1)
    if plan.facts:
        yield from (facts_request(passage, style) for passage in run.facts_wanted())
    yield from (first_request(ask, style) for ask in islice(run.planner.next_round(), plan.limit))


class _Run:
    """The parts of one run. Its conversations are advanced only when the reader comes back for more, so they share no moment."""

    def __init__(self, sources: list[Source], plan: Plan, style: Style, outcome: Outcome, concurrency: int) -> None:
        self._plan, self._style, self._outcome, self._concurrency = plan, style, outcome, concurrency
        passages, self.skipped = askable(sources)
        outcome.coverage = Coverage(passages)
        self._corpus = Corpus(sources)
        self.planner = Planner(
            sources,
            plan.tasks,
            target=plan.target,
            items_per_request=plan.items_per_request,
            coverage=outcome.coverage,
            corpus=self._corpus,
            wordings=style.wordings,
            distractors=plan.distractors,
            seeds=plan.seeds,
            rule_facts=plan.rule_facts,
            facts_per_request=room(plan.items_per_request, wordings=style.wordings, max_tokens=style.max_tokens),
        )

    def facts_wanted(self) -> list[Passage]:
        """Return the sections whose facts are to be listed; for a pilot a few, spread over all."""
        passages = self._outcome.coverage.passages
        limit = len(passages) if self._plan.limit is None else self._plan.limit
        return [passages[place] for place in spaced(len(passages), limit)]

    async def conversations(self, open_answers: OpenAnswers) -> AsyncGenerator[_Heard | Listed, None]:
        """Yield the sections with their facts, then the conversations of all rounds."""
        async with open_answers() as answers:
            if self._plan.facts:
                ask_facts = partial(list_facts, style=self._style, complete=answers.complete)
                async with aclosing(complete_all(self.facts_wanted(), ask_facts, concurrency=self._concurrency)) as listed:
                    async for section in listed:
                        yield section
            async with aclosing(self._rounds(answers)) as heard:
                async for conversation in heard:
                    yield conversation
            self._outcome.figures, self._outcome.notices = dict(answers.figures()), list(answers.notices)

    async def _rounds(self, answers: Answers) -> AsyncGenerator[_Heard, None]:
        asked, left = True, self._plan.limit
        while asked and not self._ended(answers, left):
            asked = False
            async with aclosing(self._round(answers, left)) as conversations:
                async for heard in conversations:
                    asked, left = True, None if left is None else left - 1
                    yield heard

    def _ended(self, answers: Answers, left: int | None) -> bool:
        """Whether no further round is planned: the budget or the pilot is used up, or a collector lacks what the plan depends on."""
        return self._outcome.over_budget or left == 0 or bool(getattr(answers, "missing", None))

    async def _round(self, answers: Answers, limit: int | None) -> AsyncGenerator[_Heard, None]:
        async def talk(ask: Ask) -> _Heard:
            records = await converse(ask, style=self._style, complete=answers.complete, corpus=self._corpus)
            return _Heard(ask, records, answers.figures())

        async with aclosing(complete_all(islice(self.planner.next_round(), limit), talk, concurrency=self._concurrency)) as conversations:
            async for heard in conversations:
                yield heard
