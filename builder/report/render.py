"""The facts as HTML: one page of sections, each a template of its own, left out where there is nothing to say."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from builder.report.charts.chart import Chart
from builder.report.charts.counts import bars, histogram
from builder.report.charts.flow import flow
from builder.report.charts.intervals import Scale
from builder.report.charts.lines import Series, line_chart
from builder.report.charts.verbs import verbs_chart
from builder.report.chosen import FALSE_ALARMS
from builder.report.curves import curves
from builder.report.plain import shown

Told = Mapping[str, Any]
SECTIONS = {  # template -> title, and what must be there
    "comparison": ("Who answers how well", lambda told: bool(told["compared"])),
    "win_rate": ("What a judge prefers", lambda told: bool(told["win_rate"])),
    "forgetting": ("What was forgotten", lambda told: bool(told["forgetting"])),
    "prove": ("Was it the data?", lambda told: bool(told["prove"])),
    "weak": ("What is weak", lambda told: bool(told["diagnosis"])),
    "rounds": ("Rounds of improvement", lambda told: bool(told["iterate"])),
    "answers": ("Answers side by side", lambda told: bool(told["examples"])),
    "way": ("From documents to pairs", lambda told: bool(told["funnel"] or told["reasons"])),
    "covered": ("Coverage of the documents", lambda told: bool(told["coverage"])),
    "pairs": ("The chosen pairs", lambda told: bool(told["tasks"] or told["grounding"] or told["lengths"])),
    "chosen": ("How the pairs were chosen", lambda told: bool(told["chosen"])),
    "reviewed": ("What people decided", lambda told: bool(told["review"])),
    "asked": ("What the pairs ask", lambda told: bool(told["asked"])),
    "certificate": ("The split is proved", lambda told: bool(told["chosen"].get("certificate"))),
    "training": ("Training", lambda told: bool(told["train_figures"])),
    "costs": ("Costs and time", lambda told: bool(told["seconds"] or told["costs"])),
    "again": ("How to repeat it", lambda told: bool(told["repeat"])),
}


def render(told: Told) -> str:
    """Return the whole page of what `builder.report.story.told` returned."""
    sections = [(name, title) for name, (title, there) in SECTIONS.items() if there(told)]
    return _template().render(facts=told, charts=_charts(told), sections=sections, false_alarms=FALSE_ALARMS)


def _charts(told: Told) -> dict[str, Chart]:
    splits = {name: count for name, count in told["splits"].items() if count}
    return {
        **curves(told["train_figures"], told["base_figures"]),
        **_lengths(told["lengths"]),
        **_charts_of_choice(told["chosen"]),
        "flow": flow(told["flow"], splits, title="From drafts to the splits"),
        "rules": bars(dict(list(told["rules"].items())[:20]), title="Pairs by kind of fact"),
        "openings": bars({row["opening"] + " …": row["count"] for row in told["openings"]}, title="Openings of the questions"),
        "seconds": bars(told["seconds"], title="Seconds of each stage"),
        "prove_curve": _size_curve(told["prove"].get("curve") or ()),
    }


def _lengths(lengths: Mapping[str, Mapping[str, list[int]]]) -> dict[str, Chart]:
    return {
        f"{unit}_{text}": histogram(values, title=f"{unit.capitalize()} of a {text}", x_label=f"{unit} of a {text}")
        for unit, by_text in lengths.items()
        for text, values in by_text.items()
    }


def _charts_of_choice(chosen: Told) -> dict[str, Chart]:
    """Return the charts of verbs, of what each further pair added, and of the judge's scores; empty where there is nothing to draw."""
    if not chosen:
        return {"verbs": Chart(), "chosen": Chart(), "judge": Chart()}
    points = chosen["curve"]
    lines = [Series("coverage of all pairs", "tuned", tuple((point["pairs"], point["coverage"]) for point in points))]
    if len({point["quality"] for point in points}) > 1:
        lines.append(Series("mean quality", "base", tuple((point["pairs"], point["quality"]) for point in points)))
    scores = (chosen.get("judge") or {}).get("scores") or []
    return {
        "verbs": verbs_chart(chosen["diversity"]["verbs"]["chart"], title="Verbs of the questions and their nouns"),
        "chosen": line_chart(lines, title="Coverage by number of pairs", x_label="chosen pairs"),
        "judge": histogram(scores, title="Scores of the judge", x_label="score of the judge", bins=20),
    }


def _size_curve(curve: Any) -> Chart:
    points = sorted(curve, key=lambda point: point["pairs"])
    limits = tuple((point["low"], point["high"]) for point in points) if all(point.get("low") is not None for point in points) else ()
    line = Series("score", "tuned", tuple((point["pairs"], point["mean"]) for point in points), limits)
    return line_chart([line], title="Score by number of training pairs", x_label="training pairs")


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "sections")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, loader=loader)
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}%"
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["p"] = lambda value: "below 0.001" if value < 0.001 else f"= {value:.3f}"
    environment.filters["plain"] = shown
    environment.globals["Scale"] = Scale
    return environment.get_template("page.html")
