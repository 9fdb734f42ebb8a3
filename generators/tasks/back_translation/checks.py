"""The answer is the passage's own text, hardly touched (after Humpback, Li et al. 2308.06259)."""

import re
from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, new_numbers, share, shorten, words

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_NEAR = 0.75  # share of the answer's word triples that stand in the passage


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a part of the passage as answer, or an empty string."""
    passage, answer = material.ask.passages[0], item["output"]
    text = passage.chunk.text
    if not contains(text, answer) and share(answer, text) < _NEAR:
        parts = [part for part in _SENTENCE.split(answer) if words(part)]
        strange = min(parts, key=lambda part: share(part, text), default=answer)
        return f"output: {shorten(strange)} is not the passage's own text; change as little as possible"
    if strange_numbers := new_numbers(answer, text, passage.document.title, *passage.chunk.heading_path):
        return f"output: the number {strange_numbers[0]} is not in the passage"
    return "instruction: it holds the answer" if contains(item["instruction"], answer) else ""
