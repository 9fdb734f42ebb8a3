"""What the report says about how a model was trained: the weights after each pass and which were kept, the rates tried, the phases."""

from collections.abc import Mapping
from typing import Any

_RULES = {"answers": "by its answers", "loss": "by its loss", "last": "because it is the last"}


def choice_in_words(figures: Mapping[str, Any]) -> str:
    """Return in one sentence which pass each rule would keep, and which is kept and why; empty for figures without a choice."""
    choice = figures.get("choice")
    if not choice:
        return ""
    parts = [f"{name}: pass {choice[rule]}" for rule, name in (("by_answers", "by answers"), ("by_loss", "by loss")) if rule in choice]
    return "; ".join([*parts, f"kept: pass {choice['kept']}, {_RULES[choice['rule']]}"])


def passes(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the judged passes as rows of a table: pass, update, validation loss, exact match, token F1, and what marks it."""
    choice = figures.get("choice", {})
    marks = {"by_answers": "best answers", "by_loss": "lowest loss", "kept": "kept"}
    return [
        {**row, "marks": ", ".join(text for rule, text in marks.items() if choice.get(rule) == row["epoch"])}
        for row in figures.get("epochs", [])
    ]


def line(counts: Mapping[str, Any]) -> str:
    """Return what one line about a finished training adds: the pass that was kept, if it is not the last."""
    epochs, choice = counts.get("epochs", []), counts.get("choice", {})
    if not epochs or choice["kept"] == epochs[-1]["epoch"]:
        return ""
    return f"pass {choice['kept']} of {epochs[-1]['epoch']} kept"
