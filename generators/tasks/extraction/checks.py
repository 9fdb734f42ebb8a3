"""Extraction copies: every text in the object stands in the passage, and something was found."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import normal, shorten, strings, words


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with an extracted object, or an empty string."""
    passage = normal(material.ask.passages[0].chunk.text)
    values = [text for text in strings(item["output"]) if text.strip()]
    strange = next((text for text in values if normal(text) not in passage), None)
    if strange is not None:
        return f"output: {shorten(strange)} is not in the passage; copy it character by character"
    if not values and not _has_value(item["output"]):
        return "output: it holds nothing; leave the item out"
    asked = set(words(item["instruction"].replace("_", " ")))
    fields = item["output"] if isinstance(item["output"], dict) else {}
    unnamed = next((field for field in fields if not set(words(field.replace("_", " "))) <= asked), "")
    return f"instruction: it does not name the field {unnamed}" if unnamed else ""


def _has_value(value: Any) -> bool:
    """Whether there is any number or truth value, at any depth: these cannot be compared with the passage as text."""
    if isinstance(value, dict | list):
        return any(_has_value(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float)
