"""Attention in float32 inside of a bfloat16 training on a CPU.

PyTorch's fused attention is slower there in bfloat16 than in float32: one forward and backward pass over 16 rows of 180 tokens,
6 heads of 32, took 56 ms against 26 ms (torch 2.13, one thread, AVX512-BF16). Only the matrix products gain.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_FLOAT, _FUSED = "kilopair_float32", "sdpa"


def attend_in_float32(model: Any) -> None:
    """Have a model that uses PyTorch's fused attention compute it in float32, whatever surrounds it; others stay as they are."""
    if model.config._attn_implementation != _FUSED:  # noqa: SLF001 - the config has no other name for it
        return
    AttentionInterface.register(_FLOAT, _attention)
    AttentionMaskInterface.register(_FLOAT, sdpa_mask)
    model.set_attn_implementation(_FLOAT)


def attend_as_before(model: Any) -> None:
    """Undo `attend_in_float32`."""
    if model.config._attn_implementation == _FLOAT:  # noqa: SLF001
        model.set_attn_implementation(_FUSED)


def _attention(module: Any, query: Tensor, key: Tensor, value: Tensor, *given: Any, **named: Any) -> tuple[Tensor, None]:
    with torch.autocast(query.device.type, enabled=False):
        return sdpa_attention_forward(module, query.float(), key.float(), value.float(), *given, **named)
