"""Presentations."""

import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content, Refused
from builder.readers.slides import read_pptx
from schemas.records import Reason
from tests.office_files import damaged, pptx, pptx_parts, references, shape, slide, xml, zipped

EXAMPLES = 10_000 if os.environ.get("KILOPAIR_SOAK") == "1" else 300
TITLE_SLIDE = slide(shape("Leave rules", kind="ctrTitle"), shape("Spring", kind="subTitle", number="1"))
BULLET, NONE = '<a:buChar char="•"/>', "<a:buNone/>"


def content(raw: bytes) -> Content:
    found = read_pptx(raw)
    assert isinstance(found, Content), found
    return found


def body(*shapes: str, **parts: str) -> str:
    """The text of a slide with these shapes and a title, below its heading."""
    found = content(pptx(TITLE_SLIDE, slide(shape("Days", kind="title"), *shapes), parts=parts))
    return found.text.partition("## Days\n\n")[2]


def line(text: str, properties: str = "", marks: str = "") -> str:
    return f"<a:p><a:pPr {properties}</a:pPr><a:r><a:rPr {marks}/><a:t>{text}</a:t></a:r></a:p>"


def layout(style: str, kind: str, number: str) -> dict[str, str]:
    """The parts of a slide that uses a layout, and of that layout and its master."""
    master = xml(
        "p:sldMaster", f"<p:txStyles><p:bodyStyle><a:lvl1pPr>{BULLET}</a:lvl1pPr><a:lvl2pPr>{NONE}</a:lvl2pPr></p:bodyStyle></p:txStyles>"
    )
    return {
        "slides/_rels/slide1.xml.rels": references(("l", "slideLayout", "../slideLayouts/slideLayout1.xml")),
        "slideLayouts/slideLayout1.xml": slide(shape("Click to add", kind=kind, number=number, style=style), name="p:sldLayout"),
        "slideLayouts/_rels/slideLayout1.xml.rels": references(("m", "slideMaster", "../slideMasters/slideMaster1.xml")),
        "slideMasters/slideMaster1.xml": master,
    }


def test_each_slide_is_a_page_below_its_title():
    found = content(pptx(TITLE_SLIDE, slide(shape("Days", kind="title"), shape("Five days.", number="1")), slide(shape("Loose words"))))

    assert found.text == "# Leave rules\n\nSpring\n\n## Days\n\n- Five days.\n\n## Slide 3\n\nLoose words"
    assert found.title == "Leave rules"
    assert [(page.number, page.kind, page.label) for page in found.pages] == [
        (1, "slide", "Leave rules"),
        (2, "slide", "Days"),
        (3, "slide", ""),
    ]
    assert [found.text[page.start : page.end] for page in found.pages] == found.text.replace("\n\n## ", "\n\n\n## ").split("\n\n\n")


def test_the_first_slide_names_the_deck_only_if_it_is_a_title_slide():
    plain = slide(shape("Days", kind="title"), shape("Five."))

    assert content(pptx(plain, title="All about leave")).title == "All about leave"
    assert content(pptx(plain)).text == "## Days\n\nFive."
    assert content(pptx(slide(shape("Leave", kind="title")), plain)).title == "Leave"


def test_hidden_slides_are_left_out_and_said_so():
    found = content(pptx(TITLE_SLIDE, slide(shape("Secret"), attributes='show="0"'), slide(shape("Shown"))))

    assert "Secret" not in found.text
    assert [page.number for page in found.pages] == [1, 3]
    assert [(remark.code, remark.message) for remark in found.remarks] == [("hidden_slides", "hidden slides left out: 2")]


def test_footers_dates_and_numbers_are_no_part_of_a_slide():
    assert body(shape("ACME", kind="ftr"), shape("May 1", kind="dt"), shape("7", kind="sldNum"), shape("Five.")) == "Five."


def test_lists_nest_and_count():
    lines = (
        line("one", ">" + BULLET),
        line("deep", 'lvl="1">' + BULLET),
        line("first", '><a:buAutoNum type="arabicPeriod"/>'),
        line("second", '><a:buAutoNum type="arabicPeriod"/>'),
    )

    assert body(shape(*lines)) == "- one\n  - deep\n\n1. first\n2. second"
    assert body(shape(line("four", '><a:buAutoNum startAt="4"/>'), line("words", ">"))) == "4. four\n\nwords"


def test_the_body_of_a_slide_is_a_list_unless_layout_or_master_say_otherwise():
    off = f"<a:lstStyle><a:lvl1pPr>{NONE}</a:lvl1pPr></a:lstStyle>"
    shapes = shape(line("one", ">"), line("two", 'lvl="1">'), number="4")

    assert content(pptx(slide(shapes), parts=layout("<a:lstStyle/>", "body", "4"))).text == "## Slide 1\n\n- one\n\n  two"
    assert content(pptx(slide(shapes), parts=layout(off, "body", "4"))).text == "## Slide 1\n\none\n\ntwo"
    assert content(pptx(slide(shapes), parts=layout(off, "pic", "9"))).text == "## Slide 1\n\n- one\n\n  two"
    assert body(shape(line("one", ">"), number="1", style=off)) == "one"


def test_words_keep_their_marks_and_links():
    linked = '<a:p><a:r><a:rPr><a:hlinkClick r:id="h"/></a:rPr><a:t>portal</a:t></a:r><a:br/><a:fld><a:t>May</a:t></a:fld></a:p>'
    parts = {"slides/_rels/slide2.xml.rels": references(("h", "hyperlink", "https://portal.example/"))}

    assert body(shape(line("bold", ">", 'b="1"'), line("plain", ">", 'b="0" i="1" strike="sngStrike"'), linked), **parts) == (
        "**bold**\n\n~~*plain*~~\n\n[portal](https://portal.example/)\nMay"
    )


def test_empty_lines_are_nothing_and_a_formula_is_its_letters():
    math = "<mc:AlternateContent><mc:Choice><a14:m><m:oMath><m:r><m:t>a+b</m:t></m:r></m:oMath></a14:m></mc:Choice></mc:AlternateContent>"

    assert body(shape(line("", ">"), f"<a:p><a:r><a:t>So </a:t></a:r>{math}</a:p>")) == "So a+b"


def test_a_damaged_layout_is_said_and_the_slide_is_read():
    parts = {**layout("", "body", "4"), "slideLayouts/slideLayout1.xml": "<broken"}
    found = content(pptx(slide(shape(line("one", ">"), number="4")), parts=parts))

    assert found.text == "## Slide 1\n\n- one"
    assert [remark.message for remark in found.remarks] == ["read without its damaged parts: ppt/slideLayouts/slideLayout1.xml"]


def test_a_table_keeps_rows_and_a_merged_value_once():
    cell = "<a:tc {}><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>".format
    rows = (
        (cell("", "Plan"), cell("", "A|B")),
        (cell('gridSpan="2"', "both"), cell('hMerge="1"', "both")),
        (cell('vMerge="1"', "x"), cell("", "4")),
    )
    inside = "".join(f"<a:tr>{''.join(row)}</a:tr>" for row in rows)

    assert body(f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{inside}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>") == (
        "| Plan | A\\|B |\n|---|---|\n| both |  |\n|  | 4 |"
    )


def test_charts_diagrams_groups_and_alternatives_give_their_words():
    parts = {
        "slides/_rels/slide2.xml.rels": references(("d", "diagramData", "../diagrams/data1.xml"), ("c", "chart", "../charts/chart1.xml")),
        "diagrams/data1.xml": xml("dgm:dataModel", "<dgm:pt><a:p><a:r><a:t>Ask</a:t></a:r></a:p></dgm:pt>"),
        "charts/chart1.xml": xml("c:chartSpace", "<c:ser><c:val><c:pt idx='0'><c:v>7</c:v></c:pt></c:val></c:ser>"),
    }
    figures = '<p:graphicFrame><dgm:relIds r:dm="d"/></p:graphicFrame><p:graphicFrame><c:chart r:id="c"/></p:graphicFrame>'
    chosen = f"<mc:AlternateContent><mc:Choice>{shape('new')}</mc:Choice><mc:Fallback>{shape('old')}</mc:Fallback></mc:AlternateContent>"
    grouped = f"<p:grpSp><p:grpSp>{shape('inner')}</p:grpSp></p:grpSp>"

    assert body(figures, grouped, chosen, **parts) == "- Ask\n\n|  |  |\n|---|---|\n| 1 | 7 |\n\ninner\n\nnew"


def test_speaker_notes_stand_below_the_slide_and_are_marked():
    parts = {
        "slides/_rels/slide2.xml.rels": references(("n", "notesSlide", "../notesSlides/notesSlide1.xml")),
        "notesSlides/notesSlide1.xml": slide(
            shape("2", kind="sldNum"), shape("Say hello.", "Say why.", kind="body", number="1"), name="p:notes"
        ),
    }

    assert body(shape("Five."), **parts) == "Five.\n\n### Speaker notes\n\nSay hello.\n\nSay why."


def test_text_that_looks_like_markdown_stays_text():
    assert body(shape("# no", "1. no", "&lt;b&gt;")) == "\\# no\n\n1\\. no\n\n\\<b>"


def test_slides_without_words_and_slides_that_are_lost_are_named():
    parts = pptx_parts(TITLE_SLIDE, slide("<p:pic/>"), slide(shape("x")), slide(shape("y")))
    del parts["ppt/slides/slide3.xml"]
    found = content(zipped({**parts, "ppt/slides/slide4.xml": "<p:sld"}))

    assert {remark.code: remark.message for remark in found.remarks} == {
        "pages_without_text": "slides without text: 2",
        "damaged_parts": "slides that are missing or damaged: 3, 4",
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pptx(), Reason.EMPTY),
        (pptx(slide(shape("x"), attributes='show="0"')), Reason.EMPTY),
        (pptx(slide("<p:pic/>")), Reason.NO_CONTENT),
        (pptx("<broken"), Reason.CORRUPT),
        (zipped({"ppt/presentation.xml": xml("w:document", "")}), Reason.CORRUPT),
        (b"", Reason.EMPTY),
        (pptx('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), Reason.FORBIDDEN_XML),
    ],
    ids=["none", "hidden", "pictures", "broken", "other", "nothing", "dtd"],
)
def test_a_deck_without_words_is_refused(raw, expected):
    found = read_pptx(raw)

    assert isinstance(found, Refused)
    assert found.reason == expected


def test_groups_inside_groups_end_soon():
    start = time.process_time()
    text = body("<p:grpSp>" * 50_000 + shape("deep") + "</p:grpSp>" * 50_000)

    assert text == "deep"
    assert time.process_time() - start < 5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["title", "body", "", "ctrTitle"]), st.sampled_from(["0", "3", "8", "99"])), min_size=1, max_size=8)
)
def test_every_word_is_in_the_text_and_each_page_holds_its_own(slides):
    texts = [slide(shape(line(f"word{place}", f'lvl="{level}">'), kind=kind)) for place, (kind, level) in enumerate(slides)]
    found = content(pptx(*texts))

    assert [f"word{page.number - 1}" in found.text[page.start : page.end] for page in found.pages] == [True] * len(slides)
    assert all(before.end < after.start for before, after in zip(found.pages, found.pages[1:], strict=False))


def test_no_mutated_deck_raises():
    shapes = shape(line("one", 'lvl="1">'), number="4"), '<p:graphicFrame><a:tbl><a:tr><a:tc gridSpan="2"/></a:tr></a:tbl></p:graphicFrame>'
    parts = pptx_parts(slide(shape("Days", kind="title"), *shapes), TITLE_SLIDE, parts=layout("<a:lstStyle/>", "body", "4"))
    raw = zipped(parts)
    dice = random.Random(7)
    kinds = {type(read_pptx(damaged(raw, parts, dice))) for _ in range(EXAMPLES)}

    assert kinds == {Content, Refused}
