"""The curves of all phases of a training."""

from collections.abc import Mapping, Sequence
from typing import Any

from builder.report.charts.chart import Chart
from builder.report.charts.lines import Mark, Series, line_chart


def curves(figures: Mapping[str, Any], base_figures: Mapping[str, Any]) -> dict[str, Chart]:
    """Return the curves of all phases; the update whose weights were kept is marked."""
    curve, continued = figures.get("curve") or (), (figures.get("continued_pretraining") or {}).get("curve") or ()
    tuning = [
        Series("training loss", "tuned", _points(curve, "loss")),
        Series("validation loss", "warn", _points(curve, "validation_loss")),
    ]
    raw = [Series("loss on raw text", "base", _points(base_figures.get("curve") or (), "loss"))]
    before = [
        Series("loss on raw text", "tuned", _points(continued, "loss")),
        Series("validation pairs", "warn", _points(continued, "validation_loss")),
    ]
    rate = [Series("learning rate", "base", _points(curve, "learning_rate"))]
    return {
        "train": line_chart(tuning, title="Loss of supervised fine-tuning", x_label="update", mark=_kept(figures)),
        "rate": line_chart(rate, title="Learning rate of supervised fine-tuning", x_label="update"),
        "base": line_chart(raw, title="Loss of pretraining", x_label="update"),
        "continued": line_chart(before, title="Loss of continued pretraining", x_label="update"),
    }


def _kept(figures: Mapping[str, Any]) -> Mark | None:
    """Return the update after which the weights that were kept were saved."""
    kept = (figures.get("choice") or {}).get("kept")
    steps = [row["step"] for row in figures.get("epochs") or () if row["epoch"] == kept]
    return Mark(steps[0], f"kept: pass {kept}") if steps else None


def _points(curve: Sequence[Mapping[str, float]], name: str) -> tuple[tuple[float, float], ...]:
    return tuple((point["step"], point[name]) for point in curve if point.get(name) is not None)
