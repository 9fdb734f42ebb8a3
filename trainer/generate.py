"""Answers in batches: plain argmax unless told how to choose, left padding, and each answer leaves the batch when it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from schemas.errors import InputError
from trainer.kept_states import Beginning, roomy_cache

_WORTH_SHARING = 32  # tokens that all prompts begin with
_MANY, _FEW, _SMALL = 128, 32, 50_000_000  # prompts at once below and above so many parameters; measured: a third less time at 1M


@dataclass(frozen=True, slots=True)
class Answer:
    """Generated token ids without the end token, and whether the model ended by itself."""

    tokens: list[int]
    stopped: bool


Choose = Callable[[Tensor], Tensor]  # from the scores of the vocabulary (rows, vocabulary) to the next token of every row (rows,)


def likeliest(scores: Tensor) -> Tensor:
    """Choose the token with the highest score."""
    return scores.argmax(-1)


def sampled(temperature: float, *, seed: int, device: torch.device) -> Choose:
    """Return what draws tokens at a temperature; the same seed and calls give the same tokens on the same kind of device."""
    draws = torch.Generator(device).manual_seed(seed)
    return lambda scores: torch.multinomial(torch.softmax(scores.float() / temperature, -1), 1, generator=draws)[:, 0]


def context_of(model: Any) -> int | None:
    """Return the most tokens that the model can read, if its config says."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def at_once(model: Any) -> int:
    """Return how many prompts share a batch; of a small model, steps cost more than tokens do."""
    return _MANY if model.num_parameters() < _SMALL else _FEW


@torch.inference_mode()
def generate(  # noqa: PLR0913 - the settings of one loop
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    ends: frozenset[int],
    max_new_tokens: int,
    batch_size: int = 32,
    progress: Callable[[int], None] = lambda _: None,
    choose: Choose = likeliest,
    copies: int = 1,
) -> list[Answer]:
    """Answer every prompt `copies` times, greedily unless told how to choose a token; the order of the answers is that of the prompts.

    Prompts of like length share a batch, copies read theirs once, and what all prompts begin with is read once.

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
    loop = _Loop(model, ends, choose, copies, Beginning(model, prompts, least=_WORTH_SHARING))
    size = max(1, batch_size // copies)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        rooms = [max_new_tokens if context is None else min(max_new_tokens, context - len(prompts[index])) for index in chosen]
        batch = loop.answer([list(prompts[index]) for index in chosen], rooms)
        answers.update(zip((index * copies + copy for index in chosen for copy in range(copies)), batch, strict=True))
        progress(len(answers))
    return [answers[index] for index in range(len(prompts) * copies)]


@dataclass(frozen=True)
class _Loop:
    """A model that answers batches: what ends an answer, how a token is chosen, and what all prompts begin with."""

    model: Any
    ends: frozenset[int]
    choose: Choose
    copies: int
    beginning: Beginning

    def answer(self, prompts: list[list[int]], rooms: list[int]) -> list[Answer]:
        """Answer one batch, each prompt `copies` times, in at most as many tokens as it has room for."""
        most, room = max(rooms), [own for own in rooms for _ in range(self.copies)]
        tokens, mask, cache = self._begun(prompts, most)
        written: list[list[int]] = [[] for _ in range(len(prompts) * self.copies)]
        stopped = [False] * len(written)
        alive = list(range(len(written)))
        for step in range(most):
            position = (mask.cumsum(-1) - 1).clamp(min=0)[:, -tokens.size(1) :]
            seen = self.model(
                input_ids=tokens, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True, logits_to_keep=1
            )
            scores, cache = seen.logits[:, -1], seen.past_key_values
            if step == 0 and self.copies > 1:  # the prompt was read once, each copy goes its own way from here
                cache.batch_repeat_interleave(self.copies)
                scores, mask = scores.repeat_interleave(self.copies, 0), mask.repeat_interleave(self.copies, 0)
            following: list[int] = self.choose(scores).tolist()
            for row, token in zip(alive, following, strict=True):
                stopped[row] = token in self.ends
                if not stopped[row]:
                    written[row].append(token)
            going = [place for place, row in enumerate(alive) if not stopped[row] and len(written[row]) < room[row]]
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

    def _begun(self, prompts: list[list[int]], most: int) -> tuple[Tensor, Tensor, Any]:
        """Return the tokens that are still to be read, the mask of the whole prompts, and the cache, which holds their beginning."""
        shared = len(self.beginning.tokens)
        tokens, mask = left_padded([prompt[shared:] for prompt in prompts], self.model.device)
        cache = roomy_cache(self.model, shared + tokens.size(1) + most)
        self.beginning.put(cache, len(prompts))
        return tokens, torch.cat([mask.new_ones(len(prompts), shared), mask], dim=1), cache


def left_padded(prompts: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return token ids and mask, shape (prompts, longest), padded on the left."""
    longest = max(map(len, prompts))
    # What stands under the mask is never read; 0 is a token of every vocabulary.
    tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    return tokens, mask
