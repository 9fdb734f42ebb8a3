"""The way from drafts to the splits as a stream that narrows: what leaves it, and why, branches off to the right."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import escape

from builder.report.charts.chart import Chart, svg

WIDTH, WIDEST, STEP, NODE = 480, 180, 74, 10
BRANCH = 232  # where what leaves ends
REASONS = 2  # lines of reasons beside a branch


def flow(steps: Sequence[Mapping[str, Any]], ends: Mapping[str, int], *, title: str) -> Chart:
    """Draw the stream.

    Args:
        steps: `name`, `count` that came, `left` there, and `reasons` with how many each.
        ends: what it divides into at its end, with how many each.
        title: said to who cannot see it.
    """
    most = max((step["count"] for step in steps), default=0)
    if not most:
        return Chart()
    unit = WIDEST / most
    body, y = [], 4.0
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        kept = step["count"] - step["left"]
        next_kept = after["count"] if after else kept
        body.append(_node(step, y, unit))
        if after is not None:
            body.append(_stream((0, next_kept * unit), (0, next_kept * unit), y + NODE, y + STEP, "tuned"))
        if step["left"]:
            body.append(_branch(step, y, unit))
        y += STEP if after is not None else NODE
    parts, height = _ends(ends, steps[-1]["count"], y, unit)
    rows = [(str(step["name"]), f"{step['count']:,}", f"{step['left']:,}", _why(step["reasons"])) for step in steps]
    rows += [(name, f"{count:,}", "", "") for name, count in ends.items()]
    return Chart(svg(title, "".join(body) + parts, width=WIDTH, height=round(height)), ("step", "came", "left", "why"), tuple(rows))


def _node(step: Mapping[str, Any], y: float, unit: float) -> str:
    return (
        f'<rect class="tuned" x="0" y="{y:.1f}" width="{max(1.5, step["count"] * unit):.1f}" height="{NODE}" rx="2"/>'
        f'<text class="strong" x="{BRANCH + 14}" y="{y + NODE:.1f}">{step["count"]:,} {escape(step["name"])}</text>'
    )


def _branch(step: Mapping[str, Any], y: float, unit: float) -> str:
    kept, width = (step["count"] - step["left"]) * unit, max(1.0, step["left"] * unit)
    top = y + NODE
    middle, end = top + 24, min(width, 34.0)
    right, high, low = kept + width, middle - end / 2, middle + end / 2
    body = (
        f"M{right:.1f} {top:.1f} C{right:.1f} {high:.1f} {right:.1f} {high:.1f} {BRANCH} {high:.1f} L{BRANCH} {low:.1f}"
        f" C{kept:.1f} {low:.1f} {kept:.1f} {low:.1f} {kept:.1f} {top:.1f} Z"
    )
    lines = [f"−{step['left']:,} left", *_lines(step["reasons"])]
    texts = "".join(
        f'<text x="{BRANCH + 14}" y="{top + 18 + 15 * place:.1f}">{escape(text)}</text>' for place, text in enumerate(lines[:3])
    )
    return f'<path class="lost" d="{body}"><title>{escape(_why(step["reasons"]))}</title></path>{texts}'


def _lines(reasons: Mapping[str, int]) -> list[str]:
    """Return the commonest reasons, each a line, and the rest as one."""
    listed = [f"{str(name).replace('_', ' ')} {count:,}" for name, count in reasons.items()]
    if len(listed) <= REASONS:
        return listed
    return [listed[0], f"{listed[1]}, others {sum(list(reasons.values())[2:]):,}"]


def _why(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{str(name).replace('_', ' ')} {count:,}" for name, count in reasons.items())


def _stream(top: tuple[float, float], bottom: tuple[float, float], y0: float, y1: float, colour: str) -> str:
    """Return a band from one level to another; each end is (left, right)."""
    (left, right), (low, high), middle = top, bottom, (y0 + y1) / 2
    path = (
        f"M{left:.1f} {y0:.1f} C{left:.1f} {middle:.1f} {low:.1f} {middle:.1f} {low:.1f} {y1:.1f}"
        f" L{high:.1f} {y1:.1f} C{high:.1f} {middle:.1f} {right:.1f} {middle:.1f} {right:.1f} {y0:.1f} Z"
    )
    return f'<path class="stream {colour}" d="{path}"/>'


def _ends(ends: Mapping[str, int], count: int, y: float, unit: float) -> tuple[str, float]:
    """Return the last fan and its height: parts as wide as can be read, each told with its number."""
    parts = [(name, size) for name, size in ends.items() if size]
    total = sum(size for _, size in parts)
    if not total:
        return "", y + 6
    room, gap = WIDTH - 6 * (len(parts) - 1), 6
    least = 96.0  # so that its name fits
    spare = room - least * len(parts)
    body, x, left = [], 0.0, 0.0
    for place, (name, size) in enumerate(parts):
        width = least + spare * size / total
        share = count * unit * size / total
        side, at = ("name", x + width) if place == len(parts) - 1 > 0 else ("", x)  # the last one ends with the drawing
        body.append(_stream((left, left + share), (x, x + width), y, y + STEP, "tuned"))
        body.append(f'<rect class="tuned" x="{x:.1f}" y="{y + STEP:.1f}" width="{width:.1f}" height="{NODE}" rx="2"/>')
        body.append(f'<text class="{side}" x="{at:.1f}" y="{y + STEP + NODE + 15:.1f}">{size:,} {escape(name)}</text>')
        x, left = x + width + gap, left + share
    return "".join(body), y + STEP + NODE + 22
