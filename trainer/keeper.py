"""What a training does at the end of each pass: judge the weights on the validation pairs, and write a checkpoint."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from trainer.checkpoints import Checkpoint, Checkpoints
from trainer.choose_checkpoint import Candidate, kept_steps
from trainer.interrupts import Interrupts
from trainer.monitor import Monitor

SECONDS = 600.0  # of work that a kill can cost at most, where a pass takes longer
Judge = Callable[[Any], dict[str, float]]


class Keeper(TrainerCallback):
    """Writes a checkpoint after each pass, every ten minutes, and when the process is asked to end."""

    def __init__(self, checkpoints: Checkpoints, monitor: Monitor, *, phase: str, judge: Judge | None, newest: int) -> None:
        self.candidates: list[Candidate] = []
        self.trainer: Any = None
        self.interrupts = Interrupts()
        self._checkpoints = checkpoints
        self._monitor = monitor
        self._phase = phase
        self._judge = judge
        self._newest = newest
        self._saved = time.monotonic()
        self._due = self._ending = False

    @property
    def updates(self) -> int:
        """How many updates the phase has."""
        return max(self._monitor.ends)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take up the curve and the candidates where a checkpoint left them."""
        self._monitor.resume(checkpoint.notes["monitor"])
        self.candidates = [Candidate(**one) for one in checkpoint.notes["candidates"]]

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Decide whether this update is followed by a checkpoint; the curve gets a point first, so that it is in it."""
        self._ending = self._is_asked_to_end()
        late = self.trainer.accelerator.num_processes == 1 and time.monotonic() - self._saved > SECONDS
        self._due = state.global_step in self._monitor.ends or self._ending or late
        control.should_log = control.should_log or self._due
        return control

    def on_log(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Judge and write, and have the training end if the process is asked to."""
        if not self._due:
            return
        self._due = False
        with self._monitor.paused():
            if state.global_step in self._monitor.ends:
                self._add_candidate(state.global_step, model)
            if self.trainer.accelerator.is_main_process:
                self._write(state.global_step)
            self.trainer.accelerator.wait_for_everyone()
        control.should_training_stop = control.should_training_stop or self._ending

    def _is_asked_to_end(self) -> bool:
        """Several processes must end after the same update, or they wait for each other for ever."""
        accelerator, asked = self.trainer.accelerator, self.interrupts.arrived is not None
        if accelerator.num_processes == 1:
            return asked
        if asked:
            accelerator.set_trigger()
        return bool(accelerator.check_trigger())

    def _add_candidate(self, step: int, model: Any) -> None:
        scores = self._judge(model) if self._judge is not None else {}
        loss = self._monitor.curve[-1].get("validation_loss")
        self.candidates.append(Candidate(len([end for end in self._monitor.passes if end <= step]), step, loss, **scores))

    def _write(self, step: int) -> None:
        notes = {"monitor": self._monitor.noted(), "candidates": [asdict(one) for one in self.candidates]}
        self._checkpoints.write(self._phase, step, self._fill, notes)
        self._checkpoints.prune(self._phase, newest=self._newest, also=kept_steps(self.candidates))
        self._saved = time.monotonic()

    def _fill(self, folder: Path) -> None:
        """Write what the library's own reader takes up: weights, optimizer, schedule, random numbers, and its state."""
        trainer = self.trainer
        trainer.save_model(str(folder), _internal_call=True)
        (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle that nobody needs
        trainer._save_optimizer_and_scheduler(str(folder))  # noqa: SLF001 - its own format for its own reader
        trainer._save_rng_state(str(folder))  # noqa: SLF001
        trainer.state.save_to_json(str(folder / "trainer_state.json"))
