"""Greedy answers in batches: plain argmax, left padding, and each answer leaves the batch when it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from schemas.errors import InputError


@dataclass(frozen=True, slots=True)
class Answer:
    """Generated token ids without the end token, and whether the model ended by itself."""

    tokens: list[int]
    stopped: bool


def context_of(model: Any) -> int | None:
    """Return the most tokens that the model can read, if its config says."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


@torch.inference_mode()
def generate(  # noqa: PLR0913 - the settings of one loop
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    ends: frozenset[int],
    max_new_tokens: int,
    batch_size: int = 32,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Answer]:
    """Answer every prompt greedily; prompts of like length share a batch, the order of the answers is that of the prompts.

    Our own loop and not `model.generate`: a model's generation_config (temperature, repetition penalty) must not change
    what is compared. An answer also ends where the model's context does.

    Raises:
        InputError: a prompt fills the model's context.
    """
    model.eval()
    context = context_of(model)
    if context is not None and (longest := max(map(len, prompts), default=0)) >= context:
        raise InputError(f"a question is {longest} tokens long, but this model reads at most {context}; shorten it")
    answers: dict[int, Answer] = {}
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        room = max_new_tokens if context is None else min(max_new_tokens, context - len(prompts[chosen[-1]]))
        batch = _answer([list(prompts[index]) for index in chosen], model, ends, room)
        answers.update(zip(chosen, batch, strict=True))
        progress(len(answers))
    return [answers[index] for index in range(len(prompts))]


def _answer(prompts: list[list[int]], model: PreTrainedModel, ends: frozenset[int], most: int) -> list[Answer]:
    tokens, mask = _left_padded(prompts, model.device)
    written: list[list[int]] = [[] for _ in prompts]
    stopped = [False] * len(prompts)
    alive = list(range(len(prompts)))
    cache = None
    for _ in range(most):
        position = (mask.cumsum(-1) - 1).clamp(min=0)[:, -tokens.size(1) :]
        seen = model(input_ids=tokens, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = seen.past_key_values
        following: list[int] = seen.logits[:, -1].argmax(-1).tolist()
        for row, token in zip(alive, following, strict=True):
            stopped[row] = token in ends
            if not stopped[row]:
                written[row].append(token)
        going = [place for place, token in enumerate(following) if token not in ends]
        if not going:
            break
        if len(going) < len(alive):
            kept = torch.tensor(going, device=mask.device)
            cache.batch_select_indices(kept)
            mask = mask[kept]
        alive = [alive[place] for place in going]
        tokens = torch.tensor([[following[place]] for place in going], device=mask.device)
        mask = torch.cat([mask, mask.new_ones(len(going), 1)], dim=1)
    return [Answer(ids, ended) for ids, ended in zip(written, stopped, strict=True)]


def _left_padded(prompts: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    longest = max(map(len, prompts))
    # What stands under the mask is never read; 0 is a token of every vocabulary.
    tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    return tokens, mask
