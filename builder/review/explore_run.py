"""What the files of a workspace say of its run, for the pages that explore it: read line by line, so that memory stays small."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.step import QUARANTINE
from builder.store import read_json, read_records
from schemas.records import Dropped

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Run:
    """A workspace as its manifest describes it; stages that were not run are missing."""

    folder: Path
    stages: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, workspace: Path) -> "Run":
        """Read the manifest; without one, nothing was run yet."""
        path = workspace / MANIFEST
        return cls(workspace, dict(read_json(path)["stages"]) if path.exists() else {})

    @property
    def stamp(self) -> tuple[str, ...]:
        """What changes when any stage has another output."""
        return tuple(f"{name} {stage['content']}" for name, stage in self.stages.items())

    def counts(self, stage: str) -> dict[str, Any]:
        """Return the figures of a stage; empty if it was not run."""
        return dict(self.stages.get(stage, {}).get("counts", {}))

    def file(self, stage: str, name: str) -> Path | None:
        """Return a file of a stage's output, if there is one."""
        path = self.folder / self.stages[stage]["folder"] / name if stage in self.stages else None
        return path if path is not None and path.exists() else None

    def dropped(self) -> Iterator[Dropped]:
        """Yield everything that left the way."""
        path = self.folder / QUARANTINE
        yield from read_records(path, Dropped) if path.exists() else ()
