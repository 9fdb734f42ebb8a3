"""The folder that `kilopair curate FILE` and `kilopair import` write: nothing of anybody's is overwritten, nothing is there by halves."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from builder.store import read_json, sync
from schemas.errors import UsageError
from schemas.records import Record

CURATED, DROPPED, REPORT, MANIFEST = "curated.jsonl", "dropped.jsonl", "report.json", "manifest.json"
IMPORTED = "pairs.jsonl"


@contextmanager
def claimed(out: Path, made: str, source: str) -> Iterator[None]:
    """Make the folder, unless it holds what nobody would want mixed with ours or overwritten; empty, it goes again on an error.

    What a killed run leaves begins with a dot: it counts as nothing.

    Args:
        out: the folder.
        made: the file in it that holds what the command makes.
        source: name of the file that it is made of.

    Raises:
        UsageError: the folder holds something else, or cannot be written.
    """
    if out.exists() and not (out.is_dir() and _is_ours(out)):
        raise UsageError(f"{out}: exists and is not of kilopair's making; give another folder with --out")
    if other := _other(out, made, source):
        raise UsageError(f"{out}: holds {other}, which would be lost; give another folder with --out, or delete this one")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for left in out.glob(".*.tmp"):
            left.unlink()
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()}); give another folder with --out") from None
    try:
        yield
    except BaseException:
        with suppress(OSError):
            out.rmdir()
        raise


def _is_ours(out: Path) -> bool:
    there = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    return not there or bool(there & {MANIFEST, DROPPED})


def _other(out: Path, made: str, source: str) -> str:
    """Say what a folder holds that another command or another file made."""
    if not (out / MANIFEST).exists():
        return ""
    earlier = read_json(out / MANIFEST)
    name = earlier.get("source", {}).get("name") if isinstance(earlier.get("source"), dict) else None
    if name is None or made not in earlier["files"]:
        return "what another command of kilopair made"
    return "" if name == source else f"what was made of {name}"


@contextmanager
def lines(path: Path) -> Iterator[Callable[[Record], None]]:
    """Give a function that writes a record a line; the file is there when all are written, and never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:

            def write(record: Record) -> None:
                file.write(record.model_dump_json() + "\n")

            yield write
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
