"""The proof in Markdown, for a terminal and for notes: what was trained on what, the verdict, the differences, the curve."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

_HEADER = ("curated against", "on", "in", "difference", "interval", "p (Holm)", "verdict")
_LEGEND = (
    "Taught: questions of the judged set about facts that the selection holds in other words, and the score on these. Left out: pairs that "
    "would have leaked, as they share a question, fact, passage or quote with what is held out; leaks: those left, counted again."
)
_OTHERS = (
    "Beside the verdict, each set with each measure a family of its own; a plus is better, of a loss too. Paraphrases ask about facts "
    "that the curated pairs teach and a rival may not"
)


def markdown(proof: Mapping[str, Any]) -> str:
    """Return the section."""
    metric, questions = proof["declared"]["metric"], proof["questions"]
    lines = [
        "## Was it the data?",
        "",
        proof["sentence"],
        "",
        _judged(proof),
        "",
        *_table(
            ("selection", "pairs", "facts", "taught", "score there", "tokens", "left out", "leaks", *map(_words, questions)),
            _selections(proof),
        ),
        "",
        _LEGEND,
        *_troubles(proof),
        "",
        *_table(_HEADER, map(_difference, proof["comparisons"])),
    ]
    if proof["other_sets"]:
        lines += ["", f"{_OTHERS}:", "", *_table(_HEADER, map(_difference, proof["other_sets"]))]
    lines += ["", *_table(("share of the curated", "pairs", _words(metric), "interval"), map(_point, proof["curve"]))]
    return "\n".join(lines) + "\n"


def _mean(means: Sequence[Mapping[str, float]], metric: str) -> str:
    """Return the mean over the seeds; nothing where the measure applies to no question of the set."""
    return f"{fmean(one[metric] for one in means):.3f}" if all(metric in one for one in means) else ""


def _judged(proof: Mapping[str, Any]) -> str:
    declared = proof["declared"]
    asked = f"{proof['questions'][declared['set']]} questions ({_words(declared['set'])})"
    seeds = f"{declared['seeds']} seed" + ("s" if declared["seeds"] > 1 else "")
    same = "every training starts from the same base and reads the same number of tokens"
    return f"Judged by {_words(declared['metric'])} on {asked}, {seeds} of each selection; {same}."


def _selections(proof: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    metric = proof["declared"]["metric"]
    yield ("base", *[""] * 7, *(_mean([means], metric) for means in proof["base"].values()))
    for name, one in proof["selections"].items():
        of_sets = [_mean([run["sets"][where] for run in one["seeds"]], metric) for where in proof["questions"]]
        there = f"{one['taught_mean']:.3f}" if "taught_mean" in one else ""
        before, after = (one["pairs"], one["facts"], one["taught"]), (one["tokens"], one["left_out"], one["leaks"])
        numbers = (*(f"{count:,}" for count in before), there, *(f"{count:,}" for count in after))
        yield (_words(name), *numbers, *of_sets)


def _troubles(proof: Mapping[str, Any]) -> list[str]:
    """Return the models that failed their checks after training, and were asked all the same."""
    runs = [(name, run) for name, one in proof["selections"].items() for run in one["seeds"] if run.get("trouble")]
    return [text for name, run in runs for text in ("", f"{_words(name)}, seed {run['seed']}: {run['trouble']}.")]


def _difference(one: Mapping[str, Any]) -> tuple[str, ...]:
    names, verdict = [_words(one[name]) for name in ("first", "set", "metric")], _words(one["verdict"])
    return *names, f"{one['difference']:+.3f}", f"{one['low']:+.3f} to {one['high']:+.3f}", f"{one['p_adjusted']:.3g}", verdict


def _point(point: Mapping[str, Any]) -> tuple[str, ...]:
    share = f"{100 * point['share']:g} %" if point["share"] else "none (base)"
    return share, f"{point['pairs']:,}", f"{point['mean']:.3f}", f"{point['low']:.3f} to {point['high']:.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    listed = [list(header), *map(list, rows)]
    widths = [max(len(row[place]) for row in listed) for place in range(len(header))]
    shown = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in listed]
    return [shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]]


def _words(name: str) -> str:
    return name.replace("_", " ")
