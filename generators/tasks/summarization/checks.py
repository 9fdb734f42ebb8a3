"""A summary is shorter than what it sums up, and every number in it is from there."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import new_numbers, words

_LONGEST = 0.8  # of the words of the passage


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a summary, or an empty string."""
    passage = material.ask.passages[0]
    if len(words(item["output"])) > _LONGEST * len(words(passage.chunk.text)):
        return "output: it is hardly shorter than the passage"
    strange = new_numbers(item["output"], passage.chunk.text, passage.document.title, *passage.chunk.heading_path)
    return f"output: the number {strange[0]} is not in the passage" if strange else ""
