"""The engine of every call to a language model: what is asked, what comes back, and how trouble is met.

The one network seam is `Complete`. Retries, deadlines and the journal are wrappers `Complete -> Complete`, and the one
bounded pool is `complete_all`; nothing else in the project knows that calls run side by side.
"""

import asyncio
import hashlib
import json
import random
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator
from functools import cached_property
from typing import Literal, TypeVar

from pydantic import JsonValue

from schemas.errors import EndpointError
from schemas.records import Reason, Record

X = TypeVar("X")
Y = TypeVar("Y")
Sleep = Callable[[float], Awaitable[None]]

WAIT_BUDGET = 900.0  # seconds that one request may spend waiting for rate limits
DEAD_AFTER = 20  # requests in a row that fail after all their attempts: the endpoint is down, not the requests
DRAIN_SECONDS = 30.0  # answers under way are paid: wait this long for them before stopping
WINDOW = 4  # requests started or waiting to be read, per worker


class Message(Record):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(Record):
    """One question to a model. Its key names everything that decides the answer, so the same request is asked once."""

    model: str
    messages: tuple[Message, ...]
    parameters: dict[str, JsonValue]
    response_schema: dict[str, JsonValue] | None = None
    sample: int = 0

    @cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON; neither the URL nor the API key is part of it."""
        return hashlib.sha256(self.canonical.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def canonical(self) -> str:
        """The request as canonical JSON."""
        return json.dumps(self.model_dump(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Reply(Record):
    """The body that came back, byte for byte."""

    key: str
    raw: bytes
    from_journal: bool = False


Complete = Callable[[Request], Awaitable[Reply]]


class RequestFailedError(Exception):
    """This request has no answer and will get none; the others are not concerned."""

    def __init__(self, problem: str, *, reason: Reason = Reason.REQUEST_FAILED, raw: bytes = b"") -> None:
        super().__init__(problem)
        self.reason = reason
        self.raw = raw


class ServerFaultError(Exception):
    """The call brought no answer, but the next try may."""

    def __init__(self, problem: str, *, raw: bytes = b"") -> None:
        super().__init__(problem)
        self.raw = raw


class UnreachableError(ServerFaultError):
    """No connection: nothing was sent."""


class RateLimitedError(Exception):
    """The endpoint asks to wait; `seconds` is None when it does not say how long."""

    def __init__(self, problem: str, *, seconds: float | None) -> None:
        super().__init__(problem)
        self.seconds = seconds


def deadline(complete: Complete, *, seconds: float) -> Complete:
    """Bound a whole call; the HTTP client's own timeout bounds each read only, so a dripping server would never end."""

    async def bounded(request: Request) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                return await complete(request)
        except TimeoutError:
            pass
        raise ServerFaultError(f"no answer within {seconds:g} seconds")

    return bounded


def retry(complete: Complete, *, attempts: int, wait_budget: float = WAIT_BUDGET, sleep: Sleep = asyncio.sleep) -> Complete:
    """Try again after trouble of the server; waiting for a rate limit is not a try, but `wait_budget` ends it.

    Raises (from the wrapped call):
        RequestFailedError: `attempts` tries brought no answer.
        EndpointError: nothing answers any more, or the rate limit outlasts the budget.
    """
    failed_in_a_row = 0

    async def retried(request: Request) -> Reply:
        nonlocal failed_in_a_row
        faults, refusals, waited = 0, 0, 0.0
        while True:
            try:
                reply = await complete(request)
            except RateLimitedError as limit:
                refusals += 1
                pause = backoff(refusals) if limit.seconds is None else limit.seconds
                waited += pause
                refusal = str(limit)
            except ServerFaultError as fault:
                faults += 1
                pause, refusal = backoff(faults), ""
                last = fault
            else:
                failed_in_a_row = 0
                return reply
            if waited > wait_budget:
                raise EndpointError(f"{refusal or 'rate limit'}: waiting longer than {wait_budget / 60:g} minutes for one request; run again later, answers so far are kept")
            if faults >= attempts:
                failed_in_a_row += 1
                raise _given_up(last, attempts, failed_in_a_row)
            await sleep(pause)

    return retried


def backoff(failures: int) -> float:
    """Seconds to wait after the n-th failure: doubling from half a second to 16, with jitter so that workers part."""
    return min(0.5 * 2 ** (failures - 1), 16.0) * random.uniform(0.75, 1.25)  # noqa: S311 - timing, not a secret


def _given_up(fault: ServerFaultError, attempts: int, failed_in_a_row: int) -> Exception:
    if isinstance(fault, UnreachableError):
        return EndpointError(f"{fault}; start it again and run again, answers so far are kept")
    if failed_in_a_row >= DEAD_AFTER:
        return EndpointError(f"{failed_in_a_row} requests in a row failed, the last with: {fault}; see to the endpoint and run again, answers so far are kept")
    return RequestFailedError(f"no answer in {attempts} attempts; the last: {fault}", raw=fault.raw)


async def complete_all(requests: Iterable[X], complete: Callable[[X], Awaitable[Y]], *, concurrency: int) -> AsyncGenerator[Y, None]:
    """Yield the replies in the order of the requests; `concurrency` workers, a bounded window, nothing else in memory.

    The first exception of any worker ends the run: no new request is started, those under way may finish (they are
    paid, and the journal keeps them).
    """
    queue: asyncio.Queue[tuple[X, asyncio.Future[Y]]] = asyncio.Queue()
    broken: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
    workers = [asyncio.create_task(_work(queue, complete, broken)) for _ in range(concurrency)]
    pending: deque[asyncio.Future[Y]] = deque()
    try:
        for request in requests:
            pending.append(asyncio.get_running_loop().create_future())
            queue.put_nowait((request, pending[-1]))
            if len(pending) >= WINDOW * concurrency:
                yield await _first(pending, broken)
        while pending:
            yield await _first(pending, broken)
    finally:
        await _drain(queue, workers)


async def _work(queue: asyncio.Queue[tuple[X, asyncio.Future[Y]]], complete: Callable[[X], Awaitable[Y]], broken: asyncio.Future[Exception]) -> None:
    while not broken.done():
        request, future = await queue.get()
        try:
            reply = await complete(request)
        except Exception as error:  # noqa: BLE001 - carried to the reader, who raises it
            if not broken.done():
                broken.set_result(error)
        else:
            future.set_result(reply)
        queue.task_done()


async def _first(pending: deque[asyncio.Future[Y]], broken: asyncio.Future[Exception]) -> Y:
    await asyncio.wait((pending[0], broken), return_when=asyncio.FIRST_COMPLETED)
    if broken.done():
        raise broken.result()
    return pending.popleft().result()


async def _drain(queue: asyncio.Queue[tuple[X, asyncio.Future[Y]]], workers: list[asyncio.Task[None]]) -> None:
    while not queue.empty():
        queue.get_nowait()
        queue.task_done()
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await queue.join()
    except TimeoutError:
        pass  # what is still under way is given up
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def in_background(results: AsyncGenerator[Y, None]) -> Iterator[Y]:
    """Read an asynchronous generator from plain code; its event loop lives in a thread, so calls go on between reads."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="kilopair-engine", daemon=True)
    thread.start()
    end = object()

    async def step() -> object:
        return await anext(results, end)

    try:
        while (result := _on(loop, step())) is not end:
            yield result  # pyright: ignore[reportReturnType]
    finally:
        _on(loop, _close(results))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _on(loop: asyncio.AbstractEventLoop, work: Coroutine[object, object, Y]) -> Y:
    return asyncio.run_coroutine_threadsafe(work, loop).result()


async def _close(results: AsyncGenerator[Y, None]) -> None:
    """Stop a step that is under way (the reader was interrupted), then close the generator."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    steps = [task for task in others if task.get_name() == "step"]
    for task in steps:
        task.cancel()
    await asyncio.gather(*steps, return_exceptions=True)
    await results.aclose()
