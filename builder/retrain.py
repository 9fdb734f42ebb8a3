"""The run's training once more, with other pairs: what `kilopair prove` and `kilopair iterate` do again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.model_stages import base_folder, with_replay, with_template
from builder.step import MODEL, RUNS, Step
from schemas.records import Pair
from schemas.training import TrainSection

CODE = ("trainer", "builder.retrain")


@dataclass(frozen=True)
class Retraining:
    """What differs from the run's own training.

    Args:
        stage: the name that its progress is told under.
        train: pairs to learn.
        validation: pairs that judge the passes.
        seed: of the training.
        checkpoints: the folder inside of the workspace's checkpoints that an interrupted one goes on from.
        passages: texts that stand in the raw text once more.
    """

    stage: str
    train: Sequence[Pair]
    validation: Sequence[Pair]
    seed: int
    checkpoints: str
    passages: Sequence[str] = ()


def section_of(step: Step, **changed: object) -> tuple[TrainSection, dict[str, str]]:
    """Return the run's section of the training with some fields changed, and the contents of the files that it names.

    Raises:
        KilopairError: such a file cannot be read.
    """
    section, template = with_template(step.recipe.train, step.root)
    section, general = with_replay(section, step.root)
    return section.model_copy(update=changed), {**template, **general}


def retrain(step: Step, work: Retraining, *, section: TrainSection, folder: Path) -> dict[str, Any]:
    """Write the model into `folder`/model and return the figures of its training.

    Raises:
        TrainingError: the training became worthless, or the model fails its checks.
    """
    from trainer.sft import train

    return train(
        work.train,
        work.validation,
        [*(document.text for document in step.documents()), *work.passages],
        base=base_folder(step.output("pretrain")),
        section=section,
        seed=work.seed,
        folder=folder / MODEL,
        progress=step.work.progress(work.stage),
        runs=step.work.folder / RUNS / work.checkpoints,
    )
