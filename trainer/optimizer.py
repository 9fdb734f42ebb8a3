"""Muon for the matrices and AdamW for the rest, as one torch optimizer that TRL, its scheduler and its checkpoints accept.

For models made from scratch only: on a base that AdamW pretrained, Muon harms full fine-tuning (arXiv 2605.10468).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.adamw import adamw

MOMENTUM = 0.95
WEIGHT_DECAY = 0.1
ADAM_SHARE = 0.25  # AdamW's rate over Muon's: 5e-3 beside 0.02
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalize(gradients: Tensor, *, steps: int = 5) -> Tensor:
    """Push the singular values of a stack of matrices towards 1 by Newton-Schulz iterations (Muon, Jordan et al. 2024)."""
    a, b, c = _NEWTON_SCHULZ
    tall = gradients.size(-2) > gradients.size(-1)
    x = (gradients.mT if tall else gradients).to(_precision(gradients))
    x = (x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)).contiguous()
    for _ in range(steps):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(gradients.dtype)


def _precision(gradients: Tensor) -> torch.dtype:
    """Return bfloat16 where the hardware multiplies it (half the time, same result for Muon), else float32."""
    return torch.bfloat16 if gradients.is_cuda or torch.cpu._is_avx512_bf16_supported() else torch.float32  # noqa: SLF001


class MuonAdamW(Optimizer):
    """Muon on groups with `muon=True` (2-D weights), AdamW on the others; equal shapes are orthogonalized together."""

    def __init__(self, params: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(params, {"lr": lr, "muon": False, "betas": (0.9, 0.95), "eps": 1e-8})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if group["muon"]:
                self._muon(weights, group["lr"])
            elif weights:
                self._adamw(weights, group)
        return loss

    def _muon(self, weights: list[Tensor], rate: float) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for weight in weights:
            by_shape[weight.shape].append(weight)
        for shape, same in by_shape.items():
            updates = orthogonalize(torch.stack(self._nesterov(same)))
            scale = max(1.0, shape[0] / shape[1]) ** 0.5
            torch._foreach_mul_(same, 1 - rate * WEIGHT_DECAY)
            torch._foreach_add_(same, list(updates.unbind()), alpha=-rate * scale)

    def _nesterov(self, weights: list[Tensor]) -> list[Tensor]:
        for weight in weights:
            if not self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        gradients = _gradients(weights)
        momenta = [self.state[weight]["momentum"] for weight in weights]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, MOMENTUM))  # noqa: SLF001

    def _adamw(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        for weight in weights:
            if not self.state[weight]:
                self.state[weight].update(step=torch.zeros(()), first=torch.zeros_like(weight), second=torch.zeros_like(weight))
        states = [self.state[weight] for weight in weights]
        adamw(
            weights,
            _gradients(weights),
            [state["first"] for state in states],
            [state["second"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )


def _gradients(weights: Iterable[Tensor]) -> list[Tensor]:
    return [weight.grad for weight in weights if weight.grad is not None]


def make_optimizer(model: nn.Module, *, lr: float) -> MuonAdamW:
    """Give every trainable matrix to Muon at `lr`, embeddings, norms and biases to AdamW at a quarter of it."""
    tables = {id(weight) for module in model.modules() if isinstance(module, nn.Embedding) for weight in module.parameters()}
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    matrices = [weight for weight in trainable if weight.ndim == 2 and id(weight) not in tables]
    chosen = {id(weight) for weight in matrices}
    rest = [weight for weight in trainable if id(weight) not in chosen]
    return MuonAdamW([{"params": matrices, "muon": True, "lr": lr}, {"params": rest, "lr": lr * ADAM_SHARE}], lr=lr)
