"""How a GGUF file says that rotary positions are scaled, for contexts longer than those of the pretraining."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from gguf import GGUFWriter


def _no_scaling(_writer: "GGUFWriter", _rope: Mapping[str, Any]) -> None:
    """Leave the frequencies as they are; those of Llama 3 are a tensor of their own."""


def _linear(writer: "GGUFWriter", rope: Mapping[str, Any]) -> None:
    from gguf import RopeScalingType

    writer.add_rope_scaling_type(RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(rope["factor"])


def _yarn(writer: "GGUFWriter", rope: Mapping[str, Any]) -> None:
    from gguf import RopeScalingType

    writer.add_rope_scaling_type(RopeScalingType.YARN)
    writer.add_rope_scaling_factor(rope["factor"])
    writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])


SCALINGS: dict[str, Callable[["GGUFWriter", Mapping[str, Any]], None]] = {
    "default": _no_scaling,
    "llama3": _no_scaling,
    "linear": _linear,
    "yarn": _yarn,
}


def llama3_factors(rope: Mapping[str, Any], width: int) -> Tensor:
    """By how much Llama 3.1 stretches each frequency: short waves not at all, long ones by the factor, between them smoothly."""
    waves = 2 * torch.pi * rope["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width)
    low, high, before = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    smooth = ((before / waves - low) / (high - low)).clamp(0, 1)
    return 1 / ((1 - smooth) / rope["factor"] + smooth)
