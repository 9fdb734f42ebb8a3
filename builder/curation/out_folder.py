"""The folder that `kilopair curate FILE` and `kilopair import` write: nothing of anybody's is lost, all of one call appears together.

A call writes into a hidden folder inside the folder itself. When all is written, that is given the name `.made`: from here on
the call has happened, and what is left is to move each file to its place, the manifest last. Whoever is stopped while moving is
caught up by the next call; whoever is stopped before has changed nothing.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from builder.store import read_json, sync
from schemas.errors import UsageError
from schemas.records import Record

CURATED, DROPPED, REPORT, MANIFEST = "curated.jsonl", "dropped.jsonl", "report.json", "manifest.json"
IMPORTED = "pairs.jsonl"
_MAKING, _MADE = ".making", ".made"


@contextmanager
def claimed(out: Path, made: str, source: str) -> Iterator[Path]:
    """Give a folder to write into, whose files replace what an earlier call left in `out` when the block ends, or never do.

    Args:
        out: the folder; it is made, and goes again on an error if it is empty.
        made: the file in it that holds what the command makes.
        source: name of the file that it is made of.

    Raises:
        UsageError: `out` holds what nobody would want mixed with ours or overwritten, or cannot be written.
    """
    if out.exists() and not (out.is_dir() and _is_ours(out)):
        raise UsageError(f"{out}: exists and is not of kilopair's making; give another folder with --out")
    try:
        _catch_up(out)
    except OSError as error:
        raise _unwritable(out, error) from None
    if other := _other(out, made, source):
        raise UsageError(f"{out}: holds {other}, which would be lost; give another folder with --out, or delete this one")
    making = out / _MAKING
    try:
        making.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(out, error) from None
    try:
        yield making
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        with suppress(OSError):
            out.rmdir()
        raise
    sync(making)
    making.rename(out / _MADE)
    _catch_up(out)


def is_made(out: Path) -> bool:
    """Whether a folder holds what an earlier call made of some file."""
    return (out / MANIFEST).exists()


def _catch_up(out: Path) -> None:
    """Move what a call has made to its place; files of an earlier one that it did not make again go, as do those of a killed one."""
    shutil.rmtree(out / _MAKING, ignore_errors=True)
    made = out / _MADE
    if not made.exists():
        return
    if is_made(made):
        for name in _files(out) - _files(made):
            (out / Path(name).name).unlink(missing_ok=True)
    for path in sorted(made.iterdir(), key=lambda path: (path.name == MANIFEST, path.name)):
        path.replace(out / path.name)
    sync(out)
    made.rmdir()


def _files(folder: Path) -> set[str]:
    return set(read_json(folder / MANIFEST)["files"]) if is_made(folder) else set()


def _unwritable(out: Path, error: OSError) -> UsageError:
    return UsageError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()}); give another folder with --out")


def _is_ours(out: Path) -> bool:
    there = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    return not there or bool(there & {MANIFEST, DROPPED}) or (out / _MADE).exists()


def _other(out: Path, made: str, source: str) -> str:
    """Say what a folder holds that another command or another file made."""
    if not is_made(out):
        return ""
    earlier = read_json(out / MANIFEST)
    name = earlier.get("source", {}).get("name") if isinstance(earlier.get("source"), dict) else None
    if name is None or made not in earlier["files"]:
        return "what another command of kilopair made"
    return "" if name == source else f"what was made of {name}"


@contextmanager
def lines(path: Path) -> Iterator[Callable[[Record], None]]:
    """Give a function that writes a record a line; all are on the disk when the block ends."""
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(record: Record) -> None:
            file.write(record.model_dump_json() + "\n")

        yield write
        file.flush()
        os.fsync(file.fileno())
