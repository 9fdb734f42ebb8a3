"""Where the right passage is not shown, the answer must not know what only that passage says."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import new_numbers, normal, questions


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with an open-book question, or an empty string."""
    if normal(item["unanswered"]) == normal(item["output"]):
        return "unanswered: it is the same as output; say that the material does not tell"
    others = [passage.chunk.text for passage in material.ask.passages[1:]]
    leaked = new_numbers(item["unanswered"], *questions(item), *others)
    return f"unanswered: it gives {leaked[0]}, which only the missing passage says" if leaked else ""
