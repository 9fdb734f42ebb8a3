"""Which finished stages a review looks at, and the name of the index that is made of just these."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.step import CHUNKS, DIAGNOSIS, DOCUMENTS, PAIRS, QUARANTINE
from builder.store import read_json
from builder.workspace import STAGE_FILE, code_hash
from schemas.errors import WorkspaceError
from schemas.records import content_id

STAGES = ("read", "chunk", "generate", "validate", "curate", "split", "diagnose")
CODE = ("builder.review.sources", "builder.review.indexing", "builder.review.rows", "builder.review.doubt", "builder.review.clusters")


@dataclass(frozen=True)
class Sources:
    """The newest run of a workspace, as far as it came: the folders of its stages, and the key of all they hold."""

    workspace: Path
    folders: Mapping[str, Path]
    key: str

    @classmethod
    def of(cls, workspace: Path) -> "Sources":
        """Find what the newest run made; makes nothing.

        Raises:
            WorkspaceError: there are no valid pairs yet.
        """
        manifest = workspace / "manifest.json"
        stages = read_json(manifest)["stages"] if manifest.exists() else {}
        found = {name: workspace / stages[name]["folder"] for name in STAGES if name in stages}
        folders = {name: folder for name, folder in found.items() if (folder / STAGE_FILE).exists()}
        if "validate" not in folders:
            raise WorkspaceError(f"{workspace}: no pairs to review yet; run kilopair curate first")
        contents = {name: stages[name]["content"] for name in folders}
        return cls(workspace, folders, content_id("review", contents, code_hash(CODE)))

    @property
    def documents(self) -> Path:
        """The file of the documents."""
        return self.folders["read"] / DOCUMENTS

    @property
    def chunks(self) -> Path:
        """The file of the chunks."""
        return self.folders["chunk"] / CHUNKS

    @property
    def diagnosis(self) -> Path | None:
        """What was found out about the trained model, if it was."""
        return self._if_made("diagnose", DIAGNOSIS)

    @property
    def pairs(self) -> list[Path]:
        """The files of pairs that went on from the furthest stage: chosen ones, or all valid ones where nothing was chosen yet."""
        return [next(self.folders[name] / PAIRS for name in ("split", "curate", "validate") if name in self.folders)]

    @property
    def quarantines(self) -> list[Path]:
        """The files of what left the way, the last stage first."""
        found = (self._if_made(name, QUARANTINE) for name in ("curate", "validate", "generate"))
        return [path for path in found if path is not None]

    @property
    def is_chosen(self) -> bool:
        """Whether the stage curate has chosen among the valid pairs."""
        return "curate" in self.folders

    def _if_made(self, stage: str, name: str) -> Path | None:
        path = self.folders[stage] / name if stage in self.folders else None
        return path if path is not None and path.exists() else None
