"""The learning rate by trial: a third, once and three times the automatic one, a pass each from the same weights.

Three points on one pass cost about as much as one training of three passes, and say more about these pairs and this base than
any table. Each trial has a schedule of its own, warm-up and decay included, as the training after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from schemas.errors import TrainingError
from trainer.adapters import put_back, snapshot
from trainer.choose_checkpoint import Rule
from trainer.loss import mean_loss
from trainer.monitor import Monitor
from trainer.phases import Phase, Run
from trainer.settings import SWEEP
from trainer.sft_trainer import Job, build
from trainer.trouble import memory_trouble

NOTE = "sweep"


@dataclass(frozen=True)
class Trial:
    """A rate with what a pass at it makes of the validation pairs, or why it failed."""

    learning_rate: float
    validation_loss: float | None = None
    exact_match: float | None = None
    token_f1: float | None = None
    failed: str = ""


def sweep(job: Job, phase: Phase, run: Run) -> tuple[float, dict[str, Any]]:
    """Return the rate that does best on the validation pairs, and the figures of all; the model is left as it was.

    Args:
        job: with the automatic rate, around which is searched.
        phase: a pass over the pairs, and how the answers of a model are judged.
        run: remembers finished trials, so that an interrupted sweep goes on.

    Raises:
        TrainingError: no rate trains this model.
    """
    trials = [Trial(**trial) for trial in run.checkpoints.noted(NOTE) or []]
    for share in SWEEP[len(trials) :]:
        trials.append(_try(replace(job, settings=replace(job.settings, learning_rate=job.settings.learning_rate * share)), phase, run))
        run.checkpoints.note(NOTE, [asdict(trial) for trial in trials])
    rate = best(trials, phase.rule).learning_rate
    return rate, {"chosen": rate, "trials": [_plain(trial) for trial in trials]}


def best(trials: Sequence[Trial], rule: Rule) -> Trial:
    """Choose by the answers, by the loss where they are as good; by the loss alone if that is the rule; the lower of two equal rates.

    Raises:
        TrainingError: every trial failed.
    """
    sound = [trial for trial in trials if not trial.failed]
    if not sound:
        raise TrainingError(f"none of the learning rates trains this model ({trials[0].failed}); give train.learning_rate a lower one")
    answers: Callable[[Trial], float] = (lambda trial: trial.token_f1 or 0.0) if rule != "loss" else lambda _: 0.0
    return max(sound, key=lambda trial: (answers(trial), -(trial.validation_loss or 0.0), -trial.learning_rate))


def _try(job: Job, phase: Phase, run: Run) -> Trial:
    start, rate = snapshot(job.model), job.settings.learning_rate
    trainer = build(job, phase.plan, [Monitor(phase.plan, [], run.progress)])
    with memory_trouble(job.section):  # no fault of the rate: it ends the sweep, and this trial is tried again
        try:
            trainer.train()
            model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
            scores = phase.judge(model) if phase.judge is not None else {}
            return Trial(rate, mean_loss(model, run.validation), scores.get("exact_match"), scores.get("token_f1"))
        except TrainingError as error:
            return Trial(rate, failed=str(error))
        finally:
            put_back(job.model, start)


def _plain(trial: Trial) -> dict[str, Any]:
    return {name: value for name, value in asdict(trial).items() if value not in (None, "")}
