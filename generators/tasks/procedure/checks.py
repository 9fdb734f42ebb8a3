"""Steps are numbered from 1, at least two, and their quotes stand in the passage in the same order."""

from itertools import pairwise
from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import new_numbers, normal, questions, steps

_FEWEST = 2
_BACK = 1  # how often the quotes may go back: what proves the sentence above the list often stands below the steps


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a procedure, or an empty string."""
    found = steps(item["output"])
    if len(found) < _FEWEST or found != list(range(1, len(found) + 1)):
        return 'output: it is no numbered list of steps, one per line: "1. ...", "2. ..."'
    passage = material.ask.passages[0]
    text = normal(passage.chunk.text)
    places = [place for quote in item["quotes"] if (place := text.find(normal(quote))) >= 0]
    if sum(right < left for left, right in pairwise(places)) > _BACK:
        return "quotes: they are not in the order of the passage; give the steps as they follow each other"
    known = (passage.chunk.text, passage.document.title, *passage.chunk.heading_path, *questions(item))
    strange = new_numbers(item["output"], *known)
    return f"output: the number {strange[0]} is not in the passage" if strange else ""
