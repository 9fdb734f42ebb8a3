"""Whose answers a judge prefers, with what would betray a judge that goes by place or by length."""

from collections.abc import Mapping
from typing import Any

from builder.figures_in_words import amount, interval, system_name
from builder.report.compared import difference

_RATE = "win_rate"


def win_rate(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the section's figures; empty if no judge was asked."""
    against = (found or {}).get("against") or {}
    if not found or not against:
        return {}
    rows = [_row(name, one) for name, one in against.items()]
    return {
        "sentence": rows[0]["sentence"],
        "model": found.get("model", ""),
        "questions": found.get("questions"),
        "undecided": dict(found.get("undecided") or {}),
        "cost": dict(found.get("cost") or {}),
        "rows": rows,
        "differences": [difference(one["comparison"]) for one in against.values() if one.get("comparison")],
    }


def _row(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    alike = one.get("equal_length") or {}
    return {
        "against": name,
        "name": system_name(name),
        **{figure: one.get(figure) for figure in ("n", "win", "tie", "loss", "rate", "low", "high")},
        "shown": amount(_RATE, one.get("rate")),
        "limits": interval(_RATE, one.get("low"), one.get("high")),
        "agreed": amount(_RATE, one.get("swap_consistency")),
        "alike": f"{amount(_RATE, alike['rate'])} of {alike['n']}" if alike.get("rate") is not None else "",
        "longer_wins": amount(_RATE, one.get("longer_wins")),
        "words": [round(length, 1) for length in (one.get("words") or {}).values()],
        "sentence": one.get("sentence", ""),
    }
