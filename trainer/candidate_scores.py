"""What a candidate base can do before training: bits per byte of the expected answers, and answers after a few examples."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from schemas.records import Pair, Turn
from trainer.candidate_text import Lengths
from trainer.generate import generate
from trainer.loss import row_losses
from trainer.metrics import exact_match, token_f1
from trainer.model import end_tokens
from trainer.rows import IGNORED, pair_rows
from trainer.templates import Template


@dataclass(frozen=True)
class FewShot:
    """Greedy answers to held-out questions after a few training pairs as earlier turns."""

    shots: int
    questions: int
    exact_match: float
    token_f1: float


def bits_of_answers(model: Any, pairs: Sequence[Pair], template: Template) -> list[float]:
    """Return for every pair the bits that the model needs for its response, given the prompt; without the end token.

    Divided by the bytes of the response this compares models whatever their tokenizers, which perplexity does not.
    """
    rows = [replace(row, labels=[*row.labels[:-1], IGNORED]) for row in pair_rows(pairs, template)]
    return [loss / math.log(2) for loss in row_losses(model, rows)]


def bytes_of_answers(pairs: Sequence[Pair]) -> list[int]:
    """Return the UTF-8 bytes of every response."""
    return [len(pair.output.strip().encode()) for pair in pairs]


def draw_shots(train: Sequence[Pair], *, count: int, seed: int) -> list[Pair]:
    """Draw the examples, the same for every candidate: short pairs without earlier turns, so that they fit."""
    alone = [pair for pair in train if not pair.history]
    short = sorted(alone, key=lambda pair: len(pair.instruction) + len(pair.input) + len(pair.output))[: max(count, len(alone) // 2)]
    return random.Random(seed).sample(short, min(count, len(short)))  # noqa: S311 - a draw, not a secret


def few_shot(model: Any, pairs: Sequence[Pair], shots: Sequence[Pair], *, template: Template, lengths: Lengths) -> FewShot:
    """Answer the questions of `pairs`, which fit the context, after as many of the examples as fit beside them and their answers."""
    most = max(map(len, template.completions([pair.output for pair in pairs])))
    most += most // 4 + 8
    used = len(shots)
    prompts = _prompts(pairs, shots, template)
    while used and lengths.context is not None and max(map(len, prompts)) + most > lengths.context:
        used -= 1
        prompts = _prompts(pairs, shots[:used], template)
    answers = generate(model, prompts, ends=end_tokens(model, template), max_new_tokens=most)
    texts = [
        template.decode(answer.tokens) if answer.stopped else _cut(template.decode(answer.tokens), pair)
        for answer, pair in zip(answers, pairs, strict=True)
    ]
    exact = fmean(exact_match(text, pair.output) for text, pair in zip(texts, pairs, strict=True))
    f1 = fmean(token_f1(text, pair.output) for text, pair in zip(texts, pairs, strict=True))
    return FewShot(used, len(pairs), exact, f1)


def _prompts(pairs: Sequence[Pair], shots: Sequence[Pair], template: Template) -> list[list[int]]:
    return template.pair_prompts([_after(shots, pair) for pair in pairs])


def _after(shots: Sequence[Pair], pair: Pair) -> Pair:
    """Return the pair with the examples as earlier turns of its conversation."""
    turns = [turn for shot in shots for turn in (Turn(role="user", content=_asked(shot)), Turn(role="assistant", content=shot.output))]
    return pair.model_copy(update={"history": (*turns, *pair.history)})


def _asked(shot: Pair) -> str:
    return f"{shot.instruction}\n\n{shot.input}" if shot.input.strip() else shot.instruction


def _cut(text: str, pair: Pair) -> str:
    """Cut an answer that did not stop by itself where the expected one, if it is one line, would have ended."""
    return text if "\n" in pair.output.strip() else text.partition("\n")[0]
