"""Loading a base or a tuned model with its tokenizer, by folder or by Hugging Face name."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import GENERATION_CONFIG_NAME

from schemas.errors import InputError
from trainer.machine import device
from trainer.templates import Template

_ADAPTER = "adapter_config.json"


def load(
    base: str | Path, *, dtype: torch.dtype | None = None, quantization: BitsAndBytesConfig | None = None
) -> tuple[Any, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer, in the dtype it was saved in unless told, or its matrices in 4 bits.

    Adapters are merged into their base: the model is the one that was trained, evaluated, and is exported.

    Raises:
        InputError: there is no such model, or it is not a causal language model.
    """
    with _one_line_errors(base):
        kept = dtype or saved_dtype(base)
        model: Any
        if is_adapter(base):
            model = cast(_joined(base), kept)
        else:
            model = AutoModelForCausalLM.from_pretrained(base, dtype=kept, quantization_config=quantization)
    return model.to(device()).eval(), load_tokenizer(base)


def _joined(folder: str | Path) -> Any:
    """Return the base with the adapters of `folder` merged in; in float32, or bits would be lost (P106)."""
    whole = AutoModelForCausalLM.from_pretrained(base_of(folder), dtype=torch.float32)
    model: Any = PeftModel.from_pretrained(whole, str(folder)).merge_and_unload()
    if (Path(folder) / GENERATION_CONFIG_NAME).is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)  # the base's end token may be another
    return model


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


def is_adapter(base: str | Path) -> bool:
    """Tell whether the folder holds an adapter, which needs its base beside it."""
    return (Path(base) / _ADAPTER).is_file() and not (Path(base) / "config.json").exists()


def base_of(folder: str | Path) -> str:
    """Return the name or the folder of the model that the adapters in `folder` are for.

    Raises:
        InputError: it is a folder, and not there.
    """
    base = str(json.loads((Path(folder) / _ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"])
    if not base.startswith((".", "/")):
        return base
    found = (Path(folder).resolve() / base).resolve()
    if not found.is_dir():
        raise InputError(f"{folder}: its adapters are for the model in {found}, which is not there; train with train.save: merged")
    return str(found)


def config_of(base: str | Path) -> Any:
    """Load the config alone; that of an adapter is its base's.

    Raises:
        InputError: there is no such model.
    """
    with _one_line_errors(base):
        return AutoConfig.from_pretrained(base_of(base) if is_adapter(base) else base)


def saved_dtype(base: str | Path) -> torch.dtype:
    """Return the dtype that the model's weights are stored in, float32 if its config does not say."""
    dtype = config_of(base).dtype
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def cast(model: Any, dtype: torch.dtype) -> Any:
    """Return the model with its weights in another dtype, as loading it in that dtype would.

    `model.to(dtype)` would also round the tables of rotary positions, which are no weights: such a model answers differently
    from the one that is loaded from its folder.
    """
    for weight in model.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)
    model.config.dtype = dtype
    return model


def end_tokens(model: Any, template: Template) -> frozenset[int]:
    """Return every token that ends an answer: the template's, the tokenizer's and the model's own."""
    known = (template.end, template.tokenizer.eos_token_id)
    return saved_ends(model) | {int(token) for token in known if isinstance(token, int)}


def saved_ends(model: Any) -> frozenset[int]:
    """Return the tokens at which any other program ends an answer: those of generation_config.json."""
    own: Any = model.generation_config.eos_token_id
    return frozenset(int(token) for token in (own if isinstance(own, list) else [own]) if isinstance(token, int))
