"""A comparison rests on both passages."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import stands_in


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a comparison, or an empty string."""
    for passage, name in zip(material.ask.passages, ("first", "second"), strict=False):
        if not any(stands_in(passage.chunk.text, quote) for quote in item["quotes"]):
            return f"quotes: none is from the {name} passage"
    return ""
