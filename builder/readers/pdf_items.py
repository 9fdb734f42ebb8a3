"""The engine's result with what the readers use of printed lines and blocks, and no more: to make all of their fields takes long.

liteparse copies every result of its native part into Python objects, in one function that it has for itself. That function is
given the result without these here, and they are added. Where a version of liteparse has other insides, its own copy
is what is returned.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liteparse.parser import LiteParse
    from liteparse.types import AnnotationRect, LayoutCell, ParseResult, WordBox


class _Item:
    """A printed line, as far as a TextItem of liteparse is read; the places of its words are copied when somebody asks for them."""

    __slots__ = ("_native", "_words", "font_name", "height", "mcid", "rotation", "text", "width", "x", "y")

    def __init__(self, native: Any) -> None:
        self.text: str = native.text
        self.x: float = native.x
        self.y: float = native.y
        self.width: float = native.width
        self.height: float = native.height
        self.font_name: str | None = native.font_name
        self.mcid: int | None = native.mcid
        self.rotation: float = native.rotation
        self._native = native
        self._words: list[WordBox] | None = None

    @property
    def words(self) -> "list[WordBox]":
        """Its words with their boxes; none where they were not asked for."""
        if self._words is None:
            make = _types().WordBox
            self._words = [make(word.text, word.x, word.y, word.width, word.height) for word in self._native.words]
        return self._words


class _Block:
    """A block of the layout, as far as a LayoutBlock of liteparse is read."""

    __slots__ = ("bbox", "header", "kind", "level", "lines", "marker", "rows", "text")

    def __init__(self, native: Any) -> None:
        self.kind: str = native.kind
        self.text: str | None = native.text
        self.level: int | None = native.level
        self.marker: str | None = native.marker
        self.lines: list[str] | None = native.lines
        self.bbox = _rect(native.bbox)
        header, rows = native.header, native.rows
        self.header = None if header is None else [_cell(cell) for cell in header]
        self.rows = None if rows is None else [[_cell(cell) for cell in row] for row in rows]


def _rect(native: Any) -> "AnnotationRect | None":
    return None if native is None else _types().AnnotationRect(native.x, native.y, native.width, native.height)


def _cell(native: Any) -> "LayoutCell":
    return _types().LayoutCell(text=native.text, bbox=_rect(native.bbox))


@cache
def _types() -> Any:
    """What liteparse makes, imported once and only when a file is read."""
    return import_module("liteparse.types")


class _Without:
    """A native object as it is, but for the attributes that are given."""

    def __init__(self, native: Any, **given: Any) -> None:
        self._native = native
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._native, name)


def parse_whole(parser: "LiteParse", raw: bytes) -> "ParseResult":
    """Return all pages of a file; of its printed lines the text, box, font, rotation, marked content and words, of blocks what is in them.

    Raises:
        Exception: the engine's own, whatever is wrong with the file.
    """
    with suppress(AttributeError, ImportError):
        copy, parse = _own_copy(), parser._native.parse_bytes  # noqa: SLF001 - see above
        return _copied(parse(raw), copy)
    return parser.parse(raw)


def parse_parts(parser: "LiteParse", raw: bytes, size: int) -> Iterator[tuple[int, "ParseResult"]]:
    """Yield the number of pages of the file with each `size` pages of it, made as `parse_whole` makes them.

    Raises:
        Exception: the engine's own, whatever is wrong with the file.
    """
    try:
        session, copy = parser._native.open_batch_session_bytes(raw, size), _own_copy()  # noqa: SLF001 - see above
    except (AttributeError, ImportError):
        for batch in parser.parse_batches(raw, size):
            yield batch.total_pages, batch.result
        return
    while batch := session.next_batch():
        yield session.total_pages, _copied(batch.result, copy)


def _own_copy() -> Any:
    from liteparse.parser import _convert_native_result  # pyright: ignore[reportAttributeAccessIssue]

    return _convert_native_result


def _copied(native: Any, copy: Any) -> "ParseResult":
    pages = native.pages
    result = copy(_Without(native, pages=[_Without(page, text_items=(), blocks=None) for page in pages]))
    for page, found in zip(result.pages, pages, strict=True):
        page.text_items = [_Item(item) for item in found.text_items]  # pyright: ignore[reportAttributeAccessIssue] - see _Item
        if (blocks := found.blocks) is not None:
            page.blocks = [_Block(block) for block in blocks]  # pyright: ignore[reportAttributeAccessIssue] - see _Block
    return result
