"""Tagged PDF files: what the marks of their content make of headings and margins."""

from collections.abc import Iterator

import pytest

from builder.readers import pdf_marks
from builder.readers.content import Content
from builder.readers.pdf_marks import Asked, marks
from builder.readers.pdf_pages import read_pdf
from tests.make_pdf import HEIGHT, WIDTH, Line, make_pdf, paragraph

LEAVE = "Annual leave is thirty days a year. Ask your team lead two weeks before you go, and tell the office where you can be reached."
SICK = "Call before nine if you are ill. From the third day on we need a note of your doctor, which you may send as a picture."
TRAVEL = "Trips are booked through the office. Second class is the rule for trains, and a flight needs the consent of your lead."


@pytest.fixture(params=["library", "engine"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Read with PDFium, and as where there is none but the engine's own."""
    pdf_marks._library.cache_clear()
    if request.param == "engine":
        monkeypatch.setattr(pdf_marks, "_NAMES", ())
    yield request.param
    pdf_marks._library.cache_clear()


def read(raw: bytes) -> Content:
    content = read_pdf(raw)
    assert isinstance(content, Content), content
    return content


def headings(content: Content) -> list[str]:
    return [line for line in content.text.split("\n") if line.startswith("#")]


def tagged(text: str, y: int) -> list[Line]:
    return [Line(line.text, y=line.y, tag="P") for line in paragraph(text, y=y)]


@pytest.mark.usefixtures("way")
def test_tags_say_what_a_heading_is_and_of_which_level():
    page = [
        Line("Leave", y=100, tag="H2"),
        *paragraph(LEAVE, y=140),
        Line("Big words that are no heading", y=260, size=20),
        *paragraph(SICK, y=300),
    ]

    content = read(make_pdf([page]))

    assert headings(content) == ["## Leave"]
    assert "Big words that are no heading" in content.text


@pytest.mark.usefixtures("way")
def test_pages_of_a_tagged_file_that_name_no_heading_have_none():
    named = [Line("Leave", y=100, tag="H2"), *paragraph(LEAVE, y=140)]
    plain_pages = [
        [Line(f"Big words {number}", y=200, size=22, font="Bold"), *paragraph(text, y=260)] for number, text in enumerate([SICK, TRAVEL])
    ]

    content = read(make_pdf([plain_pages[0], named, plain_pages[1]]))

    assert headings(content) == ["## Leave"]
    assert "Big words 0" in content.text
    assert "Big words 1" in content.text


@pytest.mark.usefixtures("way")
def test_artifacts_at_the_margin_of_a_tagged_file_are_left_out_on_pages_without_headings_too():
    pages = [
        [Line(name, y=20, size=9), *(Line(line.text, y=line.y, tag=tag) for line in paragraph(text, y=140))]
        for name, text, tag in (("Of leave", LEAVE, "P"), ("If you are ill", SICK, "P"), ("On trips", TRAVEL, "H2"))
    ]

    text = read(make_pdf(pages)).text

    assert text.startswith(LEAVE)
    assert "If you are ill" not in text


@pytest.mark.usefixtures("way")
def test_a_heading_whose_words_stand_far_apart_is_one():
    page = [Line("Limit" + " " * 12 + "total" + " " * 12 + "spending", y=100, tag="H3"), *paragraph(LEAVE, y=140)]

    assert headings(read(make_pdf([page]))) == ["### Limit total spending"]


def test_a_heading_that_shares_its_line_with_other_text_is_none():
    page = [
        Line("Leave", y=100, tag="H2"),
        Line("is thirty days a year", x=95, y=100, tag="P"),
        *tagged(SICK, 140),
        Line("Trips", y=240, tag="H2"),
        *tagged(TRAVEL, 280),
    ]

    content = read(make_pdf([page]))

    assert headings(content) == ["## Trips"]
    assert "Leave is thirty days a year" in content.text


@pytest.mark.usefixtures("way")
def test_spaces_beside_the_content_make_no_artifact_of_it():
    page = [Line("Leave", y=30, tag="H2"), *tagged(LEAVE, 60), Line("    ", x=70, y=30)]

    assert read(make_pdf([page])).text == f"## Leave\n\n{LEAVE}"


@pytest.mark.usefixtures("way")
def test_places_are_those_of_the_part_of_a_page_that_is_shown():
    page = [Line("Draft of May", y=130, size=9), Line("Leave", y=200, tag="H2"), *tagged(LEAVE, 240)]
    raw = make_pdf([page]).replace(b"/MediaBox", b"/CropBox[0 0 %d %d]/MediaBox" % (WIDTH, HEIGHT - 110))

    assert read(raw).text == f"## Leave\n\n{LEAVE}"


@pytest.mark.usefixtures("way")
def test_a_header_that_is_drawn_as_a_form_is_an_artifact():
    page = [Line("Leave", y=100, tag="H2"), *tagged(LEAVE, 140)]
    header = f"BT /Regular 9 Tf 60 {HEIGHT - 20} Td (Draft of May) Tj ET"

    assert read(make_pdf([page], form=header)).text == f"## Leave\n\n{LEAVE}"


def test_numbers_of_marked_content_in_a_form_are_not_those_of_the_page():
    page = [Line("Leave", y=100, tag="H2"), *tagged(LEAVE, 140)]
    inside = f"/P <</MCID 0>> BDC BT /Regular 9 Tf 60 {HEIGHT - 20} Td (Read this first) Tj ET EMC"

    content = read(make_pdf([page], form=inside))

    assert headings(content) == ["## Leave"]
    assert "Read this first" in content.text


def test_a_form_that_draws_itself_ends():
    page = [Line("Leave", y=100, tag="H2"), *tagged(LEAVE, 140)]

    assert headings(read(make_pdf([page], picture="itself"))) == ["## Leave"]


@pytest.mark.parametrize(
    ("angle", "x", "y"), [(0, 60, 100), (90, HEIGHT - 100, 60), (180, WIDTH - 60, HEIGHT - 100), (270, 100, WIDTH - 60)]
)
def test_marks_have_the_places_of_turned_pages(angle: int, x: int, y: int):
    raw = make_pdf([[Line("Leave", y=100, tag="H2")]]).replace(b"<</Type/Page/Parent", b"<</Rotate %d/Type/Page/Parent" % angle)
    size = (WIDTH, HEIGHT) if angle in {0, 180} else (HEIGHT, WIDTH)

    found = marks(raw, {1: Asked(*size)})

    assert found is not None
    (mark,) = found[1]
    assert mark.place == 0
    assert min(abs(mark.left - x), abs(mark.right - x)) < 10
    assert abs(mark.y - y) < 20


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.7\n", make_pdf([[Line("Leave")]])[:300]])
def test_files_that_cannot_be_opened_have_no_marks(raw: bytes):
    assert marks(raw, {1: Asked(WIDTH, HEIGHT)}) == {}


def test_pages_that_are_not_there_have_no_marks():
    found = marks(make_pdf([[Line("Leave")]]), {1: Asked(WIDTH, HEIGHT), 2: Asked(WIDTH, HEIGHT)})

    assert found is not None
    assert list(found) == [1]
