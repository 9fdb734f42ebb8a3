"""Work done in processes that can be ended, so that no file, however hostile, stops or fills the machine.

A worker is a plain process with nothing of ours in it but the function that it calls: no keys in its environment, nothing
on stdout, results as JSON and not as pickles. It is kept for the next task; one that crashes, hangs or takes too much
memory is ended, replaced, and only the task that it was at is given up. A task that failed in a worker that had
done others before is tried once more in a fresh one, so that no file pays for what an earlier one left behind.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import IO

from pydantic import JsonValue

from builder.readers.content import Refused
from schemas.errors import InputError
from schemas.records import Reason

_BOOT = "import sys, json; sys.path[:], *given = json.loads(sys.argv[1]); from builder.isolate import serve; serve(*given)"
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV")
_ONE_THREAD = {"MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_STARTS_WITHIN, _ENDS_WITHIN, _ENDS_ITSELF_AFTER = 120.0, 5.0, 3.0  # seconds
_LONGEST_REPLY = 200_000_000
_LARGEST_FILE = 100_000_000  # bytes of what libraries complain, or write where they should not
_NO_MEMORY = ("memory allocation of", "bad_alloc", "out of memory", "cannot allocate memory", "memoryerror")


@dataclass(frozen=True)
class Limits:
    """What one task may take, and how many workers there are at most (0: one for each core)."""

    seconds: float = 60.0
    megabytes: int = 2000
    workers: int = 0


def each(function: str, tasks: Sequence[JsonValue], *, limits: Limits) -> Generator[JsonValue | Refused]:
    """Yield what `function` ("module:name", of JSON to JSON) returns for every task, in order, or why it does not.

    Raises:
        InputError: workers cannot be started.
    """
    pool = _Pool(function, tasks, limits)
    try:
        for number in range(len(tasks)):
            while number not in pool.results:
                pool.advance()
            yield pool.results.pop(number)
    finally:
        pool.end()


def serve(function: str, descriptor: int, seconds: float, megabytes: int) -> None:
    """Be a worker: answer every task until the other side hangs up."""
    _limit_itself(megabytes)
    os.set_inheritable(descriptor, False)
    module, _, name = function.partition(":")
    work = getattr(import_module(module), name)
    with Connection(descriptor) as connection:
        connection.send_bytes(b"ready")
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                task = json.loads(connection.recv_bytes())
                # the alarm ends this process even if the code hangs where Python has no say, and if nobody is left to end it
                signal.setitimer(signal.ITIMER_REAL, seconds + _ENDS_ITSELF_AFTER)
                try:
                    reply = json.dumps({"done": work(task)}).encode()
                except MemoryError:
                    reply = b'{"memory": true}'
                signal.setitimer(signal.ITIMER_REAL, 0)
                connection.send_bytes(reply if len(reply) <= _LONGEST_REPLY else b'{"too_large": true}')


def _limit_itself(megabytes: int) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    limits = ((resource.RLIMIT_AS, megabytes * 1_000_000), (resource.RLIMIT_FSIZE, _LARGEST_FILE), (resource.RLIMIT_CORE, 0))
    for kind, most in limits:
        with contextlib.suppress(ValueError, OSError):  # not every system can limit everything
            resource.setrlimit(kind, (most, most))


class _Worker:
    """A process and the task that it is at."""

    def __init__(self, function: str, limits: Limits) -> None:
        here, there = socket.socketpair()
        self.complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        given = json.dumps([sys.path, function, there.fileno(), limits.seconds, limits.megabytes])
        passed = {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
        with here, there:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", _BOOT, given],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.complaints,
                pass_fds=(there.fileno(),),
                env=passed | _ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for the parent, which ends its workers
            )
            self.connection = Connection(here.detach())
        self.task: int | None = None
        self.done = 0
        self.is_ready = False
        self.deadline = time.monotonic() + _STARTS_WITHIN

    def begin(self, number: int, task: JsonValue, seconds: float) -> None:
        """Send a task; the time of a worker's start is not that of its first task."""
        self.task = number
        if self.is_ready:
            self.deadline = time.monotonic() + seconds
        with contextlib.suppress(OSError):  # a worker that ended meanwhile is noticed when its reply is waited for
            self.connection.send_bytes(json.dumps(task).encode())

    def end(self, *, patience: float = 0.0) -> tuple[int, str]:
        """End the process and what it may have started; return how it ended and the last that it complained of.

        A process that hung up is ending by itself, and how it ends is worth `patience`.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.connection.close()
        code = self.process.wait()
        with self.complaints:
            self.complaints.seek(max(0, self.complaints.seek(0, os.SEEK_END) - 2000))
            lines = self.complaints.read().decode("utf-8", "replace").strip().splitlines()
        return code, lines[-1].strip()[:200] if lines else ""


class _Pool:
    """Workers and the tasks that wait for them."""

    def __init__(self, function: str, tasks: Sequence[JsonValue], limits: Limits) -> None:
        self.results: dict[int, JsonValue | Refused] = {}
        self._function, self._tasks, self._limits = function, tasks, limits
        self._waiting = deque(range(len(tasks)))
        self._most = limits.workers or cores()
        self._workers: list[_Worker] = []
        self._tried_again: set[int] = set()

    def advance(self) -> None:
        """Give tasks to free workers, then wait until one of them has something to say or its time is over."""
        self._assign()
        busy = {worker.connection: worker for worker in self._workers if worker.task is not None}
        patience = min(worker.deadline for worker in busy.values()) - time.monotonic()
        for connection in wait(list(busy), max(0.0, patience)):
            self._listen(busy[connection])  # type: ignore[index]
        now = time.monotonic()
        for worker in [worker for worker in self._workers if worker.task is not None and worker.deadline < now]:
            self._give_up(worker, self._too_late())

    def end(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _assign(self) -> None:
        while self._waiting:
            free = next((worker for worker in self._workers if worker.task is None), None)
            if free is None and len(self._workers) < self._most:
                free = _Worker(self._function, self._limits)
                self._workers.append(free)
            if free is None:
                return
            number = self._waiting.popleft()
            free.begin(number, self._tasks[number], self._limits.seconds)

    def _listen(self, worker: _Worker) -> None:
        try:
            reply = worker.connection.recv_bytes()
        except (EOFError, OSError):
            self._fail(worker, None, patience=_ENDS_WITHIN)
            return
        if not worker.is_ready:
            worker.is_ready, worker.deadline = True, time.monotonic() + self._limits.seconds
            return
        told = json.loads(reply)
        if "memory" in told:
            self._fail(worker, self._too_much_memory())
        elif worker.task is not None:
            too_large = Refused(Reason.TOO_LARGE, f"its text takes more than {_LONGEST_REPLY / 1e6:.0f} MB; divide the file")
            self.results[worker.task] = told.get("done", too_large)
            worker.task, worker.done = None, worker.done + 1

    def _fail(self, worker: _Worker, refused: Refused | None, *, patience: float = 0.0) -> None:
        """Try the task of a worker again in a fresh one if it was not the worker's first; else give it up."""
        if worker.done and worker.task is not None and worker.task not in self._tried_again:
            self._tried_again.add(worker.task)
            self._waiting.appendleft(worker.task)
            worker.task = None
            self._workers.remove(worker)
            worker.end(patience=patience)
        else:
            self._give_up(worker, refused, patience=patience)

    def _give_up(self, worker: _Worker, refused: Refused | None, *, patience: float = 0.0) -> None:
        self._workers.remove(worker)
        code, complaint = worker.end(patience=patience)
        if not worker.is_ready:
            raise InputError(f"a process that reads files does not start ({complaint or code}); see documents.megabytes_of_memory")
        if worker.task is not None:
            self.results[worker.task] = refused or self._why(code, complaint)

    def _why(self, code: int, complaint: str) -> Refused:
        if code == -signal.SIGALRM:
            return self._too_late()
        if code == -signal.SIGKILL or any(words in complaint.lower() for words in _NO_MEMORY):
            return self._too_much_memory()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Refused(Reason.CRASHED, f"its reader ended without a word ({how}); look for an undamaged copy, or save it in another format")

    def _too_late(self) -> Refused:
        return Refused(Reason.TIMEOUT, f"not read within {self._limits.seconds:g} s; divide it, or raise documents.seconds_per_file")

    def _too_much_memory(self) -> Refused:
        detail = f"takes more than {self._limits.megabytes:,} MB to read; divide it, or raise documents.megabytes_of_memory"
        return Refused(Reason.MEMORY, detail)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
