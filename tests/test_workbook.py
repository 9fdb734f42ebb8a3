"""Workbooks: .xlsx as programs write it, .ods, and what is wrong with them."""

import io
import os
import random
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from builder.readers.content import Content, Refused
from builder.readers.lean_workbook import stored_zip
from builder.readers.regions import regions
from builder.readers.sheet_parts import as_shown
from builder.readers.workbook import read_workbook
from schemas.markdown import parse_blocks
from schemas.records import Reason

Fill = Callable[[Any, Any], object]  # xlsxwriter has no types
FAQ = [["Question", "Answer", "Owner"], ["How long?", "Five days.", "Ops"], ["When?", "On Monday.", "Ops"]]


def xlsx(*fills: Fill, names: tuple[str, ...] = ("Rates", "Rules", "More")) -> bytes:
    """A workbook with one sheet for each function that fills one."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for fill, name in zip(fills, names, strict=False):
        fill(book.add_worksheet(name), book)
    book.close()
    return out.getvalue()


def rows(cells: list[list[Any]], top: int = 0, left: int = 0) -> Fill:
    def fill(sheet: Any, _: Any) -> None:
        for place, row in enumerate(cells):
            for column, value in enumerate(row):
                if value != "":
                    sheet.write(top + place, left + column, value)

    return fill


def rewritten(raw: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The package with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(text.decode()) if name == part else text)
    return out.getvalue()


def ods(table: str) -> bytes:
    spaces = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text"))
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", kind, zipfile.ZIP_STORED)
        entry = f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>'
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}">{entry}</m:manifest>')
        body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
        archive.writestr("content.xml", f"<office:document-content {spaces}>{body}</office:document-content>")
    return out.getvalue()


def content(raw: bytes) -> Content:
    found = read_workbook(raw)
    assert isinstance(found, Content), found
    return found


def refused(raw: bytes) -> Refused:
    found = read_workbook(raw)
    assert isinstance(found, Refused), found
    return found


def codes(found: Content) -> dict[str, str]:
    return {remark.code: remark.message for remark in found.remarks}


def test_each_sheet_is_a_page_under_its_name():
    found = content(xlsx(rows([["Part", "Price"], ["Probe", 64]]), rows([["Rule", "Days"], ["Leave", 30]])))

    assert found.text == "## Rates\n\n| Part | Price |\n|---|---|\n| Probe | 64 |\n\n## Rules\n\n| Rule | Days |\n|---|---|\n| Leave | 30 |"
    assert [(page.number, page.kind, page.label) for page in found.pages] == [(1, "sheet", "Rates"), (2, "sheet", "Rules")]
    assert [found.text[page.start : page.end].split("\n")[0] for page in found.pages] == ["## Rates", "## Rules"]


def test_a_header_is_found_below_a_title_and_an_empty_row():
    found = content(xlsx(rows([["Price list 2024", "", ""], ["", "", ""], ["Part", "Price", "Stock"], ["Probe", 64, 3]])))

    assert found.text == "## Rates\n\nPrice list 2024\n\n| Part | Price | Stock |\n|---|---|---|\n| Probe | 64 | 3 |"


def test_empty_rows_and_columns_around_and_inside_a_table_are_left_out():
    found = content(xlsx(rows([["Part", "", "Price"], ["Probe", "", 64], ["", "", ""], ["Cap", "", 12]], top=4, left=3)))

    assert found.text == "## Rates\n\n| Part | Price |\n|---|---|\n| Probe | 64 |\n| Cap | 12 |"


def test_two_tables_in_one_sheet_stay_two():
    below = [["Part", "Price"], ["Probe", 64], ["", ""], ["Country", "Days"], ["Spain", 22]]
    aside = [["Part", "Price", "", ""], ["Probe", 64, "", ""], ["", "", "Country", "Days"], ["", "", "Spain", 22]]

    texts = [content(xlsx(rows(cells))).text for cells in (below, aside)]

    assert [sum(block.kind == "table" for block in parse_blocks(text)) for text in texts] == [2, 2]
    assert texts[0] == texts[1]


def test_questions_become_sections_and_what_follows_is_no_part_of_the_last_answer():
    found = content(xlsx(rows([*FAQ, ["", "", ""], ["Updated in May", "", ""]])))

    assert found.text == "## Rates\n\n### How long?\n\nFive days.\n\n### When?\n\nOn Monday.\n\n## Rates (2)\n\nUpdated in May"
    assert found.metadata["holds"] == {"Rates": "faq_table"}
    assert "Owner" in codes(found)["fields_left_out"]


def test_a_hidden_sheet_is_left_out_and_said_so():
    found = content(xlsx(rows([["Part", "Price"], ["Probe", 64]]), lambda sheet, _: (sheet.write(0, 0, "secret"), sheet.hide())))

    assert "secret" not in found.text
    assert "Rules" in codes(found)["hidden_sheets"]


def test_numbers_dates_and_percents_are_written_as_people_see_them():
    shown = [
        (0.075, "0.0%", "7.5%"), (0.2, "0%", "20%"), (1234.5, '#,##0.00 "€"', "1,234.50 €"), (-3.5, "[$$-409]#,##0.00", "-$3.50"),
        (datetime.fromisoformat("2024-03-01"), "dd.mm.yyyy", "2024-03-01"), (datetime.fromisoformat("2024-03-01T09:30"), "yyyy-mm-dd hh:mm", "2024-03-01 09:30"),
        (time(9, 30), "hh:mm", "09:30"), (timedelta(hours=36, minutes=5), "[h]:mm", "36:05"), (True, "General", "TRUE"),
        (4.0, "General", "4"), (0.30000000000000004, "General", "0.3"), (1e-7, "General", "0.0000001"), (12.5, "0.00", "12.5"),
    ]  # fmt: skip

    def fill(sheet: Any, book: Any) -> None:
        sheet.write_row(0, 0, ["Kind", "Value"])
        for row, (value, code, _) in enumerate(shown, start=1):
            sheet.write(row, 0, "x")
            sheet.write(row, 1, value, book.add_format({"num_format": code}))

    text = content(xlsx(fill)).text

    assert [line.split("|")[2].strip() for line in text.split("\n")[4:]] == [words for _, _, words in shown]


@pytest.mark.parametrize("code", ["General", "yyyy-mm-dd", "# ?/?", "0.00E+00", "@", "", "0.00"])
def test_formats_without_words_or_signs_change_no_number(code):
    assert as_shown(code) is None


def test_a_merged_value_stands_once_in_a_table_and_in_each_question_of_its_rows():
    def table(sheet: Any, _: Any) -> None:
        rows([["Group", "Part"], ["", "Probe"], ["", "Cap"]])(sheet, None)
        sheet.merge_range(1, 0, 2, 0, "Lab")

    def questions(sheet: Any, _: Any) -> None:
        rows([["Category", "Question", "Answer"], ["", "How long?", "Five days."], ["", "When?", "On Monday."]])(sheet, None)
        sheet.merge_range(1, 0, 2, 0, "Leave")

    found = content(xlsx(table, questions))

    assert "| Lab | Probe |\n|  | Cap |" in found.text
    assert found.text.endswith("## Rules\n\n### Leave\n\n#### How long?\n\nFive days.\n\n#### When?\n\nOn Monday.")


def plain_and_merged() -> bytes:
    def table(sheet: Any, book: Any) -> None:
        rows([["Part", "Since"], ["Probe", ""], ["Cap", ""]])(sheet, book)
        sheet.write_datetime(1, 1, date(2026, 3, 1), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write(2, 1, 0.5, book.add_format({"num_format": "0%"}))

    def merged(sheet: Any, _: Any) -> None:
        rows([["Group", "Part"], ["", "Probe"], ["", "Cap"]])(sheet, None)
        sheet.merge_range(1, 0, 2, 0, "Lab")

    return xlsx(table, merged)


def without_relation(kind: str) -> Callable[[str], str]:
    return lambda xml: re.sub(f'<Relationship [^>]*/{kind}"[^>]*/>', "", xml)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("xl/_rels/workbook.xml.rels", without_relation("sharedStrings")),
        ("xl/_rels/workbook.xml.rels", without_relation("styles")),
        ("xl/workbook.xml", lambda xml: xml.replace("<sheet ", "<sheet\n")),
        ("xl/worksheets/sheet1.xml", lambda xml: xml.replace("<sheetData", "<!-- <sheetData> --><sheetData")),
        ("xl/worksheets/sheet2.xml", lambda xml: xml.replace("<sheetData", "<!-- <sheetData> --><sheetData")),
        ("xl/worksheets/sheet2.xml", lambda xml: re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1x:", xml).replace("xmlns=", "xmlns:x=")),
    ],
)
def test_however_a_package_is_put_together_its_cells_are_the_same(part, change):
    whole = plain_and_merged()
    other = rewritten(whole, part, change)

    assert content(other).text.replace("0.5", "50%") == content(whole).text  # how a number is shown is told by the styles
    assert content(whole).text.endswith(
        "| Probe | 2026-03-01 |\n| Cap | 50% |\n\n## Rules\n\n| Group | Part |\n|---|---|\n| Lab | Probe |\n|  | Cap |"
    )


def test_a_large_package_is_read_like_a_small_one():
    whole = plain_and_merged()
    out = io.BytesIO(whole)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/media/image1.png", random.Random(1).randbytes(2_100_000))

    assert content(out.getvalue()) == content(whole)


def test_strings_are_found_where_the_workbook_says_they_are():
    whole = plain_and_merged()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name).replace(b"sharedStrings.xml", b"words.xml") for name in archive.namelist()}
    moved = zip_of(*((name.replace("sharedStrings", "words"), data) for name, data in parts.items()))

    assert content(moved).text == content(whole).text


@given(st.dictionaries(st.text(st.characters(exclude_characters="\0\\", exclude_categories=["Cs"]), min_size=1), st.binary()))
def test_a_zip_archive_of_what_is_not_packed_holds_it_as_it_is(members):
    with zipfile.ZipFile(io.BytesIO(stored_zip(members))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members


def test_formulas_without_a_result_are_counted_and_leave_no_false_zero():
    def fill(sheet: Any, _: Any) -> None:
        sheet.write_row(0, 0, ["Part", "Price"])
        sheet.write_row(1, 0, ["Probe"])
        sheet.write_formula(1, 1, "=1+1")  # xlsxwriter stores 0
        sheet.write_row(2, 0, ["Cap"])
        sheet.write_formula(2, 1, "=1+1", None, 2)
        sheet.write_row(3, 0, ["Box"])
        sheet.write_formula(3, 1, "=1/0", None, "#DIV/0!")

    raw = xlsx(fill)
    empty = rewritten(raw, "xl/worksheets/sheet1.xml", lambda xml: xml.replace("</f><v>0</v>", "</f><v/>"))

    for found in (content(raw), content(empty)):
        assert found.text.endswith("| Probe |  |\n| Cap | 2 |\n| Box |  |")
        assert "1 formulas" in codes(found)["uncalculated_formula"]
        assert "1 cells" in codes(found)["error_values"]


def test_an_ods_file_is_read_too_whatever_empty_rows_end_it():
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    row = "<table:table-row>{}</table:table-row>"
    body = "".join(row.format(cell.format(one) + cell.format(two)) for one, two in (("Part", "Price"), ("Probe", "64 €")))
    rest = (
        '<table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )

    found = content(ods(f'<table:table table:name="Rates">{body}{rest}</table:table>'))

    assert found.text == "## Rates\n\n| Part | Price |\n|---|---|\n| Probe | 64 € |"


def test_sheets_that_reach_too_far_cost_no_memory():
    value = '<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="900"><text:p>1</text:p></table:table-cell>'
    repeated = f'<table:table table:name="A"><table:table-row table:number-rows-repeated="900000">{value}</table:table-row></table:table>'
    far = xlsx(rows([["Part", "Price"], ["Probe", 64]]), lambda sheet, _: (sheet.write(0, 0, "a"), sheet.write(1_048_575, 90, "b")))

    assert refused(ods(repeated)).reason == Reason.TOO_LARGE
    assert "sheet Rules" in codes(content(far))["sheet_too_large"]
    assert "Probe" in content(far).text


@pytest.mark.parametrize(
    ("row", "column", "is_read"), [(99_999, 1, True), (3, 16_383, True), (199_999, 30, False), (99_999, 26 * 27, False)]
)
def test_a_sheet_may_be_long_or_wide_but_not_both(row, column, is_read):
    found = content(xlsx(rows(FAQ), lambda sheet, _: (sheet.write(0, 0, "a"), sheet.write(row, column, "the last"))))

    assert ("the last" in found.text, "sheet_too_large" not in codes(found)) == (is_read, is_read)


@pytest.mark.parametrize("reference", [r" r='\1'", r'\tr="\1"', r'\nr="\1"', r'  r="\1"'])
def test_a_sheet_hides_its_reach_by_no_other_way_to_write_it(reference):
    far = xlsx(rows(FAQ), lambda sheet, _: (sheet.write(0, 0, "a"), sheet.write(1_048_575, 90, "b")))
    other = rewritten(far, "xl/worksheets/sheet2.xml", lambda xml: re.sub(r' r="([A-Z]+[0-9]+)"', reference, xml))

    assert "sheet Rules" in codes(content(other))["sheet_too_large"]


@pytest.mark.parametrize(
    ("usual", "other"), [("<sheet ", "<sheet\n"), (r'(name|sheetId|r:id)="(\w+)"', r"\1='\2'"), ('name="', 'name = "')]
)
def test_a_sheet_hides_its_reach_by_no_other_way_to_name_it(usual, other):
    far = xlsx(rows(FAQ), lambda sheet, _: (sheet.write(0, 0, "a"), sheet.write(1_048_575, 20, "b")))

    odd = content(rewritten(far, "xl/workbook.xml", lambda xml: re.sub(usual, other, xml)))

    assert "1,048,576 rows and 21 columns" in codes(odd)["sheet_too_large"]  # calamine, which takes memory first, says one less


def test_formulas_and_errors_are_seen_under_any_prefix():
    def fill(sheet: Any, _: Any) -> None:
        sheet.write_row(0, 0, ["Part", "Price"])
        sheet.write_formula(1, 0, "=1+1")
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")

    raw = rewritten(
        xlsx(fill),
        "xl/worksheets/sheet1.xml",
        lambda xml: re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1x:", xml).replace("xmlns=", "xmlns:x=").replace('t="e"', "t='e'"),
    )

    assert {"uncalculated_formula", "error_values"} <= {*codes(content(raw))}


def zip_of(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"words", Reason.CORRUPT),
        (xlsx(rows(FAQ))[:900], Reason.CORRUPT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, Reason.CORRUPT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), Reason.ENCRYPTED),
        (zip_of(("[Content_Types].xml", b"<a/>"), ("xl/workbook.xml", b"\0" * 40_000_000)), Reason.ARCHIVE_LIMIT),
        (zip_of(*((f"{number}.xml", b"") for number in range(10_001))), Reason.ARCHIVE_LIMIT),
        (xlsx(rows([])), Reason.EMPTY),
        (rewritten(xlsx(rows(FAQ)), "xl/workbook.xml", lambda xml: xml.replace("<workbook ", '<!DOCTYPE a [<!ENTITY b "c">]><workbook ')), Reason.FORBIDDEN_XML),
        (rewritten(xlsx(rows(FAQ)), "xl/workbook.xml", lambda xml: xml.replace('name="Rates"', 'name="Rates" state="hidden"')), Reason.NO_CONTENT),
    ],
)  # fmt: skip
def test_a_workbook_of_no_use_says_why(raw, reason):
    found = refused(raw)

    assert found.reason == reason
    assert found.detail


def test_every_cell_of_any_sheet_is_in_one_region():
    for seed in range(200):
        draw = random.Random(seed)
        cells = [[draw.choice(["", "", "a", "1", "Long words."]) for _ in range(5)] for _ in range(8)]

        found = [(row, column) for region in regions(cells) for row in region.rows for column in region.columns if cells[row][column]]

        assert sorted(found) == [(row, column) for row in range(8) for column in range(5) if cells[row][column]]


def test_no_damage_to_a_file_raises():
    whole = xlsx(rows(FAQ), rows([["Part", "Price"], ["Probe", 0.5]]))
    plain = rewritten(whole, "", str)
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    draw = random.Random(7)
    for case in range(10_000 if os.environ.get("KILOPAIR_SOAK") else 300):
        if case % 2:  # damage behind the checksum
            name = draw.choice([name for name in parts if name.startswith("xl/")])
            raw = zip_of(*((each, damaged(data, draw) if each == name else data) for each, data in parts.items()))
        else:
            raw = damaged(whole, draw)

        assert isinstance(read_workbook(raw), Content | Refused)


def damaged(raw: bytes, draw: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(len(data))
        data[place : place + draw.randint(0, 4)] = draw.choice([b"", b"\0", b"<", b'"', b"9999999", draw.randbytes(3)])
    return bytes(data)
