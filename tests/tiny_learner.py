"""A tiny model that learns pairs by heart within seconds, for the tests of what a model knows."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from schemas.records import Pair
from tests.tiny_models import chat_tokenizer, tiny_model
from trainer.loss import pad_right
from trainer.rows import IGNORED, pair_rows
from trainer.templates import choose_template


def untrained() -> tuple[Any, PreTrainedTokenizerBase]:
    """Make a model of random weights, large enough to learn some tens of pairs, and its tokenizer."""
    tokenizer = chat_tokenizer()
    return tiny_model("llama", tokenizer, hidden_size=64, intermediate_size=128, head_dim=32), tokenizer


def learned(model: Any, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], *, updates: int = 80) -> Any:
    """Return a copy of the model that was trained on the pairs, all of them in every update."""
    tuned = copy.deepcopy(model).train()
    ids, labels = pad_right(pair_rows(pairs, choose_template(tokenizer)), tuned.device)
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=5e-3)
    for _ in range(updates):
        scores = tuned(input_ids=ids, use_cache=False).logits[:, :-1]
        loss = functional.cross_entropy(scores.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tuned.eval()
