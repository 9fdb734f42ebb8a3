"""A rewriting keeps every number of its sentences, adds none, and is not the same words again."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import new_numbers, shorten, stands_in, token_f1

_SAME = 0.9  # token F1 with the sentences that are rewritten


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a rewriting, or an empty string."""
    given, output = item["input"], item["output"]
    if not stands_in(material.ask.passages[0].chunk.text, given):
        return f"input: {shorten(given)} is not in the passage; copy it character by character"
    if token_f1(given, output) > _SAME:
        return "output: it is hardly another text than the input"
    if strange := new_numbers(output, given):
        return f"output: the number {strange[0]} is not in the input"
    lost = new_numbers(given, output)
    return f"output: it leaves out {lost[0]}" if lost else ""
