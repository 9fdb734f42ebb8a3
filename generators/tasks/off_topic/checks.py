"""A request that is off the topic does not name the company; the redirect does, and does not do what was asked."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, new_numbers, words

_LONGEST = 90


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a redirect, or an empty string."""
    company = material.style.company
    if contains(item["instruction"], company):
        return f"instruction: it names {company}, so it is not off the topic"
    if not contains(item["output"], company):
        return f"output: it does not say that this is about {company}"
    if len(words(item["output"])) > _LONGEST:
        return f"output: it has more than {_LONGEST} words; decline in one to three sentences"
    facts = new_numbers(item["output"], item["instruction"], company)
    return f"output: it gives {facts[0]}, so it does what was asked" if facts else ""
