"""Which of two answers a judge prefers: duels in, decisions out, each asked in both orders, many side by side.

As with the judge of pairs, a reply that cannot be used is asked for again or shown to the model once; a duel that one of its orders
brought nothing for is counted with the reason and has no decision. Only trouble that concerns the whole run is raised.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import partial

from generators.alpaca.generate import OpenAnswers, Progress
from generators.alpaca.prompts import again_request, grown_request, repair_request
from generators.judge.duels import Choice, Decision, Duel, decided, read_choice, request_of
from generators.judge.prompts import Style
from generators.llm.answers import read_answer, usage
from generators.llm.calls import Complete, Request, RequestFailedError
from generators.llm.pool import complete_all, in_background
from schemas.records import Reason

HOPELESS = 8  # duels from the first on without a single decision, after which no more are asked
_ONCE_MORE = frozenset({Reason.EMPTY_REPLY, Reason.NO_CHOICES, Reason.DEGENERATE})


@dataclass
class Tally:
    """What is known about the asking when it has ended; tokens are those of all replies, also of ones that the journal held."""

    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    undecided: Counter[str] = field(default_factory=Counter)  # duels by reason
    figures: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Heard:
    """What came of one order: a choice, or why there is none; and the usage of each reply."""

    choice: Choice | None = None
    reason: Reason = Reason.BAD_REPLY
    used: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class _Done:
    duel: Duel
    orders: tuple[_Heard, ...]
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def decision(self) -> Decision | None:
        choices = [heard.choice for heard in self.orders if heard.choice]
        return decided(*choices) if len(choices) == 2 else None


def prefer(  # noqa: PLR0913 - what it is given by the builder, by name
    duels: Sequence[Duel], *, style: Style, open_answers: OpenAnswers, concurrency: int, tally: Tally, progress: Progress = lambda *_: None
) -> Iterator[tuple[Duel, Decision]]:
    """Yield the duels that both orders brought a choice for, with what these come to, in the order of the duels.

    Args:
        duels: may be none; then nothing is opened.
        style: what is the same for every request.
        open_answers: opens what answers the requests.
        concurrency: most duels at once.
        tally: takes the figures and the notices.
        progress: told (duels asked, all duels, figures).

    Raises:
        KilopairError: whatever ends the run: an endpoint that refuses the key, a journal that cannot be written.
    """
    if not duels:
        return
    decisions = 0
    with closing(in_background(_all(duels, style, open_answers, concurrency, tally))) as results:
        for asked, done in enumerate(results, start=1):
            _count(tally, done)
            progress(asked, len(duels), done.figures)
            if done.decision:
                decisions += 1
                yield done.duel, done.decision
            elif not decisions and asked >= HOPELESS and not {Reason.OVER_BUDGET, Reason.NOT_ASKED} & {one.reason for one in done.orders}:
                tally.undecided[Reason.NOT_ASKED] += len(duels) - asked
                tally.notices.append(f"the first {HOPELESS} comparisons brought no verdict, so no more were asked; try another judge.model")
                break


def requests(duels: Sequence[Duel], style: Style) -> Iterator[Request]:
    """Yield the requests that can be told before any answer: all but repairs."""
    for duel in duels:
        yield from (request_of(duel, style, is_swapped=swapped) for swapped in (False, True))


async def _all(
    duels: Sequence[Duel], style: Style, open_answers: OpenAnswers, concurrency: int, tally: Tally
) -> AsyncGenerator[_Done, None]:
    async with open_answers() as answers:
        ask = partial(_both, style=style, complete=answers.complete)
        try:
            async with aclosing(complete_all(duels, ask, concurrency=concurrency)) as results:
                async for done in results:
                    yield _Done(done.duel, done.orders, dict(answers.figures()))
        finally:
            tally.figures, tally.notices = dict(answers.figures()), [*tally.notices, *answers.notices]


async def _both(duel: Duel, *, style: Style, complete: Complete) -> _Done:
    orders = [await _order(request_of(duel, style, is_swapped=swapped), style, complete, swapped) for swapped in (False, True)]
    return _Done(duel, tuple(orders))


async def _order(request: Request, style: Style, complete: Complete, swapped: bool) -> _Heard:
    """Ask one order, again where nothing came, and have what cannot be read corrected once."""
    heard, text, problem = await _hear(request, complete, swapped)
    if heard.choice or not style.repair:
        return heard
    if heard.reason is Reason.CUT_REPLY:
        again = grown_request(request)
    elif heard.reason in _ONCE_MORE:
        again = again_request(request)
    elif problem:
        again = repair_request(request, said=text, problem=problem)
    else:
        return heard
    second, *_ = await _hear(again, complete, swapped)
    return _Heard(second.choice, second.reason, heard.used + second.used)


async def _hear(request: Request, complete: Complete, swapped: bool) -> tuple[_Heard, str, str]:
    """Return what one request brought, its words, and what is wrong with them."""
    try:
        reply = await complete(request)
    except RequestFailedError as error:
        return _Heard(reason=error.reason), "", ""
    answer, spent = read_answer(reply.raw), usage(reply.raw)
    used = ((spent.prompt_tokens, spent.completion_tokens),)
    if answer.reason not in {None, Reason.CUT_REPLY}:
        return _Heard(reason=answer.reason or Reason.BAD_REPLY, used=used), answer.text, ""
    try:
        return _Heard(read_choice(answer.text, is_swapped=swapped), used=used), answer.text, ""
    except ValueError as error:
        return _Heard(reason=answer.reason or Reason.BAD_REPLY, used=used), answer.text, str(error)


def _count(tally: Tally, done: _Done) -> None:
    for heard in done.orders:
        tally.replies += len(heard.used)
        tally.prompt_tokens += sum(prompt for prompt, _ in heard.used)
        tally.completion_tokens += sum(completion for _, completion in heard.used)
    if done.decision is None:
        tally.undecided[str(next(heard.reason for heard in done.orders if heard.choice is None))] += 1
