"""A question gives nothing away: an answer that stands in its question teaches nothing."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, questions, words


def problem(item: dict[str, Any], material: Material) -> str:  # noqa: ARG001
    """Return what is wrong with a question and its answer, or an empty string."""
    answer = item["output"]
    given_away = next((question for question in questions(item) if len(words(answer)) > 2 and contains(question, answer.strip(" .!"))), "")
    return "wordings: one of them holds the whole answer; ask without giving it away" if given_away else ""
