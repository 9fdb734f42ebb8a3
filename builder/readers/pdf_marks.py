"""Where the text of marked content stands on the pages of a tagged file.

The engine can tell it, but lays out whole pages anew for it, with lines cut finer. PDFium, which liteparse brings along as a
library of its own, knows it of every text object it draws; where another version of liteparse has no such library, the engine is
asked.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import CDLL, POINTER, byref, c_bool, c_char_p, c_double, c_float, c_int, c_size_t, c_void_p
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from liteparse.types import TextItem

_MANY = 20_000  # objects of a page that are looked at
_DEEP = 4  # forms in forms
_NEAR = 1.0  # points by which places may differ
_TEXT, _FORM = 1, 5  # kinds of objects
_FAR, _FINE = 1_000, 100  # PDFium gives places on a page in whole units; so many of them are a point
_NAMES = ("libpdfium.so", "libpdfium.dylib", "pdfium.dll")
_INTS, _FLOATS = POINTER(c_int), POINTER(c_float)
_FUNCTIONS: dict[str, tuple[Any, ...]] = {  # what each returns and takes, from fpdfview.h and fpdf_edit.h
    "FPDF_InitLibrary": (None,),
    "FPDF_LoadMemDocument64": (c_void_p, c_char_p, c_size_t, c_char_p),
    "FPDF_CloseDocument": (None, c_void_p),
    "FPDF_LoadPage": (c_void_p, c_void_p, c_int),
    "FPDF_ClosePage": (None, c_void_p),
    "FPDF_PageToDevice": (c_bool, c_void_p, c_int, c_int, c_int, c_int, c_int, c_double, c_double, _INTS, _INTS),
    "FPDFPage_CountObjects": (c_int, c_void_p),
    "FPDFPage_GetObject": (c_void_p, c_void_p, c_int),
    "FPDFFormObj_CountObjects": (c_int, c_void_p),
    "FPDFFormObj_GetObject": (c_void_p, c_void_p, c_size_t),
    "FPDFPageObj_GetType": (c_int, c_void_p),
    "FPDFPageObj_GetMarkedContentID": (c_int, c_void_p),
    "FPDFPageObj_GetBounds": (c_bool, c_void_p, _FLOATS, _FLOATS, _FLOATS, _FLOATS),
    "FPDFPageObj_GetMatrix": (c_bool, c_void_p, _FLOATS),
}

Matrix = tuple[float, float, float, float, float, float]


class Mark(NamedTuple):
    """The marked content that a text object belongs to, -1 for none, its edges, and its height on the page in its middle.

    In points from the page's top left corner.
    """

    place: int
    left: float
    right: float
    y: float

    def meets(self, item: "TextItem") -> bool:
        """Whether a piece of a printed line is a part of the text object, or the object is a part of it."""
        if not item.y - _NEAR <= self.y <= item.y + item.height + _NEAR:
            return False
        middle, own = item.x + item.width / 2, (self.left + self.right) / 2
        return self.left - _NEAR <= middle <= self.right + _NEAR or item.x - _NEAR <= own <= item.x + item.width + _NEAR


class Asked(NamedTuple):
    """A page that is asked for: its width and height in points, and the marked content that nobody wants to know of."""

    width: float
    height: float
    skipped: frozenset[int] = frozenset()


def marks(raw: bytes, pages: Mapping[int, Asked]) -> dict[int, list[Mark]] | None:
    """Return the marks of pages, in the order of drawing, without those of spaces; None where there is no PDFium to ask.

    Args:
        raw: a PDF file.
        pages: by their number counted from 1.
    """
    if (pdfium := _library()) is None:
        return None
    pdfium.FPDF_InitLibrary()  # does nothing if the engine did
    found: dict[int, list[Mark]] = {}
    with _opened(pdfium.FPDF_LoadMemDocument64(raw, len(raw), None), pdfium.FPDF_CloseDocument) as document:
        for number, asked in pages.items() if document else ():
            with _opened(pdfium.FPDF_LoadPage(document, number - 1), pdfium.FPDF_ClosePage) as page:
                if page:
                    found[number] = list(_on_page(pdfium, page, asked))
    return found


@contextmanager
def _opened(handle: int | None, close: Any) -> Iterator[int | None]:
    try:
        yield handle
    finally:
        if handle:
            close(handle)


@cache
def _library() -> CDLL | None:
    """PDFium with the functions that are called, or nothing."""
    import liteparse

    try:
        library = CDLL(str(next(path for name in _NAMES if (path := Path(liteparse.__file__).with_name(name)).is_file())))
        for name, (returned, *given) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = returned, given
    except (StopIteration, OSError, AttributeError):
        return None
    return library


def _on_page(pdfium: CDLL, page: int, asked: Asked) -> Iterator[Mark]:
    """The marks of a page's text objects."""
    box = c_float(), c_float(), c_float(), c_float()
    left, bottom, right, top = box
    edges = [byref(edge) for edge in box]
    for text, place, matrix in islice(_texts(pdfium, page, _to_points(pdfium, page, asked)), _MANY):
        if place is None or place in asked.skipped:
            continue
        pdfium.FPDFPageObj_GetBounds(text, *edges)
        if top.value > bottom.value:  # spaces have no height
            (x1, y1), (x2, y2) = _moved(matrix, left.value, bottom.value), _moved(matrix, right.value, top.value)
            if 0 <= (middle := (y1 + y2) / 2) <= asked.height:  # hostile files have places beyond all pages
                yield Mark(place, min(x1, x2), max(x1, x2), middle)


def _to_points(pdfium: CDLL, page: int, asked: Asked) -> Matrix:
    """What makes points from the top left corner of a page of its own places; it may be turned, or cut."""

    def on_page(x: int, y: int) -> tuple[float, float]:
        right, down = c_int(), c_int()
        wide, high = (round(side * _FINE) for side in asked[:2])
        pdfium.FPDF_PageToDevice(page, 0, 0, wide, high, 0, x, y, byref(right), byref(down))
        return right.value / _FINE, down.value / _FINE

    (e, f), (x1, y1), (x2, y2) = on_page(0, 0), on_page(_FAR, 0), on_page(0, _FAR)
    return (x1 - e) / _FAR, (y1 - f) / _FAR, (x2 - e) / _FAR, (y2 - f) / _FAR, e, f


def _texts(pdfium: CDLL, holder: int, matrix: Matrix, form: int | None = None, depth: int = 0) -> Iterator[tuple[int, int | None, Matrix]]:
    """The text objects of a page and of its forms, each with the marked content it belongs to and what makes points of its places.

    What is in a marked form belongs where the form does; numbers of other marked content there are not those of the page.

    Args:
        pdfium: the library.
        holder: the page, or a form.
        matrix: makes points of the places in it.
        form: the marked content that it belongs to, if it is a form.
        depth: how many forms it is in.
    """
    count, get = pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject
    if form is not None:
        count, get = pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject
    kind, marked = pdfium.FPDFPageObj_GetType, pdfium.FPDFPageObj_GetMarkedContentID
    for number in range(count(holder)):
        drawn = get(holder, number)
        what, own = kind(drawn), marked(drawn)
        place = own if form is None else None if form == -1 != own else form
        if what == _TEXT:
            yield drawn, place, matrix
        elif what == _FORM and depth < _DEEP and place is not None:
            yield from _texts(pdfium, drawn, _after(_matrix(pdfium, drawn), matrix), place, depth + 1)


def _matrix(pdfium: CDLL, form: int) -> Matrix:
    values = (c_float * 6)(1, 0, 0, 1, 0, 0)
    pdfium.FPDFPageObj_GetMatrix(form, values)
    a, b, c, d, e, f = values
    return a, b, c, d, e, f


def _moved(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _after(first: Matrix, second: Matrix) -> Matrix:
    """The matrix of `first` and then `second` (PDF 32000-1, 8.3.4)."""
    (a, b), (c, d) = (_moved((*second[:4], 0.0, 0.0), *part) for part in (first[:2], first[2:4]))
    return a, b, c, d, *_moved(second, *first[4:])
