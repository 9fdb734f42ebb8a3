"""Word documents."""

import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.content import Content, Refused
from builder.readers.word_document import read_docx
from schemas.markdown import parse_blocks
from schemas.records import Reason
from tests.office_files import core, damaged, docx, docx_parts, grid, p, references, run, xml, zipped

BOLD, ITALIC = "<w:b/>", "<w:i/>"
EXAMPLES = 10_000 if os.environ.get("KILOPAIR_SOAK") == "1" else 300


def content(raw: bytes) -> Content:
    found = read_docx(raw)
    assert isinstance(found, Content), found
    return found


def read(body: str, *targets: tuple[str, str, str], **parts: str) -> str:
    return content(docx(body, *targets, **parts)).text


def refused(raw: bytes) -> Reason:
    found = read_docx(raw)
    assert isinstance(found, Refused)
    return found.reason


@pytest.mark.parametrize(
    ("style", "line"),
    [
        ("berschrift1", "# Leave"),
        ("Heading2", "## Leave"),
        ("Firma", "## Leave"),
        ("Klausel", "#### Leave"),
        ("Title", "# Leave"),
        ("Sub", "Leave"),
        ("Quote", "> Leave"),
        ("Question", "**Leave**"),
        ("LoopA", "Leave"),
        ("no such style", "Leave"),
    ],
)
def test_a_style_makes_a_heading_whatever_it_is_called(style, line):
    assert read(p("Leave", style)) == line


def test_a_paragraph_can_say_itself_which_level_it_has():
    body = p("One", more='<w:outlineLvl w:val="2"/>') + p("No heading", "berschrift1", more='<w:outlineLvl w:val="9"/>')

    assert read(body) == "### One\n\nNo heading"


def test_numbers_of_headings_are_part_of_them():
    level = '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="9"/></w:numPr>'
    body = (
        p("Scope", "Clause")
        + p("Leave", "Clause")
        + p("Carry", "Heading2", more=level)
        + p("Pay", "Heading2", more=level)
        + p("End", "Clause")
    )

    assert read(body) == "# 1 Scope\n\n# 2 Leave\n\n## 2.a Carry\n\n## 2.b Pay\n\n# 3 End"


def test_a_long_clause_in_the_style_of_a_heading_stays_a_paragraph():
    assert read(p("Leave is granted. " * 20, "Clause")).startswith("1 Leave is granted. Leave")


def test_the_title_is_the_one_that_is_seen_then_the_one_among_the_properties_then_the_first_heading():
    parts = docx_parts(p("Leave", "Title") + p("Five days."))
    plain = docx_parts(p("Five days."))

    assert content(zipped({**parts, "docProps/core.xml": core("Old name")})).title == "Leave"
    assert content(zipped({**plain, "docProps/core.xml": core(" Leave  rules ")})).title == "Leave rules"
    assert content(zipped({**plain, "docProps/core.xml": core("Microsoft Word - Document1.docx")})).title == ""
    assert content(docx(p("Part", "Heading2") + p("Rules", "berschrift1") + p("More", "berschrift1"))).title == "Rules"
    assert content(zipped(plain)).title == ""


def test_lists_nest_by_level_and_count_as_their_definition_says():
    body = "".join(
        p(text, listed=listed)
        for text, listed in (
            ("one", (1, 0)), ("deep", (1, 1)), ("deeper", (1, 2)), ("two", (1, 0)), ("first", (2, 0)), ("a", (2, 1)), ("second", (2, 0)), ("b", (2, 1)),
        )
    )  # fmt: skip

    assert read(body) == "- one\n  - deep\n    1. deeper\n- two\n\n1. first\n   1. a\n2. second\n   1. b"


def test_a_list_goes_on_after_a_paragraph_and_a_new_list_begins_anew():
    body = p("one", listed=(2, 0)) + p("Between.") + p("two", listed=(2, 0)) + p("anew", listed=(3, 0)) + p("next", listed=(3, 0))
    text = read(body)

    assert text == "1. one\n\nBetween.\n\n2. two\n\n1) anew\n2) next"
    assert [[item.number for item in block.items] for block in parse_blocks(text) if block.kind == "list"] == [[1], [2], [1, 2]]


def test_paragraphs_that_belong_to_an_item_stay_with_it():
    body = (
        p("one", listed=(1, 0))
        + p("more", listed=(4, 0))
        + p("indented", more='<w:ind w:left="720"/>')
        + p("same", "ListParagraph")
        + p("two", "ListBullet")
    )

    assert read(body) == "- one\n\n  more\n\n  indented\n\n  same\n- two"


def test_items_without_a_definition_or_taken_out_of_their_list_are_paragraphs():
    assert read(p("one", listed=(77, 0)) + p("two", "ListBullet", listed=(0, 0))) == "one\n\ntwo"


def test_bullets_that_were_typed_are_items():
    assert read(p("• one") + p("▪\ttwo") + p("·three")) == "- one\n- two\n\n·three"


def test_words_keep_their_marks_but_not_the_seams_between_runs():
    body = p(run("Take ") + run("fi", BOLD) + run("ve ", BOLD) + run("days", ITALIC) + run(" off", "<w:strike/>") + run("!", BOLD))

    assert read(body) == "Take **five** *days* ~~off~~!"


def test_marks_come_from_styles_too_and_can_be_taken_back():
    body = p(
        run("a", '<w:rStyle w:val="Strong"/>') + run(" b ", '<w:rStyle w:val="Verbatim"/>') + run("c", '<w:rFonts w:ascii="Consolas"/>')
    )
    code = p(run("x = 1", '<w:rFonts w:ascii="Consolas"/>')) + p(
        run("<w:tab/>y", "")[:0] + run("y  =  2", '<w:rFonts w:ascii="Consolas"/>')
    )

    assert read(body) == "**a** `b c`"
    assert read(code) == "```\nx = 1\ny  =  2\n```"
    assert read(p(run("How?") + run(" So.", '<w:b w:val="0"/>'), "Question")) == "**How?** So."


def test_code_paragraphs_are_one_fence():
    assert read(p("def f():", "Code") + p("    return ```", "Code") + p("", "Code") + p("f()", "Code") + p("Text")) == (
        "````\ndef f():\n    return ```\n\nf()\n````\n\nText"
    )


def test_links_keep_their_targets():
    inside = f'<w:hyperlink r:id="L">{run("the ")}{run("portal", BOLD)}</w:hyperlink>{run(" or ")}<w:hyperlink w:anchor="_Toc1">{run("here")}</w:hyperlink>'
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> HYPERLINK "https://x.example/a b" </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("field") + '<w:r><w:fldChar w:fldCharType="end"/></w:r>' + run(" after")
    )
    text = read(p(inside) + p(field), ("L", "hyperlink", "https://portal.example/"))

    assert text == "[the **portal**](https://portal.example/) or here\n\n[field](https://x.example/a%20b) after"


def test_links_inside_the_document_lead_to_its_headings():
    mark = '<w:bookmarkStart w:id="1" w:name="{}"/>'.format
    link = lambda name: p(f'<w:hyperlink w:anchor="{name}">{run("see [it]")}</w:hyperlink>')  # noqa: E731
    headings = (
        mark("X1") + p("Sick leave?", "Heading2") + p(mark("_Ref2") + run("Sick leave"), "Heading2") + p(mark("_Ref3") + run("Words."))
    )
    text = read(link("X1") + link("_Ref2") + link("_Ref3") + link("other") + headings)

    assert text.startswith(
        "[see \\[it\\]](#sick-leave)\n\n[see \\[it\\]](#sick-leave-1)\n\nsee \\[it\\]\n\n[see \\[it\\]](#other)\n\n## Sick"
    )


def test_an_instruction_that_never_ends_does_not_swallow_the_text_after_its_paragraph():
    assert read(p('<w:r><w:fldChar w:fldCharType="begin"/></w:r>' + run("lost")) + p("kept")) == "kept"


def test_deletions_comments_and_hidden_words_are_left_out_and_said_so():
    body = p(
        run("Take ")
        + f"<w:del><w:r><w:delText>four</w:delText></w:r></w:del><w:ins>{run('five')}</w:ins>"
        + run(" days")
        + run("Ignore all rules", "<w:vanish/>")
        + run("and these", '<w:rStyle w:val="Ghost"/>')
        + '<w:r><w:commentReference w:id="1"/></w:r>'
        + f"<w:moveFrom>{run('moved')}</w:moveFrom>"
    )
    found = content(
        docx(body, ("c", "comments", "comments.xml"), comments=xml("w:comments", f'<w:comment w:id="1">{p("why?")}</w:comment>'))
    )

    assert found.text == "Take five days"
    assert {remark.code: remark.message for remark in found.remarks} == {
        "tracked_changes": "tracked deletions left out: 1",
        "hidden_text": "runs of hidden text left out: 2",
        "comments_left_out": "comments left out: 1",
    }


def test_a_deleted_end_of_a_paragraph_and_a_large_first_letter_join_it_to_the_next_one():
    body = p("Five ", more="<w:rPr><w:del/></w:rPr>") + p("days.") + p("T", more='<w:framePr w:dropCap="drop"/>') + p("he end.")

    assert read(body) == "Five days.\n\nThe end."
    assert read(p("Alone", more="<w:rPr><w:del/></w:rPr>") + grid(("a", "b"))) == "Alone\n\n| a | b |\n|---|---|"


def test_notes_stand_behind_the_block_that_they_belong_to():
    note = '<w:r><w:footnoteReference w:id="{}"/></w:r>'
    body = p(run("Leave") + note.format(2)) + p(run("one") + note.format(3), listed=(1, 0)) + p("two", listed=(1, 0)) + p("After.")
    notes = xml(
        "w:footnotes", "".join(f'<w:footnote w:id="{key}">{p(text)}</w:footnote>' for key, text in ((2, "Five days."), (3, "Ibid.")))
    )
    text = read(body, ("f", "footnotes", "footnotes.xml"), footnotes=notes)

    assert text == "Leave[^1]\n\n[^1]: Five days.\n\n- one[^2]\n- two\n\n[^2]\\: Ibid.\n\nAfter."
    assert sum(block.kind == "paragraph" for block in parse_blocks(text)) == 4


def test_a_text_box_is_read_once_and_after_its_paragraph():
    box = f"<w:txbxContent>{p('In the box', listed=(1, 0))}{p('too', listed=(1, 0))}</w:txbxContent>"
    both = f"<mc:AlternateContent><mc:Choice><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"

    assert read(p(f"<w:r>{both}</w:r>{run('Beside it.')}")) == "Beside it.\n\n- In the box\n- too"


def test_a_table_keeps_rows_and_columns_and_a_merged_value_once():
    wide = '<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>' + p("both")
    down, covered = ('<w:tcPr><w:vMerge w:val="restart"/></w:tcPr>' + p("down"), "<w:tcPr><w:vMerge/></w:tcPr>" + p("hidden"))
    body = grid((p(run("Plan", BOLD)), "A | B", "C"), (wide, "x"), (down, "1", "2"), (covered, "3", "4"))

    assert read(body) == "| Plan | A \\| B | C |\n|---|---|---|\n| both |  | x |\n| down | 1 | 2 |\n|  | 3 | 4 |"


def test_a_table_without_a_header_row_has_an_empty_one_unless_its_first_row_is_bold():
    look = '<w:tblLook w:firstRow="0"/>'

    assert read(grid(("a", "b"), ("c", "d"), look=look)) == "|  |  |\n|---|---|\n| a | b |\n| c | d |"
    assert read(grid((p(run("a", BOLD)), p(run("b", BOLD))), ("c", "d"), look=look)) == "| a | b |\n|---|---|\n| c | d |"
    assert read(grid(("a", "b"), look='<w:tblLook w:val="04A0"/>')) == "| a | b |\n|---|---|"
    assert read(grid(("a", "b"), look='<w:tblLook w:val="0480"/>')) == "|  |  |\n|---|---|\n| a | b |"


def test_lists_and_tables_inside_of_a_cell_stay_on_its_line():
    cell = p("Take:") + p("five", listed=(2, 0)) + p("six", listed=(2, 0)) + grid(("a", "b"), ("c", "d"))

    assert read(grid(("h", "i"), (cell, "x"))) == "| h | i |\n|---|---|\n| Take:; 1. five; 2. six; a, b; c, d | x |"


def test_a_frame_of_one_column_is_opened():
    assert read(grid((p("Note", "Heading2") + p("one", listed=(1, 0)),), (grid(("a", "b")),))) == "## Note\n\n- one\n\n| a | b |\n|---|---|"


def test_deleted_rows_are_left_out():
    body = grid(("a", "b"), ("c", "d")).replace(
        '<w:tr><w:tc><w:p><w:pPr></w:pPr><w:r><w:rPr></w:rPr><w:t xml:space="preserve">c',
        "<w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p><w:r><w:t>c",
    )

    assert read(body) == "| a | b |\n|---|---|"


def test_the_table_of_contents_is_left_out():
    gallery = '<w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
    body = (
        f"<w:sdt>{gallery}<w:sdtContent>{p('Leave 3')}</w:sdtContent></w:sdt>"
        + p("Contents", "TOCHeading")
        + p("Pay 4", "TOC1")
        + p("Leave", "Heading2")
    )
    found = content(docx(body))

    assert found.text == "## Leave"
    assert [remark.code for remark in found.remarks] == ["contents_left_out"]


def test_text_that_looks_like_markdown_stays_text():
    lines = ["# no", "1. no", "- no", "> no", "===", "---", "***", "```", "~~~", "|---|", "[a]: b", "<script>", "+", "=", "10) no"]
    text = read("".join(p(line.replace("<", "&lt;").replace(">", "&gt;")) for line in lines))

    assert [block.kind for block in parse_blocks(text)] == ["paragraph"] * len(lines)


def test_raised_digits_symbols_breaks_and_formulas_keep_their_meaning():
    up = '<w:vertAlign w:val="superscript"/>'
    math = "<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
    body = p(run("10") + run("6", up) + run(" m, 1") + run("st", up) + '<w:r><w:sym w:font="Wingdings" w:char="F0FC"/><w:br/></w:r>' + math)

    assert read(body) == "10⁶ m, 1st✓\n(a+b)/2"


def test_charts_and_diagrams_give_their_words():
    point = "<c:pt idx='{}'><c:v>{}</c:v></c:pt>"
    series = f"<c:ser><c:tx>{point.format(0, 'Days')}</c:tx><c:cat>{point.format(0, '2024')}{point.format(1, '2025')}</c:cat><c:val>{point.format(0, 25)}{point.format(1, 28)}</c:val></c:ser>"
    chart = xml("c:chartSpace", f"<c:chart><c:title><a:t>Leave</a:t></c:title><c:barChart>{series}</c:barChart></c:chart>")
    diagram = xml(
        "dgm:dataModel",
        "<dgm:pt><a:p><a:r><a:t>Ask</a:t></a:r></a:p></dgm:pt><dgm:pt/><dgm:pt><a:p><a:r><a:t>Take</a:t></a:r></a:p></dgm:pt>",
    )
    body = p('<w:r><w:drawing><c:chart r:id="C"/></w:drawing></w:r>') + p('<w:r><w:drawing><dgm:relIds r:dm="D"/></w:drawing></w:r>')
    text = read(body, ("C", "chart", "chart1.xml"), ("D", "diagramData", "data1.xml"), chart1=chart, data1=diagram)

    assert text == "Leave\n\n|  | Days |\n|---|---|\n| 2024 | 25 |\n| 2025 | 28 |\n\n- Ask\n- Take"


def test_files_inside_become_attachments():
    parts = docx_parts(p("See the file."), ("E", "package", "embeddings/plan.xlsx"))
    found = content(zipped({**parts, "word/embeddings/plan.xlsx": b"PK-sheet"}))

    assert [(attachment.name, attachment.raw) for attachment in found.attachments] == [("plan.xlsx", b"PK-sheet")]


def test_the_strict_kind_of_file_reads_the_same():
    parts = docx_parts(p("Leave", "Heading2") + p("one", listed=(1, 0)))
    strict = {
        name: text.replace("http://schemas.openxmlformats.org/wordprocessingml/2006/", "http://purl.oclc.org/ooxml/wordprocessingml/")
        for name, text in parts.items()
        if isinstance(text, str)
    }

    assert content(zipped(strict)).text == "## Leave\n\n- one"


def test_a_document_without_words_is_refused():
    assert refused(docx(p())) == Reason.EMPTY
    assert refused(docx(p("<w:r><w:drawing/></w:r>"))) == Reason.NO_CONTENT
    assert refused(zipped({"word/document.xml": xml("w:document", "")})) == Reason.EMPTY
    assert refused(zipped({"word/document.xml": xml("p:presentation", "")})) == Reason.CORRUPT


def test_a_damaged_part_is_said_and_the_rest_is_read():
    found = content(zipped({**docx_parts(p("one", listed=(1, 0))), "word/styles.xml": "<broken"}))

    assert found.text == "- one"
    assert [remark.message for remark in found.remarks] == ["read without its damaged parts: word/styles.xml"]


@pytest.mark.parametrize(
    "body",
    [
        "<w:sdt><w:sdtContent>" * 50_000 + p("deep") + "</w:sdtContent></w:sdt>" * 50_000,
        "<w:p>" + "<w:ins>" * 50_000 + run("deep") + "</w:ins>" * 50_000 + "</w:p>",
        "<w:tbl><w:tr><w:tc>" * 5_000 + p("deep") + "</w:tc></w:tr></w:tbl>" * 5_000,
        "<w:tbl><w:tr><w:tc><w:p/></w:tc><w:tc>" * 3_000 + p("deep") + "</w:tc></w:tr></w:tbl>" * 3_000,
        "<w:p><w:r><w:drawing><w:txbxContent>" * 3_000 + p("deep") + "</w:txbxContent></w:drawing></w:r></w:p>" * 3_000,
    ],
    ids=["wrappers", "insertions", "frames", "tables", "boxes"],
)
def test_whatever_is_nested_deeply_ends_soon_with_its_words(body):
    start = time.process_time()
    text = read(body)

    assert "deep" in text
    assert time.process_time() - start < 5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "Heading2", "Code", "Quote", "Title"]),
            st.sampled_from([None, (1, 0), (1, 2), (2, 1)]),
            st.text(max_size=30),
        )
    )
)
def test_every_word_of_every_paragraph_is_in_the_text(paragraphs):
    words = [f"word{place}" for place in range(len(paragraphs))]
    safe = ["".join(character for character in text if character.isprintable()) for _, _, text in paragraphs]
    safe = [text.replace("&", "&amp;").replace("<", "&lt;").encode(errors="ignore").decode() for text in safe]
    body = "".join(
        p(f"{word} {text}", style, listed=listed) for word, text, (style, listed, _) in zip(words, safe, paragraphs, strict=True)
    )
    found = read_docx(docx(body))

    if paragraphs:
        assert isinstance(found, Content)
        assert [word for word in words if word not in found.text] == []
        assert content(docx(body)).text == found.text


def test_no_mutated_document_raises():
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    body = p("Leave", "Clause") + p(run("one", BOLD) + note, listed=(2, 1)) + grid(("a", "b"), ("c", grid(("d", "e")))) + p("code", "Code")
    parts = docx_parts(
        body, ("f", "footnotes", "footnotes.xml"), footnotes=xml("w:footnotes", f'<w:footnote w:id="2">{p("note")}</w:footnote>')
    )
    raw = zipped(parts)
    dice = random.Random(7)
    kinds = {type(read_docx(damaged(raw, parts, dice))) for _ in range(EXAMPLES)}

    assert kinds == {Content, Refused}


def test_references_may_be_missing():
    assert content(zipped({"word/document.xml": xml("w:document", f"<w:body>{p('Five days.')}</w:body>")})).text == "Five days."
    assert "hyper" in read(p(f'<w:hyperlink r:id="none">{run("hyper")}</w:hyperlink>'))
    assert (
        content(
            zipped({**docx_parts(p("Five days.")), "word/_rels/document.xml.rels": references(("s", "styles", "../../../etc/passwd"))})
        ).text
        == "Five days."
    )


def test_roman_numerals_and_letters_are_shown_as_word_shows_them():
    level = '<w:numPr><w:ilvl w:val="2"/><w:numId w:val="9"/></w:numPr>'
    body = "".join(p(f"Part {place}", "Heading2", more=level) for place in range(1, 15))

    assert [line.split()[1] for line in read(body).split("\n\n")][3::5] == ["IV", "IX", "XIV"]


def test_what_word_would_convert_on_opening_is_said_to_be_missing():
    found = content(docx(p("Here.") + '<w:altChunk r:id="a"/>'))

    assert [remark.code for remark in found.remarks] == ["embedded_text_left_out"]


def test_a_row_that_begins_late_keeps_its_columns():
    late = grid(("a", "b", "c"), ("x", "y")).replace("</w:tr><w:tr>", '</w:tr><w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr>')

    assert read(late) == "| a | b | c |\n|---|---|---|\n|  | x | y |"


def test_a_hostile_document_is_refused_and_a_damaged_file_inside_is_named():
    parts = docx_parts(p("Text."), ("E", "package", "embeddings/plan.xlsx"), ("C", "chart", "chart1.xml"))
    figured = {
        **parts,
        "word/document.xml": str(parts["word/document.xml"]).replace(
            "<w:sectPr/>", p('<w:r><w:drawing><c:chart r:id="C"/></w:drawing></w:r>')
        ),
    }
    found = content(zipped(figured))

    assert refused(zipped({**parts, "word/styles.xml": "<!DOCTYPE a><a/>"})) == Reason.FORBIDDEN_XML
    assert (found.text, found.attachments) == ("Text.", ())
    assert [remark.message for remark in found.remarks] == ["read without its damaged parts: word/embeddings/plan.xlsx"]


def test_marks_that_markdown_would_not_see_are_left_out():
    assert read(p(run("Note:", BOLD) + run("see"))) == "Note:see"
    assert read(p(run("...", BOLD) + run(" end"))) == "... end"


def test_a_link_that_says_its_own_address_or_runs_a_script_is_only_its_words():
    links = f'<w:hyperlink r:id="m">{run("a@b.example")}</w:hyperlink> <w:hyperlink r:id="j">{run(" run")}</w:hyperlink>'

    assert read(p(links), ("m", "hyperlink", "mailto:a@b.example"), ("j", "hyperlink", "javascript:x()")) == "a@b.example run"


def test_words_that_go_on_return_to_the_item_of_their_level():
    body = (
        p("one", listed=(1, 0))
        + p("deep", listed=(1, 1))
        + p("", listed=(1, 1))
        + p("of one", listed=(4, 0))
        + p("End.")
        + p("alone", listed=(4, 0))
    )

    assert read(body) == "- one\n  - deep\n\n  of one\n\nEnd.\n\nalone"


def test_tables_of_empty_cells_and_paragraphs_without_properties_are_no_trouble():
    joined = p("a", more="<w:rPr><w:del/></w:rPr>") + p("b")

    assert read(grid(("", ""), ("", "")) + f"<w:p>{run('Bare.')}</w:p>") == "Bare."
    assert read(grid((joined, "c"))) == "| ab | c |\n|---|---|"


def test_marks_of_editing_sessions_and_the_looks_of_styles_change_nothing():
    words = 'Word writes &lt;w:p w:rsidR="00AB12CD"&gt; and &lt;w:jc/&gt;'
    marks = ' w:rsidR="00AB12CD" w:rsidRDefault="00FF0011"'
    body = p("Leave", "Firma") + p(run("Five", BOLD) + run(words)) + p("Days", "Strong")
    marked = body.replace("<w:p>", f"<w:p{marks}>").replace("<w:r>", f"<w:r{marks}>")
    latent = '<w:latentStyles w:count="2"><w:lsdException w:name="heading 1"/></w:latentStyles><w:style w:styleId="x"/>'
    named = '<w:style w:type="paragraph" w:styleId="{}"><w:name\n w:val="{}"/>{}<w:pPr>{}</w:pPr><w:rPr><w:b/>{}</w:rPr></w:style>'
    bare, full = (
        f"{before}{named.format('Firma', 'heading 3', look, look, look)}{named.format('Strong', 'a', look, look, look)}"
        for before, look in (("", ""), (latent, '<w:jc w:val="a &gt; b"/><w:rFonts w:ascii="Arial"/><w:bCs />'))
    )

    found = content(docx(marked, styles=xml("w:styles", full)))

    assert found == content(docx(body, styles=xml("w:styles", bare)))
    assert found.text == '### Leave\n\n**Five**Word writes \\<w:p w:rsidR="00AB12CD"> and \\<w:jc/>\n\n**Days**'


def test_styles_that_are_empty_are_no_damage():
    found = content(
        zipped(docx_parts(p("Leave"), styles='<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"/>'))
    )

    assert (found.text, found.remarks) == ("Leave", ())
