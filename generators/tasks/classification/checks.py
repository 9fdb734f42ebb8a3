"""The answer is exactly one of the labels, the instruction names them all, and the message does not tell."""

from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import contains, normal


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with a classified message, or an empty string."""
    labels = list(material.ask.task.labels(material.style))
    if item["output"] not in labels:
        return f"output: it is none of the labels {', '.join(labels)}"
    unnamed = next((label for label in labels if not contains(item["instruction"], label)), "")
    if unnamed:
        return f"instruction: it does not name the label {unnamed}"
    told = f"label: {item['output']}"
    return "input: the message names its label" if normal(told) in normal(item["input"]) else ""
