"""One HTML table on its way to Markdown: cells that span columns or rows keep their place and are written once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from builder.readers.content import table

_LARGEST_SPAN = 50
_MOST_CELLS = 500_000  # of the padded table; beyond it a few wide rows could fill the memory


@dataclass
class _Cell:
    text: str
    columns: int
    rows: int
    is_header: bool


@dataclass
class _Row:
    cells: list[str]
    is_header: bool
    is_caption: bool  # one cell above several columns


@dataclass
class Grid:
    """The rows so far; cells are added one by one, then their row is closed."""

    _rows: list[_Row] = field(default_factory=list)
    _open: list[_Cell] = field(default_factory=list)
    _covered: dict[int, int] = field(default_factory=dict)  # column -> rows still covered by a cell above

    def add(self, text: str, *, columns: int, rows: int, is_header: bool) -> None:
        """Add a cell that is this wide and high."""
        self._open.append(_Cell(text, min(columns, _LARGEST_SPAN), min(rows, _LARGEST_SPAN), is_header))

    def close_row(self, *, in_head: bool) -> None:
        """End a row; what a cell above covers is left empty."""
        cells, self._open = self._open[::-1], []
        is_header = bool(cells) and (in_head or all(cell.is_header for cell in cells))
        is_caption = len(cells) == 1 and cells[0].columns > 1 and cells[0].rows == 1 and not self._covered
        above, self._covered = self._covered, {}
        row: list[str] = []
        while cells or len(row) in above:
            left, column = above.pop(len(row), 0), len(row)
            cell = _Cell("", 1, left, is_header=False) if left else cells.pop()
            row += [cell.text, *[""] * (cell.columns - 1)]
            self._cover(column, cell.columns, cell.rows - 1)
        for column, left in above.items():
            self._cover(column, 1, left - 1)
        if any(row):
            self._rows.append(_Row(row, is_header, is_caption))

    def _cover(self, column: int, columns: int, rows: int) -> None:
        if rows > 0:
            self._covered |= dict.fromkeys(range(column, column + columns), rows)

    def markdown(self) -> str:
        """The table; without a header row its header is empty, and one column is a list."""
        captions = list(self._captions())
        rows = [row.cells for row in self._rows]
        width = max(map(len, rows), default=0)
        has_header = bool(rows) and (self._rows[0].is_header or all(cell.startswith("**") for cell in rows[0]))
        if (width == 1 and not has_header) or width * len(rows) > _MOST_CELLS:
            body = "\n".join(f"- {'; '.join(filter(None, row))}" for row in rows)
        else:
            body = table(rows if has_header else [[""] * width, *rows]) if rows else ""
        return "\n\n".join(filter(None, [*captions, body]))

    def _captions(self) -> Iterator[str]:
        """Take off the rows at the top that name the table."""
        while len(self._rows) > 1 and self._rows[0].is_caption and (self._rows[1].is_header or not self._rows[0].is_header):
            yield self._rows.pop(0).cells[0]
