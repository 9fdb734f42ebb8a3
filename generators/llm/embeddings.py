"""Vectors of texts from an OpenAI-compatible endpoint: batches, side by side, tried again as completions are.

A batch that is too long for the model is halved; a single text that still is, is shown by its first half. Everything else
that an endpoint can answer means what it means for completions (`statuses`, `tries`).
"""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from generators.llm.answers import load
from generators.llm.calls import RateLimitedError, RefusedRequestError, RequestFailedError, ServerFaultError, canonical, text_hash
from generators.llm.pool import complete_all, in_background
from generators.llm.tries import Health, Tries
from schemas.errors import EndpointError
from schemas.recipe import EndpointSection
from schemas.records import Reason

if TYPE_CHECKING:
    from generators.llm.client import Connection

Rows = list[NDArray[np.float64]]

CONCURRENCY = 8  # batches in flight: they are large
FEWEST_CHARACTERS = 64  # of a text that is halved because it is too long
BLANK = " "  # endpoints refuse a text of no characters


class Embeddings:
    """The vectors of one endpoint, `batch` texts to a request."""

    def __init__(self, endpoint: EndpointSection, *, batch: int = 32) -> None:
        self._endpoint = endpoint
        self._batch = batch
        self._health = Health(endpoint.max_wait_seconds)

    def of(self, texts: Sequence[str]) -> Iterator[NDArray[np.float64]]:
        """Yield the vector of each text, in order.

        Raises:
            EndpointError: the endpoint is not there, refuses the key, lacks the model, or gives no vectors.
        """
        with closing(in_background(self._batches(texts))) as answered:
            for rows in answered:
                yield from rows

    async def _batches(self, texts: Sequence[str]) -> AsyncGenerator[Rows, None]:
        from generators.llm.client import Connection

        connection = Connection(self._endpoint)
        batches = (list(texts[start : start + self._batch]) for start in range(0, len(texts), self._batch))
        concurrency = min(self._endpoint.concurrency, CONCURRENCY)
        try:
            async with aclosing(complete_all(batches, lambda batch: self._rows(connection, batch), concurrency=concurrency)) as answered:
                async for rows in answered:
                    yield rows
        finally:
            await connection.close()

    async def _rows(self, connection: "Connection", texts: list[str]) -> Rows:
        """Return the vectors of one batch, in halves if it is too long."""
        try:
            return _read(await self._asked(connection, texts), len(texts))
        except _TooLongError as error:
            if len(texts) > 1:
                half = len(texts) // 2
                return [*await self._rows(connection, texts[:half]), *await self._rows(connection, texts[half:])]
            if len(texts[0]) < FEWEST_CHARACTERS:
                raise EndpointError(f"{connection.access.name}: {error}") from None
            return await self._rows(connection, [texts[0][: len(texts[0]) // 2]])

    async def _asked(self, connection: "Connection", texts: list[str]) -> bytes:
        """Return the body of the answer, after as many tries as the endpoint section allows."""
        body = json.dumps({"model": self._endpoint.model, "input": [text or BLANK for text in texts], "encoding_format": "float"}).encode()
        tries, key = Tries(self._endpoint, self._health), text_hash(canonical(texts))
        while True:
            try:
                raw = await self._sent(connection, body)
            except RateLimitedError as trouble:
                pause = tries.refused(trouble)
            except ServerFaultError as trouble:
                pause = self._failed(tries, trouble, key)
            else:
                self._health.succeeded()
                return raw
            await asyncio.sleep(pause)

    async def _sent(self, connection: "Connection", body: bytes) -> bytes:
        """Send once; what the endpoint says about the texts themselves is that they are too long, or the end."""
        try:
            async with asyncio.timeout(self._endpoint.timeout_seconds):
                return await connection.send("/embeddings", body)
        except TimeoutError:
            problem: Exception = ServerFaultError(f"no answer within {self._endpoint.timeout_seconds:g} seconds (endpoint.timeout_seconds)")
        except RequestFailedError as error:
            problem = (
                _TooLongError(str(error)) if error.reason is Reason.REQUEST_FAILED else EndpointError(f"{connection.access.name}: {error}")
            )
        except RefusedRequestError as error:
            problem = EndpointError(str(error))
        raise problem

    def _failed(self, tries: Tries, trouble: ServerFaultError, key: str) -> float:
        try:
            return tries.failed(trouble, key)
        except RequestFailedError as error:
            raise EndpointError(f"{error}; vectors so far are kept, run again when the endpoint is well") from None


class _TooLongError(Exception):
    """The endpoint does not take these texts, so many or so long."""


def _read(raw: bytes, count: int) -> Rows:
    """Return the vectors of an answer, in the order of the texts."""
    body = load(raw)
    found = body.get("data") if isinstance(body, dict) else None
    try:
        ordered = sorted(found or [], key=lambda part: part.get("index", 0))
        rows = [_row(part["embedding"]) for part in ordered]
    except (KeyError, TypeError, ValueError, AttributeError):
        rows = []
    if len(rows) != count or len({len(row) for row in rows}) > 1 or not all(map(len, rows)):
        raise EndpointError(
            f"the endpoint answered {count} texts with {len(rows)} vectors that can be used; is its model an embedding model?"
        )
    return rows


def _row(embedding: object) -> NDArray[np.float64]:
    """Return one vector; some endpoints send base64 whatever they are asked for."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").astype(np.float64)
    return np.array(embedding, dtype=np.float64).reshape(-1)
