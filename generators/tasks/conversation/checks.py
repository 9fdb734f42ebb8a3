"""A conversation goes on: nobody says the same twice."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import normal


def problem(item: dict[str, Any], material: Material) -> str:  # noqa: ARG001
    """Return what is wrong with a conversation, or an empty string."""
    for speaker in ("user", "assistant"):
        said = [normal(turn[speaker]) for turn in item["turns"]]
        if len(set(said)) < len(said):
            return f"turns: the {speaker} says the same twice"
    return ""
