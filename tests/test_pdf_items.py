"""The engine's result, with what is used of printed lines and blocks only."""

from dataclasses import replace

import pytest
from liteparse.types import LayoutBlock, ParsedPage, ParseResult, TextItem

from builder.readers.pdf_engine import _parser
from builder.readers.pdf_items import parse_parts, parse_whole
from tests.make_pdf import Line, make_pdf, paragraph

TEXT = "Every pump is checked twice a year by the service team, once in spring and once before the first frost."
TABLE = [("Item", "Effort"), ("Pump", "640"), ("Hose", "27"), ("Valve", "81"), ("Filter", "9")]
PAGES = [
    [*paragraph(TEXT), Line("See the manual", 60, 300, link="https://example.org/manual")],
    [*paragraph(TEXT, y=90), Line("12", 300, 800)],
    [Line(cell, 60 + 260 * column, 200 + 20 * row) for row, cells in enumerate(TABLE) for column, cell in enumerate(cells)],
]
USED = ("text", "x", "y", "width", "height", "font_name", "rotation", "mcid", "words")
USED_OF_BLOCKS = ("kind", "text", "level", "marker", "lines", "header", "rows", "bbox")


def lean(result: ParseResult) -> ParseResult:
    """Reduce the printed lines and the blocks to the fields that are read, whatever their class."""
    return replace(result, pages=[lean_page(page) for page in result.pages])


def lean_page(page: ParsedPage) -> ParsedPage:
    items = [TextItem(**{name: getattr(item, name) for name in USED}) for item in page.text_items]
    blocks = [LayoutBlock(**{name: getattr(block, name) for name in USED_OF_BLOCKS}) for block in page.blocks or ()]
    return replace(page, text_items=items, blocks=blocks if page.blocks is not None else None)


@pytest.mark.parametrize("options", [{}, {"emit_word_boxes": True}, {"extract_text_metadata": True}, {"target_pages": "2"}])
def test_the_result_is_the_engines_own_but_for_fields_that_nobody_reads(options: dict[str, bool | str]):
    parser, raw = _parser(**options), make_pdf(PAGES)

    found = parse_whole(parser, raw)

    assert found.pages
    assert {block.kind for block in found.pages[-1].blocks or ()} >= ({"table"} if "target_pages" not in options else set())
    assert lean(found) == lean(parser.parse(raw))


@pytest.mark.parametrize("size", [1, 2, 100])
def test_parts_are_the_engines_own_too(size: int):
    parser, raw = _parser(emit_word_boxes=True), make_pdf(PAGES)

    found = [(total, lean(result)) for total, result in parse_parts(parser, raw, size)]

    assert found == [(batch.total_pages, lean(batch.result)) for batch in parser.parse_batches(raw, size)]
    assert [page.page_num for _, result in found for page in result.pages] == [1, 2, 3]


def test_another_version_of_the_engine_gives_its_own_copy(monkeypatch: pytest.MonkeyPatch):
    parser, raw = _parser(), make_pdf(PAGES)
    expected = parser.parse(raw)
    monkeypatch.delattr("liteparse.parser._convert_native_result")
    monkeypatch.setattr(type(parser), "parse", lambda _self, _raw: expected)

    assert parse_whole(parser, raw) is expected


def test_another_version_of_the_engine_gives_its_own_parts(monkeypatch: pytest.MonkeyPatch):
    parser, raw = _parser(), make_pdf(PAGES)
    expected = [(batch.total_pages, batch.result) for batch in parser.parse_batches(raw, 1)]
    batches = list(parser.parse_batches(raw, 1))
    monkeypatch.delattr("liteparse.parser._convert_native_result")
    monkeypatch.setattr(type(parser), "parse_batches", lambda _self, _raw, _size: iter(batches))

    assert list(parse_parts(parser, raw, 1)) == expected


def test_what_is_wrong_with_a_file_is_said_by_the_engine():
    with pytest.raises(Exception, match=r"(?i)pdf"):
        parse_whole(_parser(), b"%PDF-1.7\nnothing")


def test_what_is_wrong_with_a_large_file_is_said_by_the_engine():
    with pytest.raises(Exception, match=r"(?i)pdf"):
        list(parse_parts(_parser(), b"%PDF-1.7\nnothing", 100))
