"""The loss curve of a training, and its progress for whoever watches."""

import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from transformers import TrainerCallback

from trainer.base import Progress
from trainer.loss import mean_loss
from trainer.plan import Plan
from trainer.rows import Row

_VALIDATIONS = 8


class Monitor(TrainerCallback):
    """Collects a point (step, loss, learning rate, tokens/s) at every log and the validation loss a few times."""

    def __init__(self, plan: Plan, validation: Sequence[Row], progress: Progress) -> None:
        self.curve: list[dict[str, float]] = []
        self._tokens = list(accumulate(plan.tokens(batch) for batch in plan.batches))
        self._validation = validation
        self._progress = progress
        self._started = time.perf_counter()
        self._checking = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the clock."""
        self._started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ARG002
        """Have the last update logged too, whatever the logging interval."""
        control.should_log = control.should_log or state.global_step >= state.max_steps
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Keep a point of the curve and tell the watcher."""
        if not logs or "loss" not in logs:
            return
        step = state.global_step
        tokens = self._tokens[min(step, len(self._tokens)) - 1]
        point = {"step": step, "tokens": tokens, "loss": float(logs["loss"]), "learning_rate": float(logs["learning_rate"])}
        point["tokens_per_second"] = tokens / (time.perf_counter() - self._started - self._checking)
        if self._due(step, state.max_steps):
            point["validation_loss"] = self._validate(model)
        self.curve.append(point)
        self._progress(step, state.max_steps, point)

    def _due(self, step: int, last: int) -> bool:
        checked = sum("validation_loss" in point for point in self.curve)
        return bool(self._validation) and (step >= last or step * _VALIDATIONS >= last * (checked + 1))

    def _validate(self, model: Any) -> float:
        started = time.perf_counter()
        loss = mean_loss(model, self._validation)
        self._checking += time.perf_counter() - started
        return loss
