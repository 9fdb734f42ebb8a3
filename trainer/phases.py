"""One phase of a training, from its plan to the chosen weights: on the documents' raw text alone, or on the pairs.

A phase goes on from its newest whole checkpoint, is not run again when it was finished (P84), and has the same guards, figures
and curve as any other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from schemas.errors import TrainingError
from schemas.training import TrainSection
from trainer.base import Progress
from trainer.checkpoints import Checkpoint, Checkpoints, check_room, damage
from trainer.choose_checkpoint import Choice, Rule, choose, table
from trainer.export.repeat import arguments_of
from trainer.guards import check_batch, check_labels
from trainer.keeper import Judge, Keeper
from trainer.logs import Write
from trainer.machine import arithmetic
from trainer.monitor import Monitor
from trainer.parallel import processes
from trainer.plan import Plan
from trainer.rows import Row
from trainer.setup import Setup
from trainer.sft_trainer import Job, PlannedTrainer, build
from trainer.trouble import memory_trouble

_COPIES = 3  # a checkpoint holds the weights and, with AdamW, two states of each
_SETUP, _ARITHMETIC = "setup-", "arithmetic-"
_SPARE = 2  # best checkpoints that are kept besides the newest: by answers and by loss


@dataclass(frozen=True)
class Phase:
    """What is trained on, how the weights after each pass are judged, and which of them are kept."""

    name: str
    plan: Plan
    judge: Judge | None = None
    rule: Rule = "last"


@dataclass(frozen=True)
class Run:
    """What the phases of one training share: where its checkpoints lie, what it is validated on, and who watches."""

    checkpoints: Checkpoints
    validation: list[Row]
    progress: Progress
    write: Write


def run_phase(job: Job, phase: Phase, run: Run, *, end: Callable[[PlannedTrainer], Any]) -> tuple[Any, dict[str, Any]]:
    """Train the job's model as the phase says; return what `end` makes of the trainer with the chosen weights, and the figures.

    Raises:
        TrainingError: training failed, diverged, was interrupted, or ran out of memory or disk.
    """
    section: TrainSection = job.section
    monitor = Monitor(phase.plan, run.validation, run.progress, log=partial(run.write, phase.name))
    keeper = Keeper(run.checkpoints, monitor, phase=phase.name, judge=phase.judge, newest=section.keep)
    trainer = keeper.trainer = build(job, phase.plan, [monitor, keeper], setup=_setup(phase, run.checkpoints))
    run.checkpoints.note(_SETUP + phase.name, trainer.setup.as_json())
    check_labels(trainer, phase.plan.rows, job.template)
    check_batch(trainer, job.template)
    check_room(run.checkpoints.folder, checkpoint_bytes(trainer.model) * (section.keep + _SPARE + 1))
    start = run.checkpoints.newest(phase.name, updates=len(phase.plan.batches))
    _note_arithmetic(phase, run.checkpoints, goes_on=start is not None)
    with memory_trouble(section):
        _train(trainer, keeper, start)
        choice = _choice(keeper, phase, run.checkpoints)
        if choice.kept.step != keeper.candidates[-1].step:
            trainer._load_from_checkpoint(str(run.checkpoints.place(phase.name, choice.kept.step)))  # noqa: SLF001 - its own reader
        arguments, setup = arguments_of(trainer.args), trainer.setup.as_json()
        return end(trainer), {**_figures(phase, monitor, keeper, choice, start), "setup": setup, "arguments": arguments}


def _setup(phase: Phase, checkpoints: Checkpoints) -> Setup | None:
    """Return how this machine was used when the run began: how much memory is free now must not change its sums."""
    noted = checkpoints.noted(_SETUP + phase.name)
    return Setup(**noted) if noted and noted["processes"] == processes() else None


def _train(trainer: PlannedTrainer, keeper: Keeper, start: Checkpoint | None) -> None:
    if start is not None:
        keeper.resume(start)
        if start.step >= keeper.updates:
            trainer._load_from_checkpoint(str(start.folder))  # noqa: SLF001 - its own reader
            return
    with keeper.interrupts:
        trainer.train(resume_from_checkpoint=str(start.folder) if start is not None else None)
    done, planned = trainer.state.global_step, trainer.state.max_steps
    if done < planned:  # P129
        raise TrainingError(f"training was interrupted after {done} of {planned} updates; run it again and it goes on from there")


def _choice(keeper: Keeper, phase: Phase, checkpoints: Checkpoints) -> Choice:
    """Choose among the passes whose weights are still whole, the last of which the trainer holds."""
    last = keeper.candidates[-1]
    choice = choose(keeper.candidates, phase.rule)
    kept = checkpoints.at(phase.name, choice.kept.step)
    if choice.kept != last and (kept is None or damage(kept)):
        checkpoints.remarks.append(f"the checkpoint of epoch {choice.kept.epoch} is damaged, so the last weights were kept")
        return replace(choice, kept=last, rule="last")
    return choice


def _figures(phase: Phase, monitor: Monitor, keeper: Keeper, choice: Choice, start: Checkpoint | None) -> dict[str, Any]:
    plan = phase.plan
    tokens = sum(map(plan.tokens, plan.batches))
    return {
        "updates": len(plan.batches),
        "passes": round(plan.passes, 2),
        "tokens": tokens,
        "seconds": round(monitor.seconds, 2),
        "tokens_per_second": round(tokens / monitor.seconds, 1),
        "lengths": plan.lengths(),
        "resumed_after": start.step if start is not None else 0,
        "epochs": table(keeper.candidates),
        "choice": choice.in_words(),
        "curve": monitor.curve,
    }


def _note_arithmetic(phase: Phase, checkpoints: Checkpoints, *, goes_on: bool) -> None:
    """Remark on a run that goes on where sums are rounded otherwise: it is no more the undisturbed one bit for bit."""
    earlier = checkpoints.noted(_ARITHMETIC + phase.name) if goes_on else None
    kinds: list[str] = list(dict.fromkeys([*(earlier or []), arithmetic()]))
    checkpoints.note(_ARITHMETIC + phase.name, kinds)
    if len(kinds) > 1:
        checkpoints.remarks.append(
            f"the training went on with other arithmetic ({', then '.join(kinds)}), so its weights may differ from those of an "
            "undisturbed run by rounding"
        )


def checkpoint_bytes(model: Any) -> int:
    """Return about how many bytes a checkpoint takes."""
    return _COPIES * sum(weight.numel() * weight.element_size() for weight in model.parameters() if weight.requires_grad)


def keep_only(run: Run, figures: dict[str, dict[str, Any]]) -> None:
    """Reduce the checkpoints of a finished training to the weights of the passes that one of the rules chose, and the last."""
    for name, figure in figures.items():
        chosen = {figure["choice"].get(rule) for rule in ("by_answers", "by_loss", "kept")}
        steps = {row["step"] for row in figure["epochs"] if row["epoch"] in chosen}
        run.checkpoints.finish(name, frozenset({*steps, figure["epochs"][-1]["step"]}))
