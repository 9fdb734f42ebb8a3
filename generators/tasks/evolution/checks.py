"""Harder is another question than the one it came from, and not only a longer one (Evol-Instruct, Xu et al. 2304.12244)."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import token_f1, words
from generators.alpaca.prompts import shown_seeds

_SAME = 0.9  # token F1 with the question it came from
_LONGEST = 3  # times the words of the question it came from, beside a few words of its own
_FREE_WORDS = 15


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with an evolved question, or an empty string."""
    seeds = shown_seeds(material.ask)
    if item["seed"] > len(seeds):
        return f"seed: there is no pair {item['seed']}"
    seed = seeds[item["seed"] - 1]
    if token_f1(item["instruction"], seed.instruction) > _SAME:
        return f"instruction: it is hardly another question than pair {item['seed']}"
    if len(words(item["instruction"])) > _LONGEST * len(words(seed.instruction)) + _FREE_WORDS:
        return f"instruction: it is far longer than pair {item['seed']}; harder is not longer"
    return "output: it is the answer of the pair it came from" if token_f1(item["output"], seed.output) == 1.0 else ""
