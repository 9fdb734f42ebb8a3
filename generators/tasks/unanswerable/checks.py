"""What is not in the documents has no number: an answer that gives a new one has guessed."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import new_numbers, questions, source_text, words

_LONGEST = 120


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with an unanswerable question, or an empty string."""
    if guessed := new_numbers(item["output"], source_text(material.ask), *questions(item)):
        return f"output: it gives {guessed[0]}, which no passage says; do not guess"
    length = len(words(item["output"]))
    return f"output: it has {length} words; say in at most {_LONGEST} that the documents do not tell" if length > _LONGEST else ""
