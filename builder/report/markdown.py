"""The report in Markdown, for the summary of a CI run and for pull requests."""

from collections.abc import Mapping
from typing import Any

from builder.figures_in_words import table

Told = Mapping[str, Any]
MARKS = {"better": "▲ better", "worse": "▼ worse", "same": "= the same", "not_shown": "○ not shown"}


def markdown(told: Told) -> str:
    """Return what a manager reads and the tables of the comparison; short enough for a CI summary."""
    parts = [
        f"# {_text(told['company'])}: {_text(_headline(told['verdict']))}",
        table(("figure", "value", "measured on"), [(row["name"], row["value"], row["note"]) for row in told["key_figures"]]),
        "\n".join(f"- **{_text(row['about'])}**: {_text(row['said'])}" for row in told["minute"]),
        *_comparison(told["compared"]),
        *_prove(told["prove"]),
        *_weak(told["diagnosis"]),
        *_rounds(told["iterate"]),
        *_reviewed(told["review"]),
        "\n".join(f"- Not measured: {_text(row['what'])} (`{row['how']}`)" for row in told["missing"]),
        f"Repeat: `{told['repeat']['command']}`. The whole report is `report.html`, its figures are `report.json`."
        if told["repeat"]
        else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(verdict: Told) -> str:
    return verdict["sentence"] if verdict else "no model was evaluated"


def _comparison(compared: Told) -> list[str]:
    if not compared:
        return []
    first = compared["metrics"][0]
    rows = [(row["name"], row["n"], *map(_cell, row["cells"])) for row in first["rows"]]
    differences = [one for one in compared["differences"] if one["metric"] == compared["metric"]]
    return [
        f"## {_text(first['name'])}, by set and system",
        table(("held-out set", "n", *(one["name"] for one in compared["systems"])), rows),
        table(
            ("second against first", "set", _gain(first["lower_is_better"]), "interval", "verdict", "n"),
            [
                (" against ".join(reversed(one["names"])), one["set"], one["shown"], one["limits"], _mark(one), one["n"])
                for one in differences
            ],
        ),
    ]


def _prove(prove: Told) -> list[str]:
    if not prove:
        return []
    rows = [(" against ".join(reversed(one["names"])), one["shown"], one["limits"], _mark(one), one["n"]) for one in prove["differences"]]
    gain = _gain(any(one["lower_is_better"] for one in prove["differences"]))
    return [
        "## Was it the data?",
        _stale(prove) + _text(prove["sentence"]),
        table(("second against first", gain, "interval", "verdict", "n"), rows),
    ]


def _weak(diagnosis: Told) -> list[str]:
    if not diagnosis:
        return []
    rows = [(row["name"], f"{row['wrong']} of {row['n']}") for row in diagnosis["weak"]["section"][:5]]
    return ["## What is weak", _text(diagnosis["sentence"]), table(("section", "wrong answers"), rows)]


def _rounds(iterate: Told) -> list[str]:
    return ["## Rounds of improvement", _stale(iterate) + _text(iterate["sentence"])] if iterate else []


def _reviewed(review: Told) -> list[str]:
    if not review:
        return []
    states = ", ".join(f"{count:,} {state}" for state, count in review["states"].items())
    agreed = "".join(f"\n- {_text(sentence)}" for sentence in review["agreement"])
    return ["## What people decided", f"- of {review['items']:,} reviewed pairs and drafts: {states}{agreed}"]


def _stale(found: Told) -> str:
    return "Of another state of the pairs or the base than the rest: " if found["stale"] else ""


def _gain(lower_is_better: bool) -> str:
    return "difference (negated: more is better)" if lower_is_better else "difference"


def _mark(one: Told) -> str:
    return MARKS.get(str(one["verdict"]), str(one["verdict"]))


def _cell(cell: Told | None) -> str:
    return "" if cell is None else f"{cell['shown']} ({cell['limits']})" if cell["limits"] else str(cell["shown"])


def _text(said: str) -> str:
    """Return a text on one line, in which nothing is markup."""
    line = " ".join(str(said).split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>|" else letter for letter in line)
