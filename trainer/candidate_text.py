"""How a candidate base reads this dataset: what its tokenizer makes of the text, whether the pairs fit, and whether its template ends."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from transformers import PreTrainedTokenizerBase

from schemas.records import Pair
from trainer.rows import Row
from trainer.templates import Template

_ONE_BYTE = re.compile(r"^<0x[0-9A-Fa-f]{2}>$")  # how SentencePiece spells a byte that no piece holds


@dataclass(frozen=True)
class Reading:
    """What a tokenizer makes of the user's text.

    Args:
        bytes_per_token: UTF-8 bytes of the text over its tokens; more is better, and comparable over languages.
        words_per_token: words between spaces over tokens; its inverse is called fertility.
        unknown_share: tokens that stand for text that the vocabulary cannot hold.
        broken_share: tokens that hold only part of a letter, as for scripts that the vocabulary hardly knows (byte fallback).
    """

    bytes_per_token: float
    words_per_token: float
    unknown_share: float
    broken_share: float


@dataclass(frozen=True)
class Lengths:
    """The rows of the pairs in tokens, and how many do not fit the model's context (None: it names none)."""

    context: int | None
    longest: int
    over: int
    over_share: float


def read_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Reading:
    """Measure a tokenizer on texts, of which one at least is not empty."""
    given: Any = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    counts = Counter(chain.from_iterable(given))
    tokens = max(1, counts.total())
    unknown = counts[tokenizer.unk_token_id] if tokenizer.unk_token_id is not None else 0
    broken = sum(count for token, count in counts.items() if _is_broken(tokenizer, token))
    return Reading(
        bytes_per_token=sum(len(text.encode()) for text in texts) / tokens,
        words_per_token=sum(len(text.split()) for text in texts) / tokens,
        unknown_share=unknown / tokens,
        broken_share=broken / tokens,
    )


def _is_broken(tokenizer: PreTrainedTokenizerBase, token: int) -> bool:
    """Tell whether a token is part of a letter: a byte by name, or bytes that are no text by themselves."""
    spelt: Any = tokenizer.convert_ids_to_tokens(token)
    return bool(_ONE_BYTE.match(spelt)) or "\ufffd" in str(tokenizer.decode([token]))


def measure_rows(rows: Sequence[Row], context: int | None) -> Lengths:
    """Compare the lengths of rows with the model's context."""
    lengths = [len(row) for row in rows]
    over = sum(context is not None and length > context for length in lengths)
    return Lengths(context, max(lengths), over, over / len(lengths))


def texts_of(pairs: Sequence[Pair]) -> list[str]:
    """Return all that the pairs say, without repetitions of a whole text."""
    said = ([pair.instruction, pair.input, pair.output] for pair in pairs)
    return [text for text in dict.fromkeys(chain.from_iterable(said)) if text.strip()]


def template_notes(tokenizer: PreTrainedTokenizerBase, template: Template, ends: frozenset[int]) -> list[str]:
    """Say what is odd about a candidate's template and tokens, in the order of how much it matters; nothing where all is well.

    Args:
        tokenizer: of the candidate.
        template: that it would be trained with.
        ends: its generation_config's end tokens.
    """
    notes: list[str] = []
    if template.end not in ends:  # P42
        token = tokenizer.convert_ids_to_tokens(template.end)
        notes.append(f"its template ends a turn with {token}, which its generation_config does not name; training sets that right")
    if template.closing.strip() and str(tokenizer.convert_ids_to_tokens(template.end)) not in template.closing:  # P43, P44
        notes.append("its template closes a turn without a token of its own; the end-of-text token is trained instead")
    return notes
