"""Pairs and raw text as token rows with explicit labels: what is trained on is decided here and nowhere else.

A pair's row is its prompt with the earlier turns of the conversation (not in the loss) and its response with the end
token (in the loss). A raw row is a window of the documents' text, all of it in the loss. No row is ever cut: what does not
fit is refused by name.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.records import Pair
from trainer.problems import pair_problems, refuse, too_long, twins
from trainer.templates import Template

IGNORED = -100  # the label that torch's cross entropy leaves out
RAW_BLOCK = 128


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids with the label of each, and the pair they come from (None: raw text)."""

    input_ids: list[int]
    labels: list[int]
    pair_id: str | None = None

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def trained(self) -> int:
        """Number of tokens in the loss."""
        return sum(label != IGNORED for label in self.labels)


def pair_rows(pairs: Sequence[Pair], template: Template, *, instructions: Sequence[str] | None = None) -> list[Row]:
    """Tokenize pairs, with other wordings of their instructions if given; labels cover the response and its end token."""
    prompts = template.pair_prompts(pairs, instructions)
    completions = template.completions([pair.output for pair in pairs])
    return [
        Row(prompt + completion, [IGNORED] * len(prompt) + completion, pair.id)
        for prompt, completion, pair in zip(prompts, completions, pairs, strict=True)
    ]


def text_stream(texts: Sequence[str], template: Template) -> list[int]:
    """Tokenize documents one after the other, each closed by the end token; control tokens in a text are plain text."""
    ids = template.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"] if texts else []
    return [token for document in ids for token in [*document, template.end]]  # pyright: ignore[reportGeneralTypeIssues]


def raw_rows(stream: Sequence[int], *, count: int, block: int, draw: random.Random) -> list[Row]:
    """Cut `count` windows of `block` tokens out of the stream, pass after pass, each pass from another offset."""
    rows: list[Row] = []
    size = min(block, len(stream))
    while len(rows) < count and size > 1:
        offset = draw.randrange(size) if len(stream) >= 2 * size else 0
        starts = list(range(offset, len(stream) - size + 1, size))
        draw.shuffle(starts)
        # The first token has nothing before it to be predicted from.
        rows += [Row(window, [IGNORED, *window[1:]]) for start in starts if (window := list(stream[start : start + size]))]
    return rows[:count]


def check_pairs(pairs: Sequence[Pair], template: Template) -> None:
    """Refuse pairs that would teach the wrong thing: blank responses, control tokens in the text, what the template garbles."""
    refuse(pair_problems(pairs, template))


def check_apart(train: Sequence[Pair], validation: Sequence[Pair]) -> None:
    """Refuse a validation set that repeats training questions: its loss would say nothing."""
    refuse(twins(train, validation))


def check_lengths(rows: Sequence[Row], limit: int | None) -> None:
    """Refuse rows longer than `limit` tokens: a cut response teaches the model never to finish."""
    refuse(too_long(((row.pair_id, len(row)) for row in rows), limit))
