"""Figures of any shape as rows of a table, for parts of an evaluation that say themselves what they are."""

from collections.abc import Iterator, Mapping
from typing import Any

Rows = list[tuple[str, str]]
LONGEST, MOST = 200, 60


def rows(figures: Mapping[str, Any], *, but: frozenset[str] = frozenset({"sentence"})) -> Rows:
    """Return names and values of all numbers and texts, nested ones under the names above them; lists are left out."""
    return [(name.replace("_", " "), shown(value)) for name, value in _leaves(figures) if name not in but][:MOST]


def shown(value: object) -> str:
    """Return a number or text as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)[:LONGEST]


def _leaves(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}: ")
        elif isinstance(value, bool | int | float | str):
            yield f"{above}{name}", value
