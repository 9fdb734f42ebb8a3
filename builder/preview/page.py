"""The preview as one HTML file: no script, nothing loaded from elsewhere, everything escaped."""

from functools import cache
from pathlib import Path
from statistics import median

import jinja2

from builder.report.charts.counts import histogram
from trainer.preview import Piece, Preview

MOST_ROWS = 2000  # of the table of all rows, so that the page stays below 1 MB
_LONGEST = 4000  # pieces of a row that is shown in full


def page(preview: Preview, *, title: str, base: str) -> str:
    """Render the page of a preview."""
    charts = {
        "tokens": histogram([sheet.tokens for sheet in preview.sheets], title="Tokens of a row", x_label="tokens of a row"),
        "trained": histogram([sheet.trained for sheet in preview.sheets], title="Tokens in the loss", x_label="tokens in the loss"),
    }
    return _template().render(
        preview=preview, title=title, base=base, figures=figures(preview), charts=charts, most=MOST_ROWS, longest=_LONGEST
    )


def figures(preview: Preview) -> dict[str, float]:
    """Return the numbers of a preview, for people and for programs."""
    tokens, trained = sorted(sheet.tokens for sheet in preview.sheets), sorted(sheet.trained for sheet in preview.sheets)
    places = {"shortest": 0, "median": len(tokens) // 2, "p95": int(len(tokens) * 0.95), "longest": len(tokens) - 1}
    return {
        "train": sum(sheet.split != "validation" for sheet in preview.sheets),
        "validation": sum(sheet.split == "validation" for sheet in preview.sheets),
        **({name: tokens[place] for name, place in places.items()} if tokens else {}),
        "truncated": 0,
        "too_long": sum(preview.limit is not None and length > preview.limit for length in tokens),
        "trained_share": sum(trained) / max(1, sum(tokens)),
        "trained_median": median(trained) if trained else 0,
        "updates_per_pass": preview.batches.updates,
        "largest_batch": preview.batches.largest,
        "padded_share": preview.batches.padded_share,
        "ended": preview.ended(),
    }


def lines(piece: Piece) -> list[str]:
    """Return the lines of a piece's text."""
    return piece.text.split("\n")


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, loader=loader)
    environment.filters["percent"] = lambda share: f"{100 * share:.0f}%"
    environment.filters["count"] = lambda number: f"{number:,.0f}"
    environment.filters["lines"] = lines
    return environment.get_template("page.html")
