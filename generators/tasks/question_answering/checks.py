"""A question asks one thing and gives nothing away; the answer is more than a yes, and has no number from nowhere."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, new_numbers, questions, source_text, words

_BARE = frozenset({"yes", "no", "ja", "nein", "oui", "non", "sí", "sì", "si", "sim", "não"})
_MOST_QUESTIONS = 2  # in one wording: "A railcard? Is it paid?" is one still


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a question and its answer, or an empty string."""
    answer = item["output"]
    given_away = next((question for question in questions(item) if len(words(answer)) > 2 and contains(question, answer.strip(" .!"))), "")
    if given_away:
        return "wordings: one of them holds the whole answer; ask without giving it away"
    if any(question.count("?") > _MOST_QUESTIONS for question in questions(item)):
        return "wordings: one of them asks several things; ask one"
    if set(words(answer)) <= _BARE:
        return "output: it is a bare yes or no; say what it rests on"
    if material.ask.difficulty == "applied":  # what is calculated in a situation stands nowhere
        return ""
    strange = new_numbers(answer, source_text(material.ask), *questions(item))
    return f"output: the number {strange[0]} is not in the passage" if strange else ""
