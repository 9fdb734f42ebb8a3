"""The way from files to the splits, as far as a run has come: how many, what left, why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from builder.report.chosen import gates_of, iterated
from builder.report.counted import funnel, reasons
from builder.report.story import flow
from builder.review.explore_run import Run
from schemas.records import SPLITS

Figures = dict[str, Any]
_STEPS = (  # stage, its figure, what is counted, and the stage at which some of it leaves
    ("read", "in", "files", "read"),
    ("read", "kept", "documents", ""),
    ("chunk", "chunks", "chunks", ""),
    ("generate", "kept", "drafts", "validate"),
    ("validate", "kept", "valid pairs", ""),
    ("curate", "kept", "chosen pairs", ""),
)


def funnel_figures(run: Run, places: Mapping[tuple[str, str], str]) -> Figures:
    """Return rows (name, count, left), what left (stage, reason, count, examples, where), steps of the flow, and the splits.

    Args:
        run: how far it has come.
        places: where the review page has what left, by stage and reason; of a document or a chunk there is nothing to review.
    """
    gone = reasons(run.dropped())
    return {
        "rows": _rows(run),
        "gone": [{**row, "where": places.get((row["stage"], row["reason"]), "")} for row in gone],
        "flow": _flow(run, gone),
        "splits": {name: run.counts("split")[name] for name in SPLITS if run.counts("split").get(name)},
        "next": _next(run),
    }


def _rows(run: Run) -> list[Figures]:
    """Return the rows of the report; of a run that has not come so far, or of a version that counted less, as many as there are."""
    counts = {name: run.counts(name) for name in run.stages}
    with suppress(KeyError):
        return funnel(counts)
    found = [(name, counts.get(stage, {}).get(figure), left) for stage, figure, name, left in _STEPS]
    return [
        {"name": name, "count": count, "left": sum(counts.get(left, {}).get("dropped", {}).values())}
        for name, count, left in found
        if count is not None
    ]


def _flow(run: Run, gone: Sequence[Mapping[str, Any]]) -> list[Figures]:
    if "curate" not in run.stages:
        return []
    counts = Counter({(row["stage"], row["reason"]): row["count"] for row in gone})
    added = run.counts("curate").get("added", 0)
    gates = gates_of(run.counts("validate")["kept"] + added, counts)
    kept = iterated(run.counts("split"), came=gates[-1]["came"] - gates[-1]["left"])
    return flow({"chosen": {"gates": gates, "added": added, "iterated": kept}, "reasons": gone})


def _next(run: Run) -> str:
    """Say what the run has not come to yet; empty when pairs were chosen and divided."""
    for stage, what in (
        ("validate", "there are no pairs yet"),
        ("curate", "no pairs were chosen yet"),
        ("split", "nothing is divided yet"),
    ):
        if stage not in run.stages:
            return f"{what}: run kilopair {'generate' if stage == 'validate' else stage} with your recipe"
    return ""
