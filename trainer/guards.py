"""What stops a training before it silently ruins a model: checks of the prepared labels, of the gradients, of the result.

The numbers P1..P131 name pitfalls of TRL that each check is there for.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback

from schemas.errors import InputError, TrainingError
from trainer.rows import IGNORED, Row
from trainer.templates import Template

_ZEROS = 2


def check_model(model: Any, template: Template) -> None:
    """Refuse a tokenizer that is not this model's, and settings that would fail only when the model is saved."""
    table = model.get_input_embeddings().num_embeddings
    highest = max(template.tokenizer.get_vocab().values(), default=0)
    if highest >= table:  # P50, P130
        raise InputError(
            f"the tokenizer's highest id {highest} is outside the model's {table} embeddings; take the tokenizer of this model"
        )
    try:
        model.generation_config.validate(strict=True)  # P108
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the model's generation_config.json is inconsistent ({reason}); correct it before training") from error


def check_labels(trainer: Any, rows: Sequence[Row], template: Template) -> None:
    """Check what the trainer will really train on, row by row, after its own preparation.

    Raises:
        TrainingError: a row is missing, its prompt is in the loss, or its response does not end with the end token.
    """
    prepared = trainer.train_dataset
    if len(prepared) != len(rows):  # P2
        raise TrainingError(f"the trainer kept {len(prepared)} of {len(rows)} rows; none may be lost")
    columns = prepared[:]
    for row, ids, labels in zip(rows, columns["input_ids"], columns["labels"], strict=True):
        if problem := label_problem(ids, labels, template, raw=row.pair_id is None):
            raise TrainingError(f"{row.pair_id or 'a row of raw text'}: {problem}")
    if any(weight.requires_grad and weight.dtype != torch.float32 for weight in trainer.model.parameters()):  # P98
        raise TrainingError("trainable weights are not float32, so small updates would be rounded away")


def check_batch(trainer: Any, template: Template) -> None:
    """Check the first batch as it will be trained on: whatever pads the rows must leave their labels alone (P40, P48).

    Raises:
        TrainingError: a prompt is in the loss, or an end token is not, for example because it is the padding as well.
    """
    with torch.random.fork_rng(devices=[]):  # a loader draws a number that the training would miss
        batch = next(iter(trainer.get_train_dataloader()))
    for ids, labels, mask in zip(*(batch[name].tolist() for name in ("input_ids", "labels", "attention_mask")), strict=True):
        length = sum(mask)
        if set(labels[length:]) - {IGNORED}:
            raise TrainingError("the padding of a batch is in the loss")
        if set(labels) == {IGNORED}:
            continue  # a process without a row of its own helps with one that does not count
        if problem := label_problem(ids[:length], labels[:length], template, raw=labels[:length] == [IGNORED, *ids[1:length]]):
            raise TrainingError(f"in the first batch a row is not what was prepared: {problem}")


def label_problem(ids: Sequence[int], labels: Sequence[int], template: Template, *, raw: bool) -> str:
    """Say what is wrong with one row's labels, or nothing."""
    trained = [label for label in labels if label != IGNORED]
    if len(ids) != len(labels) or any(label not in (IGNORED, token) for token, label in zip(ids, labels, strict=False)):  # P10
        return "its labels are not its tokens"
    if not trained:  # P5
        return "it has nothing to learn"
    return "" if raw else _response_problem(ids, labels, trained, template)


def _response_problem(ids: Sequence[int], labels: Sequence[int], trained: Sequence[int], template: Template) -> str:
    begin = template.tokenizer.bos_token_id
    if labels[0] != IGNORED:  # P6, P12, P14
        return "its prompt is in the loss"
    if begin is not None and list(ids[:2]) == [begin, begin]:  # P15
        return "it begins with two begin tokens"
    if trained[-1] != template.end:  # P1, P11, P42, P43, P44
        return "its response does not end with the end token"
    if trained.count(template.end) > 1:  # P17
        return "its response holds the end token twice"
    if len(trained) < 2:  # P21
        return "its response is empty"
    return ""


class Health(TrainerCallback):
    """Stops before the weights are touched when a gradient is not finite, or exactly zero twice in a row (P76, P77)."""

    def __init__(self) -> None:
        self._zeros = 0

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: nn.Module | None = None, **_: Any) -> None:  # noqa: ARG002
        """Look at the gradients between the backward pass and the update."""
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None] if model is not None else []
        norm = float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0
        step = state.global_step + 1
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient became {norm} at update {step}; the weights are untouched since, lower train.learning_rate")
        self._zeros = self._zeros + 1 if norm == 0 else 0
        if self._zeros >= _ZEROS:
            raise TrainingError(f"the gradient is exactly 0 at update {step}: the model no longer learns; lower train.learning_rate")
