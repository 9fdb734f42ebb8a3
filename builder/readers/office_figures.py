"""Charts as tables of their numbers and diagrams as lists of their words: parts that documents and slides refer to alike."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from builder.readers.content import one_line, table
from builder.readers.office_markdown import paragraph
from builder.readers.ooxml import RELATIONS, Package, Relation

DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MOST_POINTS = 500


def figure(node: Element, relations: Mapping[str, Relation], package: Package) -> str:
    """Return the Markdown of the chart or diagram that `node` refers to; nothing when it has no words."""
    key = node.get(RELATIONS + "dm") or node.get(RELATIONS + "id") or ""
    relation = relations.get(key)
    root = package.optional(relation.target) if relation is not None and not relation.is_external else None
    if root is None:
        return ""
    return _chart(root) if root.tag == _CHART + "chartSpace" else _diagram(root)


def _diagram(root: Element) -> str:
    points = (one_line(" ".join(part.text or "" for part in point.iter(DRAWING + "t"))) for point in root.iter(_DIAGRAM + "pt"))
    return "\n".join(f"- {paragraph(words)}" for words in points if words)


def _chart(root: Element) -> str:
    """The numbers of a chart as a table, a row for each category; its title above."""
    title = root.find(f"{_CHART}chart/{_CHART}title")
    words = one_line("".join(part.text or "" for part in title.iter(DRAWING + "t"))) if title is not None else ""
    series = list(root.iter(_CHART + "ser"))
    names = [_first(_points(one.find(_CHART + "tx"))) for one in series]
    labels = [_points(_either(one, "cat", "xVal")) for one in series]
    values = [_points(_either(one, "val", "yVal")) for one in series]
    categories = {place: label for labeled in reversed(labels) for place, label in labeled.items()}
    places = sorted({place for valued in values for place in valued})[:_MOST_POINTS]
    rows = [[categories.get(place, str(place + 1)), *(valued.get(place, "") for valued in values)] for place in places]
    body = table([["", *names], *rows]) if rows else ""
    return "\n\n".join(part for part in (paragraph(words), body) if part)


def _either(series: Element, *names: str) -> Element | None:
    return next((found for name in names if (found := series.find(_CHART + name)) is not None), None)


def _points(node: Element | None) -> dict[int, str]:
    """The cached values by their places."""
    return {} if node is None else dict(_cached(node))


def _cached(node: Element) -> Iterator[tuple[int, str]]:
    for point in node.iter(_CHART + "pt"):
        place = point.get("idx", "")
        if place.isdecimal() and len(place) < 7:
            yield int(place), one_line(point.findtext(_CHART + "v", ""))


def _first(points: Mapping[int, str]) -> str:
    return points[min(points)] if points else ""
