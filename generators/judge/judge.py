"""The judge: pairs in, verdicts out, by batches that are asked side by side.

A reply that cannot be used is asked for again or shown to the model once, with what is wrong; a pair that still has no
verdict is counted with the reason and goes on without. Only trouble that concerns the whole run is raised.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from functools import partial

from generators.alpaca.generate import OpenAnswers
from generators.alpaca.prompts import again_request, grown_request, repair_request
from generators.alpaca.spread import spaced
from generators.judge.cases import Batch, Case, batches
from generators.judge.prompts import Style, briefing, request_of
from generators.judge.rubrics import Rubric
from generators.judge.verdicts import Read, Verdict, combined, read_verdicts
from generators.llm.answers import read_answer
from generators.llm.calls import Complete, Request, RequestFailedError
from generators.llm.pool import complete_all, in_background
from schemas.records import Reason

HOPELESS = 8  # requests from the first on without a single verdict, after which no more are made
Progress = Callable[[int, int, dict[str, float]], None]
_ONCE_MORE = frozenset({Reason.EMPTY_REPLY, Reason.NO_CHOICES, Reason.DEGENERATE})
_ONE_OF_THEM = frozenset({Reason.REFUSED, Reason.CONTENT_FILTER})  # it may be about one pair, for which the others should not pay


@dataclass
class Outcome:
    """What is known about the judging when it has ended."""

    asked: int = 0  # pairs that were to be judged
    judged: int = 0
    batches: int = 0
    disagreed: int = 0  # pairs whose points depend on their place in the list
    unknown: int = 0  # verdicts on pairs that were not asked about
    unjudged: Counter[str] = field(default_factory=Counter)  # by reason
    figures: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return what belongs into the counts of a stage."""
        counts = {"asked": self.asked, "judged": self.judged, "disagreed": self.disagreed, "unknown": self.unknown}
        return {**counts, "requests": self.batches, "unjudged": dict(sorted(self.unjudged.items())), "engine": self.figures}

    @property
    def over_budget(self) -> bool:
        """Whether the budget was reached before everything was asked."""
        return Reason.OVER_BUDGET in self.unjudged


@dataclass(frozen=True)
class Judged:
    """A batch with its verdicts by pair id; `reason` is why the others have none."""

    batch: Batch
    verdicts: Mapping[str, Verdict]
    reason: Reason = Reason.BAD_REPLY
    unknown: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Heard:
    """What came of one request; `reason` is set when there was no reply to read."""

    request: Request
    text: str = ""
    read: Read = field(default_factory=Read)
    reason: Reason | None = None


def judge(  # noqa: PLR0913 - what it is given by the builder, by name
    cases: Iterable[Case],
    *,
    rubric: Rubric,
    style: Style,
    open_answers: OpenAnswers,
    concurrency: int,
    limit: int | None = None,
    outcome: Outcome | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[str, Verdict]]:
    """Yield pair ids with their verdicts; the order of the cases changes neither the requests nor the verdicts.

    Args:
        cases: pairs with the passages that they rest on.
        rubric: what they are judged by.
        style: what is the same for every request.
        open_answers: opens what answers the requests; not called when there is nothing to judge.
        concurrency: most requests at once.
        limit: most batches, for a pilot; spread over all.
        outcome: takes the figures and the notices.
        progress: told (batches judged, all batches, figures).

    Raises:
        KilopairError: whatever ends the run: an endpoint that refuses the key, a journal that cannot be written.
    """
    planned, outcome = plan(cases, style, limit=limit), outcome or Outcome()
    if not planned:
        return
    outcome.asked += sum(len(batch.cases) for batch in planned)
    with closing(in_background(_all(planned, rubric, style, open_answers, concurrency, outcome))) as results:
        for done in results:
            _count(outcome, done)
            if progress:
                progress(outcome.batches, len(planned), {**done.figures, "judged": outcome.judged})
            yield from done.verdicts.items()
            if _is_hopeless(outcome, done):
                break
    if left := sum(len(batch.cases) for batch in planned[outcome.batches :]):
        outcome.unjudged[Reason.NOT_ASKED] += left
        outcome.notices.append(
            f"the first {HOPELESS} requests to the judge brought no verdict, so no more were made; try another judge.model"
        )


def _is_hopeless(outcome: Outcome, done: Judged) -> bool:
    """Whether the model has shown that it cannot judge, so that the rest is not paid for."""
    return not outcome.judged and outcome.batches >= HOPELESS and done.reason not in {Reason.OVER_BUDGET, Reason.NOT_ASKED}


def plan(cases: Iterable[Case], style: Style, *, limit: int | None = None) -> list[Batch]:
    """Return the batches to be judged; for a pilot at most `limit` of them, spread over all."""
    planned = list(batches(cases, most=style.per_request, seed=style.seed))
    return planned if limit is None else [planned[place] for place in spaced(len(planned), limit)]


def requests(planned: Iterable[Batch], rubric: Rubric, style: Style) -> Iterator[Request]:
    """Yield the requests that can be told before any answer: all but repairs."""
    for batch in planned:
        yield from (request_of(ordered, rubric, style, step=step) for step, ordered in _orders(batch, style))


def _orders(batch: Batch, style: Style) -> list[tuple[str, Batch]]:
    twice = style.both_orders and len(batch.cases) > 1
    return [("first", batch), *([("reversed", batch.reversed())] if twice else [])]


async def _all(  # noqa: PLR0913, PLR0917 - the parts of one run
    planned: list[Batch], rubric: Rubric, style: Style, open_answers: OpenAnswers, concurrency: int, outcome: Outcome
) -> AsyncGenerator[Judged, None]:
    async with open_answers() as answers:
        ask = partial(judge_batch, rubric=rubric, style=style, complete=answers.complete)
        try:
            async with aclosing(complete_all(planned, ask, concurrency=concurrency)) as results:
                async for done in results:
                    yield replace(done, figures=dict(answers.figures()))
        finally:
            outcome.figures, outcome.notices = dict(answers.figures()), [*outcome.notices, *answers.notices]


async def judge_batch(batch: Batch, *, rubric: Rubric, style: Style, complete: Complete) -> Judged:
    """Return the verdicts on a batch: of both orders, where the style says so, the mean of what there is."""
    rounds = [await _Talk(ordered, rubric, style, complete).judged(step) for step, ordered in _orders(batch, style)]
    if rounds[0].reason in _ONE_OF_THEM and len(batch.cases) > 1 and style.repair:
        rounds = [await _alone(batch, rubric, style, complete)]
    found: dict[str, Verdict] = {}
    for one in rounds:
        found |= {name: combined(found[name], verdict) if name in found else verdict for name, verdict in one.verdicts.items()}
    short = next((one for one in rounds if len(one.verdicts) < len(batch.cases)), rounds[0])
    return Judged(batch, found, short.reason, sum(one.unknown for one in rounds))


async def _alone(batch: Batch, rubric: Rubric, style: Style, complete: Complete) -> Judged:
    """Return the verdicts of pairs that are judged one by one."""
    each = [await _Talk(Batch((case,)), rubric, style, complete).judged("alone") for case in batch.cases]
    verdicts = {pair_id: verdict for one in each for pair_id, verdict in one.verdicts.items()}
    return Judged(batch, verdicts, next((one.reason for one in each if not one.verdicts), Reason.BAD_REPLY))


@dataclass(frozen=True)
class _Talk:
    """One order of a batch, and how to come by its verdicts."""

    batch: Batch
    rubric: Rubric
    style: Style
    complete: Complete

    async def judged(self, step: str) -> Judged:
        """Ask, ask again where nothing came, and have what is wrong or missing corrected once."""
        heard = await self._retried(await self._hear(request_of(self.batch, self.rubric, self.style, step=step)))
        found, unknown = dict(heard.read.verdicts), heard.read.unknown
        lacking = len(found) < len(self.batch.cases)
        if lacking and heard.reason is None and self.style.repair:
            second = await self._hear(repair_request(heard.request, said=heard.text, problem=self._wrong(heard.read)))
            found, unknown = {**second.read.verdicts, **found}, unknown + second.read.unknown
        by_label = zip(self.batch.labels, self.batch.cases, strict=True)
        verdicts = {case.pair.id: found[label] for label, case in by_label if label in found}
        return Judged(self.batch, verdicts, heard.reason or Reason.BAD_REPLY, unknown)

    def _wrong(self, read: Read) -> str:
        return f"{read.problem}. Judge again the pairs {', '.join(label for label in self.batch.labels if label not in read.verdicts)}"

    async def _hear(self, request: Request) -> _Heard:
        try:
            reply = await self.complete(request)
        except RequestFailedError as error:
            return _Heard(request, reason=error.reason)
        answer = read_answer(reply.raw)
        if answer.reason not in {None, Reason.CUT_REPLY}:
            return _Heard(request, answer.text, reason=answer.reason)
        read = read_verdicts(answer.text, self.batch.labels, briefing(self.batch, self.rubric, self.style).verdict)
        return _Heard(request, answer.text, read, answer.reason)

    async def _retried(self, heard: _Heard) -> _Heard:
        """Ask the same once more when the reply was cut off, empty, or ran in circles; return the better of the two."""
        cut = heard.reason is Reason.CUT_REPLY and len(heard.read.verdicts) < len(self.batch.cases)
        if not self.style.repair or not (cut or heard.reason in _ONCE_MORE):
            return heard
        second = await self._hear(grown_request(heard.request) if cut else again_request(heard.request))
        return second if len(second.read.verdicts) >= len(heard.read.verdicts) else heard


def _count(outcome: Outcome, done: Judged) -> None:
    size = len(done.batch.cases)
    outcome.batches += 1
    outcome.judged += len(done.verdicts)
    outcome.unknown += done.unknown
    outcome.disagreed += sum(verdict.disagrees for verdict in done.verdicts.values())
    if size > len(done.verdicts):
        outcome.unjudged[str(done.reason)] += size - len(done.verdicts)
