"""The one place where calls run side by side: a fixed pool of workers, and its bridge to plain code."""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

DRAIN_SECONDS = 30.0  # answers under way are paid: wait this long for them before giving them up
WINDOW = 4  # requests started or waiting to be read, per worker


async def complete_all(requests: Iterable[X], complete: Callable[[X], Awaitable[Y]], *, concurrency: int) -> AsyncGenerator[Y, None]:
    """Yield the replies in the order of the requests; `concurrency` workers and a bounded window, whatever the number.

    The first exception of a worker ends the run: no new request is started, those under way may finish (they are paid,
    and the journal keeps them), then it is raised.
    """
    pool: _Pool[X, Y] = _Pool(complete, concurrency)
    try:
        for request in requests:
            pool.start(request)
            if len(pool.pending) >= WINDOW * concurrency:
                yield await pool.first()
        while pool.pending:
            yield await pool.first()
    finally:
        await pool.drain()


class _Pool(Generic[X, Y]):
    """Workers that pull requests from a queue; `pending` holds the replies to be read, in order."""

    def __init__(self, complete: Callable[[X], Awaitable[Y]], concurrency: int) -> None:
        self._complete = complete
        self._queue: asyncio.Queue[tuple[X, asyncio.Future[Y]]] = asyncio.Queue()
        self._broken: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._workers = [asyncio.create_task(self._work()) for _ in range(concurrency)]
        self.pending: deque[asyncio.Future[Y]] = deque()

    def start(self, request: X) -> None:
        """Hand a request to the workers."""
        self.pending.append(asyncio.get_running_loop().create_future())
        self._queue.put_nowait((request, self.pending[-1]))

    async def first(self) -> Y:
        """Return the oldest reply, or raise what broke a worker."""
        if not self.pending[0].done():
            await asyncio.wait((self.pending[0], self._broken), return_when=asyncio.FIRST_COMPLETED)
        if self._broken.done():
            raise self._broken.result()
        return self.pending.popleft().result()

    async def drain(self) -> None:
        """Forget what was not started, wait for what is under way, end the workers."""
        while not self._queue.empty():
            self._queue.get_nowait()
            self._queue.task_done()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._queue.join()
        except TimeoutError:
            pass  # given up
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while not self._broken.done():
            request, future = await self._queue.get()
            try:
                future.set_result(await self._complete(request))
            except Exception as error:  # noqa: BLE001 - carried to the reader, who raises it
                if not self._broken.done():
                    self._broken.set_result(error)
            finally:
                self._queue.task_done()


def in_background(results: AsyncGenerator[Y, None]) -> Generator[Y, None, None]:
    """Read an asynchronous generator from plain code; its event loop runs in a thread, so calls go on between reads."""
    loop = _new_loop()
    thread = threading.Thread(target=loop.run_forever, name="kilopair-engine", daemon=True)
    thread.start()
    reader = _Reader(results)
    try:
        while reply := _on(loop, reader.read):
            yield reply[0]
    finally:
        _on(loop, reader.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop: uvloop's where it is installed (the extra `fast`), which takes less CPU."""
    if find_spec("uvloop") is None:
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def run_in_thread(work: Coroutine[Any, Any, Y]) -> Y:
    """Run a coroutine to its end from plain code, also where an event loop is already running (a notebook)."""
    outcome: list[Y] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work))
        except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name="kilopair-check", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def _on(loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, Y]]) -> Y:
    """Run a coroutine on a loop of another thread and wait for it.

    Ctrl-C may strike at any moment here. A future of `concurrent.futures` can then keep its lock, and the loop would wait
    for it for ever; a `SimpleQueue` has no lock that Python code holds.
    """
    outcome: queue.SimpleQueue[Callable[[], Y]] = queue.SimpleQueue()

    def start() -> None:
        running = loop.create_task(work())
        running.add_done_callback(lambda done: outcome.put(done.result))
        _RUNNING.add(running)
        running.add_done_callback(_RUNNING.discard)

    loop.call_soon_threadsafe(start)
    return outcome.get()()


_RUNNING: set[asyncio.Task[Any]] = set()  # a loop holds its tasks only weakly


class _Reader(Generic[Y]):
    """Reads one result after the other, and can be closed while a read is under way (the user pressed Ctrl-C)."""

    def __init__(self, results: AsyncGenerator[Y, None]) -> None:
        self._results = results
        self._reading: asyncio.Task[Any] | None = None

    async def read(self) -> tuple[Y] | None:
        """Return the next result in a tuple, or None at the end."""
        self._reading = asyncio.current_task()
        try:
            return (await anext(self._results),)
        except StopAsyncIteration:
            return None
        finally:
            self._reading = None

    async def close(self) -> None:
        """Cancel a read under way, which drains the pool, and close the generator."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        await self._results.aclose()
