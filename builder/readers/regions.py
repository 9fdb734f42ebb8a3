"""Where the tables of a sheet are: people put several into one, apart by empty rows or in other columns.

A table goes on behind an empty row unless a header row follows it; rows that share no column with those above are another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

_LONGEST_NAME = 40  # of a column

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Region:
    """Rows of a table, without the empty ones, and its columns; `lead` lone cells stand above its header."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    lead: int

    def cut(self, cells: list[list[str]]) -> list[list[str]]:
        """Return its cells, of rows of one width."""
        first, end = self.columns[0], self.columns[-1] + 1
        if len(self.columns) == end - first:
            return [cells[row][first:end] for row in self.rows]
        return [[cells[row][column] for column in self.columns] for row in self.rows]


def regions(cells: Rows) -> list[Region]:
    """Return the tables from top to bottom; every cell that is not empty is in one of them.

    Args:
        cells: rows of one width, without space around the words.
    """
    known: dict[tuple[bool, ...], frozenset[int]] = {}  # most rows are filled alike
    patterns = enumerate(tuple(map(bool, values)) for values in cells)
    filled = {row: known.get(pattern) or _places(pattern, known) for row, pattern in patterns if True in pattern}
    found: list[_Growing] = []
    for run in _runs(filled):
        for rows in _by_columns(run, filled):
            if not (found and _goes_on(found[-1], rows, filled, cells)):
                found.append(_Growing())
            found[-1].add(rows, filled)
    return [_region(growing, filled) for growing in found]


@dataclass
class _Growing:
    """A table while its rows are found."""

    rows: list[int] = field(default_factory=list)
    columns: frozenset[int] = frozenset()
    widest: int = 0

    def add(self, rows: Sequence[int], filled: Mapping[int, frozenset[int]]) -> None:
        self.rows += rows
        self.columns = self.columns.union(*{filled[row] for row in rows})
        self.widest = max(self.widest, *(len(filled[row]) for row in rows))


def _places(pattern: tuple[bool, ...], known: dict[tuple[bool, ...], frozenset[int]]) -> frozenset[int]:
    known[pattern] = frozenset(compress(range(len(pattern)), pattern))
    return known[pattern]


def _region(found: _Growing, filled: Mapping[int, frozenset[int]]) -> Region:
    lead = next((place for place, row in enumerate(found.rows) if len(filled[row]) > 1), 0)
    return Region(tuple(found.rows), tuple(sorted(found.columns)), lead)


def _runs(filled: Mapping[int, frozenset[int]]) -> Iterator[list[int]]:
    """Rows without an empty one between them."""
    run: list[int] = []
    for row in filled:
        if run and row != run[-1] + 1:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _by_columns(run: list[int], filled: Mapping[int, frozenset[int]]) -> Iterator[list[int]]:
    """The run, cut where all rows below are in other columns than all above."""
    if frozenset.intersection(*{filled[row] for row in run}):  # a column that all rows have, as in most tables
        yield run
        return
    below: list[frozenset[int]] = [frozenset()]
    for row in reversed(run):
        below.append(below[-1] if filled[row] <= below[-1] else below[-1] | filled[row])
    below.reverse()
    start, above = 0, frozenset[int]()
    for place, row in enumerate(run):
        if above and above.isdisjoint(below[place]):
            yield run[start:place]
            start, above = place, frozenset()
        above = above if filled[row] <= above else above | filled[row]
    yield run[start:]


def _goes_on(above: _Growing, rows: Sequence[int], filled: Mapping[int, frozenset[int]], cells: Rows) -> bool:
    """Whether `rows` are more of the table `above` them, and not a note or a table of their own."""
    first = filled[rows[0]]
    if above.widest == 1:  # only a title so far, which belongs to the table below it
        return len(above.rows) == 1 and len(first) > 1 and len(rows) > 1 and min(above.columns) <= max(first)
    if len(first) == 1 or not all(filled[row] <= above.columns for row in rows):
        return False
    return not (len(rows) > 1 and _is_header(cells[rows[0]]) and not _is_header(cells[rows[1]]))


def _is_header(row: Sequence[str]) -> bool:
    """Whether the cells look like names of columns: short, all different, without digits alone or the end of a sentence."""
    names = [cell.strip() for cell in row if cell.strip()]
    plain = (len(name) <= _LONGEST_NAME and any(map(str.isalpha, name)) and not name.endswith((".", "?", "!")) for name in names)
    return len({*names}) == len(names) and all(plain)
