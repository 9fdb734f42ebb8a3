"""The token-weighted loss of rows, the same for validation during training and for the evaluation after it.

TRL's eval_loss is a mean of batch means and depends on the batch size; this one does not.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainer.kept_states import Beginning
from trainer.rows import IGNORED, Row

_TOKENS = 4096  # padded tokens of one forward pass
_WORTH_SHARING = 128  # tokens that all rows begin with


def pad_right(rows: Sequence[Row], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return input ids and labels of rows, padded on the right; causal attention never looks at the padding."""
    longest = max(map(len, rows))
    ids = [row.input_ids + [0] * (longest - len(row)) for row in rows]
    labels = [row.labels + [IGNORED] * (longest - len(row)) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(labels, device=device)


@torch.inference_mode()
def row_losses(model: Any, rows: Sequence[Row]) -> list[float]:
    """Return the summed negative log-likelihood of the trained tokens of each row."""
    training = model.training
    model.eval()
    beginning = Beginning(model, [row.input_ids[: _first_trained(row)] for row in rows], least=_WORTH_SHARING)
    rest = [_without(row, len(beginning.tokens)) for row in rows] if beginning.tokens else rows
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    losses: dict[int, float] = {}
    while order:
        room = max(1, _TOKENS // len(rows[order[-1]]))
        chosen, order = order[-room:], order[:-room]
        losses.update(zip(chosen, _batch_losses(model, [rest[index] for index in chosen], beginning), strict=True))
    model.train(training)
    return [losses[index] for index in range(len(rows))]


def mean_loss(model: Any, rows: Sequence[Row]) -> float:
    """Return the loss per trained token over all rows."""
    return sum(row_losses(model, rows)) / sum(row.trained for row in rows)


def _first_trained(row: Row) -> int:
    return next(place for place, label in enumerate(row.labels) if label != IGNORED)


def _without(row: Row, tokens: int) -> Row:
    return Row(row.input_ids[tokens:], row.labels[tokens:], row.pair_id)


def _batch_losses(model: Any, rows: list[Row], beginning: Beginning) -> list[float]:
    ids, labels = pad_right(rows, model.device)
    first = min(map(_first_trained, rows))
    # Only the positions from the first trained token on need the vocabulary's logits.
    kept = ids.size(1) - max(first - 1, 0)
    cache = beginning.cache(model, rows=len(rows), room=ids.size(1))
    logits = model(input_ids=ids, past_key_values=cache, use_cache=cache is not None, logits_to_keep=kept).logits[:, -kept:-1]
    targets = labels[:, -kept + 1 :]
    flat = functional.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view_as(targets).sum(-1).tolist()
