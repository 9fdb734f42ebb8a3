"""How often: histograms, and bars with names."""

from collections.abc import Mapping, Sequence

from markupsafe import escape

from builder.report.charts.chart import WIDTH, Chart, Frame, marks, short, svg

NAMES = 186  # width of the names of bars
LONGEST = 30  # letters of a name


def histogram(values: Sequence[float], *, title: str, x_label: str, bins: int = 24) -> Chart:
    """Draw how often values fall into equal bins up to the 99th percentile; the last bin takes the rest."""
    if not values:
        return Chart()
    ordered = sorted(values)
    x_marks = marks(0.0, max(1.0, ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]))
    width = x_marks[-1] / bins
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / width))] += 1
    frame = Frame(x_marks, marks(0.0, float(max(counts))))
    body, rows = [frame.drawn(x_label)], []
    for number, count in enumerate(counts):
        left, right = frame.x(number * width), frame.x((number + 1) * width)
        top, bottom = frame.y(count), frame.y(0)
        named = f"{short(number * width)} to {short((number + 1) * width)}{' or more' if number == bins - 1 else ''}"
        body.append(
            f'<rect class="tuned" x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(0.5, right - left - 1):.1f}" height="{bottom - top:.1f}">'
            f"<title>{named}: {count}</title></rect>"
        )
        rows.append((named, str(count)))
    return Chart(svg(title, "".join(body)), (x_label, "how many"), tuple(rows))


def bars(rows: Mapping[str, float], *, title: str, colour: str = "tuned") -> Chart:
    """Draw one horizontal bar per row with its number; the numbers are readable as they are."""
    if not rows:
        return Chart()
    most = max(rows.values()) or 1
    body = []
    for number, (name, value) in enumerate(rows.items()):
        y, width = 26 * number + 4, (WIDTH - NAMES - 60) * value / most
        label = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        body.append(f'<text class="name" x="{NAMES - 8}" y="{y + 13}">{escape(label)}<title>{escape(name)}</title></text>')
        body.append(f'<rect class="{escape(colour)}" x="{NAMES}" y="{y}" width="{max(width, 1):.1f}" height="18" rx="3"/>')
        body.append(f'<text x="{NAMES + 6 + width:.1f}" y="{y + 13}">{value:,.0f}</text>')
    head, table = (title, "how many"), tuple((name, f"{value:,.0f}") for name, value in rows.items())
    return Chart(svg(title, "".join(body), height=26 * len(rows) + 6), head, table)
