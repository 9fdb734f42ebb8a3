"""What every stage is given, and the names that the stages share: of files, and of the modules whose code decides a result."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.store import keep, read_records, reasons, write_records
from builder.workspace import Counts, Output, Workspace
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Dropped, Pair, Record

RECORDS = ("schemas.records", "schemas.markdown")
DOCUMENTS, CHUNKS, DRAFTS, PAIRS, QUARANTINE = "documents.jsonl", "chunks.jsonl", "drafts.jsonl", "pairs.jsonl", "quarantine.jsonl"
COVERAGE, STATISTICS = "coverage.json", "statistics.json"
MODEL, DATASET, EVALUATION, ANSWERS, PACKAGE = "model", "dataset", "evaluation.json", "answers.json", "package"
DIAGNOSIS = "diagnosis.json"
RUNS = "training"  # checkpoints, which outlive the stage that is interrupted


@dataclass(frozen=True)
class Step:
    """What every stage is given: the workspace, the recipe, and the folder that its paths are relative to."""

    work: Workspace
    recipe: Recipe
    root: Path

    def output(self, stage: str) -> Output:
        """The finished output of an earlier stage."""
        return self.work.outputs[stage]

    def contents(self, *stages: str) -> dict[str, str]:
        """What a stage reads of earlier ones: the content hashes of their outputs."""
        return {stage: self.output(stage).content for stage in stages}

    def documents(self) -> list[Document]:
        """The documents that were read."""
        return list(read_records(self.output("read").folder / DOCUMENTS, Document))

    def chunks(self) -> list[Chunk]:
        """The chunks, in the order of the documents."""
        return list(read_records(self.output("chunk").folder / CHUNKS, Chunk))

    def pairs(self, stage: str) -> list[Pair]:
        """The pairs that left `stage`."""
        return list(read_records(self.output(stage).folder / PAIRS, Pair))


def save(folder: Path, name: str, records: Iterable[Record | Dropped]) -> Counts:
    """Write what goes on and what was dropped; return counts that add up."""
    dropped: list[Dropped] = []
    kept = write_records(folder / name, keep(records, dropped))
    write_records(folder / QUARANTINE, dropped)
    return {"in": kept + len(dropped), "kept": kept, "dropped": reasons(dropped)}
