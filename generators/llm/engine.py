"""The one engine of every call to a language model: journal, budget, pace, dialect, network, and what to do about trouble.

Answered from the journal where it can be. Else what the call may cost is set aside, its turn is awaited, it is written
down, sent, and its body written down before anybody looks into it. Trouble of the server is tried again; a refusal for
the rate is no try; an endpoint that is down pauses everything and is looked at again; what concerns one request ends
that request, and what concerns all of them ends the run, with every answer kept.
"""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from generators.llm.answers import completion_problem, served_model, usage
from generators.llm.budget import Budget, Hold
from generators.llm.calls import (
    CHARACTERS_PER_TOKEN,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
    Reply,
    Request,
    RequestFailedError,
    ServerFaultError,
    UnreachableError,
)
from generators.llm.dialect import Dialect, probe
from generators.llm.journal import Cost, Journal
from generators.llm.local import dialect_note, place
from generators.llm.pace import Pace
from generators.llm.prices import price_of
from generators.llm.tries import Health, Tries
from schemas.errors import EndpointError, KilopairError
from schemas.recipe import BudgetSection, EndpointSection
from schemas.records import Reason

if TYPE_CHECKING:
    from generators.llm.client import Connection

CONNECT_TRIES = 3


class Engine:
    """Completes requests; use as an asynchronous context manager.

    Raises:
        RecipeError: the URL cannot be one, or dollars are capped and the price is not known.
    """

    def __init__(self, endpoint: EndpointSection, budget: BudgetSection, journal: Journal) -> None:
        self.notices: list[str] = []
        self._endpoint = endpoint
        self._journal = journal
        self._price = price_of(endpoint, budget)
        self._budget = Budget(budget, self._price, journal.counts)
        self._pace = Pace(
            concurrency=endpoint.concurrency, per_minute=endpoint.requests_per_minute, tokens_per_minute=endpoint.tokens_per_minute
        )
        self._health = Health(endpoint.max_wait_seconds)
        self._ready = asyncio.Lock()
        self._connection: Connection | None = None
        self._dialect: Dialect | None = None
        self._fatal: KilopairError | None = None
        if journal.rescued:
            self._say(f"the journal was damaged; {journal.rescued:,} of its rows could be read and are kept")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._connection is not None:
            await self._connection.close()

    def figures(self) -> dict[str, float]:
        """Return how the calls go, for people who watch."""
        counts = self._journal.counts
        figures: dict[str, float] = {
            "calls": counts.calls,
            "from_journal": counts.from_journal,
            "tokens": counts.prompt_tokens + counts.completion_tokens + counts.lost_tokens,
        }
        if self._price is not None:
            figures["usd"] = counts.usd + counts.lost_usd
        return figures | {"in_flight": self._pace.in_flight, "per_second": self._pace.per_second, "refused": self._pace.refused_calls}

    async def complete(self, request: Request) -> Reply:
        """Return the answer to a request.

        Raises:
            RequestFailedError: it has none; `reason` says why (OVER_BUDGET: nothing was sent).
            EndpointError: the run cannot go on; answers so far are kept.
            WorkspaceError: the journal cannot be written; nothing more is sent.
        """
        if (stored := self._journal.completion(request)) is not None:
            self._journal.reused()
            return Reply(request.key, stored.raw, from_journal=True, source=stored.source)
        try:
            await self._prepare()
            return Reply(request.key, await self._ask(request))
        except KilopairError as error:
            self._fatal = self._fatal or error
            raise

    async def _ask(self, request: Request, dialect: Dialect | None = None) -> bytes:
        """Ask until there is an answer; a `dialect` that is given is the caller's to change."""
        tries = Tries(self._endpoint, self._health)
        while True:
            self._stop_if_fatal()
            used = dialect or self._dialect or Dialect()
            try:
                return await self._call(request, tries.simplified(used), again=tries.made > 0)
            except _OutdatedError:
                continue
            except RateLimitedError as trouble:
                pause = tries.refused(trouble)
            except ServerFaultError as trouble:
                pause = tries.failed(trouble, request.key)
                if self._health.is_down:
                    self._pace.stop(pause)
            except RefusedRequestError as refusal:
                if dialect is not None:
                    raise
                self._change_dialect(used, refusal)
                pause = 0.0
            tries.made += 1
            await asyncio.sleep(pause)

    async def _call(self, request: Request, dialect: Dialect, *, again: bool) -> bytes:
        """Call once: set aside, take a turn, note, send, store, settle."""
        body = dialect.body(request)
        hold = await self._budget.reserve(request, len(body))
        spent = Hold(0, 0.0, 0)
        try:
            started = await self._pace.enter(int(len(body) / CHARACTERS_PER_TOKEN) + request.max_tokens, again=again)
            try:
                self._stop_if_fatal()
                if self._is_outdated(dialect):
                    raise _OutdatedError
                spent = hold
                await self._journal.sent(request, held_tokens=hold.tokens, held_usd=hold.usd)
                raw = await self._send(body)
                cost = self._cost(body, raw)
                await self._journal.answered(request, raw, cost)
                spent = Hold(cost.prompt_tokens + cost.completion_tokens, cost.usd)
            except RateLimitedError as trouble:
                self._pace.refused(started, trouble.seconds)
                spent = self._gave_back(request)
                raise
            except UnreachableError:
                spent = self._gave_back(request)
                raise
            except (RequestFailedError, RefusedRequestError, ServerFaultError, EndpointError) as trouble:
                spent = self._not_answered(request, trouble, hold)
                raise
            finally:
                self._pace.leave()
        finally:
            self._budget.settle(hold, spent)
        self._pace.succeeded(started)
        self._check(raw)
        return raw

    def _stop_if_fatal(self) -> None:
        """What ended one request ends those that wait for their turn, before they are sent in vain."""
        if self._fatal is not None:
            raise type(self._fatal)(str(self._fatal))

    def _is_outdated(self, dialect: Dialect) -> bool:
        """Whether another request has learned meanwhile that the endpoint does not take this."""
        current = self._dialect
        return current is not None and dialect not in {current, replace(current, rung="text")}

    async def _send(self, body: bytes) -> bytes:
        assert self._connection is not None
        seconds = self._endpoint.timeout_seconds
        try:
            async with asyncio.timeout(seconds):  # the client's own timeout bounds each read only: a dripping server would never end
                return await self._connection.send("/chat/completions", body)
        except TimeoutError:
            fault = ServerFaultError(f"no answer within {seconds:g} seconds (endpoint.timeout_seconds)")
        raise fault

    def _gave_back(self, request: Request) -> Hold:
        self._journal.refused(request)
        return Hold(0, 0.0, 0)

    def _not_answered(self, request: Request, trouble: Exception, hold: Hold) -> Hold:
        """Account for a call without an answer: an error status costs nothing, an answer lost on its way may have."""
        if isinstance(trouble, OverloadedError):
            self._pace.overloaded(trouble.seconds)
        if isinstance(trouble, ServerFaultError) and trouble.status is None:
            self._journal.lost(request, hold.tokens, hold.usd)
            return hold
        self._journal.failed(request)
        return Hold()

    def _cost(self, body: bytes, raw: bytes) -> Cost:
        prompt, completion, known = usage(raw)
        if not known:
            self._say("the endpoint does not say how many tokens a call took; they are estimated from the characters")
            prompt, completion = (round(len(text) / CHARACTERS_PER_TOKEN) for text in (body, raw))
        return self._budget.cost(prompt, completion)

    def _check(self, raw: bytes) -> None:
        """Look at a body that is stored: is it a completion at all, and of the model that was asked for?"""
        if problem := completion_problem(raw):
            raise ServerFaultError(problem, reason=Reason.BAD_REPLY, raw=raw)
        self._health.succeeded()
        name, asked = served_model(raw), self._endpoint.model
        if name and name != asked and asked not in name and name.rpartition("/")[2] not in asked:
            self._say(f"the endpoint was asked for model {asked} and answers as {name}")

    async def _prepare(self) -> None:
        """Connect, see whether key and model are right, and learn the dialect, all before the first call and once."""
        if self._dialect is not None:
            return
        async with self._ready:
            self._stop_if_fatal()  # who waited for a connection in vain does not try again
            if self._dialect is None:
                self._connection = self._connection or await self._connect()
                self._dialect = await self._learned()
                if self._price is None:
                    self._say(f"the price of {self._endpoint.model} is not known, so tokens are counted but no dollars")

    async def _connect(self) -> "Connection":
        # Importing openai takes over a second, and a run that the journal answers needs no key.
        from generators.llm.client import Connection

        connection = Connection(self._endpoint)
        try:
            await self._greet(connection)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _greet(self, connection: "Connection") -> None:
        """See that the endpoint is there, with more patience than for a single call: it may be starting."""
        problem = ""
        for attempt in range(1, CONNECT_TRIES + 1):
            try:
                return await connection.check()
            except UnreachableError as error:
                problem = f"{error}; start the endpoint, or correct endpoint.base_url"
            if attempt < CONNECT_TRIES:
                await asyncio.sleep(0.2 * attempt)
        raise EndpointError(problem)

    async def _learned(self) -> Dialect:
        assert self._connection is not None
        note = dialect_note(self._endpoint)
        if remembered := self._journal.note(note):
            return Dialect.from_text(remembered)
        granted, endpoint = self._connection.access, self._endpoint

        async def ask(request: Request, dialect: Dialect) -> bytes:
            asked = request.but(variant=f"{request.variant} {place(endpoint)}")  # another endpoint may take other things
            stored = self._journal.completion(asked)
            return stored.raw if stored is not None else await self._ask(asked, dialect)

        learned = await probe(
            ask, model=endpoint.model, wanted=endpoint.structured, is_openai=granted.is_openai, parameters=endpoint.parameters
        )
        self._journal.set_note(note, learned.to_text())
        return learned

    def _change_dialect(self, used: Dialect, refusal: RefusedRequestError) -> None:
        """Learn from a refusal, unless another request has learned it already."""
        if self._dialect != used:
            return
        changed = used.without(refusal)
        if changed is None:
            raise RequestFailedError(str(refusal))
        self._dialect = changed
        self._journal.set_note(dialect_note(self._endpoint), changed.to_text())

    def _say(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)


class _OutdatedError(Exception):
    """The dialect has changed while the request waited for its turn."""
