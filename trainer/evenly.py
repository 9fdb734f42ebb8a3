"""A few of many, the same ones each time: for a look at a set that is too large to ask or answer all of it."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def evenly(rows: Sequence[T], most: int | None) -> list[T]:
    """Return at most so many rows in their order, evenly spread and the first among them; all of them without a limit."""
    if most is None or len(rows) <= most:
        return list(rows)
    return [rows[place * len(rows) // most] for place in range(most)]
