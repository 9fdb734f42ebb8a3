"""The loss curve of a training, and its progress for whoever watches."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

from transformers import TrainerCallback

from schemas.errors import TrainingError
from trainer.base import Progress
from trainer.health import course_problem
from trainer.loss import mean_loss
from trainer.plan import Plan
from trainer.rows import Row

Log = Callable[[int, Mapping[str, float]], None]
_VALIDATIONS = 8
_CANDIDATES = 8  # passes that are judged and kept at most, evenly spread, the last among them


class Monitor(TrainerCallback):
    """Collects a point (step, loss, learning rate, tokens/s) at every log and the validation loss a few times.

    Raises:
        TrainingError: the curve says that the training diverged, or that the model learns nothing.
    """

    def __init__(self, plan: Plan, validation: Sequence[Row], progress: Progress, *, log: Log | None = None) -> None:
        self.curve: list[dict[str, float]] = []
        self.passes = plan.ends or (len(plan.batches),)
        self.ends = _spread_out(self.passes)
        self.seconds = 0.0  # of training, checks and earlier processes' work aside and included
        self._tokens = list(accumulate(plan.tokens(batch) for batch in plan.batches))
        self._validation = validation
        self._checks = _checks(self.ends, len(plan.batches)) if validation else frozenset[int]()
        self._progress = progress
        self._log = log
        self._since = time.perf_counter()
        self._vocabulary = 0

    def resume(self, noted: Mapping[str, Any]) -> None:
        """Go on from what `noted` returned."""
        self.curve, self.seconds = list(noted["curve"]), noted["seconds"]

    def noted(self) -> dict[str, Any]:
        """Return what a checkpoint needs to go on from."""
        return {"curve": self.curve, "seconds": self._elapsed()}

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do something that is no training: its time does not count."""
        self.seconds = self._elapsed()
        yield
        self._since = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Start the clock."""
        self._vocabulary = model.config.get_text_config().vocab_size
        self._since = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Have the updates that are looked at logged too, whatever the logging interval."""
        step = state.global_step
        control.should_log = control.should_log or step >= state.max_steps or step in self.ends or step in self._checks
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Stop the clock."""
        self.seconds, self._since = self._elapsed(), time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Keep a point of the curve and tell the watcher."""
        if not logs or "loss" not in logs:
            return
        step = state.global_step
        tokens = self._tokens[min(step, len(self._tokens)) - 1]
        point = {"step": step, "tokens": tokens, "loss": float(logs["loss"]), "learning_rate": float(logs["learning_rate"])}
        point["tokens_per_second"] = tokens / self._elapsed()
        if step in self._checks:
            with self.paused():
                point["validation_loss"] = mean_loss(model, self._validation)
        self.curve.append(point)
        left = (self._tokens[-1] - tokens) / point["tokens_per_second"]
        self._progress(step, state.max_steps, {**point, "seconds_left": left})
        if self._log is not None:
            self._log(step, point)
        if problem := course_problem([one["loss"] for one in self.curve], self._vocabulary, rate=args.learning_rate):
            raise TrainingError(f"update {step}: {problem}")

    def _elapsed(self) -> float:
        return self.seconds + time.perf_counter() - self._since


def _spread_out(ends: Sequence[int]) -> frozenset[int]:
    """Take all ends of passes, or evenly spread ones where there are too many."""
    if len(ends) <= _CANDIDATES:
        return frozenset(ends)
    return frozenset(ends[(number + 1) * len(ends) // _CANDIDATES - 1] for number in range(_CANDIDATES))


def _checks(ends: frozenset[int], updates: int) -> frozenset[int]:
    """Return the updates after which the validation loss is taken: at the ends of passes, and between them where they are few."""
    between = {-(-updates * (number + 1) // _VALIDATIONS) for number in range(_VALIDATIONS)} if 2 * len(ends) < _VALIDATIONS else set[int]()
    return ends | between
