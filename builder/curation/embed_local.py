"""Vectors of a local model: any encoder or decoder of transformers, from a folder or from what was downloaded before.

The vector of a text is the mean of the last hidden states of its tokens, padding left out (masked mean pooling), as
sentence-transformers does for most of its models. Nothing is ever downloaded here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from builder.curation.embed import Vectors, unit_rows
from schemas.errors import InputError

LONGEST = 512  # tokens of a text; the rest of it is left out
TOKENS = 8192  # of a batch, padding included: texts of like length stand together


class LocalModel:
    """The embedder of one model; it is loaded when the first text comes.

    Args:
        model: a folder, relative to `root`, or the name of a model that the Hugging Face cache holds.
        root: the folder of the recipe.
    """

    def __init__(self, model: str, *, root: Path) -> None:
        folder = root / model
        self._place = str(folder) if folder.is_dir() else model
        self.name = f"local/{model}/{_stamp(folder)}"
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of the texts: O(tokens), on one device."""
        if not texts:
            return np.empty((0, 1), np.float32)
        model, tokenizer = self._loaded = self._loaded or _load(self._place)
        longest = min(LONGEST, tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", LONGEST))
        coded = [code or [tokenizer.pad_token_id] for code in tokenizer(list(texts), truncation=True, max_length=longest)["input_ids"]]
        rows: dict[int, np.ndarray] = {}
        for places in _batches([len(code) for code in coded]):
            padded = tokenizer.pad({"input_ids": [coded[place] for place in places]}, return_tensors="pt")
            rows |= zip(places, _means(model, padded), strict=True)
        return unit_rows(np.stack([rows[place] for place in range(len(texts))]))


def _stamp(folder: Path) -> str:
    """Return what tells the weights in a folder from others of the same name: their sizes and times."""
    return ",".join(f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in sorted(folder.glob("*.safetensors")))


def _load(place: str) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
        model = AutoModel.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"cannot load the embedding model {place}: {reason}; give the folder of a transformers model") from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model.eval(), tokenizer


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Return the places of the texts, the shortest first, in batches of no more than TOKENS."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not batches or (len(batches[-1]) + 1) * lengths[place] > TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches


def _means(model: Any, padded: Any) -> np.ndarray:
    """Return the mean of the hidden states of the tokens of each text that are no padding."""
    import torch

    with torch.inference_mode():
        states = model(**padded).last_hidden_state.float()
        mask = padded["attention_mask"][..., None].float()
        return ((states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)).numpy()
