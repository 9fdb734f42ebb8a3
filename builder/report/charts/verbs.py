"""The chart of Self-Instruct (Wang et al. 2022, figure 3): the most frequent verbs on a ring, their nouns on a ring around it."""

from collections.abc import Mapping, Sequence
from math import cos, degrees, pi, sin
from typing import Any

from markupsafe import Markup, escape

from builder.report.charts.chart import Chart

SIZE = 560
RINGS = ((72.0, 158.0), (160.0, 186.0))  # inner and outer radius in units of the drawing, by ring
ROOM = (0.019, 0.011)  # part of a turn that a label needs, by ring
LABEL_AT = (151.0, 192.0)  # where labels end (of verbs, inside) or begin (of nouns, outside)
LONGEST = 11  # letters of a label
_FULL = 1 - 1e-6  # of a turn: an arc that ends where it begins is drawn as nothing


def verbs_chart(arcs: Sequence[Mapping[str, Any]], *, title: str) -> Chart:
    """Draw the arcs of `builder.curation.diversity.chart`; a label stands where its arc has room, every arc tells its count."""
    if not arcs:
        return Chart()
    order = {verb: place for place, verb in enumerate(dict.fromkeys(arc["verb"] for arc in arcs))}
    body = "".join(_sector(arc, order[arc["verb"]]) for arc in arcs) + "".join(map(_label, arcs))
    half = SIZE / 2
    box = f"{-half:g} {-half:g} {SIZE} {SIZE}"
    drawn = Markup(f'<svg class="rings" viewBox="{box}" role="img" aria-label="{escape(title)}">{body}</svg>')  # noqa: S704 (every part is escaped)
    rows = tuple((arc["verb"], arc["label"] if arc["ring"] else "", f"{arc['count']:,}") for arc in arcs)
    return Chart(drawn, ("verb", "noun", "questions"), rows)


def _sector(arc: Mapping[str, Any], place: int) -> str:
    inner, outer = RINGS[arc["ring"]]
    start, end = arc["start"], min(arc["end"], arc["start"] + _FULL)
    large = int(end - start > 0.5)
    corners = (_at(start, outer), _at(end, outer), _at(end, inner), _at(start, inner))
    path = "M{0} A{r} {r} 0 {large} 1 {1} L{2} A{s} {s} 0 {large} 0 {3} Z".format(*corners, r=outer, s=inner, large=large)
    named = arc["verb"] if arc["ring"] == 0 else f"{arc['verb']} {arc['label']}"
    tint = f"ring{arc['ring']} tint{place % 2}"
    return f'<path class="{tint}" d="{path}"><title>{escape(named)}: {arc["count"]:,} ({arc["share"]:.1%})</title></path>'


def _label(arc: Mapping[str, Any]) -> str:
    """Write along the radius, never upside down; nothing where the arc is too short."""
    ring, radius, middle = arc["ring"], LABEL_AT[arc["ring"]], (arc["start"] + arc["end"]) / 2
    if arc["end"] - arc["start"] < ROOM[ring]:
        return ""
    left = middle > 0.5
    turned = degrees(middle * 2 * pi) - 90 + (180 if left else 0)
    anchor = "start" if left == (ring == 0) else "end"
    x, y = radius * (-1 if left else 1), 4
    text = escape(_short(arc["label"]))
    return f'<text class="on{ring}" style="text-anchor:{anchor}" transform="rotate({turned:.2f})" x="{x:g}" y="{y}">{text}</text>'


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"


def _at(turn: float, radius: float) -> str:
    """Return the point at a part of the full turn, clockwise from the top."""
    angle = 2 * pi * turn - pi / 2
    return f"{radius * cos(angle):.2f} {radius * sin(angle):.2f}"
