"""Lines over a common x axis: losses, rates, coverage, scores by size."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from builder.report.charts.chart import BOTTOM, HEIGHT, LEFT, TOP, Chart, Frame, short, svg

ROWS = 24  # of the table beside a drawing, evenly picked


@dataclass(frozen=True)
class Series:
    """One line: a name, a colour class of the page, points (x, y), and an interval (low, high) of each where there is one."""

    name: str
    colour: str
    points: tuple[tuple[float, float], ...]
    limits: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Mark:
    """A place on the x axis that is pointed out."""

    x: float
    name: str


def line_chart(series: Sequence[Series], *, title: str, x_label: str, mark: Mark | None = None) -> Chart:
    """Draw lines over a common x axis, with a legend, round axis marks, and intervals as bands."""
    drawn = [line for line in series if len(line.points) > 1]
    if not drawn:
        return Chart()
    edges = [value for line in drawn for pair in line.limits for value in pair]
    ys = [0.0, *(y for line in drawn for _, y in line.points), *edges]
    frame = Frame.over([x for line in drawn for x, _ in line.points], ys)
    body = [frame.drawn(x_label)]
    if mark is not None and frame.x_marks[0] <= mark.x <= frame.x_marks[-1]:
        body.append(_mark(mark, frame))
    for number, line in enumerate(drawn):
        body.append(_band(line, frame))
        body.append(_line(line, frame, number))
    return Chart(svg(title, "".join(body)), (x_label, *(line.name for line in drawn)), _rows(drawn))


def _line(line: Series, frame: Frame, number: int) -> str:
    """Return a line with its name in the legend; the second is dashed, so that colour is not all that tells them apart."""
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in line.points)
    colour, name, at = escape(line.colour), escape(line.name), LEFT + 145 * number
    dashed = " dashed" if number else ""
    return (
        f'<polyline class="line {colour}{dashed}" points="{path}"><title>{name}</title></polyline>'
        f'<line class="line {colour}{dashed}" x1="{at}" x2="{at + 18}" y1="9" y2="9"/><text x="{at + 23}" y="13">{name}</text>'
    )


def _band(line: Series, frame: Frame) -> str:
    if not line.limits:
        return ""
    xs = [frame.x(x) for x, _ in line.points]
    upper = [f"{x:.1f},{frame.y(high):.1f}" for x, (_, high) in zip(xs, line.limits, strict=True)]
    lower = [f"{x:.1f},{frame.y(low):.1f}" for x, (low, _) in zip(xs, line.limits, strict=True)]
    return f'<polygon class="band {escape(line.colour)}" points="{" ".join([*upper, *reversed(lower)])}"/>'


def _mark(mark: Mark, frame: Frame) -> str:
    x = frame.x(mark.x)
    side = "name" if x > 300 else ""
    at = x - 5 if side else x + 5
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text class="{side}" x="{at:.1f}" y="{TOP + 12}">{escape(mark.name)}</text>'
    )


def _rows(lines: Sequence[Series]) -> tuple[tuple[str, ...], ...]:
    values = [dict(line.points) for line in lines]
    xs = sorted({x for line in values for x in line})
    picked = xs if len(xs) <= ROWS else [xs[round(place * (len(xs) - 1) / (ROWS - 1))] for place in range(ROWS)]
    return tuple((short(x), *(f"{line[x]:.4g}" if x in line else "" for line in values)) for x in picked)
