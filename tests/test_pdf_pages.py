"""PDF files, each made by the writer in `make_pdf`."""

import gc
import os
import random
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liteparse.types import AnnotationRect

from builder.readers.content import Content, Refused, clean
from builder.readers.pdf_engine import Parsed, parse_pdf, with_words
from builder.readers.pdf_grid import Heading, may_have_columns, rebuilt
from builder.readers.pdf_lines import printed
from builder.readers.pdf_pages import read_pdf
from builder.readers.pdf_scan import without_cycles
from schemas.markdown import parse_blocks, plain
from schemas.records import Reason
from tests.make_pdf import Line, Passwords, make_pdf, paragraph, set_lines

LEAVE = "Annual leave is thirty days a year. Ask your team lead two weeks before you go, and tell the office where you can be reached."
SICK = "Call before nine if you are ill. From the third day on we need a note of your doctor, which you may send as a picture."
TRAVEL = "Trips are booked through the office. Second class is the rule for trains, and a flight needs the consent of your lead."


def read(raw: bytes) -> Content:
    content = read_pdf(raw)
    assert isinstance(content, Content), content
    return content


def refused(raw: bytes) -> Refused:
    found = read_pdf(raw)
    assert isinstance(found, Refused), found
    return found


def title(text: str, y: int = 100, size: int = 22) -> Line:
    return Line(text, y=y, size=size, font="Bold")


def codes(content: Content) -> list[str]:
    return [remark.code for remark in content.remarks]


def test_headings_have_the_levels_of_their_sizes():
    page = [title("Handbook"), title("Leave", 150, 16), *paragraph(LEAVE, y=190), title("Illness", 270, 16), *paragraph(SICK, y=310)]

    content = read(make_pdf([page]))

    assert content.text == f"# Handbook\n\n## Leave\n\n{LEAVE}\n\n## Illness\n\n{SICK}"
    assert content.title == "Handbook"


def test_a_heading_that_wraps_is_one():
    page = [title("What to do when you cannot"), title("come to the office", 126), *paragraph(LEAVE, y=170)]

    assert read(make_pdf([page])).text.split("\n")[0] == "# What to do when you cannot come to the office"


def test_a_number_in_a_heading_at_the_top_of_pages_does_not_make_it_a_running_header():
    pages = [[title(f"Chapter {number}", 60), *paragraph(text, y=110)] for number, text in enumerate([LEAVE, SICK, TRAVEL], 1)]

    content = read(make_pdf(pages))

    assert [line for line in content.text.split("\n") if line.startswith("#")] == ["# Chapter 1", "# Chapter 2", "# Chapter 3"]


def test_a_paragraph_below_a_list_is_no_part_of_its_last_item():
    items = set_lines(["• one form", "• one signature of your team lead or, while they are", "  away, of the office"], x=80, y=190)
    page = [*paragraph(LEAVE, y=100), *items, *paragraph(SICK, y=246)]

    content = read(make_pdf([page]))

    assert content.text == f"{LEAVE}\n\n- one form\n- one signature of your team lead or, while they are away, of the office\n\n{SICK}"


def test_numbered_lines_are_an_ordered_list():
    page = [*paragraph(LEAVE, y=100), *set_lines(["1. Fill in the form.", "2. Sign it.", "3. Hand it in."], x=80, y=160)]

    content = read(make_pdf([page]))

    assert [item.number for block in parse_blocks(content.text) for item in block.items] == [1, 2, 3]


def test_two_columns_are_read_one_after_the_other():
    left, right = (LEAVE + " ") * 6, (SICK + " ") * 6
    page = [*paragraph(left, x=50, y=100, width=42), *paragraph(right, x=320, y=100, width=42)]

    text = " ".join(read(make_pdf([page])).text.split())

    assert text.index("Annual leave") < text.index("Call before nine")
    assert LEAVE in text
    assert SICK in text
    assert text.rindex("Annual leave") < text.index("Call before nine")


def test_columns_of_a_table_are_cells():
    rows = [("Item", "Price", "Stock"), ("Pump", "640", "12"), ("Filter", "27", "400"), ("Valve", "81", "35"), ("Hose", "9", "70")]
    cells = [Line(cell, x=60 + 160 * column, y=160 + 20 * row) for row, cells in enumerate(rows) for column, cell in enumerate(cells)]

    content = read(make_pdf([[*paragraph(LEAVE, y=100), *cells]]))

    assert "| Item | Price | Stock |\n|---|---|---|\n| Pump | 640 | 12 |\n| Filter | 27 | 400 |" in content.text


def test_columns_are_found_from_the_edges_of_words_and_rows_from_the_gaps_between_lines():
    first = ["October 1,", "2024", "April 3,", "2025"]
    second = ["Reviews begin", "Guidance will be sent to all supervisors", "around this date"]
    cells = [Line("Date", 60, 160, 9), Line("Item", 110, 160, 9), Line("Deadlines of the office", 60, 130, 16)]
    cells += [Line(text, 60, y, 9) for text, y in zip(first, (176, 186, 202, 212), strict=True)]
    cells += [Line(text, 110, y, 9) for text, y in zip(second, (176, 202, 212), strict=True)]
    parsed = parse_pdf(make_pdf([cells]))
    assert isinstance(parsed, Parsed)

    found = rebuilt(AnnotationRect(50, 100, 400, 140), printed(with_words(parsed, [1]).pages[0], frozenset()))

    assert found is not None
    assert isinstance(found[0], Heading)
    assert found[0].text == "Deadlines of the office"
    assert found[1:] == [[["Date", "Item"], ["October 1, 2024", second[0]], ["April 3, 2025", " ".join(second[1:])]]]


def test_links_in_columns_that_were_found_from_words_keep_their_addresses():
    rows = [("Pump", "640 euros"), ("Filter", "27 euros"), ("Valve", "81 euros"), ("Hose", "9 euros")]
    cells = [Line(text, 60 + 80 * column, 160 + 20 * row, 9) for row, texts in enumerate(rows) for column, text in enumerate(texts)]
    linked = Line("Wiper", 60, 240, 9, link="https://a.example/wiper")
    parsed = parse_pdf(make_pdf([[*cells, linked, Line("5 euros", 140, 240, 9)]]))
    assert isinstance(parsed, Parsed)

    found = rebuilt(AnnotationRect(50, 140, 400, 120), printed(with_words(parsed, [1]).pages[0], frozenset()))

    assert found is not None
    assert found[0][-2:] == [["Hose", "9 euros"], ["[Wiper](https://a.example/wiper)", "5 euros"]]


def test_words_without_columns_are_no_table():
    parsed = parse_pdf(make_pdf([[*paragraph(LEAVE, y=150, width=50)]]))
    assert isinstance(parsed, Parsed)

    assert rebuilt(AnnotationRect(0, 100, 595, 400), printed(with_words(parsed, [1]).pages[0], frozenset())) is None


@pytest.mark.parametrize(("lefts", "may"), [((160, 161, 160, 159, 160), True), ((130, 150, 170, 190, 210), False), ((), False)])
def test_words_are_asked_for_only_where_printed_pieces_stand_below_each_other(lefts: tuple[int, ...], may: bool):
    first = set_lines(["Pump", "Hose", "Filter", "Valve", "Wiper"], y=100, pitch=20)
    parsed = parse_pdf(make_pdf([[*first, *(Line("640", left, 100 + 20 * row) for row, left in enumerate(lefts))]]))
    assert isinstance(parsed, Parsed)

    assert may_have_columns(AnnotationRect(50, 80, 500, 300), parsed.pages[0]) is may


def test_what_was_filled_into_a_form_is_in_the_text():
    page = [*paragraph(LEAVE, y=100), Line("Ada Brook", y=200, field="Last name"), Line("", y=230, field="First name")]

    assert read(make_pdf([page])).text == f"{LEAVE}\n\n- Last name: Ada Brook"


def test_a_link_covers_its_words_and_not_its_line():
    page = [
        *paragraph(LEAVE, y=100),
        Line("guide", x=60, y=200, link="https://a.example/guide(1)"),
        Line("is what you need here.", x=90, y=200),
    ]

    assert "[guide](https://a.example/guide%281%29) is what you need here." in read(make_pdf([page])).text


@pytest.mark.parametrize("packed", [b"", zlib.compress(b"/URI"), zlib.compress(b"/Font"), b"no stream"])
def test_a_link_is_found_whatever_its_name_is_written_like(packed: bytes):
    page = [*paragraph(LEAVE, y=100), Line("guide", x=60, y=200, link="https://a.example/guide"), Line("for you.", x=90, y=200)]
    raw = make_pdf([page, [*paragraph(SICK)]]).replace(b"/URI", b"/U#52I")
    stream = b"99 0 obj\n<</Type/ObjStm/N 0/First 0/Length %d>>stream\n%s\nendstream\nendobj\n" % (len(packed), packed)

    assert "[guide](https://a.example/guide) for you." in read(raw.replace(b"1 0 obj", stream + b"1 0 obj", 1)).text


def test_running_headers_footers_and_page_numbers_are_left_out():
    frame = [Line("Handbook of Brook & Reef", y=30, size=9)]
    pages = [
        [*frame, *paragraph(text, y=110), Line(f"{number}", x=290, y=815, size=9)] for number, text in enumerate([LEAVE, SICK, TRAVEL], 7)
    ]

    assert read(make_pdf(pages)).text == f"{LEAVE}\n\n{SICK}\n\n{TRAVEL}"


def test_a_page_number_that_grows_inside_of_a_footer_goes_with_it():
    pages = [
        [*paragraph(text, y=110), Line(f"Page {number} of 2, internal", y=815, size=9)] for number, text in enumerate([LEAVE, SICK], 1)
    ]

    assert read(make_pdf(pages)).text == f"{LEAVE}\n\n{SICK}"


def test_a_sentence_that_goes_on_on_the_next_page_is_one_paragraph_with_a_span_on_each():
    first, second = LEAVE.split(" before ")
    pages = [[*paragraph(first, y=110)], [*paragraph("before " + second, y=110), *paragraph(SICK, y=200)]]

    content = read(make_pdf(pages))

    assert content.text == f"{LEAVE}\n\n{SICK}"
    assert [content.text[page.start : page.end] for page in content.pages] == [first, f"before {second}\n\n{SICK}"]


def test_a_word_cut_at_the_end_of_a_page_is_one_word():
    pages = [
        [*paragraph("Everybody may work at home on two days of the week if the supervi-", y=110)],
        [*paragraph("sor agrees to it.", y=110)],
    ]

    content = read(make_pdf(pages))

    assert content.text == "Everybody may work at home on two days of the week if the supervisor agrees to it."
    assert content.text[content.pages[0].start : content.pages[0].end].endswith("supervisor")


def test_pages_carry_the_labels_that_are_printed_on_them():
    content = read(make_pdf([[*paragraph(text, y=110)] for text in (LEAVE, SICK, TRAVEL)], labels="0<</S/r>>2<</S/D/St 1>>"))

    assert [(page.number, page.label) for page in content.pages] == [(1, "i"), (2, "ii"), (3, "1")]
    assert [content.text[page.start : page.end] for page in content.pages] == [LEAVE, SICK, TRAVEL]


def test_files_share_one_parser(monkeypatch: pytest.MonkeyPatch):
    read(make_pdf([[*paragraph(LEAVE)]]))
    monkeypatch.setattr("liteparse.parser.LiteParse", None)

    assert read(make_pdf([[*paragraph(SICK)]])).text == SICK


@pytest.mark.parametrize("raw", [b"%PDF-1.7\n", make_pdf([[*paragraph(LEAVE)]])])
@pytest.mark.parametrize("is_on", [True, False])
def test_garbage_is_collected_afterwards_as_it_was_before(raw: bytes, *, is_on: bool):
    set_before = gc.enable if gc.isenabled() else gc.disable
    (gc.enable if is_on else gc.disable)()

    read_pdf(raw)

    found = gc.isenabled()
    set_before()
    assert found is is_on


def test_what_looks_like_markup_stays_text():
    page = [*paragraph(LEAVE, y=100), Line("# no heading <script>alert(1)</script>", y=180), *paragraph(SICK, y=240)]

    text = read(make_pdf([page])).text

    blocks = parse_blocks(text)
    assert [block.kind for block in blocks] == ["paragraph"] * 3
    assert plain(text[blocks[1].start : blocks[1].end]) == "# no heading <script>alert(1)</script>"


def test_a_password_is_asked_for():
    found = refused(make_pdf([[*paragraph(LEAVE)]], passwords=Passwords("boss", "secret")))

    assert found.reason is Reason.ENCRYPTED
    assert "password" in found.detail


def test_a_file_that_only_its_owner_may_copy_is_read_with_a_remark():
    content = read(make_pdf([[*paragraph(LEAVE)]], passwords=Passwords("boss")))

    assert (content.text, codes(content)) == (LEAVE, ["permissions"])


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_pages_whose_text_stands_sideways_are_read(angle: int):
    raw = make_pdf([[*paragraph(LEAVE, y=200), *paragraph(SICK, y=260)]])

    content = read(raw.replace(b"<</Type/Page/Parent", b"<</Rotate %d/Type/Page/Parent" % angle))

    assert content.text == f"{LEAVE}\n\n{SICK}"


def test_words_beyond_the_page_are_left_out():
    page = [*paragraph(LEAVE), Line("hidden", x=-300, y=200), Line("far", x=2_000_000_000, y=300)]

    assert read(make_pdf([page])).text == LEAVE


def test_pictures_of_pages_have_no_text():
    found = refused(make_pdf([[], [], [Line("Scan 3")]], picture="grey"))

    assert found.reason is Reason.NO_TEXT_LAYER
    assert found.detail == "3 of 3 pages have no text; it is a scan; read it with OCR, see documents.tessdata of the recipe"


def test_single_pages_without_text_are_named():
    content = read(make_pdf([[*paragraph(LEAVE)], [], [*paragraph(SICK)], []]))

    assert [(remark.code, remark.message[:26]) for remark in content.remarks] == [("pages_without_text", "no text on pages 2, 4 of 4")]
    assert [page.number for page in content.pages] == [1, 3]


def test_a_file_without_its_end_gives_what_is_there_and_says_so():
    whole = make_pdf([[*paragraph(text, y=110)] for text in (LEAVE, SICK, TRAVEL)])

    content = read(whole[: whole.index(b"14 0 obj")])

    assert LEAVE in content.text
    assert "recovered" in codes(content)


@pytest.mark.parametrize("raw", [b"%PDF-1.7\n", b"%PDF-1.4\n" + bytes(range(256)) * 40, b"<html>no PDF</html>", b""])
def test_what_is_no_pdf_inside_is_corrupt(raw: bytes):
    assert refused(raw).reason is Reason.CORRUPT


def test_bytes_before_the_file_do_no_harm():
    assert read(b"HTTP/1.1 200 OK\n\n" + make_pdf([[*paragraph(LEAVE)]])).text == LEAVE


def test_a_form_that_draws_itself_ends_soon():
    raw = make_pdf([[*paragraph(LEAVE)]], picture="itself")
    started = time.process_time()

    content = read(raw)

    assert time.process_time() - started < 2
    assert (content.text, codes(content)) == (LEAVE, ["self_reference"])


def test_forms_without_a_circle_are_left_alone():
    raw = b"1 0 obj <</Subtype/Form /XObject<</A 2 0 R>>>> stream 2 0 obj <</Subtype/Form>> stream"

    assert without_cycles(raw) == (raw, 0)
    assert without_cycles(raw.replace(b"/Form>>", b"/Form/X 1 0 R>>"))[1] == 1


def test_many_pieces_that_begin_alike_take_bounded_time():
    page = [Line("aa", x=30 + 12 * (number % 44), y=90 + 5 * (number // 44), size=4) for number in range(6_000)]
    started = time.process_time()

    content = read(make_pdf([page]))

    assert time.process_time() - started < 10
    assert content.text.count("aa") > 5_000


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]):
    read(make_pdf([[*paragraph(LEAVE)]]))
    refused(b"%PDF-1.7 broken")

    assert capfd.readouterr().out == ""


def test_the_confidence_is_high_for_text_under_headings_and_low_for_loose_lines():
    clear = read(make_pdf([[title("Handbook"), *paragraph(LEAVE, y=150)]]))
    loose = read(make_pdf([[*paragraph(LEAVE, y=150)]]))

    assert (clear.metadata["structure_confidence"], loose.metadata["structure_confidence"]) == (1.0, 0.67)


def test_ocr_without_its_data_says_what_is_missing(tmp_path: Path):
    found = read_pdf(make_pdf([[]], picture="grey"), tessdata=tmp_path, language="deu")

    assert isinstance(found, Refused)
    assert found.detail.endswith("has no deu.traineddata; put Tesseract's data there or leave OCR off")


WORDS = st.lists(st.text("abcdefgXYZ0123.,:*_`[]()<>#-|&é", min_size=1, max_size=9), min_size=8, max_size=60).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(20, 90))
def test_spans_are_disjoint_in_order_and_hold_all_text(texts: list[str], width: int):
    found = read_pdf(make_pdf([[*paragraph(text, y=110, width=width)] for text in texts]))

    if isinstance(found, Refused):
        assert found.reason is Reason.NO_TEXT_LAYER
        return
    ends = [0, *(page.end for page in found.pages)]
    assert all(end <= page.start < page.end for end, page in zip(ends, found.pages, strict=False))
    between = [found.text[end : page.start] for end, page in zip(ends, found.pages, strict=False)]
    assert "".join(between).strip() == ""
    assert ends[-1] == len(found.text)
    assert clean(found.text) == found.text


def test_damaged_files_never_raise():
    pages = [[title("Handbook"), *paragraph(LEAVE, y=150)], [Line("Leave", y=100, tag="H1"), *paragraph(SICK, y=140)]]
    whole = [make_pdf(pages), make_pdf(pages, passwords=Passwords("boss")), make_pdf(pages, picture="grey", labels="0<</S/r>>")]
    chance = random.Random(5)

    for number in range(10_000 if os.environ.get("KILOPAIR_SOAK") else 400):
        found = read_pdf(_damaged(whole[number % 3], chance))

        assert isinstance(found, Content | Refused), number


def _damaged(raw: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(chance.randint(1, 12)):
        place = chance.randrange(9, len(damaged))
        match chance.randrange(4):
            case 0:
                damaged[place] = chance.randrange(256)
            case 1:
                del damaged[place : place + chance.randint(1, 40)]
            case 2:
                damaged[place:place] = damaged[9 : 9 + chance.randint(1, 200)]
            case _:
                damaged[place : place + 1] = str(chance.choice([0, 2, 9, 99999, 2**31])).encode()
        if len(damaged) < 20:
            break
    return bytes(damaged)
