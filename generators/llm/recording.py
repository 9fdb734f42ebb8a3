"""Record and replay: the answered requests of a journal as one file, and back into another journal.

A recording makes a test or a demo run without an endpoint. Its first line says what it is; every other line is one
request with the body that answered it, byte for byte. It holds the text of the documents that were asked about, so
only its owner can read it; it never holds a key.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generators.llm.batch_files import private_file, request_from_json, request_json
from generators.llm.calls import Request
from schemas.errors import InputError

if TYPE_CHECKING:
    from generators.llm.journal import Journal

KIND = "kilopair recording"
VERSION = 1
REPLAYED = "replayed"  # the note that names the recordings a journal was filled from


def record(journal: "Journal", path: Path) -> int:
    """Write every answered request of the journal to `path`, readable by its owner only; return how many.

    Raises:
        InputError: the journal holds no answer, or the file cannot be written.
    """
    models = journal.sums("model")
    if not models:
        raise InputError("the journal holds no answers yet, so there is nothing to record; run kilopair generate first")
    count, recorded = sum(models.values()), datetime.now(UTC).isoformat(timespec="seconds")
    header = {"kind": KIND, "version": VERSION, "models": models, "recorded": recorded, "answers": count}
    with private_file(path) as file:
        file.write(_line(header))
        for entry in journal.entries():
            if entry.raw is not None:
                file.write(_line({"request": request_json(entry.request), **_packed(entry.raw)}))
    return count


def replay_into(journal: "Journal", path: Path) -> int:
    """Load a recording into the journal; return how many of its answers were new there.

    Raises:
        InputError: it is no recording, or a line is damaged; nothing of it is loaded then.
    """
    header = _header(path)
    count = sum(1 for _ in _answers(path))
    if count != header["answers"]:
        raise InputError(f"{path}: holds {count:,} of its {header['answers']:,} answers; it was cut off, so record or copy it again")
    with journal.bulk():
        new = sum(journal.put(request, raw, source="replay") for request, raw in _answers(path))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known = {one["sha256"]: one for one in json.loads(journal.note(REPLAYED) or "[]")}
    known[digest] = {"name": path.name, "sha256": digest, "recorded": header["recorded"], "answers": count}
    journal.set_note(REPLAYED, json.dumps(list(known.values()), ensure_ascii=False))
    return new


def marks(journal: "Journal") -> dict[str, Any]:
    """Return for the manifest where the answers came from: how many by source, and which recordings were replayed."""
    sources = journal.sums("source")
    return {"answers": sources, "recordings": json.loads(journal.note(REPLAYED) or "[]")}


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _packed(raw: bytes) -> dict[str, str]:
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            first = file.readline(100_000)
    except OSError as error:
        problem = f"{path}: cannot be read ({(error.strerror or 'no file').lower()}); name a file that kilopair record wrote"
        raise InputError(problem) from None
    try:
        header = json.loads(first)
        is_ours = header["kind"] == KIND and isinstance(header["answers"], int) and isinstance(header["recorded"], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        is_ours, header = False, {}
    if not is_ours:
        raise InputError(f"{path}: is no recording; name a file that kilopair record wrote")
    if header.get("version") != VERSION:
        raise InputError(f"{path}: was written by another version of kilopair (format {header.get('version')}); record it again")
    return header


def _answers(path: Path) -> Iterator[tuple[Request, bytes]]:
    with path.open("rb") as file:
        next(file)
        for number, line in enumerate(file, start=2):
            try:
                value = json.loads(line)
                packed = value.get("raw_base64")
                raw = base64.b64decode(packed, validate=True) if packed is not None else value["raw"].encode()
                answer = request_from_json(value["request"]), raw
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                answer = None
            if answer is None:
                raise InputError(f"{path}: line {number} is damaged; copy or record the file again")
            yield answer
