"""The files of the offline batch lane: requests in the form of OpenAI's Batch API, split by its limits, and a ledger of them.

The ledger stays in the workspace wherever the files go. It holds every request whole, so that its answer can be taken
in after the recipe has changed, or years later.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from generators.llm.calls import CHARACTERS_PER_TOKEN, Message, Request
from schemas.errors import WorkspaceError

MAX_LINES = 50_000  # limits of OpenAI's Batch API for one file
MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class RequestFile:
    """One file of requests for one model; the tokens are an estimate of the prompts and a bound of the replies."""

    name: str
    model: str
    lines: int
    sha256: str
    prompt_tokens: int
    reply_tokens: int


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that only its owner can read, and that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        problem = f"{path}: cannot be written ({(error.strerror or 'error').lower()}); free the disk, or name another place"
    else:
        return
    finally:
        temporary.unlink(missing_ok=True)
    raise WorkspaceError(problem)


def custom_id(request: Request) -> str:
    """The name of a request in a batch: a hash of what decides its answer, so it is the same in every export."""
    return request.key[:32]


def request_json(request: Request) -> dict[str, Any]:
    """Return the whole request as JSON values."""
    return {
        "model": request.model,
        "messages": [[message.role, message.content] for message in request.messages],
        "max_tokens": request.max_tokens,
        "parameters": dict(request.parameters),
        "schema": request.schema,
        "variant": request.variant,
        "slot": request.slot,
    }


def request_from_json(value: Mapping[str, Any]) -> Request:
    """Return the request that `request_json` wrote; raises ValueError, TypeError or KeyError when it is none."""
    turns = tuple(Message(role, content) for role, content in value["messages"])
    if not all(isinstance(turn.content, str) and turn.role in {"system", "user", "assistant"} for turn in turns):
        raise ValueError("not a conversation")
    texts = (value["model"], value["variant"], value["slot"], value["schema"] if value["schema"] is not None else "")
    if not all(isinstance(text, str) for text in texts) or not isinstance(value["max_tokens"], int):
        raise TypeError("not a request")
    return Request(
        model=value["model"],
        messages=turns,
        max_tokens=value["max_tokens"],
        parameters=dict(value["parameters"]),
        schema=value["schema"],
        variant=value["variant"],
        slot=value["slot"],
    )


def batch_line(request: Request, body: bytes) -> bytes:
    """Return the request as a line of a batch file; `body` is what would be sent online."""
    head = f'{{"custom_id":"{custom_id(request)}","method":"POST","url":"/v1/chat/completions","body":'
    return head.encode() + body.replace(b"\n", b" ") + b"}\n"  # in JSON a bare newline can only be white space


@dataclass
class _Part:
    """A file that is being filled."""

    model: str
    requests: list[Request] = field(default_factory=list)
    size: int = 0


def parts(
    requests: Iterable[Request], body: Callable[[Request], bytes], *, max_lines: int, max_bytes: int
) -> tuple[list[tuple[Request, ...]], int]:
    """Divide requests into files of one model within the limits; also return how many alone are too large for any file."""
    done: list[_Part] = []
    filling: dict[str, _Part] = {}
    too_large = 0
    for request in requests:
        size = len(batch_line(request, body(request)))
        if size > max_bytes:
            too_large += 1
            continue
        part = filling.get(request.model)
        if part is None or len(part.requests) >= max_lines or part.size + size > max_bytes:
            part = filling[request.model] = _Part(request.model)
            done.append(part)
        part.requests.append(request)
        part.size += size
    return [tuple(part.requests) for part in done], too_large


def write_requests(path: Path, requests: tuple[Request, ...], body: Callable[[Request], bytes]) -> RequestFile:
    """Write one file of requests; return what the manifest says about it."""
    digest = hashlib.sha256()
    characters = 0
    with private_file(path) as file:
        for request in requests:
            line = batch_line(request, body(request))
            digest.update(line)
            file.write(line)
            characters += sum(len(message.content) for message in request.messages) + len(request.schema or "")
    return RequestFile(
        name=path.name,
        model=requests[0].model,
        lines=len(requests),
        sha256=digest.hexdigest(),
        prompt_tokens=round(characters / CHARACTERS_PER_TOKEN),
        reply_tokens=sum(request.max_tokens for request in requests),
    )


class Ledger:
    """The requests of all exports of a workspace, found by their custom_id; only the places are held in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[str, tuple[Path, int]] = {}
        self._names: dict[str, list[str]] = {}
        for path in sorted(folder.glob("*/asked.jsonl")):
            self._index(path)

    def add(self, export: str, requests: Iterable[Request]) -> None:
        """Write the requests of an export down."""
        path = self._folder / export / "asked.jsonl"
        with private_file(path) as file:
            for request in requests:
                file.write(json.dumps({"custom_id": custom_id(request), **request_json(request)}, separators=(",", ":")).encode() + b"\n")
        self._index(path)

    def find(self, name: str) -> Request | None:
        """Return the request with this custom_id, or None when this workspace never asked it."""
        if name not in self._places:
            return None
        path, offset = self._places[name]
        with path.open("rb") as file:
            file.seek(offset)
            return _asked(file.readline(), path)

    def names(self, export: str) -> list[str]:
        """Return the custom_ids of an export, in the order of its files."""
        return self._names.get(export, [])

    def _index(self, path: Path) -> None:
        names, offset = [], 0
        with path.open("rb") as file:
            for line in file:
                names.append(line[14:46].decode("ascii", "replace"))  # after {"custom_id":"
                self._places[names[-1]] = (path, offset)
                offset += len(line)
        self._names[path.parent.name] = names


def _asked(line: bytes, path: Path) -> Request:
    try:
        return request_from_json(json.loads(line))
    except (ValueError, TypeError, KeyError):
        problem = f"{path}: is damaged; delete it and run kilopair batch export again, the same requests get the same names"
    raise WorkspaceError(problem)
