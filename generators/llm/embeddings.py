"""Vectors of texts from an OpenAI-compatible endpoint: batches, side by side, tried again as completions are.

A batch that is too long for the model is halved; a single text that still is, is shown by its first half. Everything else
that an endpoint can answer means what it means for completions (`statuses`, `tries`). With an account, each batch is answered
from the journal where it can be; else it is set aside in the budget, noted, sent, stored and counted, as completions are.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generators.llm.calls import (
    BudgetReachedError,
    Message,
    RateLimitedError,
    RefusedRequestError,
    Request,
    RequestFailedError,
    ServerFaultError,
)
from generators.llm.greet import greet
from generators.llm.pool import complete_all, in_background
from generators.llm.tries import Health, Tries
from generators.llm.vector_account import Account, Books, open_books
from generators.llm.vector_rows import read_rows
from schemas.errors import EndpointError, RecipeError
from schemas.recipe import EndpointSection
from schemas.records import Reason

if TYPE_CHECKING:
    from generators.llm.client import Connection

Rows = list[NDArray[np.float64]]

SLOT = "embed"  # what requests for vectors are for, in the journal
CONCURRENCY = 8  # batches in flight: they are large
FEWEST_CHARACTERS = 64  # of a text that is halved because it is too long
NOBODY = "start it, correct embed.base_url (or endpoint.base_url, where that is empty), or set embed.by to lexical, which needs none"
BLANK = " "  # endpoints refuse a text of no characters


class Embeddings:
    """The vectors of one endpoint, `batch` texts to a request; `account` says what they are written into and paid from."""

    def __init__(self, endpoint: EndpointSection, *, batch: int = 32, account: Account | None = None) -> None:
        self._endpoint = endpoint
        self._batch = batch
        self._account = account
        self._health = Health(endpoint.max_wait_seconds)

    def of(self, texts: Sequence[str]) -> Iterator[NDArray[np.float64]]:
        """Yield the vector of each text, in order.

        Raises:
            EndpointError: the endpoint is not there, refuses the key, lacks the model, or gives no vectors.
            RecipeError: a cap of the budget is reached, or dollars are capped and the price is not known.
            WorkspaceError: the journal cannot be written; nothing more is sent.
        """
        with closing(in_background(self._batches(texts))) as answered:
            for rows in answered:
                yield from rows

    async def _batches(self, texts: Sequence[str]) -> AsyncGenerator[Rows, None]:
        batches = (list(texts[start : start + self._batch]) for start in range(0, len(texts), self._batch))
        concurrency = min(self._endpoint.concurrency, CONCURRENCY)
        async with AsyncExitStack() as stack:
            books = stack.enter_context(open_books(self._account))
            asking = _Asking(self._endpoint, self._health, books, stack)
            async with aclosing(complete_all(batches, asking.rows, concurrency=concurrency)) as answered:
                async for rows in answered:
                    yield rows


class _Asking:
    """Asks for batches as long as the connection and the books are open; it connects when something has to be sent."""

    def __init__(self, endpoint: EndpointSection, health: Health, books: Books | None, stack: AsyncExitStack) -> None:
        self._endpoint, self._health, self._books, self._stack = endpoint, health, books, stack
        self._connection: Connection | None = None
        self._greeting: asyncio.Task[None] | None = None

    async def rows(self, texts: list[str]) -> Rows:
        """Return the vectors of one batch, in halves if it is too long."""
        try:
            return await self._answered(texts)
        except _TooLongError as error:
            if len(texts) > 1:
                half = len(texts) // 2
                return [*await self.rows(texts[:half]), *await self.rows(texts[half:])]
            if len(texts[0]) < FEWEST_CHARACTERS:
                raise EndpointError(f"{self._name}: {error}") from None
            return await self.rows([texts[0][: len(texts[0]) // 2]])

    async def _answered(self, texts: list[str]) -> Rows:
        """Return the vectors of a batch, after as many tries as the endpoint section allows."""
        shown = tuple(Message("user", text or BLANK) for text in texts)
        request = Request(self._endpoint.model, shown, max_tokens=0, variant=SLOT)
        request = request.but(slot=f"{SLOT}/{request.key[:16]}")
        if self._books and (stored := self._books.stored(request)) is not None:
            return stored
        if self._endpoint.replay:
            raise EndpointError("endpoint.replay: the recording has no vectors of these texts; set embed.by to lexical, or embed.base_url")
        raw = await self._asked(request)
        rows = read_rows(raw)
        if rows is None or len(rows) != len(texts):
            found = f"{len(texts)} texts with {len(rows or ())} vectors that can be used"
            raise EndpointError(f"the endpoint answered {found}; is its model an embedding model?")
        return rows

    async def _greet(self) -> None:
        """See that somebody is there, once and before all batches wait for it."""
        if self._greeting is None:
            self._greeting = asyncio.create_task(greet(self._connected(), self._endpoint, advice=NOBODY))
        await asyncio.shield(self._greeting)  # one answer for all batches

    async def _asked(self, request: Request) -> bytes:
        await self._greet()
        body = {"model": request.model, "input": [message.content for message in request.messages], "encoding_format": "float"}
        wire, tries = json.dumps(body).encode(), Tries(self._endpoint, self._health)
        while True:
            try:
                raw = await self._sent(request, wire)
            except RateLimitedError as trouble:
                pause = tries.refused(trouble)
            except ServerFaultError as trouble:
                pause = self._failed(tries, trouble, request.key)
            else:
                self._health.succeeded()
                return raw
            await asyncio.sleep(pause)

    async def _sent(self, request: Request, wire: bytes) -> bytes:
        """Send once; what the endpoint says about the texts themselves is that they are too long, or the end."""
        try:
            return await (self._books.paid(request, wire, self._post) if self._books else self._post(wire))
        except BudgetReachedError as error:
            problem: Exception = RecipeError(
                f"{error} before all vectors were there; raise it in the section budget, or set embed.by to lexical"
            )
        except RequestFailedError as error:
            problem = _TooLongError(str(error)) if error.reason is Reason.REQUEST_FAILED else EndpointError(f"{self._name}: {error}")
        except RefusedRequestError as error:
            problem = EndpointError(str(error))
        raise problem

    async def _post(self, wire: bytes) -> bytes:
        seconds = self._endpoint.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._connected().send("/embeddings", wire)
        except TimeoutError:
            problem = ServerFaultError(f"no answer within {seconds:g} seconds (endpoint.timeout_seconds)")
        raise problem

    def _connected(self) -> "Connection":
        # Importing openai takes over a second, and vectors that the journal holds need no key.
        from generators.llm.client import Connection

        if self._connection is None:
            self._connection = Connection(self._endpoint)
            self._stack.push_async_callback(self._connection.close)
        return self._connection

    @property
    def _name(self) -> str:
        return self._connected().access.name

    def _failed(self, tries: Tries, trouble: ServerFaultError, key: str) -> float:
        try:
            return tries.failed(trouble, key)
        except RequestFailedError as error:
            raise EndpointError(f"{error}; vectors so far are kept, run again when the endpoint is well") from None


class _TooLongError(Exception):
    """The endpoint does not take these texts, so many or so long."""
