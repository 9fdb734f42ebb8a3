"""The whole program: a folder of documents becomes a tuned, evaluated small model, stage by stage.

    documents -read-> Document -chunk-> Chunk -generate-> Draft -validate-> Pair -curate-> ~1,000 pairs
       -split-> train / validation / test / paraphrase -pretrain, train-> model -evaluate, diagnose-> figures -report-> report.html

Whatever leaves the way is a `Dropped` in `quarantine.jsonl`; the funnel adds up, or the run stops.
"""

import importlib.metadata
import platform
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from builder.findings.stage import refuse
from builder.model_stages import check_base
from builder.package_stage import check_package
from builder.probes import check_probes
from builder.recipe_file import write_recipe
from builder.stages import STAGES
from builder.step import (
    ANSWERS,
    CHUNKS,
    COVERAGE,
    DATASET,
    DIAGNOSIS,
    DOCUMENTS,
    DRAFTS,
    EVALUATION,
    MODEL,
    PACKAGE,
    PAIRS,
    QUARANTINE,
    Step,
)
from builder.store import read_json, write_json, write_text
from builder.watch import Watch
from builder.workspace import NotMadeError, Output, Workspace, link
from schemas.errors import KilopairError, UsageError
from schemas.recipe import Recipe
from schemas.records import SPLITS

FUNNEL = ("generate", "validate", "curate", "split")
LIBRARIES = ("torch", "transformers", "trl", "datasets", "openai", "pydantic", "jsonschema", "pandas", "tokenizers", "peft", "accelerate")
LINKS = {
    DOCUMENTS: ("read", DOCUMENTS), CHUNKS: ("chunk", CHUNKS), DRAFTS: ("generate", DRAFTS), COVERAGE: ("generate", COVERAGE),
    PAIRS: ("split", PAIRS),
    DATASET: ("split", DATASET), "base": ("pretrain", MODEL), MODEL: ("train", MODEL), ANSWERS: ("evaluate", ANSWERS),
    EVALUATION: ("evaluate", EVALUATION), DIAGNOSIS: ("diagnose", DIAGNOSIS),
    "report.html": ("report", "report.html"), "report.json": ("report", "report.json"), "report.md": ("report", "report.md"),
}  # fmt: skip
PACKAGED = {MODEL: ("package", PACKAGE)}  # the tuned model with all that goes with it, once it is packaged


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    workspace: Path
    outputs: dict[str, Output]

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.workspace / "report.html"

    @property
    def model(self) -> Path:
        """The folder of the tuned model."""
        return self.workspace / MODEL

    @property
    def answers(self) -> list[dict[str, Any]]:
        """The held-out questions with the answers of base and tuned model, if they were evaluated."""
        return read_json(self.outputs["evaluate"].folder / ANSWERS) if "evaluate" in self.outputs else []


def run(recipe: Recipe, root: Path, *, until: str = "report", reparsed: bool = True, watch: Watch | None = None) -> Run:
    """Make every stage up to `until` that is not there yet.

    Args:
        recipe: what to do.
        root: the folder that the recipe's paths are relative to.
        until: the last stage.
        reparsed: whether drafts that kilopair reparse made stand in for those that would have to be asked for.
        watch: told about progress.

    Raises:
        KilopairError: the run cannot go on; says what to do. What was finished stays.
    """
    if until not in STAGES:
        raise UsageError(f"{until}: no such stage; there are {', '.join(STAGES)}")
    base = check_base(recipe, root)  # before hours of work, not after
    check_package(recipe.package, base)
    check_probes(recipe, root)
    with Workspace((root / recipe.workspace).resolve(), watch=watch) as work:
        step = Step(work, recipe, root)
        if not reparsed:
            work.drop_stand_ins("generate")
        for name, make in STAGES.items():
            if make(step).fresh or name == until:
                publish(work, recipe)
            if name == "check":
                refuse(work.outputs[name])
            if name == until:
                break
        return Run(work.folder, dict(work.outputs))


def status(recipe: Recipe, root: Path) -> dict[str, Output | None]:
    """Return for each stage its output if it is up to date, else None; makes nothing."""
    with Workspace((root / recipe.workspace).resolve(), read_only=True) as work:
        step = Step(work, recipe, root)
        for make in STAGES.values():
            try:
                make(step)
            except NotMadeError:
                break
        return {name: work.outputs.get(name) for name in STAGES}


def publish(work: Workspace, recipe: Recipe) -> None:
    """Bring the top of the workspace up to date: links to the newest outputs, quarantine, recipe and manifest."""
    check_funnel(work.outputs)
    for name, (stage, inside) in {**LINKS, **(PACKAGED if "package" in work.outputs else {})}.items():
        target = work.outputs[stage].folder / inside if stage in work.outputs else None
        if target is not None and target.exists():
            link(target, work.folder / name)
    quarantines = (output.folder / QUARANTINE for output in work.outputs.values())
    write_text(work.folder / QUARANTINE, "".join(path.read_text(encoding="utf-8") for path in quarantines if path.exists()))
    write_recipe(work.folder / "recipe.yaml", recipe)
    write_json(work.folder / "manifest.json", manifest(work, recipe))


def manifest(work: Workspace, recipe: Recipe) -> dict[str, Any]:
    """Return what anyone needs to know to repeat or audit the run; never a secret."""
    return {
        "kilopair": importlib.metadata.version("kilopair"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "recipe": recipe.model_dump(mode="json"),
        "seed": recipe.seed,
        "stages": {
            name: {
                "folder": output.folder.relative_to(work.folder).as_posix(),
                "content": output.content,
                "seconds": round(output.seconds, 3),
                "counts": output.counts,
            }
            for name, output in work.outputs.items()
        },
    }


def check_funnel(outputs: dict[str, Output]) -> None:
    """Check that no record was lost: in = kept + dropped in every stage, and each stage got what the one before kept.

    Raises:
        KilopairError: the funnel does not add up (a bug of kilopair, worth a report).
    """
    for name, output in outputs.items():
        counts = output.counts
        if "in" in counts and counts["in"] != counts["kept"] + sum(counts["dropped"].values()):
            raise KilopairError(
                f"{name}: {counts['in']} records came in but {counts['kept']} kept and {counts['dropped']} dropped do not add up"
            )
    for before, after in pairwise(FUNNEL):
        added = outputs[after].counts.get("added", 0) if after in outputs else 0  # by kilopair iterate --keep
        if after in outputs and outputs[before].counts["kept"] + added != outputs[after].counts["in"]:
            raise KilopairError(f"{after}: got {outputs[after].counts['in']} records but {before} kept {outputs[before].counts['kept']}")
    if "split" in outputs and sum(outputs["split"].counts[name] for name in SPLITS) != outputs["split"].counts["kept"]:
        raise KilopairError("split: the splits do not add up to the chosen pairs")
