"""The rounds of kilopair iterate: what each added, and whether it helped on questions that no round was trained on."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from builder.figures_in_words import amount
from builder.report.compared import difference
from builder.report.prove import is_stale

FACTS = 10  # that are shown
_KEPT = ("n", "documents", "asked", "wrong", "known", "best", "stopped_because")
_SHARE = "share"


def rounds(found: Mapping[str, Any], contents: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the section's figures; empty if kilopair iterate was not run.

    Args:
        found: iterate.json.
        contents: the hashes of this run's outputs by stage; rounds that began with others are `stale`.
    """
    if not found:
        return {}
    changes = Counter((one["round"], one["change"]) for one in found.get("history") or ())
    return {
        "sentence": str(found.get("sentence") or "").rstrip("."),
        **{name: found.get(name) for name in _KEPT},
        "rounds": [_round(one) for one in found.get("rounds") or ()],
        "held_out": [difference(one) for one in found.get("held_out") or ()],
        "noise": difference(found["noise"]) if found.get("noise") else None,
        "changes": [{"round": number, "change": change, "pairs": count} for (number, change), count in sorted(changes.items())],
        "facts": [dict(one) for one in sorted(found.get("facts") or (), key=lambda one: not one["rounds"])[:FACTS]],
        "conflicts": len(found.get("conflicts") or ()),
        "leaks": sum((found.get("leaks") or {}).values()),
        "notices": list(found.get("notices") or ()),
        "stale": is_stale(found, contents or {}),
    }


def _round(one: Mapping[str, Any]) -> dict[str, Any]:
    compared = {name: difference(one[name]) if one.get(name) else None for name in ("comparison", "since_start", "known", "control")}
    weak = {name: amount(_SHARE, one.get(name)) for name in ("weak_before", "weak_after", "expected")}
    return {**one, **compared, **weak}
