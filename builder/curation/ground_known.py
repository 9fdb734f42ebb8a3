"""Which values a source has, and whether a value of an answer is one of them, or follows from them.

A value is foreign only if no way of writing it is in the source. Small counts, sums, differences and conversions of what the source says
are told apart as derived: they may be right, and a wrong number may be one by chance.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from builder.curation.ground_numbers import UNITS, Date, Figure, figures

_MOST_DERIVED = 12  # numbers of a source that are combined: with more, any number comes of two
_FEW = 12  # a count up to here may be that of what the source lists
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]", re.MULTILINE)
_ROW = re.compile(r"^\|", re.MULTILINE)
_CLAUSE = re.compile(r"[.;:\n]+")
_LISTS = re.compile(r" (?:and|or|und|oder) ")


@dataclass(frozen=True)
class Known:
    """All values of a source, by what they are."""

    numbers: Mapping[float, frozenset[str]]
    """Each number with the units it has there; "" where it stands bare."""
    amounts: frozenset[tuple[str, float]]
    dates: frozenset[Date]
    minutes: frozenset[int]
    versions: frozenset[str]

    @classmethod
    def of(cls, *texts: str) -> "Known":
        """Read the values of several texts."""
        found = [figure for text in texts for figure in figures(text)]
        units: dict[float, set[str]] = {}
        for number, unit in (one for figure in found for one in _numbers(figure)):
            units.setdefault(number, set()).add(unit)
        return cls(
            numbers={number: frozenset(names) for number, names in units.items()},
            amounts=frozenset(figure.amount for figure in found if figure.amount),
            dates=frozenset(figure.date for figure in found if figure.date),
            minutes=frozenset(figure.minutes for figure in found if figure.minutes is not None),
            versions=frozenset(figure.version for figure in found if figure.version),
        )

    def has(self, figure: Figure) -> bool:
        """Tell whether the source says the value, in whatever form."""
        if figure.date is not None:
            return any(_same_date(figure.date, date) for date in self.dates)
        if figure.minutes is not None:
            return figure.minutes in self.minutes or (not figure.minutes % 60 and bool(self._hours(figure) & self.numbers.keys()))
        if figure.version:
            return figure.version in self.versions
        return figure.number in self.numbers or figure.amount in self.amounts

    def other_unit(self, figure: Figure) -> str:
        """Return the unit that the source gives the number of `figure`, if it never gives it the figure's own; else nothing."""
        if figure.amount is None or figure.number is None or figure.amount in self.amounts:
            return ""
        units = self.numbers.get(figure.number, frozenset())
        base = UNITS[figure.unit][0]
        measured = sorted(unit for unit in units if unit in UNITS and (unit != figure.unit))
        is_bare = any(unit not in UNITS for unit in units)
        same_money = any(UNITS[unit] == (base, 1) for unit in measured)
        return measured[0] if measured and not is_bare and not same_money else ""

    def derives(self, figure: Figure) -> bool:
        """Tell whether a number comes of two that the source has: sum, difference, product, remainder of 100 percent, change of unit."""
        if figure.number is None:
            return False
        have = sorted(self.numbers)[:_MOST_DERIVED]
        target = figure.number
        if any(_near(target, found) for a, b in combinations(have, 2) for found in (a + b, b - a, a * b)):
            return True
        return (100 - target in self.numbers and figure.unit in ("%", "percent")) or _converted(figure, self.amounts)

    @staticmethod
    def _hours(figure: Figure) -> set[float]:
        hour = (figure.minutes or 0) // 60
        return {float(hour), float(hour % 12 or 12)}


def is_few(figure: Figure) -> bool:
    """Tell whether a number may be a count of things: small, whole and without a unit of measure."""
    number = figure.number
    return number is not None and 0 <= number <= _FEW and number == int(number) and figure.unit not in UNITS


def counts(text: str) -> frozenset[float]:
    """Return how many things a text lists: its items, its rows, and the members of its enumerations."""
    listed = {clause.count(",") + extra for clause in _CLAUSE.split(text) if _LISTS.search(clause) for extra in (1, 2)}
    rows = max(0, len(_ROW.findall(text)) - 2)
    return frozenset(float(number) for number in ({len(_ITEM.findall(text)), rows} | listed) if number > 1)


def _numbers(figure: Figure) -> Iterator[tuple[float, str]]:
    """The numbers that a value shows, also alone: the year of a date, the hour of a time."""
    if figure.number is not None:
        yield figure.number, figure.unit
    if figure.date:
        yield from ((float(part), "") for part in figure.date if part)
    if figure.minutes is not None:
        yield from ((float(hour), "") for hour in {figure.minutes // 60, figure.minutes // 60 % 12 or 12})
        yield float(figure.minutes % 60), ""


def _same_date(one: Date, other: Date) -> bool:
    years = {one[0], other[0]} - {0}
    return len(years) < 2 and (one[1:] == other[1:] or (one[1:] == other[:0:-1] and max(one[1:]) <= 12))


def _converted(figure: Figure, amounts: Iterable[tuple[str, float]]) -> bool:
    """Months in days and days in months: 30, 31 or 28 of them."""
    mine = figure.amount
    if mine is None or mine[0] not in ("time", "months"):
        return False
    days = {mine[1] / 86_400} if mine[0] == "time" else {mine[1] * length for length in (28, 30, 31, 365 / 12)}
    theirs = {each / 86_400 if base == "time" else each * 30 for base, each in amounts if base in ("time", "months") and base != mine[0]}
    return any(abs(a - b) <= 0.04 * b for a in days for b in theirs)


def _near(one: float, other: float) -> bool:
    return abs(one - other) < 1e-6
