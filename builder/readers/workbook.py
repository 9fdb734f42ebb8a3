"""Workbooks (.xlsx, .xlsm, .xls, .ods): each visible sheet a section and a page, its tables as tables, questions as sections.

A sheet is cut into tables at empty rows and where the columns change. Hidden sheets are left out, and said so. Numbers are
written as their cells show them where the file tells how (.xlsx); a merged cell's value is there once.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from pydantic import JsonValue

from builder.readers.columns import roles
from builder.readers.content import Content, Refused, body, heading, one_line
from builder.readers.grid import FAQ_TABLE, HOLDS, Grid, full, grid
from builder.readers.ods_reach import ods_reach
from builder.readers.ooxml import BadPackageError, Package
from builder.readers.regions import regions
from builder.readers.sheet_parts import MOST_CELLS, Parts, Sheet
from schemas.records import Page, Reason, Remark

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PROTECTED = Refused(Reason.ENCRYPTED, "protected by a password; save it without one")
_MOST_PACKED = 2_000_000  # bytes of a package of which a second one is made in memory
_LEVEL = 3  # of what stands under the heading of a sheet
_LONGEST_DIGITS = 15  # of what a cell can hold
_LARGEST_WHOLE = 10**_LONGEST_DIGITS

Cells = list[list[str]]
Merged = Sequence[tuple[tuple[int, int], tuple[int, int]]]


@dataclass
class _Book:
    """What has been read so far."""

    parts: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    holds: dict[str, JsonValue] = field(default_factory=dict)


def read_workbook(raw: bytes) -> Content | Refused:
    """Return the visible sheets, each under its name."""
    from python_calamine import CalamineError, PasswordError

    if raw.startswith(_OLE) and _ENCRYPTED in raw:
        return _PROTECTED
    try:
        return _opened(raw)
    except BadPackageError as error:
        return error.refused
    except PasswordError:
        return _PROTECTED
    except (CalamineError, ValueError, OverflowError) as error:
        return Refused(Reason.CORRUPT, f"damaged, or no workbook ({one_line(str(error))}); open it and save it again")
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what a bug in the library written in Rust raises, no Exception
            raise
        return Refused(Reason.CORRUPT, "damaged in a way that no program can read; open it and save it again")


def _opened(raw: bytes) -> Content | Refused:
    from python_calamine import CalamineError, load_workbook

    package = None if raw.startswith(_OLE) else Package(raw)
    parts = Parts(package) if package and b"[Content_Types].xml" in raw else None
    if package and not parts:
        rows, columns = ods_reach(package.raw("content.xml"))
        if rows * columns > MOST_CELLS:
            return Refused(Reason.TOO_LARGE, _too_large("a sheet", rows, columns).message)
    title = package.title() if package and parts else ""
    if lean := parts.lean() if parts and len(raw) <= _MOST_PACKED else b"":
        with suppress(CalamineError), load_workbook(io.BytesIO(lean)) as workbook:
            return _read(workbook, parts, title=title)
    with load_workbook(io.BytesIO(raw)) as workbook:
        return _read(workbook, parts, title=title)


def _read(workbook: "CalamineWorkbook", parts: Parts | None, *, title: str) -> Content | Refused:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    book = _Book()
    hidden = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible != SheetVisibleEnum.Visible]
    for number, sheet in enumerate(workbook.sheets_metadata, start=1):
        if sheet.name not in hidden and sheet.typ == SheetTypeEnum.WorkSheet:
            _add_sheet(book, number, sheet.name, workbook, parts)
    if hidden:
        message = f"left out because they are hidden: {', '.join(map(one_line, hidden))}; unhide them if they belong to the text"
        book.remarks.append(Remark(code="hidden_sheets", message=message))
    if not book.parts:
        return _nothing(book, hidden)
    metadata: dict[str, JsonValue] = {"sheets": len(book.pages)}
    if book.holds:
        metadata[HOLDS] = book.holds
    return Content("\n\n".join(book.parts), title, metadata, pages=tuple(book.pages), remarks=tuple(book.remarks))


def _nothing(book: _Book, hidden: Sequence[str]) -> Refused:
    if any(remark.code == "sheet_too_large" for remark in book.remarks):
        return Refused(Reason.TOO_LARGE, book.remarks[0].message)
    if hidden:
        return Refused(Reason.NO_CONTENT, "all sheets with anything in them are hidden; unhide them if they belong to the text")
    return Refused(Reason.EMPTY, "no words in any sheet")


def _add_sheet(book: _Book, number: int, name: str, workbook: "CalamineWorkbook", parts: Parts | None) -> None:
    about = parts.sheet(name) if parts else Sheet()
    if (about.last[0] + 1) * (about.last[1] + 1) > MOST_CELLS:
        book.remarks.append(_too_large(f"sheet {one_line(name)}", about.last[0] + 1, about.last[1] + 1))
        return
    sheet = workbook.get_sheet_by_name(name)
    if sheet.total_height * sheet.total_width > MOST_CELLS:
        book.remarks.append(_too_large(f"sheet {one_line(name)}", sheet.total_height, sheet.total_width))
        return
    words = [*_tables(_cells(sheet, about), sheet.merged_cell_ranges or [], name, book)]
    book.remarks += _remarks(about, name)
    if words:
        title = heading(2, name)
        text = "\n\n".join([title if title.strip("# ") else heading(2, f"Sheet {number}"), *words])
        start = book.pages[-1].end + 2 if book.pages else 0
        book.parts.append(text)
        book.pages.append(Page(number=number, start=start, end=start + len(text), kind="sheet", label=one_line(name)))


def _too_large(sheet: str, rows: int, columns: int) -> Remark:
    size = f"{rows:,} rows and {columns:,} columns" if rows > 1 else f"{columns:,} columns"
    message = f"{sheet} reaches over {size} and is left out; delete what is empty in it"
    return Remark(code="sheet_too_large", message=message)


def _remarks(about: Sheet, name: str) -> Iterator[Remark]:
    if about.uncalculated:
        message = f"sheet {one_line(name)}: {about.uncalculated} formulas without a result are empty; open the file and save it again"
        yield Remark(code="uncalculated_formula", message=message)
    if about.errors:
        yield Remark(code="error_values", message=f"sheet {one_line(name)}: {about.errors} cells show an error such as #REF! and are empty")


def _tables(cells: Cells, merged: Merged, name: str, book: _Book) -> Iterator[str]:
    """The tables and notes of a sheet."""
    filled = _unmerge(cells, merged)
    asked = False
    for number, region in enumerate(regions(cells), start=1):
        if asked:  # or it would be part of the last answer
            yield heading(_LEVEL - 1, f"{name} ({number})")
        rows = region.cut(cells)
        if all(full(row) == 1 for row in rows):
            yield from (body(cell) for row in rows for cell in row if cell)
            asked = False
            continue
        if filled is not cells and roles((whole := region.cut(filled))[region.lead :]):
            rows = whole
        found = grid(rows, level=_LEVEL, notes=True)
        asked = found.is_faq
        _note(found, name, book)
        yield found.text


def _unmerge(cells: Cells, merged: Merged) -> Cells:
    """Leave the value of merged cells in the first; return the cells with it in each row, as questions need it."""
    if not merged:
        return cells
    filled = [[*row] for row in cells]
    for (top, left), (bottom, right) in merged:
        for row in range(top, min(bottom + 1, len(cells))):
            for column in range(left, min(right + 1, len(cells[row]))):
                if (row, column) != (top, left):
                    cells[row][column] = ""
                    filled[row][column] = cells[top][left] if column == left else ""
    return filled


def _note(found: Grid, name: str, book: _Book) -> None:
    where = f"sheet {one_line(name)}: "
    book.remarks += found.remarks(where)
    if found.is_faq:
        book.holds[one_line(name)] = FAQ_TABLE
    if found.left_out:
        book.remarks.append(Remark(code="fields_left_out", message=f"{where}beside questions and answers: {', '.join(found.left_out)}"))


def _cells(sheet: "CalamineSheet", about: Sheet) -> Cells:
    """The cells as words, from the first row and column on."""
    rows = sheet.to_python(skip_empty_area=False)
    cells = [[value.strip() if type(value) is str else _WRITERS[type(value)](value) for value in row] for row in rows]
    for (row, column), shown in about.shown.items():
        value = rows[row][column] if row < len(rows) and column < len(rows[row]) else ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            cells[row][column] = shown.words(value)
    for row, column in about.zeros:
        if row < len(cells) and column < len(cells[row]) and cells[row][column] == "0":
            cells[row][column] = ""
    return cells


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _number(value: float) -> str:
    """Digits without a needless decimal point, an exponent or the noise of binary fractions."""
    if value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return str(int(value))
    words = f"{value:.{_LONGEST_DIGITS}g}"
    return words if "e" not in words else f"{value:.20f}".rstrip("0").rstrip(".")


def _length(value: timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")


def _moment(value: datetime) -> str:
    return value.date().isoformat() + ("" if value.time() == time() else f" {_clock(value.time())}")


def _clock(value: time) -> str:
    return value.isoformat("seconds" if value.second else "minutes")


_WRITERS: dict[type, Callable[..., str]] = {
    bool: _truth, int: str, float: _number, date: date.isoformat, datetime: _moment, time: _clock, timedelta: _length,
}  # fmt: skip
"""How people write each kind of value that is no text."""
