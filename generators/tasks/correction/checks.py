"""A correction sets what holds now against what no longer does, and knows which is which."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, questions, shorten, stands_in, words


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a correction, or an empty string."""
    current, older = (passage.chunk.text for passage in material.ask.passages[:2])
    if not stands_in(older, item["old_quote"]):
        return f"old_quote: {shorten(item['old_quote'])} is not in the older version; copy it character by character"
    if contains(current, item["old_quote"]):
        return "old_quote: the version in force says the same, so nothing has changed"
    if material.style.language != "auto":
        return ""  # question and answer may share no word with the quotes
    old = set(words(item["old_quote"])) - set(words(current))
    if old and not any(old & set(words(question)) for question in questions(item)):
        return "wordings: none of them states what held before"
    new = {word for quote in item["quotes"] for word in words(quote)} - set(words(item["old_quote"]))
    return "" if new & set(words(item["output"])) else "output: it does not give what holds now"
