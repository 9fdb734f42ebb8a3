"""What a training did, measured on the saved folder: whether the model moved, answers otherwise, stops, and comes back from disk.

The two loudest complaints after a fine-tune are "it answers like the base" and "it never stops". Both are errors here, and both
name their cause. The answers compared are greedy ones to the same prompts: of the base before training, of the trained model in
memory, and of the model loaded again from the folder.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from schemas.errors import TrainingError
from schemas.records import Pair
from trainer.blame import end_not_learnt, identical, missing_end, not_the_trained_one
from trainer.evenly import evenly
from trainer.generate import Answer, generate
from trainer.loss import mean_loss
from trainer.model import end_tokens, load, saved_dtype, saved_ends
from trainer.rows import pair_rows
from trainer.templates import Template, choose_template

# Below this relative change a model whose answers are all those of its base was not trained. Usual runs move the weights by 1e-3
# (LoRA) to 1e-1; one that is meant to change less than this must change at least one of the answers that are compared.
UNMOVED = 1e-4
_EACH = 16  # questions of the training and of the validation pairs
_COMPARED = 64  # tokens of an answer that are compared with the base's, which seldom ends its answers
_SAMPLE = 4096  # elements of each weight that are kept to measure its change
_OFTEN = 0.9  # a smaller share of answers that stop is worth a note


@dataclass(frozen=True)
class Before:
    """What the base was: questions with the beginnings of its own answers, its loss on the expected ones, a sample of its weights."""

    pairs: list[Pair]
    answers: list[Answer]
    weights: dict[str, Tensor]
    loss: float
    chance: float  # the loss of a model to which every token is equally likely


@dataclass(frozen=True)
class Course:
    """How the training went, to name the cause when it went wrong: the rate, the rate usual for this base, and the updates."""

    learning_rate: float
    usual_rate: float
    updates: int


def probes(train: Sequence[Pair], validation: Sequence[Pair]) -> list[Pair]:
    """Choose the pairs whose answers are compared, evenly spread over both sets."""
    return [*evenly(train, _EACH), *evenly(validation, _EACH)]


def look_before(model: Any, template: Template, pairs: Sequence[Pair], *, base: str) -> Before:
    """Note the base's answers to the questions of `pairs`, its loss on the expected ones, and a sample of its weights.

    A base that is stored coarser than `model` was loaded answers as it is stored, as the tuned one will: rounding changes answers too.
    """
    is_exact = getattr(model, "is_quantized", False) or saved_dtype(base) == model.dtype
    asked = model if is_exact else load(base)[0]
    most = _room(pairs, template)
    answers = generate(asked, template.pair_prompts(pairs), ends=end_tokens(asked, template), max_new_tokens=min(_COMPARED, most))
    chance = math.log(asked.get_input_embeddings().num_embeddings)
    return Before(list(pairs), answers, sample_weights(model), mean_loss(asked, pair_rows(pairs, template)), chance)


def prove(tuned: Any, before: Before, *, folder: Path, template: Template, course: Course) -> dict[str, Any]:
    """Load the saved folder and return the figures: weights moved, answers changed, answers that stop, answers equal to memory's.

    Raises:
        TrainingError: the saved model is its base, is not the trained model, or never stops; names the cause.
    """
    here = _answers(tuned, before.pairs, template, end_tokens(tuned, template))
    model, tokenizer = load(folder)
    again = choose_template(tokenizer)
    if again.end not in saved_ends(model):
        raise TrainingError(missing_end(again, folder, saved_ends(model)))
    # Ended as any other program would end it: by what the saved folder says, not by what we know.
    there = _answers(model, before.pairs, again, saved_ends(model))
    change = min(relative_change(before.weights, tuned), relative_change(before.weights, model))
    changed = fmean(now.tokens[:_COMPARED] != once.tokens for now, once in zip(there, before.answers, strict=True))
    if different := sum(ours != theirs for ours, theirs in zip(here, there, strict=True)):
        raise TrainingError(not_the_trained_one(folder, count=len(here), different=different, is_base=not changed))
    if change < UNMOVED and not changed and not _known_before(before, again):
        raise TrainingError(identical(folder, change=change, course=course, model=tuned, stored=model))
    stop_rate = fmean(answer.stopped for answer in there)
    if not stop_rate:
        raise TrainingError(end_not_learnt(model, before.pairs, again, updates=course.updates))
    return {
        "probes": len(there),
        "relative_change": change,
        "changed_answers": changed,
        "stop_rate": stop_rate,
        "answers_equal_after_reload": 1.0,
        "loss_base": before.loss,
        "notices": [*_doubts(before), *_notices(stop_rate, changed, change)],
    }


def _doubts(before: Before) -> list[str]:
    """Say so if the base read the expected answers no better than by chance: a tokenizer of another model does that (P130)."""
    if before.loss < before.chance:
        return []
    read = f"the base read your answers no better than by chance (loss {before.loss:.2f}, chance {before.chance:.2f})"
    return [f"{read}; see whether its tokenizer files are of the same model as its weights"]


def _notices(stop_rate: float, changed: float, change: float) -> list[str]:
    notes: list[str] = []
    if stop_rate < _OFTEN:
        notes.append(f"only {stop_rate:.0%} of the answers end by themselves; train longer (train.epochs or train.tokens)")
    if not changed:
        notes.append(f"every answer that was compared is still the base's, though the weights moved by {change:.2g}; train longer")
    return notes


def _answers(model: Any, pairs: Sequence[Pair], template: Template, ends: frozenset[int]) -> list[Answer]:
    return generate(model, template.pair_prompts(pairs), ends=ends, max_new_tokens=_room(pairs, template))


def _room(pairs: Sequence[Pair], template: Template) -> int:
    """Return how long answers may be: a quarter more than the longest expected one, and a little."""
    longest = max(map(len, template.completions([pair.output for pair in pairs])))
    return longest + longest // 4 + 8


def _known_before(before: Before, template: Template) -> bool:
    """Tell whether the base already gave the expected answers, so that there was nothing to change."""
    expected = template.completions([pair.output for pair in before.pairs])
    return all(answer.tokens == ids[:-1][:_COMPARED] for answer, ids in zip(before.answers, expected, strict=True))


def sample_weights(model: nn.Module) -> dict[str, Tensor]:
    """Copy evenly spaced elements of every weight, to measure later how far training moved it."""
    return {name: _sampled(weight) for name, weight in model.named_parameters()}


def relative_change(before: Mapping[str, Tensor], model: nn.Module) -> float:
    """Return the norm of the change over the norm of the weights, on the sampled elements; 0 if nothing moved."""
    after = {name: _sampled(weight) for name, weight in model.named_parameters() if name in before}
    moved = sum(float((after[name] - before[name]).square().sum()) for name in after)
    size = sum(float(before[name].square().sum()) for name in after)
    return math.sqrt(moved / size) if size else 0.0


def _sampled(weight: Tensor) -> Tensor:
    flat = weight.detach().flatten()
    return flat[:: max(1, flat.numel() // _SAMPLE)].to("cpu", torch.float32, copy=True)
