"""Differences with their intervals on one scale: the rows of a forest plot, to stand in the rows of a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from builder.report.charts.chart import marks, short

WIDTH, HEIGHT = 300, 22


class Scale:
    """A common scale for differences that contains zero, in the drawing's units."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Cover the limits of all rows: `low`, `high` and the margin around zero."""
        listed = list(rows)
        margins = [sign * float(row.get("margin") or 0) for row in listed for sign in (-1, 1)]
        ends = [0.0, *margins, *(float(row[name]) for row in listed for name in ("low", "high"))]
        self.marks = marks(min(ends), max(ends)) if max(ends) > min(ends) else marks(-1, 1)

    def x(self, value: float) -> float:
        """Return where a value stands from the left; outside of the scale it stands at its end."""
        inside = min(max(value, self.marks[0]), self.marks[-1])
        return 6 + (inside - self.marks[0]) / (self.marks[-1] - self.marks[0]) * (WIDTH - 12)

    def row(self, row: Mapping[str, Any]) -> Markup:
        """Draw one difference: its interval as a line, its mean as a dot, zero, and the margin as a band."""
        left, middle, right, zero = (self.x(value) for value in (row["low"], row["difference"], row["high"], 0.0))
        margin = float(row.get("margin") or 0)
        band = self.x(-margin), self.x(margin)
        colour = {"better": "good", "worse": "warn"}.get(str(row.get("verdict")), "base")
        return _drawn(
            f'<rect class="margin" x="{band[0]:.1f}" y="0" width="{band[1] - band[0]:.1f}" height="{HEIGHT}"/>'
            f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{HEIGHT}"/>'
            f'<line class="whisker {colour}" x1="{left:.1f}" x2="{right:.1f}" y1="11" y2="11"/>'
            f'<line class="whisker {colour}" x1="{left:.1f}" x2="{left:.1f}" y1="6" y2="16"/>'
            f'<line class="whisker {colour}" x1="{right:.1f}" x2="{right:.1f}" y1="6" y2="16"/>'
            f'<circle class="{colour}" cx="{middle:.1f}" cy="11" r="5"/>'
        )

    def ruler(self, factor: float = 1.0) -> Markup:
        """Draw the scale itself; `factor` 100 for shares told in points."""
        texts = "".join(f'<text class="middle" x="{self.x(value):.1f}" y="15">{short(factor * value)}</text>' for value in self.marks[1:-1])
        ends = zip(("", "name"), (self.marks[0], self.marks[-1]), (0, WIDTH), strict=True)
        return _drawn(texts + "".join(f'<text class="{side}" x="{x}" y="15">{short(factor * value)}</text>' for side, value, x in ends))


def _drawn(body: str) -> Markup:
    """Return a drawing that says nothing which the numbers beside it do not."""
    return Markup(f'<svg class="interval" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{body}</svg>')  # noqa: S704 (numbers only)
