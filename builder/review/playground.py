"""Asking the models of a workspace from the review page: base and tuned, in a process of their own, so that the server never loads torch.

The process starts at the first question, ends ten idle minutes after the last one, and with the server, however that ends.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import Field

from builder.step import MODEL
from builder.store import read_json
from schemas.errors import WorkspaceError
from schemas.records import Record, Turn

IDLE_SECONDS = 600.0
Name = Literal["base", "tuned"]
_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from builder.review.playground_worker import main; main()"
# The models were loaded before on this machine, by the training: nothing needs to be fetched, and nobody is told that it is asked.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


class Asked(Record):
    """A question to one of the models, and how it is to answer."""

    model: Name
    question: str = Field(min_length=1, max_length=20_000)
    input: str = Field(default="", max_length=20_000)
    history: tuple[Turn, ...] = Field(default=(), max_length=40)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    seed: int = Field(default=0, ge=0, lt=2**31)
    max_new_tokens: int = Field(default=256, ge=1, le=2048)


@dataclass(frozen=True)
class Place:
    """Where a model lies (a folder, or its name at the hub); without one, what to do about it."""

    name: Name
    folder: str | None
    missing: str = ""


class StoppedError(WorkspaceError):
    """Somebody ended the process while it was answering."""


def places(workspace: Path) -> dict[Name, Place]:
    """Return where base and tuned model of a workspace lie."""
    tuned = workspace / MODEL
    base = _named_base(workspace) or (str((workspace / "base").resolve()) if (workspace / "base").exists() else None)
    return {
        "base": Place("base", base, "" if base else "there is no base model yet: run kilopair train with your recipe"),
        "tuned": Place("tuned", str(tuned.resolve()), "")
        if tuned.exists()
        else Place("tuned", None, "there is no tuned model yet: run kilopair train with your recipe"),
    }


def _named_base(workspace: Path) -> str | None:
    """Return the base that the recipe named, a folder or a model of the hub; None if it was made from the documents."""
    manifest = workspace / "manifest.json"
    note = read_json(manifest)["stages"].get("pretrain", {}).get("counts", {}) if manifest.exists() else {}
    return str(note["base"]) if "base" in note else None


class Playground:
    """The process of the models, one question at a time; safe to be used by many threads."""

    def __init__(self, workspace: Path, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._workspace = workspace
        self.idle_seconds = idle_seconds
        self._turn = threading.Lock()  # held by who asks; who holds it may replace or close the child
        self._child: _Child | None = None
        self._timer: threading.Timer | None = None
        self._stops = 0

    @property
    def pid(self) -> int | None:
        """The process that holds the models; None while there is none."""
        child = self._child
        return child.process.pid if child is not None and child.is_alive else None

    def ask(self, asked: Asked) -> dict[str, Any]:
        """Return text, prompt_tokens, tokens, stopped, seconds, and seconds of loading; waits for who asked before.

        Raises:
            WorkspaceError: the model is missing or cannot answer; says why.
            StoppedError: `stop` was called meanwhile.
        """
        found = places(self._workspace)
        place = found[asked.model]
        if place.folder is None:
            raise WorkspaceError(place.missing)
        stops = self._stops
        with self._turn:
            if stops != self._stops:
                raise StoppedError("stopped")
            self._rest()
            said = self._living().answer(_line(asked, place.folder, prompts_of=found["tuned"].folder))
            self._timer = threading.Timer(self.idle_seconds, self._end_idle)
            self._timer.daemon = True
            self._timer.start()
        if "error" in said:
            raise WorkspaceError(said["error"])
        return said

    def stop(self) -> bool:
        """End the process, also in the middle of an answer, and let who waits go without one; tell whether there was a process."""
        self._stops += 1
        child = self._child
        if child is None or not child.is_alive:
            return False
        child.end()
        return True

    def close(self) -> None:
        """End the process for good, as the server does when it ends."""
        self._rest()
        self.stop()
        with self._turn:
            self._drop()
        atexit.unregister(self.close)

    def _end_idle(self) -> None:
        if self._turn.acquire(blocking=False):  # else somebody asks just now
            try:
                self._drop()
            finally:
                self._turn.release()

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _living(self) -> "_Child":
        if self._child is None or not self._child.is_alive:
            self._drop()
            self._child = _Child()
            atexit.register(self.close)
        return self._child

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()


class _Child:
    """A process that answers lines; what it complains of goes to a file, to be told if it ends."""

    def __init__(self) -> None:
        self._is_unwanted = False
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", _BOOT, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=os.environ | _OFFLINE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the server, which ends this process
        )

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self.process.poll() is None

    def answer(self, line: str) -> dict[str, Any]:
        """Send a line and return the answer to it.

        Raises:
            StoppedError: somebody called `end`.
            WorkspaceError: it has ended by itself.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(line)
            self.process.stdin.flush()
        said = self.process.stdout.readline()
        if said:
            return json.loads(said)
        status = self.process.wait()
        if self._is_unwanted:
            raise StoppedError("stopped")
        raise WorkspaceError(f"the process of the models has ended ({self._why(status)}); ask again to start another one")

    def end(self) -> None:
        """End the process."""
        self._is_unwanted = True
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """End the process if it is still there, and close its files."""
        if self.is_alive:
            self.end()
        for file in (self.process.stdin, self.process.stdout, self._complaints):
            with suppress(OSError):  # a line that it never read
                if file is not None:
                    file.close()

    def _why(self, status: int) -> str:
        """Say why it has ended, with the last line that it complained of, at most 300 characters."""
        if status == -signal.SIGKILL:
            return "it was killed, perhaps because the memory of this machine is full"
        self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, self._complaints.tell() - 2000))
        lines = self._complaints.read().decode("utf-8", "replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), f"status {status}")


def _line(asked: Asked, folder: str, *, prompts_of: str | None) -> str:
    manner = {"max_new_tokens": asked.max_new_tokens, "temperature": asked.temperature, "seed": asked.seed}
    question = asked.model_dump(mode="json", include={"model", "question", "input", "history"})
    return json.dumps({**question, "manner": manner, "folder": folder, "prompts_of": prompts_of}) + "\n"
