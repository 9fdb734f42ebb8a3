"""One training of the base on one selection with one seed: its answers to the questions, as a finished folder of the workspace.

The folder is named by everything that decides the answers, made under another name and renamed when it is whole: `kilopair prove`
goes on where it stopped, and within a training from its last checkpoint. The weights go when the questions are answered.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from builder.held_out_material import CODE as MATERIAL
from builder.held_out_material import values
from builder.model_stages import base_folder
from builder.prove.exam import Exam
from builder.prove.selections import CURATED, Selection
from builder.retrain import CODE as RETRAIN
from builder.retrain import Retraining, retrain, section_of
from builder.step import ANSWERS, MODEL, RUNS, Step
from builder.store import read_json, write_json
from builder.workspace import STAGE_FILE, Counts, Output, stage_key
from schemas.errors import TrainingError
from schemas.records import Pair, content_id
from schemas.training import TrainSection

BASE = "base"
CODE = (*RETRAIN, *MATERIAL, "builder.prove.trainings")
_NAME = "prove"
_TOLD = ("tokens", "updates", "passes", "trouble", "notices")
Scores = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Training:
    """A selection and a seed; without pairs it is the base as it is."""

    selection: str
    seed: int
    pairs: tuple[Pair, ...] = ()

    @property
    def stage(self) -> str:
        """The name of its folder, up to the hash."""
        return f"{_NAME}_{self.selection}_{self.seed}"


def listed(selections: list[Selection]) -> list[Training]:
    """Return the base and every training, a seed of all selections after the other: what is interrupted has whole seeds."""
    seeds = list(selections[0].draws)
    return [Training(BASE, seeds[0]), *(Training(one.name, seed, one.draws[seed]) for seed in seeds for one in selections)]


@dataclass(frozen=True)
class Trainings:
    """What the trainings of one proof share: the run that they are held against, and the questions."""

    step: Step
    exam: Exam

    @cached_property
    def tokens(self) -> int | None:
        """How many tokens each training reads: those of the recipe's section, or as many as the run's own read."""
        recipe, own = self.step.recipe, self.step.output("train").counts
        made_here = recipe.train.base == "embedded" and recipe.train.tokens is None  # the trainer's own number, whatever the pairs
        return recipe.prove.tokens or recipe.train.tokens or (None if made_here else int(own["tokens"]))

    def is_done(self, training: Training) -> bool:
        """Tell whether its folder is there."""
        return (self.step.work.folder / "stages" / stage_key(training.stage, self._reads(training), CODE) / STAGE_FILE).exists()

    def is_own(self, training: Training) -> bool:
        """Tell whether the run has trained the same already."""
        recipe = self.step.recipe
        return (training.selection, training.seed) == (CURATED, recipe.seed) and recipe.prove.tokens is None

    def made(self, training: Training) -> Output:
        """Return its folder, made unless it is there."""
        return self.step.work.stage(
            training.stage, reads=self._reads(training), code=CODE, make=lambda folder: self._make(training, folder)
        )

    def _make(self, training: Training, folder: Path) -> Counts:
        from trainer.evaluate import evaluate
        from trainer.evaluation.material import Material

        told = self.step.work.progress(training.stage)
        figures = self._figures(training, folder)
        section = self.step.recipe.evaluate.model_copy(update={"limit": None})  # the sets are limited already
        place = str(folder / MODEL) if (folder / MODEL).is_dir() else self._found(training)
        material = Material(values=values)  # the same for every selection: nothing is learnt from what it trained on
        _, answers = evaluate({"asked": self.exam.questions}, models={"tuned": place}, section=section, progress=told, material=material)
        write_json(folder / ANSWERS, answers)
        for done in (folder / MODEL, self._checkpoints(training)):
            shutil.rmtree(done, ignore_errors=True)
        return {"pairs": len(training.pairs), **{name: figures[name] for name in _TOLD if name in figures}}

    def _figures(self, training: Training, folder: Path) -> dict[str, Any]:
        """Return the figures of the training, made unless the run has it; a model that fails its checks is asked all the same."""
        if not training.pairs or self.is_own(training):
            return self.step.output("train").counts if training.pairs else {}
        try:
            return self._trained(training, folder)
        except TrainingError as error:
            if not any((folder / MODEL).glob("*.safetensors")):
                raise
            tokens = self.tokens or self.step.output("train").counts["tokens"]
            return {"tokens": tokens, "trouble": str(error), "notices": [f"{training.selection}, seed {training.seed}: {error}"]}

    def _trained(self, training: Training, folder: Path) -> dict[str, Any]:
        validation = [pair for pair in self.step.pairs("split") if pair.split == "validation"]
        work = Retraining(training.stage, training.pairs, validation, training.seed, training.stage)
        return retrain(self.step, work, section=self._section(training)[0], folder=folder)

    def _checkpoints(self, training: Training) -> Path:
        """Return where it may be gone on from: a folder of its own, so that none takes another for an interrupted one."""
        return self.step.work.folder / RUNS / training.stage

    def _section(self, training: Training) -> tuple[TrainSection, dict[str, str]]:
        """Return the run's section with the budget of the proof, and the contents of the files that it names."""
        is_whole = training.selection == CURATED and self.step.recipe.prove.tokens is None
        budget = {} if is_whole or self.tokens is None else {"tokens": self.tokens}
        return section_of(self.step, log="none", **budget)

    def _found(self, training: Training) -> str:
        """Return the folder of a model that the run has made."""
        return str(self.step.output("train").folder / MODEL) if training.pairs else base_folder(self.step.output("pretrain"))

    def _reads(self, training: Training) -> dict[str, Any]:
        section, files = self._section(training)
        asked = content_id("asked", *(pair.model_dump(mode="json", include=_TEXTS) for pair in self.exam.questions))
        evaluated = self.step.recipe.evaluate.model_dump(mode="json", include={"max_new_tokens", "batch_size"})
        reads: dict[str, Any] = {"asked": asked, "evaluate": evaluated, **self.step.contents("pretrain")}
        if not training.pairs:
            return reads
        if self.is_own(training):
            return reads | self.step.contents("train")
        settings = self.step.recipe.train.model_dump(mode="json", exclude={"keep", "log"}) | {"tokens": section.tokens}
        taught = content_id("taught", *(pair.model_dump(mode="json", include=_TEXTS) for pair in training.pairs))
        held = {"taught": taught, "split": self.step.output("split").content, "seed": training.seed}
        return {**reads, **held, **self.step.contents("read"), **settings, **files}


_TEXTS = {"instruction", "input", "output", "history"}


def scores_of(output: Output) -> dict[str, Mapping[str, Any]]:
    """Return the scores of a training's answers by the id of the question."""
    return {row["pair_id"]: row["scores"]["tuned"] for row in read_json(output.folder / ANSWERS)}
