"""Results of a batch, from anywhere: what they answer goes into the journal, and every line ends in exactly one count.

Result files come in any order, torn, twice, with errors among the answers or in a file of their own; OpenAI says
"completed" also when every request failed. A request is answered by the first good line that names it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from generators.llm.answers import completion_problem
from generators.llm.batch import names_in, note_files, sent_files
from generators.llm.batch_files import Ledger
from schemas.errors import InputError

if TYPE_CHECKING:
    from generators.llm.calls import Request
    from generators.llm.journal import Cost, Journal

MAX_LINE = 16_000_000  # bytes of one result; an answer is far smaller
Ending = Literal["answered", "already_there", "failed", "unknown"]
ENDINGS: tuple[Ending, ...] = ("answered", "already_there", "failed", "unknown")
Price = Callable[["Request", bytes], "Cost"]
A_REQUEST = "a request, not a result: name the file that came back"
_NOT_OURS = "a request that this workspace did not export"


@dataclass(frozen=True)
class Funnel:
    """What became of the lines of result files: every line ends in exactly one of the four."""

    lines: int
    answered: int
    already_there: int
    failed: int
    unknown: int
    problems: dict[str, int]  # of the failed and unknown, most frequent first


def import_results(paths: Iterable[Path], *, journal: "Journal", ledger: Ledger, cost: Price) -> Funnel:
    """Put the answers of result files into the journal; any order, any subset, as often as one likes.

    Raises:
        InputError: a file cannot be read.
    """
    intake = _Intake(journal, ledger, cost)
    with ExitStack() as stack, journal.bulk():
        files = [stack.enter_context(_opened(path)) for path in paths]  # a wrong name is better known before anything is taken in
        for line in (line for file in files for line in _bounded(file)):
            intake.take(line)
    return intake.end()


class _Intake:
    """Takes lines and counts how each ends."""

    def __init__(self, journal: "Journal", ledger: Ledger, cost: Price) -> None:
        self._journal, self._ledger, self._cost = journal, ledger, cost
        self._seen: Counter[Ending] = Counter()
        self._problems: Counter[str] = Counter()
        self._failed: list[tuple[str, str]] = []
        self._back: set[str] = set()

    def take(self, line: bytes | None) -> None:
        """Put the answer of a line into the journal, if it has one."""
        name, raw, problem = read_result(line)
        request = self._ledger.find(name)
        if request is None:
            self._seen["unknown"] += 1
            self._problems[_NOT_OURS if name else problem] += 1
            return
        if problem == A_REQUEST:  # the file that went out, taken for its results: nothing has come back
            self._seen["unknown"] += 1
            self._problems[problem] += 1
            return
        self._back.add(name)
        if problem:
            self._failed.append((name, problem))
            return
        is_new = self._journal.put(request, raw, source="batch", cost=self._cost(request, raw))
        self._seen["answered" if is_new else "already_there"] += 1

    def end(self) -> Funnel:
        """Count the failed, now that it is known which of them have an answer from another line, and note what is back."""
        for name, problem in self._failed:
            request = self._ledger.find(name)
            is_there = request is not None and self._journal.completion(request) is not None
            self._seen["already_there" if is_there else "failed"] += 1
            self._problems[problem] += not is_there
        returned = [file for file in sent_files(self._journal) if file.is_out and self._back & names_in(file, self._ledger)]
        note_files(self._journal, [replace(file, state="returned") for file in returned])
        worst = {problem: count for problem, count in self._problems.most_common() if count}
        return Funnel(lines=self._seen.total(), **{ending: self._seen[ending] for ending in ENDINGS}, problems=worst)


def read_result(line: bytes | None) -> tuple[str, bytes, str]:
    """Return the custom_id of a result, the body of its answer, and what is wrong with it; without a name it is no result."""
    try:
        result = json.loads(line) if line is not None else None
    except (ValueError, RecursionError):
        return "", b"", "a line that is not JSON, perhaps cut off"
    if not isinstance(result, dict) or not isinstance(result.get("custom_id"), str):
        return "", b"", "a line that is no result of a batch" if line is not None else f"a line longer than {MAX_LINE:,} bytes"
    name = result["custom_id"]
    response = result.get("response")
    if not isinstance(response, dict):
        is_request = "response" not in result and "body" in result
        return name, b"", A_REQUEST if is_request else _said(result.get("error")) or "no response"
    status, raw = response.get("status_code", 200), json.dumps(response.get("body"), separators=(",", ":")).encode()
    if status not in {200, "200"}:
        return name, b"", f"status {status}{_colon(_said(response.get('body')) or _said(result.get('error')))}"
    return name, raw, completion_problem(raw)


def _said(error: object) -> str:
    """Return the message of an error in whichever of the usual shapes, in one short line."""
    while isinstance(error, dict):
        error = error.get("error") or error.get("message") or error.get("code") or ""
    return " ".join(str(error or "").split())[:160]


def _colon(said: str) -> str:
    return f": {said}" if said else ""


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        problem = f"{path}: cannot be read ({(error.strerror or 'error').lower()}); name the result files of the batch"
    raise InputError(problem)


def _bounded(file: IO[bytes]) -> Iterator[bytes | None]:
    """Yield the lines that are not blank; None stands for one that is too long to be a result."""
    while line := file.readline(MAX_LINE):
        is_whole = len(line) < MAX_LINE or line.endswith(b"\n")
        while not is_whole and (rest := file.readline(MAX_LINE)):
            is_whole, line = rest.endswith(b"\n"), b""
        if not line:
            yield None
        elif line.strip():
            yield line
