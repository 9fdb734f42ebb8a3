"""Loading a base or a tuned model with its tokenizer, by folder or by Hugging Face name."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from schemas.errors import InputError
from trainer.machine import device
from trainer.templates import Template


def load(base: str | Path, *, dtype: torch.dtype | None = None) -> tuple[Any, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer, in the dtype it was saved in unless told.

    Raises:
        InputError: there is no such model, or it is not a causal language model.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype or saved_dtype(base))
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"cannot load the model {base}: {reason}; give a local folder or the name of a causal language model") from error
    return model.to(device()).eval(), tokenizer


def saved_dtype(base: str | Path) -> torch.dtype:
    """Return the dtype that the model's weights are stored in, float32 if its config does not say."""
    dtype = AutoConfig.from_pretrained(base).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def end_tokens(model: Any, template: Template) -> frozenset[int]:
    """Return every token that ends an answer: the template's, the tokenizer's and the model's own."""
    own = model.generation_config.eos_token_id
    ids = own if isinstance(own, list) else [own]
    return frozenset(token for token in (template.end, template.tokenizer.eos_token_id, *ids) if token is not None)
