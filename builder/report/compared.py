"""Every system on every held-out set, and the differences between systems, as an evaluation measured them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from builder.figures_in_words import SETS, SYSTEMS, amount, gain, interval, limits, metric_name, set_name, system_name

FIRST_METRIC = "exact_match"
LOWER = frozenset({"loss", "perplexity", "bits_per_byte"})  # whose comparisons are of negated values
OF_ALL = frozenset({"exact_match", "token_f1", "rouge_l", "length_ratio", "stop_rate", "loss", "perplexity"})  # apply to every question
METRICS = ("exact_match", "token_f1", "rouge_l", "stop_rate", "perplexity")  # in this order, then as they come


def compared(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section's figures; empty if nothing was evaluated.

    Args:
        evaluation: `estimates` and `comparisons` where there are some; means alone are taken from `sets`.
    """
    found = _estimates(evaluation)
    if not found:
        return {}
    first = str(_declared(evaluation).get("metric") or FIRST_METRIC)
    systems = _in_order({one["system"] for one in found}, SYSTEMS)
    metrics = _in_order({one["metric"] for one in found}, dict.fromkeys((first, *METRICS)))
    return {
        "metric": first,
        "systems": [{"system": name, "name": system_name(name)} for name in systems],
        "metrics": [_table(metric, [one for one in found if one["metric"] == metric], systems) for metric in metrics],
        "differences": _differences(evaluation),
        "tasks": _tasks(evaluation),
        "noise_floor": evaluation.get("noise_floor"),
        "confusion": _confusions(evaluation.get("confusion") or {}),
        "declared": _declared(evaluation),
        "notices": list(evaluation.get("notices") or ()),
    }


def primary(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the comparison that decides: the evaluation's own verdict, else base against tuned by the declared metric, else the first."""
    comparisons, said = list(evaluation.get("comparisons") or ()), evaluation.get("verdict") or {}
    if told := [one for one in comparisons if said and (one["set"], one["sentence"]) == (said.get("set"), said.get("sentence"))]:
        return told[0]
    declared = _declared(evaluation)
    sets = [declared["set"]] if declared.get("set") else ["paraphrase", "test"]
    wanted = [one for one in comparisons if one["metric"] == (declared.get("metric") or FIRST_METRIC) and one["second"] == "tuned"]
    ranked = [one for name in sets for one in wanted if one["set"] == name and one["first"] == "base"]
    return next(iter([*ranked, *wanted, *comparisons]), None)


def difference(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison with what is shown of it in words; an interval that has no end is told as none."""
    return {
        **one,
        "shown": gain(one),
        "limits": limits(one),
        "means": [amount(one["metric"], abs(one["first_mean"])), amount(one["metric"], abs(one["second_mean"]))],
        "names": [system_name(one["first"]), system_name(one["second"])],
    }


def _differences(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all comparisons, sets and systems in the order of the tables."""
    found = [difference(one) for one in evaluation.get("comparisons") or ()]
    sets, systems = (_in_order({one[name] for one in found}, known) for name, known in (("set", SETS), ("first", SYSTEMS)))
    return sorted(found, key=lambda one: (sets.index(one["set"]), systems.index(one["first"])))


def _declared(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    found = evaluation.get("declared")
    return dict(found) if isinstance(found, Mapping) else {}


def _estimates(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row per metric, system and set: as estimated, else the bare means of what applies to every question of the set."""
    known = [dict(one) for one in evaluation.get("estimates") or ()]
    seen = {(one["metric"], one["system"], one["set"]) for one in known}
    bare = [
        {"metric": metric, "system": system, "set": name, "n": figures["n"], "mean": mean, "low": None, "high": None}
        for name, figures in (evaluation.get("sets") or {}).items()
        for system, means in figures.get("overall", {}).items()
        for metric, mean in means.items()
        if metric in OF_ALL and (metric, system, name) not in seen and not (metric == "loss" and "perplexity" in means)
    ]
    return known + bare


def _table(metric: str, found: Sequence[Mapping[str, Any]], systems: Sequence[str]) -> dict[str, Any]:
    names = _in_order({str(one["set"]) for one in found}, SETS)
    by_place = {(one["set"], one["system"]): one for one in found}
    return {
        "metric": metric,
        "name": metric_name(metric),
        "lower_is_better": metric in LOWER,
        "rows": [
            {
                "set": name,
                "name": set_name(name),
                "n": max(one["n"] for one in found if one["set"] == name),
                "cells": [_cell(metric, by_place.get((name, system))) for system in systems],
            }
            for name in names
        ],
    }


def _cell(metric: str, one: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "mean": one["mean"],
        "low": one["low"],
        "high": one["high"],
        "shown": amount(metric, one["mean"]),
        "limits": interval(metric, one["low"], one["high"]),
    }


def _confusions(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the confusion matrices of the tuned model: by set and classification task, expected labels as rows."""
    return [
        {"set": name, "task": task, **one}
        for name, tasks in found.items()
        for task, systems in tasks.items()
        for one in systems
        if one.get("system") == "tuned"
    ]


def _tasks(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return exact match and token F1 of base and tuned by set and task."""
    return [
        {
            "set": name,
            "task": task,
            "n": rows["n"],
            "figures": [[amount(metric, rows[system][metric]) for system in ("base", "tuned")] for metric in ("exact_match", "token_f1")],
        }
        for name, figures in (evaluation.get("sets") or {}).items()
        if name in ("paraphrase", "test", "test_documents")
        for task, rows in figures.get("tasks", {}).items()
        if all(metric in rows.get(system, {}) for system in ("base", "tuned") for metric in ("exact_match", "token_f1"))
    ]


def _in_order(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return names in the known order, then those that are not known by their letters."""
    there = set(names)
    order = [name for name in known if name in there]
    return [*order, *sorted(there - set(order))]
