"""The facts as HTML."""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from builder.model_stages import UNIONS
from builder.report.charts import Series, bars, histogram, line_chart
from builder.report.chosen import FALSE_ALARMS
from builder.report.gather import SET_NAMES, Facts
from builder.report.trained import choice_in_words, passes
from builder.report.verbs_chart import verbs_chart

SHORT_WORDS = 45
METRICS = (
    ("exact_match", "exact match"),
    ("token_f1", "token F1"),
    ("rouge_l", "ROUGE-L"),
    ("perplexity", "perplexity"),
    ("stop_rate", "ends by itself"),
)


def render(facts: Facts, *, examples: int) -> str:
    """Return the whole page."""
    return _template().render(
        facts=facts,
        metrics=METRICS,
        set_names=SET_NAMES,
        verdict=verdict(facts.evaluation),
        tuned_overall=tuned_overall(facts.evaluation),
        samples={name: sample(rows, examples) for name, rows in facts.examples.items()},
        charts=_charts(facts),
        passes=passes(facts.train_figures),
        choice=choice_in_words(facts.train_figures),
        false_alarms=FALSE_ALARMS,
    )


def verdict(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the one sentence that a manager reads."""
    name = "paraphrase" if "paraphrase" in evaluation["sets"] else next(iter(evaluation["sets"]))
    figures = evaluation["sets"][name]
    base, tuned = (figures["overall"][model]["exact_match"] for model in ("base", "tuned"))
    return {"set": name, "n": figures["n"], "base": base, "tuned": tuned, "better": tuned > base}


def tuned_overall(evaluation: dict[str, Any]) -> dict[str, float]:
    """Return the tuned model's figures over all held-out questions, each asked once: sets that are unions are left out."""
    found = evaluation["sets"]
    sets = [figures for name, figures in found.items() if name not in UNIONS] or list(found.values())
    total = sum(figures["n"] for figures in sets)
    names = sets[0]["overall"]["tuned"]
    return {name: sum(figures["n"] * figures["overall"]["tuned"][name] for figures in sets) / total for name in names}


def sample(answers: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return a random choice of answers, right or wrong, the same at every run."""
    ordered = sorted(answers, key=lambda answer: answer["pair_id"])
    return random.Random(0).sample(ordered, min(count, len(ordered)))  # noqa: S311


def telling_answers(answers: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return a random few answers short enough for a terminal, right or wrong, from the paraphrase set if there is one."""
    short = [answer for answer in answers if len(answer["reference"].split()) <= SHORT_WORDS] or list(answers)
    paraphrased = [answer for answer in short if answer["set"].startswith("paraphrase")]
    return sample(paraphrased or short, count)


def _charts(facts: Facts) -> dict[str, str]:
    curve = facts.train_figures.get("curve", [])
    base_curve = facts.base_figures.get("curve", [])
    continued = facts.train_figures.get("continued_pretraining", {}).get("curve", [])
    return {
        "train": line_chart(
            [
                Series("training loss", "tuned", _points(curve, "loss")),
                Series("validation loss", "warn", _points(curve, "validation_loss")),
            ],
            title="Loss of supervised fine-tuning",
            x_label="update",
        ),
        "base": line_chart(
            [Series("loss on raw text", "base", _points(base_curve, "loss"))], title="Loss of pretraining", x_label="update"
        ),
        "continued": line_chart(
            [
                Series("loss on raw text", "tuned", _points(continued, "loss")),
                Series("loss of the validation pairs", "warn", _points(continued, "validation_loss")),
            ],
            title="Loss of continued pretraining",
            x_label="update",
        ),
        "question": histogram(facts.lengths["question"], title="Words of a question", x_label="words of a question"),
        "response": histogram(facts.lengths["response"], title="Words of a response", x_label="words of a response"),
        "rules": bars(dict(list(facts.rules.items())[:20]), title="Pairs by kind of fact"),
        **_charts_of_choice(facts.chosen),
    }


def _charts_of_choice(chosen: dict[str, Any]) -> dict[str, str]:
    """Return the chart of verbs and nouns, and that of what each further pair added; each empty where there is nothing to draw."""
    if not chosen:
        return {}
    points = chosen["curve"]
    qualities = {point["quality"] for point in points}
    lines = [Series("coverage of all pairs", "tuned", tuple((point["pairs"], point["coverage"]) for point in points))]
    if len(qualities) > 1:
        lines.append(Series("mean quality", "base", tuple((point["pairs"], point["quality"]) for point in points)))
    return {
        "verbs": verbs_chart(chosen["diversity"]["verbs"]["chart"], title="Verbs of the questions and their nouns"),
        "chosen": line_chart(lines, title="Coverage by number of pairs", x_label="chosen pairs"),
    }


def _points(curve: Sequence[dict[str, float]], name: str) -> tuple[tuple[float, float], ...]:
    return tuple((point["step"], point[name]) for point in curve if point.get(name) is not None)


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, loader=loader)
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}%"
    environment.filters["short"] = lambda number: f"{number:,.0f}" if number >= 100 else f"{number:.2f}"
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment.get_template("template.html")
