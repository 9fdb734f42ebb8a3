"""Loading a base or a tuned model with its tokenizer, by folder or by Hugging Face name."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    with _one_line_errors(base):
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=dtype or saved_dtype(base))
    return model.to(device()).eval(), load_tokenizer(base)


def load_tokenizer(base: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer alone.

    Raises:
        InputError: there is no such model.
    """
    with _one_line_errors(base):
        return AutoTokenizer.from_pretrained(base)


@contextmanager
def _one_line_errors(base: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"cannot load the model {base}: {reason}; give a local folder or the name of a causal language model") from error


def saved_dtype(base: str | Path) -> torch.dtype:
    """Return the dtype that the model's weights are stored in, float32 if its config does not say."""
    dtype = AutoConfig.from_pretrained(base).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def end_tokens(model: Any, template: Template) -> frozenset[int]:
    """Return every token that ends an answer: the template's, the tokenizer's and the model's own."""
    own: Any = model.generation_config.eos_token_id
    ids: list[Any] = own if isinstance(own, list) else [own]
    return frozenset(int(token) for token in (template.end, template.tokenizer.eos_token_id, *ids) if isinstance(token, int))
