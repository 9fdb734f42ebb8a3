"""The offline batch lane: what is still to be asked goes out as files, and answers come back from anywhere.

A request that is out keeps its place: the next export leaves it out until results of its file have come back. Nothing
is counted as spent before an answer is there. Answers go into the same journal as those of the online engine.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from generators.llm.batch_files import MAX_BYTES, MAX_LINES, Ledger, RequestFile, custom_id, parts, private_file, write_requests
from generators.llm.calls import Request, canonical, text_hash
from schemas.errors import UsageError

if TYPE_CHECKING:
    from generators.llm.journal import Journal

NOTE = "batches"
MANIFEST = "manifest.json"
State = Literal["exported", "uploading", "uploaded", "submitting", "submitted", "returned", "forgotten"]


@dataclass(frozen=True)
class Sent:
    """A file of an export and where it is."""

    export: str
    path: str
    first: int  # place of its first request in the ledger of the export
    lines: int
    sha256: str
    state: State = "exported"
    upload_id: str = ""
    batch_id: str = ""
    status: str = ""  # what the endpoint last said

    @property
    def name(self) -> str:
        """A name that no other file has, at the endpoint too."""
        return f"kilopair-{self.export}-{Path(self.path).name}"

    @property
    def is_out(self) -> bool:
        """Whether answers may still come."""
        return self.state not in {"returned", "forgotten"}


@dataclass(frozen=True)
class Exported:
    """What an export wrote: the folder, its files, and how many requests were left out because they are out or too large."""

    folder: Path
    files: tuple[RequestFile, ...]
    out: int
    too_large: int


def sent_files(journal: "Journal") -> list[Sent]:
    """Return the files of all exports, oldest first."""
    return [Sent(**fields) for fields in json.loads(journal.note(NOTE) or "[]")]


def note_files(journal: "Journal", files: Iterable[Sent]) -> None:
    """Write down where files are now; a file is known by its name."""
    known = {file.name: file for file in sent_files(journal)} | {file.name: file for file in files}
    journal.set_note(NOTE, json.dumps([asdict(file) for file in known.values()], ensure_ascii=False))


def export(  # noqa: PLR0913 - the limits are settings
    requests: Iterable[Request],
    folder: Path,
    *,
    journal: "Journal",
    ledger: Ledger,
    body: Callable[[Request], bytes],
    is_again: bool = False,
    max_lines: int = MAX_LINES,
    max_bytes: int = MAX_BYTES,
) -> Exported:
    """Write what would have to be asked as files for OpenAI's Batch API, and note that it is out.

    Args:
        requests: what would have to be asked.
        folder: a folder of its own for the files is made in it.
        journal: where it is noted that they are out.
        ledger: keeps every request whole.
        body: puts a request on the wire.
        is_again: also export what is out already.
        max_lines: most requests in one file.
        max_bytes: most bytes of one file.
    """
    wanted = {custom_id(request): request for request in requests}
    out = frozenset() if is_again else waiting(journal, ledger) & set(wanted)
    divided, too_large = parts((wanted[name] for name in wanted if name not in out), body, max_lines=max_lines, max_bytes=max_bytes)
    if not divided:
        return Exported(folder, (), len(out), too_large)
    name = text_hash(canonical([[custom_id(request) for request in part] for part in divided]))[:12]
    inside = folder / name
    files = tuple(write_requests(inside / f"requests-{number:05}.jsonl", part, body) for number, part in enumerate(divided, start=1))
    _write_manifest(inside / MANIFEST, name, files)
    ledger.add(name, (request for part in divided for request in part))
    first = accumulate((file.lines for file in files), initial=0)
    places = zip(files, first, strict=False)
    note_files(journal, [Sent(name, str((inside / file.name).resolve()), start, file.lines, file.sha256) for file, start in places])
    return Exported(inside, files, len(out), too_large)


def names_in(file: Sent, ledger: Ledger) -> set[str]:
    """Return the custom_ids of a file."""
    return set(ledger.names(file.export)[file.first : file.first + file.lines])


def waiting(journal: "Journal", ledger: Ledger) -> frozenset[str]:
    """Return the custom_ids of everything that is out."""
    return frozenset[str]().union(*(names_in(file, ledger) for file in sent_files(journal) if file.is_out))


def forget(journal: "Journal") -> list[Sent]:
    """Wait no longer for what is out, so that it is asked again; results that come all the same are still taken in."""
    given_up = [replace(file, state="forgotten") for file in sent_files(journal) if file.is_out]
    note_files(journal, given_up)
    return given_up


def _write_manifest(path: Path, name: str, files: tuple[RequestFile, ...]) -> None:
    facts: dict[str, Any] = {
        "export": name,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "format": "OpenAI Batch API, /v1/chat/completions",
        "tokens": "prompt_tokens is an estimate, reply_tokens the most that the replies may have",
        "files": [asdict(file) for file in files],
    }
    with private_file(path) as file:
        file.write(json.dumps(facts, ensure_ascii=False, indent=2).encode() + b"\n")


def no_batch() -> UsageError:
    """The error of a command that needs an export when there is none."""
    return UsageError("no batch is out; write one with kilopair batch export")
