"""What a spreadsheet's own XML says beside its values: how numbers are shown, formulas that nobody calculated, how far it reaches.

The reader of values (calamine) gives 0.075 for "7.5 %" and nothing for a formula without a stored result, and it takes
memory for every cell up to the last. A quick look at the parts of the package answers all three before it is asked.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property

from builder.readers.lean_workbook import BOOK, RELATIONS, STRINGS, STYLES, lean_workbook
from builder.readers.ooxml import BadPackageError, Package, related
from schemas.records import Reason

_ODD = re.compile(rb"\s{1,9}r=[\"']([A-Z]{1,3}[0-9]{1,7})[\"']")
_ODDITIES = (b" r='", b"\tr=", b"\nr=")  # that no program writes; they would hide how far a sheet reaches
_FAR = re.compile(rb'r="(?:[A-Z]{2}|[A-Z][0-9]{6})')  # a cell beyond 26 columns or 99,999 rows, which may be too many
_REFERENCE = re.compile(rb' r="([A-Z]{1,3})([0-9]{1,7})"')
_COLUMN = re.compile(rb' r="([A-Z]{1,3})')
_NAME = rb"<(?:\w{1,20}:)?"
_CELL = _NAME + rb'c r="([A-Z]{1,3})([0-9]{1,7})"'
_FORMULA = _NAME + rb"f\b(?:[^>]{0,500}/>|[^>]{0,500}(?<!/)>[^<]{0,9000}</(?:\w{1,20}:)?f>)"
_NO_RESULT = re.compile(_FORMULA + rb"\s{0,9}(?:<(?:\w{1,20}:)?v\s{0,9}/>|<(?:\w{1,20}:)?v></|</(?:\w{1,20}:)?c>)")
_ZERO_RESULT = re.compile(_CELL + rb"[^>]{0,100}>" + _FORMULA + rb"<(?:\w{1,20}:)?v>0</")
_ANY_FORMULA, _ANY_ERROR = re.compile(rb"<f"), re.compile(rb"t=[\"']e[\"']")  # faster than `in`
_ERROR = re.compile(_NAME + rb"c [^>]{0,200}\bt=[\"']e[\"']")
_SHEET = re.compile(_NAME + rb"sheet\s[^>]{0,500}>")
_ATTRIBUTE = re.compile(rb"([\w:]{1,30})\s{0,9}=\s{0,9}\"([^\"]{0,300})\"")
_ODD_ATTRIBUTE = re.compile(rb"([\w:]{1,30})\s{0,9}=\s{0,9}([\"'])(.{0,300}?)\2", re.DOTALL)
_NUMBER_FORMAT = re.compile(_NAME + rb"numFmt [^>]{0,500}>")
_XF = re.compile(_NAME + rb"xf (?:[^>]{0,490}?\bnumFmtId=\"([0-9]{1,9})\")?")
_STYLED = re.compile(rb' r="([A-Z]{1,3})([0-9]{1,7})" s="([0-9]{1,9})"')  # the order in which all write it
_HIDING = re.compile(r"_.|\*.|\[(?!\$)[^\]]{0,40}\]")
_CURRENCY = re.compile(r"\[\$([^\]-]{0,10})[^\]]{0,10}\]")
_LITERAL = re.compile(r"\"([^\"]{0,40})\"|\\(.)")
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.([#0?]+))?")
_DATE = re.compile(r"[ymdhs]", re.IGNORECASE)
_NEVER_CALCULATED = b'fullCalcOnLoad="1"'  # what programs write that cannot calculate; the results they store are all 0
_BUILT_IN = {b"9": "0%", b"10": "0.00%"}
_PROLOG = 60  # bytes at least before any cell, with a line end between them

MOST_CELLS = 5_000_000  # from the first to the last of a sheet, the empty ones counted

Place = tuple[int, int]
_MOST_LEAN = 16_000_000  # bytes of all sheets; they are in memory several times


@dataclass(frozen=True)
class Shown:
    """How a number is shown: what stands before and after it, and its decimals."""

    before: str
    after: str
    decimals: int
    grouped: bool

    def words(self, value: float) -> str:
        """Return `value` as its cell shows it."""
        scaled = value * 100 if "%" in self.after else value
        digits = f"{abs(scaled):{',' if self.grouped else ''}.{self.decimals}f}"
        return f"{'-' if scaled < 0 and digits.strip('0.,') else ''}{self.before}{digits}{self.after}"


@dataclass(frozen=True)
class Sheet:
    """What the XML of one sheet says; `last` is the last row and column, counted from 0 (only if there are very many)."""

    last: Place = (0, 0)
    shown: dict[Place, Shown] = field(default_factory=dict)
    zeros: frozenset[Place] = frozenset()
    uncalculated: int = 0
    errors: int = 0


class Parts:
    """The parts of an .xlsx package by the names of its sheets.

    Raises:
        BadPackageError: a part is missing, damaged, too large or hostile; so may every method.
    """

    def __init__(self, package: Package) -> None:
        self._package = package
        main = BOOK
        try:
            self._book = self._raw(main)
        except BadPackageError:
            main = package.main(BOOK)
            self._book = self._raw(main)
        self._main = main
        self._relations = package.relations(main)
        self._strings = self._raw_of_kind("sharedStrings")  # also to see that it is what the archive says it is
        self._waiting: dict[str, bytes] = {}  # sheets that have been unpacked already

    def lean(self) -> bytes:
        """Return a package of the cells alone, which is read in half the time, or nothing where only the whole one will do."""
        left = _MOST_LEAN
        try:
            if self._main != BOOK or not self._style_sheet:
                return b""
            for part in self._names.values():
                self._waiting[part] = self._raw(part)
                left -= len(self._waiting[part])
                if left < 0:
                    return b""
            relations = self._package.raw(RELATIONS)
        except BadPackageError:
            return b""
        about = {BOOK: self._book, RELATIONS: relations, STYLES: self._style_sheet}
        return lean_workbook(about | ({STRINGS: self._strings} if self._strings else {}), self._waiting)

    def sheet(self, name: str) -> Sheet:
        """Return what the sheet called `name` says."""
        part = self._names.get(name, "")
        if not part:
            return Sheet()
        xml = self._waiting.pop(part, b"") or self._raw(part)
        may_be_odd = b"'" in xml or b"\t" in xml or xml.find(b"\n", _PROLOG) > 0
        if may_be_odd and any(odd in xml for odd in _ODDITIES):
            xml = _ODD.sub(rb' r="\1"', xml)
        has_formulas = _ANY_FORMULA.search(xml) is not None or (b"<sheetData" not in xml and b":f" in xml)
        zeros = {*map(_place, _ZERO_RESULT.findall(xml))} if has_formulas and _NEVER_CALCULATED in self._book else set[Place]()
        uncalculated = sum(1 for _ in _NO_RESULT.finditer(xml)) if has_formulas else 0
        errors = len(_ERROR.findall(xml)) if _ANY_ERROR.search(xml) else 0
        return Sheet(_last(xml), self._shown(xml), frozenset(zeros), uncalculated + len(zeros), errors)

    def _shown(self, xml: bytes) -> dict[Place, Shown]:
        styles = self._styles
        cells = _STYLED.findall(xml) if styles else ()
        return {_place((column, row)): styles[style] for column, row, style in cells if style in styles}

    @cached_property
    def _names(self) -> dict[str, str]:
        """The part of each sheet of cells by its name."""
        sheets = [_attributes(tag) for tag in _SHEET.findall(self._book)]
        parts = [(_text(sheet.get(b"name", b"")), self._relations.get(_relation(sheet))) for sheet in sheets]
        return {name: part.target for name, part in parts if part and part.kind == "worksheet"}

    @cached_property
    def _styles(self) -> dict[bytes, Shown]:
        """The styles of cells that show a number with words or signs."""
        xml = self._style_sheet
        formats = xml.partition(b"cellXfs")[2].partition(b"cellXfs>")[0]
        codes: dict[bytes, str] = {**_BUILT_IN, **dict(_codes(xml))}
        shown = {number: style for number, code in codes.items() if (style := as_shown(code))}
        return {b"%d" % place: shown[number] for place, number in enumerate(_XF.findall(formats)) if number in shown}

    @cached_property
    def _style_sheet(self) -> bytes:
        return self._raw_of_kind("styles")

    def _raw_of_kind(self, kind: str) -> bytes:
        part = related(self._relations, kind)
        return self._raw(part) if part else b""

    def _raw(self, part: str) -> bytes:
        xml = self._package.raw(part)
        if xml.find(b"!", 0, 4096) >= 0 and (b"<!DOCTYPE" in xml[:4096] or b"<!ENTITY" in xml[:4096]):
            raise BadPackageError(Reason.FORBIDDEN_XML, f"its part {part} declares a DTD, which no Office program writes")
        return xml


def as_shown(code: str) -> Shown | None:
    """Return how a number format shows a number, or None if plainly, as a date, or in a way that is not known."""
    code = _CURRENCY.sub(r'"\1"', _HIDING.sub("", code.partition(";")[0]))
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[1] or match[2] or "")
        return "\x00"

    bare = _LITERAL.sub(keep, code)
    digits = _DIGITS.search(bare)
    if digits is None or _DATE.search(bare) or "/" in bare or "E+" in bare:
        return None
    waiting = iter(literals)
    before, after = (
        "".join(next(waiting, "") if sign == "\x00" else sign for sign in part) for part in (bare[: digits.start()], bare[digits.end() :])
    )
    if not (before.strip() or after.strip()):
        return None
    return Shown(before, after, len(digits[1] or ""), "," in digits[0])


def _codes(xml: bytes) -> Iterator[tuple[bytes, str]]:
    for tag in _NUMBER_FORMAT.findall(xml):
        found = _attributes(tag)
        yield found.get(b"numFmtId", b""), _text(found.get(b"formatCode", b""))


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    if b"'" not in tag:
        return dict(_ATTRIBUTE.findall(tag))
    return {name: value for name, _, value in _ODD_ATTRIBUTE.findall(tag)}


def _relation(sheet: dict[bytes, bytes]) -> str:
    return next((value.decode("utf-8", "replace") for key, value in sheet.items() if key.endswith(b":id")), "")


def _last(xml: bytes) -> Place:
    """The last row and column; both are only told where there are so many that the area may be too large."""
    if not _FAR.search(xml):
        return 0, 0
    columns = max(map(_column, {*_COLUMN.findall(xml)}), default=0)
    digits = len(str(MOST_CELLS // (columns + 1)))
    if not re.search(rb' r="[A-Z]{1,3}[0-9]{%d}' % digits, xml):
        return 0, columns
    return max((int(row) for _, row in _REFERENCE.findall(xml)), default=1) - 1, columns


def _place(reference: tuple[bytes, bytes]) -> Place:
    return int(reference[1]) - 1, _column(reference[0])


@cache
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _text(raw: bytes) -> str:
    return html.unescape(raw.decode("utf-8", "replace"))
