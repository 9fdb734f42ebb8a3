"""Charts as inline SVG: they need no library, scale, print, follow the page's colours, and read aloud."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 220, 46, 34, 12, 18


@dataclass(frozen=True)
class Series:
    """One line of a chart: a name, a colour class of the page, and points (x, y)."""

    name: str
    colour: str
    points: tuple[tuple[float, float], ...]


def line_chart(series: Sequence[Series], *, title: str, x_label: str) -> Markup:
    """Draw lines over a common x axis, with a legend and round axis marks."""
    drawn = [line for line in series if len(line.points) > 1]
    if not drawn:
        return Markup("")
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    x_marks, y_marks = marks(min(xs), max(xs)), marks(min(0.0, *ys), max(ys))
    body = [_axes(x_marks, y_marks, x_label)]
    for number, line in enumerate(drawn):
        path = " ".join(f"{_x(x, x_marks):.1f},{_y(y, y_marks):.1f}" for x, y in line.points)
        body.append(f'<polyline class="line {escape(line.colour)}" points="{path}"><title>{escape(line.name)}</title></polyline>')
        at = LEFT + 12 + 150 * number
        body.append(f'<rect class="{escape(line.colour)}" x="{at}" y="{TOP}" width="10" height="10" rx="2"/>')
        body.append(f'<text x="{at + 15}" y="{TOP + 9}">{escape(line.name)}</text>')
    return _svg(title, "".join(body))


def histogram(values: Sequence[float], *, title: str, x_label: str, bins: int = 24) -> Markup:
    """Draw how often values fall into equal bins up to the 99th percentile; the last bin takes the rest."""
    if not values:
        return Markup("")
    ordered = sorted(values)
    x_marks = marks(0.0, max(1.0, ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]))
    width = x_marks[-1] / bins
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / width))] += 1
    y_marks = marks(0.0, float(max(counts)))
    body = [_axes(x_marks, y_marks, x_label)]
    for number, count in enumerate(counts):
        left, right = _x(number * width, x_marks), _x((number + 1) * width, x_marks)
        top, bottom = _y(count, y_marks), _y(0, y_marks)
        label = f"{number * width:.0f} to {(number + 1) * width:.0f}{' or more' if number == bins - 1 else ''}: {count}"
        body.append(
            f'<rect class="tuned" x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(0.5, right - left - 1):.1f}" height="{bottom - top:.1f}">'
            f"<title>{label}</title></rect>"
        )
    return _svg(title, "".join(body))


def bars(rows: Mapping[str, float], *, title: str, colour: str = "tuned") -> Markup:
    """Draw one horizontal bar per row with its number."""
    if not rows:
        return Markup("")
    most = max(rows.values()) or 1
    height = 26 * len(rows) + 6
    body = []
    for number, (name, value) in enumerate(rows.items()):
        y, width = 26 * number + 4, 300 * value / most
        body.append(f'<text class="name" x="170" y="{y + 13}">{escape(name)}</text>')
        body.append(f'<rect class="{escape(colour)}" x="178" y="{y}" width="{max(width, 1):.1f}" height="18" rx="3"/>')
        body.append(f'<text x="{184 + width:.1f}" y="{y + 13}">{value:,.0f}</text>')
    return _svg(title, "".join(body), height=height)


def marks(low: float, high: float) -> list[float]:
    """Return 3 to 7 round axis marks that cover `low` to `high`."""
    if high <= low:
        high = low + 1
    raw = (high - low) / 5
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    first = math.floor(low / step)
    return [step * number for number in range(first, math.ceil(high / step - 1e-9) + 1)]


def _x(value: float, x_marks: Sequence[float]) -> float:
    return LEFT + (value - x_marks[0]) / (x_marks[-1] - x_marks[0]) * (WIDTH - LEFT - RIGHT)


def _y(value: float, y_marks: Sequence[float]) -> float:
    return HEIGHT - BOTTOM - (value - y_marks[0]) / (y_marks[-1] - y_marks[0]) * (HEIGHT - BOTTOM - TOP - 16)


def _axes(x_marks: Sequence[float], y_marks: Sequence[float], x_label: str) -> str:
    parts = []
    for value in y_marks:
        y = _y(value, y_marks)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="name" x="{LEFT - 6}" y="{y + 4:.1f}">{value:g}</text>')
    parts += [f'<text class="middle" x="{_x(value, x_marks):.1f}" y="{HEIGHT - BOTTOM + 15}">{value:,.6g}</text>' for value in x_marks]
    parts.append(f'<text class="middle" x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 4}">{escape(x_label)}</text>')
    return "".join(parts)


def _svg(title: str, body: str, *, height: int = HEIGHT) -> Markup:
    name = escape(title)
    return Markup(f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}">{body}</svg>')  # noqa: S704 (every part is escaped)
