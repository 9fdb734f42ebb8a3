"""The loss at the trained positions alone, computed inside of the model's own forward pass.

TRL scores every position against the whole vocabulary on a CPU, prompt and padding included (P68). An override of
`compute_loss` that calls the inner model instead passes by whatever wraps it: under DistributedDataParallel the ranks then
drift apart without a word. Here the wrapped model itself is called, with two more arguments, so that gradients are averaged,
sharded weights gathered and autocast entered as for any other call.
"""

import functools
from itertools import repeat
from types import MethodType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from trainer.scores import Head

_LOGITS = 1 << 27  # scores held at once; above, a part at a time, computed again in the backward pass


def add_loss(model: Any) -> None:
    """Have `model(input_ids=…, places=…, targets=…)` return the summed loss of `targets` (n) at `places` (n) of the flattened batch.

    With `weights` (n), each is counted by its own.
    Any other call goes to the model's own forward pass. Under causal attention the padding on the right changes nothing
    before it, so no mask is needed. `forget_wrappers` undoes it.
    """
    own = model.forward

    @functools.wraps(type(model).forward)
    def forward(self: Any, *given: Any, places: Tensor | None = None, **named: Any) -> Any:
        if places is None:
            return own(*given, **named)
        targets, weights = named["targets"], named.get("weights")
        hidden = self.base_model(input_ids=named["input_ids"], use_cache=False).last_hidden_state.flatten(0, 1)
        return _summed(Head(self), hidden.index_select(0, places), targets, weights)

    model.forward = MethodType(forward, model)


def forget_wrappers(model: Any) -> None:
    """Give the model the forward pass of its class again, and have accelerate take it for one that it has not seen.

    Otherwise the next training of the same model would go without autocast, without a word: what was prepared once is not again.
    """
    for name in ("forward", "_original_forward", "_is_accelerate_prepared"):
        model.__dict__.pop(name, None)


def _summed(head: Any, hidden: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    if not len(targets):  # a process without a row of this update; its zero keeps the gradients of all in step
        return hidden.sum() + 0.0 * head(hidden.new_zeros(1, hidden.size(-1))).sum()
    size = max(1, _LOGITS // head.out_features)
    if len(targets) <= size:
        return _score(head, hidden, targets, weights)
    parts = zip(hidden.split(size), targets.split(size), weights.split(size) if weights is not None else repeat(None), strict=False)
    scores: list[Any] = [checkpoint(_score, head, *part, use_reentrant=False) for part in parts]
    return torch.stack(scores).sum()


def _score(head: Any, hidden: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    logits = head(hidden).float()
    if weights is None:
        return functional.cross_entropy(logits, targets, reduction="sum")
    return functional.cross_entropy(logits, targets, reduction="none") @ weights
