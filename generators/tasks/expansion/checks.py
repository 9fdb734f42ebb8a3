"""The full text says more words than its outline, and no number that the outline and the passage lack."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import new_numbers, numbers, words

_FEWEST_POINTS = 3


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with an outline and its full text, or an empty string."""
    outline, text = item["input"], item["output"]
    passage = material.ask.passages[0]
    source = "\n".join((passage.chunk.text, passage.document.title, *passage.chunk.heading_path))
    if sum(1 for line in outline.splitlines() if line.strip()) < _FEWEST_POINTS:
        return f"input: an outline has at least {_FEWEST_POINTS} points, one per line"
    if len(words(text)) <= len(words(outline)):
        return "output: it is no longer than the outline"
    if strange := new_numbers(f"{outline}\n{text}", source):
        return f"the number {strange[0]} is not in the passage"
    lost = sorted(numbers(outline) - numbers(text))
    if lost:
        return f"output: it leaves out {lost[0]} of the outline"
    missing = sorted(numbers(text) - numbers(outline))
    return f"input: the outline lacks {missing[0]}, which the text needs" if missing else ""
