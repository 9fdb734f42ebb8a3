"""Among which answers the right one is the likeliest: what a model too small to say it may know all the same.

The loss of an answer without the question is taken off its loss with it, so that no answer is chosen for being common (PMI,
Holtzman et al. 2021, arXiv 2104.08315).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from trainer.answer_match import is_right
from trainer.asking import Asked, Fact
from trainer.generate import left_padded
from trainer.loss import pad_right
from trainer.rows import IGNORED, Row

CHOICES = 8  # answers among which the right one is ranked
_SCORES = 1 << 27  # scores of the vocabulary that are in memory at once


def choices(facts: Sequence[Fact], count: int = CHOICES) -> list[list[int]]:
    """Return for each fact the places of the facts whose answers are compared: its own first, then others of its task and length."""
    lengths = [len(fact.pair.output.split()) for fact in facts]
    return [[place, *_others(facts, lengths, place, count - 1)] for place in range(len(facts))]


def _others(facts: Sequence[Fact], lengths: Sequence[int], own: int, count: int) -> list[int]:
    task, reference = facts[own].pair.task, facts[own].pair.output
    order = sorted(range(len(facts)), key=lambda place: (facts[place].pair.task != task, abs(lengths[place] - lengths[own]), place))
    found: list[int] = []
    said = {reference}
    for place in order:
        other = facts[place].pair.output
        if other not in said and not is_right(other, reference) and not is_right(reference, other):
            found.append(place)
            said.add(other)
        if len(found) == count:
            break
    return found


def ranks_of(asked: Asked, facts: Sequence[Fact], *, prompts: int) -> list[tuple[int, ...]]:
    """Return the places of the right answer among its choices, one for each of the first `prompts`; empty if there are too few answers."""
    among = choices(facts)
    if any(len(places) < CHOICES for places in among):
        return [()] * len(facts)
    written = [asked.write(fact.pair.output) for fact in facts]
    alone = [loss for (loss,) in losses_after(asked.model, [asked.begin] * len(facts), [[answer] for answer in written])]
    asking = [(place, prompt) for place, own in enumerate(asked.prompts) for prompt in own[:prompts]]
    given = losses_after(asked.model, [prompt for _, prompt in asking], [[written[at] for at in among[place]] for place, _ in asking])
    ranks: list[list[int]] = [[] for _ in facts]
    for (place, _), losses in zip(asking, given, strict=True):
        own, *others = (loss - alone[at] for loss, at in zip(losses, among[place], strict=True))
        ranks[place].append(1 + sum(other <= own for other in others))
    return [tuple(found) for found in ranks]


def losses_after(model: Any, prompts: Sequence[list[int]], options: Sequence[Sequence[list[int]]]) -> list[list[float]]:
    """Return the mean loss of a token of each option after its prompt, which is read once; each prompt has as many options."""
    longest = max(len(option) for own in options for option in own)
    at_once = max(1, _SCORES // (len(options[0]) * longest * model.get_input_embeddings().num_embeddings))
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    found: dict[int, list[float]] = {}
    for start in range(0, len(order), at_once):
        some = order[start : start + at_once]
        found.update(zip(some, _losses(model, [prompts[at] for at in some], [options[at] for at in some]), strict=True))
    return [found[place] for place in range(len(prompts))]


@torch.inference_mode()
def _losses(model: Any, prompts: list[list[int]], options: list[Sequence[list[int]]]) -> list[list[float]]:
    count = len(options[0])
    tokens, mask = left_padded(prompts, model.device)
    place = (mask.cumsum(-1) - 1).clamp(min=0)
    before = model(input_ids=tokens, attention_mask=mask, position_ids=place, use_cache=True, logits_to_keep=1)
    before.past_key_values.batch_repeat_interleave(count)
    ids, labels = pad_right([Row(option, option) for own in options for option in own], model.device)
    seen = torch.cat([mask.repeat_interleave(count, 0), (labels != IGNORED).to(mask.dtype)], 1)
    place = (seen.cumsum(-1) - 1)[:, -ids.size(1) :]
    after = model(input_ids=ids, attention_mask=seen, position_ids=place, past_key_values=before.past_key_values, use_cache=True)
    scores = torch.cat([before.logits.repeat_interleave(count, 0), after.logits[:, :-1]], 1)
    flat = functional.cross_entropy(scores.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="none")
    means = flat.view_as(labels).sum(-1) / (labels != IGNORED).sum(-1)
    return means.view(-1, count).tolist()
