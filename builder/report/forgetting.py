"""What the model could do before training and can no longer do: general text, general prompts, and tasks of lm-evaluation-harness."""

from collections.abc import Mapping
from typing import Any

from builder.figures_in_words import amount
from builder.report.compared import difference
from builder.report.plain import rows as plain_rows

LOST = 8  # prompts that are shown


def forgetting(found: Mapping[str, Any] | None, harness: object = None) -> dict[str, Any]:
    """Return the section's figures; empty if it was not measured."""
    if not found and not harness:
        return {}
    found = found or {}
    text, prompts = found.get("text") or {}, found.get("prompts") or {}
    return {
        "sentence": str(found.get("sentence") or ""),
        "knew": found.get("knew_general_text", True),
        "text": [_register("all passages", text), *(_register(name, one) for name, one in (text.get("registers") or {}).items())]
        if text
        else [],
        "kinds": [{"kind": "all prompts", **_counts(prompts)}, *({"kind": kind, **_counts(one)} for kind, one in _kinds(prompts))],
        "lost": [_lost(row) for row in prompts.get("rows") or () if row["right"].get("base") and not row["right"].get("tuned")][:LOST],
        "differences": [difference(part["comparison"]) for part in (text, prompts) if part.get("comparison")],
        "harness": [list(row) for row in plain_rows(harness)] if isinstance(harness, Mapping) else [],
    }


def _kinds(prompts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return list((prompts.get("kinds") or {}).items())


def _counts(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.get(name, 0) for name in ("n", "base", "tuned")}


def _register(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    means = {system: amount("bits_per_byte", one[system]) for system in ("base", "tuned") if system in one}
    return {"name": name, "passages": one.get("passages"), **means}


def _lost(row: Mapping[str, Any]) -> dict[str, Any]:
    answers = row.get("answers") or {}
    return {
        "prompt": row["prompt"],
        "expected": ", ".join(row["expected"]),
        "base": answers.get("base", ""),
        "tuned": answers.get("tuned", "")[:200],
    }
