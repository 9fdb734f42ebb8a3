"""Records to files and back: JSON Lines, written atomically, with everything dropped kept in `quarantine.jsonl`."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import WorkspaceError
from schemas.records import Dropped, Record

R = TypeVar("R", bound=Record)


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is either the old or the new one, whatever happens in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as readable JSON, atomically."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file of the workspace.

    Raises:
        WorkspaceError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise WorkspaceError(f"{path}: cannot be read ({error}); run the stage that makes it again") from error


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write one record a line, atomically; return how many."""
    lines = [record.model_dump_json() for record in records]
    write_text(path, "".join(line + "\n" for line in lines))
    return len(lines)


def read_records(path: Path, model: type[R]) -> Iterator[R]:
    """Read the records that `write_records` wrote.

    Raises:
        WorkspaceError: a line is damaged; names the line.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield model.model_validate_json(line)
            except ValueError as error:
                raise WorkspaceError(f"{path}:{number}: damaged record; delete its folder and run again") from error


def keep(records: Iterable[R | Dropped], dropped: list[Dropped]) -> Iterator[R]:
    """Pass what goes on; put what was dropped into `dropped`."""
    for record in records:
        if isinstance(record, Dropped):
            dropped.append(record)
        else:
            yield record


def reasons(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Count the dropped by reason, most frequent first."""
    return dict(Counter(str(record.reason) for record in dropped).most_common())


def folder_hash(folder: Path, *, leave_out: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 over the names and bytes of all files below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in leave_out:
            digest.update(f"{name}\0".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Make a file or a folder's entries durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
