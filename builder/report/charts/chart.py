"""What every chart is: a drawing with a name for who cannot see it, and its numbers as a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 26, 42


@dataclass(frozen=True)
class Chart:
    """A drawing and its numbers; false and empty where there is nothing to draw."""

    svg: Markup = field(default_factory=Markup)
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to see."""
        return bool(self.svg)

    def __html__(self) -> str:
        """Return the drawing and, to be opened, its numbers as a table."""
        if not self.rows:
            return str(self.svg)
        head = "".join(f"<th{_side(place)}>{escape(name)}</th>" for place, name in enumerate(self.head))
        body = "".join(
            f"<tr>{''.join(f'<td{_side(place)}>{escape(cell)}</td>' for place, cell in enumerate(row))}</tr>" for row in self.rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'{self.svg}<details class="numbers"><summary>numbers</summary><div class="scroll">{table}</div></details>'


def _side(place: int) -> str:
    return ' class="number"' if place else ""


def svg(title: str, body: str, *, width: int = WIDTH, height: int = HEIGHT) -> Markup:
    """Return a drawing; `body` must be escaped."""
    return Markup(f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{body}</svg>')  # noqa: S704 (escaped)


@dataclass(frozen=True)
class Frame:
    """The two axes of a chart: round marks, and where values stand in the drawing."""

    x_marks: Sequence[float]
    y_marks: Sequence[float]

    @classmethod
    def over(cls, xs: Sequence[float], ys: Sequence[float]) -> "Frame":
        """Return axes that cover the values."""
        return cls(marks(min(xs), max(xs)), marks(min(ys), max(ys)))

    def x(self, value: float) -> float:
        """Return where a value stands from the left."""
        return LEFT + (value - self.x_marks[0]) / (self.x_marks[-1] - self.x_marks[0]) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where a value stands from the top."""
        return HEIGHT - BOTTOM - (value - self.y_marks[0]) / (self.y_marks[-1] - self.y_marks[0]) * (HEIGHT - BOTTOM - TOP)

    def drawn(self, x_label: str) -> str:
        """Return grid, marks and the name of the x axis."""
        parts = []
        for value in self.y_marks:
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="name" x="{LEFT - 6}" y="{y + 4:.1f}">{short(value)}</text>')
        parts += [
            f'<text class="middle" x="{self.x(value):.1f}" y="{HEIGHT - BOTTOM + 16}">{short(value)}</text>' for value in self.x_marks
        ]
        parts.append(f'<text class="middle" x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 6}">{escape(x_label)}</text>')
        return "".join(parts)


def short(value: float) -> str:
    """Return an axis mark in few letters: 1,500 as 1.5k."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.4g}{letter}"
    return f"{value:.4g}"


def marks(low: float, high: float) -> list[float]:
    """Return 3 to 7 round axis marks that cover `low` to `high`."""
    if high <= low:
        high = low + 1
    raw = (high - low) / 5
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    first = math.floor(low / step)
    return [step * number for number in range(first, math.ceil(high / step - 1e-9) + 1)]
