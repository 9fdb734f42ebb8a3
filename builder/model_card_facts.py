"""What the model card says beside the figures of the training: the same comparisons and sentences as the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from builder.report.compared import compared
from builder.report.diagnosis import diagnosis
from builder.report.forgetting import forgetting
from builder.report.verdict import verdict, with_rivals

Table = tuple[tuple[str, ...], Sequence[tuple[object, ...]]]


def results(evaluation: Mapping[str, Any]) -> Table | None:
    """Return every system on every held-out set by the declared metric, with intervals; None where nothing was estimated."""
    found = compared(evaluation)
    if not found or not evaluation.get("estimates"):
        return None
    first = found["metrics"][0]
    rows = [(row["name"], row["n"], *map(_cell, row["cells"])) for row in first["rows"]]
    return (f"{first['name']} on", "questions", *(system["name"] for system in found["systems"])), rows


def proof(evaluation: Mapping[str, Any]) -> list[str]:
    """Return the sentences of the comparisons: the declared one first; none where nothing was compared."""
    decided = verdict(evaluation)
    if not decided or decided["verdict"] == "not_compared":
        return []
    return [f"{decided['sentence'][:1].upper()}{decided['sentence'][1:]}.", *with_rivals(evaluation, decided)]


def limits(evaluation: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return what is known to be weak: which tasks most answers were wrong in, what training gained and lost, what was forgotten.

    Args:
        evaluation: evaluation.json.
        found: diagnosis.json, or nothing.
    """
    weak = diagnosis(found, {})
    lines = []
    if worst := (weak.get("weak") or {}).get("task"):  # not documents: their names may be nobody's business where the model goes
        named = ", ".join(f"{row['name'].replace('_', ' ')} ({row['wrong']} of {row['n']})" for row in worst[:3])
        lines.append(f"Most of its wrong answers to held-out questions are by task: {named}.")
    lines += [weak["sentence"]] if weak.get("sentence") else []
    lines += [said] if (said := (forgetting(evaluation.get("forgetting")) or {}).get("sentence")) else []
    return [f"{line[:1].upper()}{line[1:].rstrip('.')}." for line in lines]


def _cell(cell: Mapping[str, Any] | None) -> str:
    return "" if cell is None else f"{cell['shown']} ({cell['limits']})" if cell["limits"] else cell["shown"]
