"""One training of a round: the run's base on the pairs of the round, in a folder of its own, with what the model then answers."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.retrain import CODE as RETRAIN
from builder.retrain import Retraining, retrain, section_of
from builder.step import MODEL, PAIRS, RUNS, Step
from builder.store import write_records, write_text
from builder.workspace import Counts, Output
from schemas.records import Pair, content_id

RECALLED, ITERATE = "recalled.jsonl", "iterate"  # the second is a folder inside of the workspace's checkpoints


@dataclass(frozen=True)
class Training:
    """What is trained and asked: as the run does it, but for these.

    Args:
        name: of the stage.
        pairs: with their splits; train is learnt, validation judges the passes.
        seed: of the training.
        asked: questions that the model answers afterwards.
        passages: texts that stand in the raw text once more.
    """

    name: str
    pairs: Sequence[Pair]
    seed: int
    asked: Sequence[Pair]
    passages: Sequence[str] = ()


def trained(step: Step, training: Training) -> Output:
    """Return the folder with the model, its pairs and its answers by pair id; made unless it exists, gone on with after a kill."""
    section, files = section_of(step, tokens=same_tokens(step))

    def make(folder: Path) -> Counts:
        learnt, judging = ([pair for pair in training.pairs if pair.split == name] for name in ("train", "validation"))
        work = Retraining(training.name, learnt, judging, training.seed, ITERATE, training.passages)
        figures = retrain(step, work, section=section, folder=folder)
        write_records(folder / PAIRS, training.pairs)
        write_recalled(folder, folder / MODEL, training.asked)
        return figures

    settings = section.model_dump(mode="json", exclude={"keep", "log"})
    reads = {**step.contents("read", "pretrain"), **settings, **files, "seed": training.seed}
    reads |= {"pairs": content_id("pairs", [[pair.id, pair.split] for pair in training.pairs]), "passages": list(training.passages)}
    reads |= {"asked": content_id("asked", [pair.id for pair in training.asked])}
    return step.work.stage(training.name, reads=reads, code=(*RETRAIN, "builder.iterate.training"), make=make)


def write_recalled(folder: Path, model: Path, asked: Sequence[Pair]) -> Counts:
    """Write what a model answers to each question, a line each, so that `kilopair forget` can take lines out; return the counts."""
    from trainer.recall import recall

    rows = [{"pair_id": pair.id, **asdict(found)} for pair, found in zip(asked, recall(model, asked), strict=True)]
    write_text(folder / RECALLED, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return {"questions": len(rows), "right": sum(row["right"] for row in rows)}


def recalled(output: Output) -> dict[str, dict[str, Any]]:
    """Return by pair id what a model answered, and whether that is right."""
    with (output.folder / RECALLED).open(encoding="utf-8") as file:
        return {row["pair_id"]: row for row in map(json.loads, file)}


def same_tokens(step: Step) -> int | None:
    """Return the tokens that every training sees, so that none learns more because it has more pairs; None: the embedded base's own."""
    section = step.recipe.train
    if section.tokens is not None or section.base == "embedded":
        return section.tokens
    return int(step.output("train").counts["tokens"])


def forget_runs(step: Step) -> None:
    """Delete the checkpoints of such trainings, as all are finished."""
    shutil.rmtree(step.work.folder / RUNS / ITERATE, ignore_errors=True)
