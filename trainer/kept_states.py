"""Keys and values of attention in memory that is taken once, and a common beginning of all prompts that is read once.

transformers' own cache is copied whole at every token, which takes more than half of a small model's time.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):
    """A layer's states (rows, heads, tokens, width), which grow in place up to `room` tokens."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self._held: list[Tensor] = []

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Add the states of further tokens; return those of all."""
        before = self.get_seq_length()
        if not self._held:
            self.lazy_initialization(key_states, value_states)
            self._held = [states.new_empty((*states.shape[:2], self._room, states.size(-1))) for states in (key_states, value_states)]
        for held, states in zip(self._held, (key_states, value_states), strict=True):
            held[:, :, before : before + states.size(-2)] = states
        self._show(before + key_states.size(-2))
        return self.states()

    def states(self) -> tuple[Tensor, Tensor]:
        """Return keys and values of all tokens so far."""
        length = self.get_seq_length()
        keys, values = (held[:, :, :length] for held in self._held)
        return keys, values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows only."""
        length = self.get_seq_length()
        self._held = [held[indices] for held in self._held]
        self._show(length)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row."""
        length = self.get_seq_length()
        self._held = [held.repeat_interleave(repeats, dim=0) for held in self._held]
        self._show(length)

    def _show(self, length: int) -> None:
        self.keys, self.values = (held[:, :, :length] for held in self._held)


def roomy_cache(model: Any, room: int) -> DynamicCache | None:
    """Return an empty cache for `room` tokens; None for a model whose layers keep other states than those of full attention."""
    cache = DynamicCache(config=model.config)
    if not cache.layers or any(type(layer) is not DynamicLayer for layer in cache.layers):
        return None
    for place in range(len(cache.layers)):
        cache.layers[place] = RoomyLayer(room)
    return cache


class Beginning:
    """The tokens that all prompts begin with, and their states: none where sharing is not worth it or the model cannot."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], *, least: int) -> None:
        self.tokens = _common(prompts)
        self._read = roomy_cache(model, len(self.tokens)) if len(prompts) > 1 and len(self.tokens) >= least else None
        if self._read is None:
            self.tokens = []
            return
        ids = torch.tensor([self.tokens], device=model.device)
        model(input_ids=ids, past_key_values=self._read, use_cache=True, logits_to_keep=1)

    def cache(self, model: Any, *, rows: int, room: int) -> DynamicCache | None:
        """Return a cache of so many rows that holds the beginning and has room for so many tokens more; None if there is no beginning."""
        if self._read is None:
            return None
        cache = roomy_cache(model, len(self.tokens) + room)
        self.put(cache, rows)
        return cache

    def put(self, cache: DynamicCache | None, rows: int) -> None:
        """Put the beginning before `rows` rows of an empty cache."""
        if self._read is None or cache is None:
            return
        for layer, read in zip(cache.layers, self._read.layers, strict=True):
            if isinstance(layer, RoomyLayer) and isinstance(read, RoomyLayer):
                layer.update(*(states.expand(rows, -1, -1, -1) for states in read.states()))


def _common(prompts: Sequence[Sequence[int]]) -> list[int]:
    """Return what all begin with; at least one token of each is left."""
    if not prompts:
        return []
    ordered = sorted(list(prompt) for prompt in prompts)
    first, last = ordered[0], ordered[-1]  # in order, those differ most
    most = min(len(prompt) for prompt in prompts) - 1
    same = next((place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))
    return first[: max(0, min(same, most))]
