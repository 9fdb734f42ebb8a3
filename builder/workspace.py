"""The workspace of a run: content-addressed stage outputs, like make, safe against kill -9.

A stage's output is a folder `stages/<stage>-<key>`, where the key is the hash of what the stage reads (the *content*
of its inputs), its settings and the source code behind it. A folder is made under a temporary name and renamed when
it is complete and durable, and renamed again before it is deleted, so a folder that exists is complete. An output that
exists is never made again; an input that was made again with the same content redoes nothing after it. What is only
remembered, document by document, is a cache: an entry that is damaged counts as none, so nothing waits until it is durable.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self, TypeVar

from builder.store import folder_hash, read_json, sync, write_json
from builder.watch import Silent, Watch
from schemas.errors import WorkspaceError
from schemas.records import Dropped, Record, content_id

STAGE_FILE, STAND_INS = "stage.json", "stand-ins.json"
KEPT_OUTPUTS = 2
_MAKING, _GOING = ".making-", ".going-"  # what is not complete yet, and what is so no more
Counts = dict[str, Any]
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Output:
    """A stage's finished folder; `content` is the hash of its files, `counts` the stage's own figures."""

    stage: str
    folder: Path
    content: str
    counts: Counts
    seconds: float
    fresh: bool


class NotMadeError(WorkspaceError):
    """A stage's output does not exist and the workspace is open for reading only."""


class Workspace:
    """A folder that holds one run; use as a context manager, which locks it against a second run.

    Outputs given as `stand_ins`, by the keys of others, stand in for these here alone, until `stand_in` notes it.
    """

    def __init__(
        self, folder: Path, *, watch: Watch | None = None, read_only: bool = False, stand_ins: Mapping[str, Output] | None = None
    ) -> None:
        self.folder = folder
        self.outputs: dict[str, Output] = {}
        self.keys: dict[str, str] = {}  # of the stages asked for, made or not: what a stand-in stands in for
        self._watch = watch or Silent()
        self._read_only = read_only
        self._stand_ins = {key: output.folder.name for key, output in (stand_ins or {}).items()}
        self._lock: int | None = None
        self._remembered: dict[str, set[str]] = {}

    def __enter__(self) -> Self:
        if self._read_only:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise WorkspaceError(f"{self.folder}: another kilopair is using this workspace; wait for it or set another workspace") from None
        for unfinished in (_MAKING, _GOING):
            for leftover in (self.folder / "stages").glob(f"{unfinished}*"):
                shutil.rmtree(leftover)
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be made here."""
        return self._read_only

    def progress(self, stage: str) -> Callable[[int, int, dict[str, float]], None]:
        """Return the function that a long stage reports its progress to."""
        return lambda done, total, figures: self._watch.advanced(stage, done, total, figures)

    def stage(self, name: str, *, reads: Mapping[str, object], code: tuple[str, ...], make: Callable[[Path], Counts]) -> Output:
        """Return the output of a stage, making it with `make(folder)` unless it exists.

        Args:
            name: the stage.
            reads: everything the result depends on: contents of inputs, and settings.
            code: the modules and packages whose source decides the result.
            make: writes the output into the folder and returns the counts.

        Raises:
            NotMadeError: it does not exist and the workspace is read-only.
        """
        self.keys[name] = stage_key(name, reads, code)
        folder = self._stands_for(self.folder / "stages" / self.keys[name])
        if not (folder / STAGE_FILE).exists():
            if self._read_only:
                raise NotMadeError(f"{name}: not made yet, or out of date; run kilopair {name}")
            self._make(name, folder, make)
            self.outputs[name] = self._found(name, folder, fresh=True)
        else:
            self.outputs[name] = self._found(name, folder, fresh=False)
        if not self._read_only:
            self._forget(name, folder)
        output = self.outputs[name]
        self._watch.finished(name, output.counts, seconds=output.seconds, fresh=output.fresh)
        return output

    def stand_in(self, outputs: Mapping[str, Output]) -> None:
        """Let outputs stand in for those that their keys name, all at once, until `drop_stand_ins` or as long as they are kept."""
        path = self.folder / "stages" / STAND_INS
        write_json(path, {**(read_json(path) if path.exists() else {}), **{key: output.folder.name for key, output in outputs.items()}})

    def drop_stand_ins(self, stage: str) -> None:
        """Let every output of a stage stand for itself again."""
        path = self.folder / "stages" / STAND_INS
        if path.exists():
            write_json(path, {key: name for key, name in read_json(path).items() if key.rpartition("-")[0] != stage})

    def _stands_for(self, folder: Path) -> Path:
        """Return the folder of what stands in for this output, or its own."""
        path = folder.with_name(STAND_INS)
        known = {**(read_json(path) if path.exists() else {}), **self._stand_ins}
        other = folder.with_name(known.get(folder.name, folder.name))
        return other if (other / STAGE_FILE).exists() else folder

    def remember(self, stage: str, key: str, model: type[R], make: Callable[[], list[R | Dropped]]) -> list[R | Dropped]:
        """Return `make()`, or what it returned for this key in an earlier run (a cache by document)."""
        path = self.folder / "cache" / stage / f"{key}.jsonl"
        self._remembered.setdefault(stage, set()).add(path.name)
        found = _recall(path, model)
        if found is not None:
            return found
        records = make()
        kept: list[R] = [record for record in records if not isinstance(record, Dropped)]
        dropped = [record for record in records if isinstance(record, Dropped)]
        _note(path, kept, dropped)
        return [*kept, *dropped]

    def _make(self, name: str, folder: Path, make: Callable[[Path], Counts]) -> None:
        self._watch.started(name)
        started = time.perf_counter()
        making = folder.with_name(f"{_MAKING}{folder.name}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        counts = make(making)
        content = folder_hash(making)
        write_json(making / STAGE_FILE, {"stage": name, "content": content, "counts": counts, "seconds": time.perf_counter() - started})
        for path in sorted(making.rglob("*"), reverse=True):
            sync(path)
        sync(making)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
        sync(folder.parent)

    def _found(self, name: str, folder: Path, *, fresh: bool) -> Output:
        facts = read_json(folder / STAGE_FILE)
        return Output(name, folder, facts["content"], facts["counts"], facts["seconds"], fresh)

    def _forget(self, name: str, used: Path) -> None:
        """Delete outputs of the stage beyond the newest few, and remembered records that this run did not use."""
        os.utime(used)
        outputs = sorted(self.folder.glob(f"stages/{name}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in outputs[KEPT_OUTPUTS:]:
            delete_output(old)
        if name in self._remembered and self.outputs[name].fresh:
            for path in (self.folder / "cache" / name).glob("*.jsonl"):
                if path.name.replace(".dropped.jsonl", ".jsonl") not in self._remembered[name]:
                    path.unlink()


def _recall(path: Path, model: type[R]) -> list[R | Dropped] | None:
    """Return the records of an entry of the cache; None if there is none, or if a byte of it is not what was written."""
    try:
        kept, (seal, _, dropped) = path.read_bytes(), _path_of_dropped(path).read_bytes().partition(b"\n")
        if seal != _seal(kept, dropped):
            return None
        return [*map(model.model_validate_json, kept.splitlines()), *map(Dropped.model_validate_json, dropped.splitlines())]
    except (OSError, ValueError):
        return None


def _note(path: Path, kept: Iterable[Record], dropped: Iterable[Record]) -> None:
    """Write an entry of the cache; nobody waits for the disk, as its seal tells if a power cut has taken some of it."""
    kept_lines, dropped_lines = (b"".join(record.model_dump_json().encode() + b"\n" for record in records) for records in (kept, dropped))
    path.parent.mkdir(parents=True, exist_ok=True)
    for place, raw in ((path, kept_lines), (_path_of_dropped(path), _seal(kept_lines, dropped_lines) + b"\n" + dropped_lines)):
        temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        temporary.write_bytes(raw)
        temporary.replace(place)


def _path_of_dropped(path: Path) -> Path:
    return path.with_suffix(".dropped.jsonl")


def _seal(kept: bytes, dropped: bytes) -> bytes:
    return hashlib.sha256(kept + b"\0" + dropped).hexdigest().encode()


def delete_output(folder: Path) -> None:
    """Delete the folder of an output; a kill in the middle leaves none that looks complete, and the next run deletes the rest."""
    going = folder.with_name(f"{_GOING}{folder.name}")
    folder.rename(going)
    sync(going.parent)
    shutil.rmtree(going)


def stage_key(name: str, reads: Mapping[str, object], code: tuple[str, ...]) -> str:
    """Return the name of the output that is made of this by this code."""
    return content_id(name, dict(reads), code_hash(code))


def code_hash(modules: tuple[str, ...]) -> str:
    """Return the hash of the source files of the named modules and packages."""
    digest = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise WorkspaceError(f"{module}: its source cannot be found; install kilopair again")
        origin = Path(spec.origin)
        files = sorted(origin.parent.rglob("*")) if spec.submodule_search_locations else [origin]
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def link(target: Path, name: Path) -> None:
    """Make `name` a relative symbolic link to `target`, replacing an older one atomically."""
    temporary = name.with_name(f".{name.name}.{os.getpid()}.link")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(os.path.relpath(target, name.parent))
    temporary.replace(name)
