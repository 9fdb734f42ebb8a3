"""A model's scores of the vocabulary as its own forward pass computes them, from its hidden states."""

from typing import Any

import torch
from torch import Tensor

# The names that TRL's own loss knows (trl.trainer.utils). Granite and MiniCPM3 divide by `logits_scaling`, HyperCLOVA X multiplies.
_FACTORS = ("logit_scale", "output_multiplier", "lm_head_multiplier")


class Head:
    """The output layer with what the model does to its scores: scaled and capped where its config says so (Gemma 2, Granite, Cohere).

    Untrained weights give scores so small that a cap does not show: no comparison of losses would notice that it is missing.
    """

    def __init__(self, model: Any) -> None:
        config = model.config.get_text_config()
        self._linear = model.get_output_embeddings()
        self.out_features: int = self._linear.out_features
        self._cap: float | None = getattr(config, "final_logit_softcapping", None)
        given = next((value for name in _FACTORS if (value := getattr(config, name, None)) is not None), None)
        divisor = getattr(config, "logits_scaling", None) or 1.0
        self._scale = float(given if given is not None else divisor if config.model_type == "hyperclovax" else 1 / divisor)

    def __call__(self, hidden: Tensor) -> Tensor:
        """Return the scores (n, vocabulary) of hidden states (n, width)."""
        scores = self._linear(hidden)
        scores = scores if self._scale == 1.0 else scores * self._scale
        return scores if self._cap is None else torch.tanh(scores / self._cap) * self._cap
