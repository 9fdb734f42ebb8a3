"""Batches at an endpoint that has Files and Batches: upload and submit, look, fetch, each step noted before and after.

A process killed between two steps finds what it did: by its own note, or by asking the endpoint for the file or batch
that carries the name. So a file is uploaded once and a batch is paid for once.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from generators.llm.batch import Sent, note_files, sent_files
from generators.llm.batch_desk import Desk
from generators.llm.batch_files import private_file
from generators.llm.endpoint import NO_KEY, Access
from schemas.errors import EndpointError, InputError

if TYPE_CHECKING:
    from openai.types import Batch

    from generators.llm.journal import Journal

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
MAX_RESULTS = 4_000_000_000  # bytes of one result file
TAG = "kilopair"  # the field of a batch's metadata that holds our name for it


@dataclass(frozen=True)
class Standing:
    """Where a batch is: the words of the endpoint, and how many of its requests have ended."""

    file: Sent
    status: str
    total: int = 0
    completed: int = 0
    failed: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Fetched:
    """What an ended batch left: its standing, and the result files that were downloaded."""

    standing: Standing
    files: tuple[Path, ...]


async def submit(at: Desk, *, is_again: bool = False) -> list[Sent]:
    """Upload and submit every exported file that is not submitted yet, after finding what an interrupted run did.

    Raises:
        InputError: a file is gone or was changed.
        EndpointError: the endpoint has no batches, or it cannot be known whether a batch was submitted.
    """
    return [await _submit(at, file, is_again=is_again) for file in sent_files(at.journal) if file.is_out and file.state != "submitted"]


async def _submit(at: Desk, file: Sent, *, is_again: bool) -> Sent:
    _check_unchanged(file)
    if file.state == "uploading" and (found := await _uploaded(at, file)):
        file = at.note(file, state="uploaded", upload_id=found)
    if file.state in {"exported", "uploading"}:
        file = at.note(file, state="uploading")
        file = at.note(file, state="uploaded", upload_id=await _upload(at, file))
    if file.state == "submitting" and not is_again and (batch := await _submitted(at, file)):
        return at.note(file, state="submitted", batch_id=batch.id, status=batch.status)
    file = at.note(file, state="submitting")
    batch = await at.ask(
        lambda: at.client.batches.create(
            input_file_id=file.upload_id, endpoint="/v1/chat/completions", completion_window="24h", metadata={TAG: file.name}
        ),
        "submit a batch",
    )
    return at.note(file, state="submitted", batch_id=batch.id, status=batch.status)


def _check_unchanged(file: Sent) -> None:
    try:
        with Path(file.path).open("rb") as opened:
            is_ours = hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
    except OSError:
        problem = f"{file.path}: cannot be read; export it again with kilopair batch export --again"
    else:
        if is_ours:
            return
        problem = f"{file.path}: was changed after the export; export it again with kilopair batch export --again"
    raise InputError(problem)


async def _upload(at: Desk, file: Sent) -> str:
    with Path(file.path).open("rb") as opened:  # noqa: ASYNC230 - nothing else runs beside it
        return (await at.ask(lambda: at.client.files.create(file=(file.name, opened), purpose="batch"), "upload a file")).id


async def _uploaded(at: Desk, file: Sent) -> str:
    """Find the upload of an interrupted run; an endpoint that lists no files gets it again, which costs nothing."""

    async def step() -> str:
        async for candidate in at.client.files.list(purpose="batch"):
            if candidate.filename == file.name:
                return candidate.id
        return ""

    try:
        return await at.ask(step, "list files")
    except EndpointError:
        return ""


async def _submitted(at: Desk, file: Sent) -> "Batch | None":
    """Find the batch of an interrupted run; not to know would be to risk paying twice."""

    async def step() -> "Batch | None":
        async for candidate in at.client.batches.list(limit=100):
            if (candidate.metadata or {}).get(TAG) == file.name or candidate.input_file_id == file.upload_id:
                return candidate
        return None

    try:
        return await at.ask(step, "list batches")
    except EndpointError as error:
        problem = str(error)
    raise EndpointError(
        f"{file.name}: an earlier submit was cut off and whether it arrived is not known ({problem}); look at the endpoint, "
        "and if it is not there run kilopair batch submit --again"
    )


async def look(at: Desk) -> list[Standing]:
    """Return where every submitted batch is.

    Raises:
        EndpointError: the endpoint does not know a batch, or has none.
    """
    return [(await _standing(at, file))[0] for file in sent_files(at.journal) if file.state == "submitted"]


async def _standing(at: Desk, file: Sent) -> "tuple[Standing, Batch]":
    batch = await at.ask(lambda: at.client.batches.retrieve(file.batch_id), f"look at batch {file.batch_id}")
    counts, errors = batch.request_counts, (batch.errors.data or []) if batch.errors else []
    problem = "; ".join(dict.fromkeys(" ".join((error.message or "").split())[:160] for error in errors[:3]))
    totals = (counts.total, counts.completed, counts.failed) if counts else (0, 0, 0)
    return Standing(at.note(file, status=batch.status), batch.status, *totals, at.granted.redact(problem)), batch


async def fetch(at: Desk, folder: Path) -> list[Fetched]:
    """Download the results of every batch that has ended, whole or in part; call `returned` when they are imported.

    Raises:
        EndpointError: the endpoint does not know a batch or a file.
    """
    found = []
    for file in sent_files(at.journal):
        if file.state == "submitted":
            standing, batch = await _standing(at, file)
            ids = {"output": batch.output_file_id, "errors": batch.error_file_id} if batch.status in ENDED else {}
            files = [await _download(at, name, folder / f"{file.name}.{kind}") for kind, name in ids.items() if name]
            found.append(Fetched(standing, tuple(files)))
    return found


def returned(journal: "Journal", fetched: list[Fetched]) -> None:
    """Note that the ended batches are back, also when they brought nothing: what has no answer is to be asked again."""
    note_files(journal, [replace(one.standing.file, state="returned") for one in fetched if one.standing.status in ENDED])


async def _download(at: Desk, name: str, path: Path) -> Path:
    async def step() -> Path:
        size = 0
        async with at.client.files.with_streaming_response.content(name) as response:
            with private_file(path) as file:
                async for part in _redacted(response.iter_bytes(1 << 20), at.granted):
                    size += len(part)
                    if size > MAX_RESULTS:
                        raise EndpointError(f"file {name} is larger than {MAX_RESULTS:,} bytes; fetch it by other means and import it")
                    file.write(part)
        return path

    return await at.ask(step, f"download file {name}")


async def _redacted(parts: AsyncIterator[bytes], granted: Access) -> AsyncIterator[bytes]:
    """Pass a body on without the key, also where it lies across two parts."""
    kept = 0 if granted.key == NO_KEY else len(granted.key) - 1
    held = b""
    async for part in parts:
        held = granted.redact_bytes(held + part)
        cut = max(len(held) - kept, 0)
        yield held[:cut]
        held = held[cut:]
    yield held
