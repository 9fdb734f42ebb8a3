"""Was it the data: the chosen pairs against other selections, and how the score grows with their number."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder.figures_in_words import amount, metric_name, set_name
from builder.report.compared import FIRST_METRIC, LOWER, difference

NAMES = {
    "curated": "chosen by kilopair",
    "random": "drawn at random",
    "random_facts": "whole facts drawn at random",
    "longest": "the longest responses",
}
_PART = re.compile(r"([a-z_]+?)_(\d+(?:_\d+)?)")  # curated_10, curated_12_5
SETS = {"all_facts": "facts drawn from all documents, whoever teaches them"}


def prove(found: Mapping[str, Any], contents: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the section's figures; empty if kilopair prove was not run.

    Args:
        found: prove.json.
        contents: the hashes of this run's outputs by stage; a proof of others is `stale`.
    """
    if not found:
        return {}
    declared = found.get("declared") or {}
    metric = str(declared.get("metric") or FIRST_METRIC)
    names = list(found.get("questions") or {}) or ["scores"]
    whole = [one for one in (found.get("selections") or {}).values() if one.get("share", 1) == 1]  # the others are parts of the chosen
    return {
        "sentence": str(found.get("sentence") or "").rstrip("."),
        "metric": metric_name(metric),
        "sets": [{"set": name, "name": SETS.get(name, set_name(name)) if name != "scores" else metric_name(metric)} for name in names],
        "questions": dict(found.get("questions") or {}),
        "same_size": len(whole) > 1 and len({one.get("pairs") for one in whole}) == 1,
        "selections": [*_base(found.get("base"), metric, names), *_selections(found.get("selections") or {}, metric, names)],
        "differences": [_named(difference(one)) for one in found.get("comparisons") or ()],
        "other_sets": [_named(difference(one)) for one in found.get("other_sets") or ()],
        "curve": [dict(point) for point in found.get("curve") or ()],
        "seconds": found.get("seconds"),
        "stale": is_stale(found, contents or {}),
    }


def is_stale(found: Mapping[str, Any], contents: Mapping[str, str]) -> bool:
    """Tell whether what a command left is of other outputs than these, by the hashes that it noted."""
    return any(contents.get(stage, content) != content for stage, content in (found.get("of") or {}).items())


def selection_name(selection: str) -> str:
    """Return what a selection is called."""
    part = _PART.fullmatch(selection)
    if part and part[1] in NAMES:
        return f"{NAMES[part[1]]}, {part[2].replace('_', '.')}% of them"
    return NAMES.get(selection, selection.replace("_", " "))


def _named(one: dict[str, Any]) -> dict[str, Any]:
    names = [selection_name(one["first"]), selection_name(one["second"])]
    return one | {"names": names, "metric_name": metric_name(one["metric"]), "lower_is_better": one["metric"] in LOWER}


def _base(means: Mapping[str, Any] | None, metric: str, names: Sequence[str]) -> list[dict[str, Any]]:
    if not means:
        return []
    cells = [{"shown": amount(metric, (means.get(name) or {}).get(metric)), "range": ""} for name in names]
    return [
        {
            "selection": "base",
            "name": "nothing (the base)",
            "pairs": 0,
            "tokens": 0,
            "left_out": None,
            "leaks": None,
            "seeds": 1,
            "cells": cells,
        }
    ]


def _selections(found: Mapping[str, Mapping[str, Any]], metric: str, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "selection": name,
            "name": selection_name(name),
            **{figure: one.get(figure) for figure in ("pairs", "tokens", "left_out", "leaks")},
            "seeds": len(one.get("seeds") or ()),
            "cells": [_cell(one.get("seeds") or (), metric, where) for where in names],
        }
        for name, one in found.items()
    ]


def _cell(seeds: Sequence[Mapping[str, Any]], metric: str, where: str) -> dict[str, str]:
    """Return the mean over the seeds, and the lowest and highest."""
    scores = [run.get("scores") if where == "scores" else (run.get("sets") or {}).get(where) for run in seeds]
    values = [one[metric] for one in scores if one and metric in one]
    if not values:
        return {"shown": "", "range": ""}
    ends = " to ".join(amount(metric, end) for end in (min(values), max(values))) if len(values) > 1 else ""
    return {"shown": amount(metric, sum(values) / len(values)), "range": ends}
