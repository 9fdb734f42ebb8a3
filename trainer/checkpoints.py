"""Checkpoints that survive a kill at any moment, and are only ever taken up by the run that wrote them.

A run is named by its fingerprint: everything that decides its weights. Its checkpoints lie in a folder of that name, so those
of another run are never continued (P83, P85). A checkpoint is written under a temporary name, made durable and renamed; its
manifest holds the SHA-256 of every file, so one that is damaged is named and passed over (P80, P81, P82).
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from schemas.errors import TrainingError
from trainer.parallel import is_follower

MANIFEST, RUN = "manifest.json", "run.json"
STATE = ("optimizer", "scheduler", "rng_state", "scaler", "trainer_state")  # how files begin that only going on needs
_WRITING = ".writing-"
_TORCH_COULD_NOT_WRITE = ("inline_container", "iostream")  # it raises a RuntimeError without a number
_RUNS = 2  # this one, and the one before it


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint: the phase and the number of updates done in it, and what was noted with it."""

    folder: Path
    phase: str
    step: int
    notes: dict[str, Any]

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of every file, as it was written."""
        return json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))["files"]


class Checkpoints:
    """The checkpoints of one run, in a folder that outlives the process."""

    def __init__(self, runs: Path, fingerprint: Mapping[str, str]) -> None:
        self.folder = runs / hashlib.sha256(json.dumps(dict(fingerprint), sort_keys=True).encode()).hexdigest()[:16]
        self.remarks = _remarks_on_others(runs, self.folder, fingerprint)
        if is_follower():  # it reads what process 0 writes
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(f"{_WRITING}*"):
            shutil.rmtree(leftover)
        _write_json(self.folder / RUN, dict(fingerprint))
        _forget_old(runs, self.folder)

    def write(self, phase: str, step: int, fill: Callable[[Path], None], notes: Mapping[str, Any]) -> Checkpoint:
        """Write a checkpoint whole or not at all; `fill` puts its files into the folder that it is given.

        Raises:
            TrainingError: the disk is full, or cannot be written; says what to do.
        """
        place = self.place(phase, step)
        making = place.with_name(_WRITING + place.name)
        with disk_trouble(self.folder):
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            fill(making)
            files = {path.name: _sha256(path) for path in sorted(making.iterdir())}
            _write_json(making / MANIFEST, {"phase": phase, "step": step, "notes": dict(notes), "files": files})
            for path in (*making.iterdir(), making):
                _sync(path)
            shutil.rmtree(place, ignore_errors=True)
            making.rename(place)
            _sync(self.folder)
        return Checkpoint(place, phase, step, dict(notes))

    def found(self, phase: str) -> list[Checkpoint]:
        """Return the checkpoints of a phase, the newest first; remark on one whose manifest cannot be read."""
        read: list[Checkpoint] = []
        for place in self.folder.glob(f"{phase}-*"):
            try:
                manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
                read.append(Checkpoint(place, manifest["phase"], manifest["step"], manifest["notes"]))
            except (OSError, ValueError, KeyError):
                self._remark_on_damage(place.name, f"{MANIFEST} cannot be read")
        return sorted(read, key=lambda one: -one.step)

    def place(self, phase: str, step: int) -> Path:
        """Return where the checkpoint of a step lies, or would."""
        return self.folder / f"{phase}-{step:06d}"

    def at(self, phase: str, step: int) -> Checkpoint | None:
        """Return the checkpoint of a step, if there is one."""
        return next((one for one in self.found(phase) if one.step == step), None)

    def newest(self, phase: str, *, updates: int) -> Checkpoint | None:
        """Return the newest undamaged checkpoint to go on from, or that of the last of `updates`; remark on damaged ones."""
        for one in self.found(phase):
            if problem := damage(one):
                self._remark_on_damage(one.folder.name, problem)
            elif one.step >= updates or any(name.startswith(STATE[0]) for name in one.files):
                return one
        return None

    def prune(self, phase: str, *, newest: int, also: frozenset[int]) -> None:
        """Delete all checkpoints of a phase but the newest few and those of the steps `also`."""
        for one in self.found(phase)[newest:]:
            if one.step not in also:
                shutil.rmtree(one.folder)

    def finish(self, phase: str, steps: frozenset[int]) -> None:
        """Keep only the checkpoints of these steps, and of them only the weights: nothing will go on from them."""
        self.prune(phase, newest=0, also=steps)
        for one in self.found(phase):
            files = {name: digest for name, digest in one.files.items() if not name.startswith(STATE)}
            _write_json(one.folder / MANIFEST, {"phase": phase, "step": one.step, "notes": one.notes, "files": files})
            for path in one.folder.iterdir():
                if path.name.startswith(STATE):
                    path.unlink()

    def note(self, name: str, value: Any) -> None:
        """Remember a finding of the run, such as a rate that was tried."""
        if not is_follower():
            with disk_trouble(self.folder):
                _write_json(self.folder / f"{name}.json", value)

    def noted(self, name: str) -> Any:
        """Return what was remembered, or None."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def _remark_on_damage(self, name: str, problem: str) -> None:
        remark = f"the checkpoint {name} is damaged ({problem}) and was passed over"
        if remark not in self.remarks:
            self.remarks.append(remark)


def damage(checkpoint: Checkpoint) -> str:
    """Say which file of a checkpoint is missing or not what was written, or nothing."""
    for name, digest in checkpoint.files.items():
        path = checkpoint.folder / name
        if not path.exists():
            return f"{name} is missing"
        if _sha256(path) != digest:
            return f"{name} is not what was written"
    return ""


@contextmanager
def disk_trouble(folder: Path) -> Iterator[None]:
    """Turn what libraries raise when a file cannot be written into one line that says what to do."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise _disk_error(folder, error) from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _TORCH_COULD_NOT_WRITE):
            raise
        raise _disk_error(folder, error) from error


def _disk_error(folder: Path, error: Exception) -> TrainingError:
    free = shutil.disk_usage(folder).free / 1e6
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return TrainingError(
        f"a checkpoint could not be written to {folder} ({reason}; {free:,.0f} MB are free): make room, or lower train.keep; "
        "what was written before is whole, and the same command goes on from there"
    )


def check_room(folder: Path, needed: int) -> None:
    """Refuse a training whose checkpoints would fill the disk."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise TrainingError(
            f"the checkpoints need about {needed / 1e6:,.0f} MB, and {folder} has {free / 1e6:,.0f} MB free: make room, lower train.keep, "
            "or take train.method: lora, whose checkpoints are small"
        )


def _remarks_on_others(runs: Path, own: Path, fingerprint: Mapping[str, str]) -> list[str]:
    """Say why unfinished work that lies here is not gone on with."""
    if own.exists():
        return []
    remarks = []
    for path in sorted(runs.glob(f"*/{RUN}")):
        if any(path.parent.glob(f"*/{STATE[0]}*")):
            other = json.loads(path.read_text(encoding="utf-8"))
            changed = [part for part, value in fingerprint.items() if other.get(part) != value]
            remarks.append(f"an interrupted training with other {', '.join(changed) or 'parts'} was found and not continued")
    return remarks


def _forget_old(runs: Path, own: Path) -> None:
    os.utime(own)
    others = sorted((path for path in runs.iterdir() if (path / RUN).exists()), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in others[_RUNS:]:
        if old != own:
            shutil.rmtree(old)


def _write_json(path: Path, value: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
