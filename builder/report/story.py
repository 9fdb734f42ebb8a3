"""What the report says, made of the facts alone: report.json is the facts with this. Page and Markdown only show it."""

from collections.abc import Mapping
from typing import Any

from builder.figures_in_words import SETS, set_name
from builder.model_stages import UNIONS
from builder.report.compared import OF_ALL, compared
from builder.report.counted import valid_pairs
from builder.report.coverage import drawn
from builder.report.forgetting import forgetting
from builder.report.plain import rows
from builder.report.trained import choice_in_words, passes
from builder.report.verdict import key_figures, minute, verdict
from builder.report.win_rate import win_rate

BY_TOKEN = frozenset({"loss", "perplexity"})
AT = {  # gate -> what comes to it
    "doubt": "pairs that nobody rejected",
    "screen": "pairs without signs of doubt",
    "ground": "well-formed pairs",
    "decontaminate": "grounded pairs",
    "dedup": "sound pairs",
    "judge": "distinct pairs",
    "select": "pairs to choose from",
}
MISSING = (  # part -> what it would show, and how to get it
    (
        "prove",
        "whether it was the data (chosen against random and longest pairs)",
        "kilopair prove recipe.yaml, then kilopair report recipe.yaml",
    ),
    ("iterate", "whether more pairs on the weak spots help", "kilopair iterate recipe.yaml, then kilopair report recipe.yaml"),
    ("diagnosis", "where answers are wrong and why", "kilopair diagnose recipe.yaml"),
    (
        "win_rate",
        "which answers a judge prefers",
        "set endpoint.base_url and judge.model in recipe.yaml, then kilopair evaluate recipe.yaml",
    ),
    ("forgetting", "what the model can no longer do", "kilopair evaluate recipe.yaml"),
    ("exported", "whether exported files answer as the model does", "set package.gguf in recipe.yaml, then kilopair package recipe.yaml"),
)


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts with everything that the report says of them."""
    evaluation, train = facts["evaluation"], facts["train_figures"]
    told_first = {
        **facts,
        "verdict": verdict(evaluation),
        "compared": _with_more(compared(evaluation)),
        "win_rate": win_rate(evaluation.get("win_rate")),
        "forgetting": forgetting(evaluation.get("forgetting"), evaluation.get("harness")),
        "tuned_overall": tuned_overall(evaluation),
        "drawn": drawn(facts["coverage"]),
        "flow": flow(facts),
        "passes": passes(train),
        "choice": choice_in_words(train),
        "notices": [*(evaluation.get("notices") or ()), *(train.get("notices") or ())],
        "examples_in_order": _order(facts["examples"]),
    }
    missing = [{"part": part, "what": what, "how": how} for part, what, how in MISSING if not told_first.get(part)]
    return {**told_first, "key_figures": key_figures(told_first), "minute": minute(told_first), "missing": missing}


def tuned_overall(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Return what applies to all held-out questions, of the tuned model, each asked once: sets that are unions are left out."""
    found = evaluation.get("sets") or {}
    sets = [figures for name, figures in found.items() if name not in UNIONS] or list(found.values())
    total = sum(figures["n"] for figures in sets)
    names = [name for name in sets[0]["overall"]["tuned"] if name in OF_ALL - BY_TOKEN] if total else []
    return {name: sum(one["n"] * one["overall"]["tuned"][name] for one in sets) / total for name in names}


def flow(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the way from drafts to chosen pairs: what came to each gate, how many left there, and why; idle gates are left out."""
    gates = (facts["chosen"] or {}).get("gates") or ()
    if not gates:
        return []
    unfit = {row["reason"]: row["count"] for row in facts["reasons"] if row["stage"] == "validate"}
    added = facts["chosen"].get("added", 0)
    drafts = gates[0]["came"] - added + sum(unfit.values())
    steps = [{"name": "drafts", "count": drafts, "left": sum(unfit.values()), "reasons": unfit}] if unfit else []
    steps += [
        {
            "name": valid_pairs(added) if row is gates[0] else AT.get(row["gate"], row["gate"]),
            "count": row["came"],
            "left": row["left"],
            "reasons": row["reasons"],
        }
        for row in gates
        if row["left"]
    ]
    last = gates[-1]
    chosen: dict[str, Any] = {"name": "chosen pairs", "count": last["came"] - last["left"], "left": 0, "reasons": {}}
    if not (kept := facts["chosen"].get("iterated")):
        return [*steps, chosen]
    gone = {"gave up their places": kept["left"]} if kept["left"] else {}
    name, count = f"pairs, {kept['added']:,} added by kilopair iterate", kept["came"] - kept["left"] + kept["added"]
    return [*steps, chosen | {"left": kept["left"], "reasons": gone}, chosen | {"name": name, "count": count}]


def _with_more(found: dict[str, Any]) -> dict[str, Any]:
    """Add what was declared and the noise floor as rows."""
    if not found:
        return {}
    noise = found["noise_floor"]
    more = {"declared": found["declared"], **({"noise floor": noise} if noise is not None else {})}
    return found | {"more": [list(row) for row in rows(more)]}


def _order(examples: Mapping[str, Any]) -> list[dict[str, str]]:
    names = [*(name for name in SETS if name in examples), *sorted(name for name in examples if name not in SETS)]
    return [{"set": name, "name": set_name(name)} for name in names]
