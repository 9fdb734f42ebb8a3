"""The answer brings the fact that the question has wrong, and does not go along with the question."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, questions, words

_YES = frozenset({"yes", "ja", "oui", "sí", "si", "sì", "sim"})


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a false premise and its correction, or an empty string."""
    answer = words(item["output"])
    if answer and answer[0] in _YES:
        return "output: it begins with yes, as if the premise were true"
    # word for word: a false premise is often the sentence of the passage with one word changed
    if contains(material.ask.passages[0].chunk.text, item["premise"].strip(" .!")):
        return "premise: the passage says it, so it is not false"
    if material.style.language != "auto":
        return ""  # question and answer may share no word with the quotes
    known = {word for question in questions(item) for word in words(question)}
    proof = {word for quote in item["quotes"] for word in words(quote)} - known
    return "" if proof & set(answer) else "output: it does not give the fact that the quotes prove"
