"""What a file is, by what is in it."""

import ast
import io
import sys
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder.formats import FORMATS, code_behind, ending_of, formats
from builder.kinds import BEGINNINGS, OLE
from builder.readers.content import Content, Refused
from builder.sniff import Sniffed, sniff
from schemas.errors import InputError
from schemas.records import Reason

PAGE = "<!DOCTYPE html><html><body><h1>Leave</h1><p>Words.</p></body></html>"
MAIL = "Return-Path: <a@example.org>\nReceived: by mail\n\tid 1\nFrom: a@example.org\nSubject: Leave\n\nWords.\n"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
BINARY_SHEET = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"


def package(*parts: str, types: str = "", mimetype: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        if types:
            archive.writestr("[Content_Types].xml", f'<Types><Override PartName="/x" ContentType="{types}"/></Types>')
        for part in parts:
            archive.writestr(part, "x")
    return buffer.getvalue()


def old_office(*streams: str) -> bytes:
    return OLE + bytes(504) + b"".join(stream.encode("utf-16-le").ljust(128, b"\0") for stream in streams)


def found(raw: bytes | str, name: str) -> Sniffed:
    result = sniff(raw if isinstance(raw, bytes) else raw.encode(), name)
    assert isinstance(result, Sniffed), result
    return result


def refused(raw: bytes | str, name: str) -> Refused:
    result = sniff(raw if isinstance(raw, bytes) else raw.encode(), name)
    assert isinstance(result, Refused), result
    return result


@pytest.mark.parametrize(
    ("raw", "name", "format_name"),
    [
        (b"%PDF-1.7 x", "a.pdf", "pdf"),
        (b"\xef\xbb\xbf junk\n%PDF-1.7 x", "a.pdf", "pdf"),
        (package(types=WORD), "a.docx", "docx"),
        (package(types=SLIDES), "a.ppsx", "pptx"),
        (package(types=SHEET), "a.xlsx", "xlsx"),
        (package(types=BINARY_SHEET), "a.xlsb", "xlsx"),
        (package("word/document.xml", types="application/xml"), "a.docx", "docx"),
        (package(mimetype="application/epub+zip"), "a.epub", "epub"),
        (package("META-INF/container.xml"), "a.epub", "epub"),
        (package(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "a.ods", "ods"),
        (package("a.md", "word/of/advice.md"), "a.zip", "zip"),
        (old_office("Workbook"), "a.xls", "xls"),
        (old_office("WordDocument", "Workbook"), "a.xls", "xls"),
        (MAIL, "a.eml", "eml"),
        (MAIL.encode("utf-16"), "a.eml", "eml"),
        (MAIL, "message", "eml"),
        ("# Leave\n", "a.mdx", "markdown"),
        ("# Leave\n", "README", "markdown"),
        ("LEAVE\n\nWords.\n", "NOTES", "text"),
        ("# no heading here\n", "a.txt", "text"),
        ("Leave\n=====\n", "a.rst", "rst"),
        ("a,b\n", "a.tsv", "csv"),
        ("Words.\n", "Policy 1.3", "text"),
        ('{"a": 1}\n{"a": 2}\n', "a.json", "jsonl"),
        ('{"a": 1}\n{"a": 2}\n', "export", "jsonl"),
        ('{\n"a": 1}\n', "a.jsonl", "json"),
        ('{oops\n{"a": 2}\n', "a.jsonl", "jsonl"),
        ('[{"a": 1}]', "export", "json"),
        ("[link](to) words", "README", "text"),
    ],
)
def test_content_and_name_tell_the_format(raw, name, format_name):
    result = found(raw, name)

    assert (result.format, [remark.code for remark in result.remarks]) == (format_name, [])


@pytest.mark.parametrize(
    ("raw", "name", "format_name"),
    [
        (b"%PDF-1.7 x", "a.docx", "pdf"),
        (b"%PDF-1.7 x", "a.txt", "pdf"),
        (PAGE, "a.pdf", "html"),
        (PAGE, "a.doc", "html"),
        (PAGE, "a.xls", "html"),
        (PAGE, "a.md", "html"),
        ("# Leave\n", "a.docx", "markdown"),
        (package(types=WORD), "a.doc", "docx"),
        (package(types=SHEET), "a.docx", "xlsx"),
        (package(types=WORD), "a.zip", "docx"),
        (package("a.md"), "a.docx", "zip"),
    ],
)
def test_content_wins_over_the_name_and_a_remark_says_so(raw, name, format_name):
    result = found(raw, name)

    assert (result.format, [remark.code for remark in result.remarks]) == (format_name, ["mime_mismatch"])
    assert ending_of(name) in result.remarks[0].message


@pytest.mark.parametrize("name", ["page", "page.unknown", "page.php"])
def test_a_page_under_a_name_that_says_nothing_is_no_mismatch(name):
    assert (found(PAGE, name).format, found(PAGE, name).remarks) == ("html", ())


@pytest.mark.parametrize(
    ("raw", "name", "reason", "detail"),
    [
        (b"", "a.docx", Reason.EMPTY, "the file is empty"),
        (b" \n\t", "a.md", Reason.EMPTY, "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "a.pdf", Reason.POINTER, "git lfs pull"),
        (b"Leave\x00\x01\x02\x03 4 hours\n" * 20, "a.txt", Reason.BINARY, "binary data"),
        (b"\x00\x01\x02\xfe\xff" * 99, "a.docx", Reason.CORRUPT, "not a .docx file inside"),
        (old_office("EncryptedPackage"), "a.docx", Reason.ENCRYPTED, "password"),
        (
            old_office("WordDocument"),
            "a.doc",
            Reason.UNKNOWN_FORMAT,
            "an old Word file that kilopair does not read; it reads markdown, text",
        ),
        (old_office("PowerPoint Document"), "a.ppt", Reason.UNKNOWN_FORMAT, "an old PowerPoint file"),
        (old_office("__substg1.0_001A001F"), "a.msg", Reason.UNKNOWN_FORMAT, "an Outlook message"),
        (old_office(), "a.msi", Reason.UNKNOWN_FORMAT, "an old Office file"),
        (rb"{\rtf1 words}", "a.doc", Reason.UNKNOWN_FORMAT, "a rich text (RTF) file"),
        (b"\x89PNG\r\n\x1a\n", "a.md", Reason.UNKNOWN_FORMAT, "an image (PNG)"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a", Reason.UNKNOWN_FORMAT, "a sound recording (WAV)"),
        (package("META-INF/MANIFEST.MF"), "a.jar", Reason.UNKNOWN_FORMAT, "a Java archive"),
        (package(mimetype="application/vnd.oasis.opendocument.text"), "a.odt", Reason.UNKNOWN_FORMAT, "an OpenDocument file"),
        (package(types="application/vnd.ms-visio.drawing+xml"), "a.vsdx", Reason.UNKNOWN_FORMAT, "an Office file of another kind"),
        (b"words", "a.log", Reason.UNKNOWN_FORMAT, ".log is a format that kilopair does not read"),
    ],
)
def test_what_cannot_be_read_is_named(raw, name, reason, detail):
    result = refused(raw, name)

    assert result.reason == reason
    assert detail in result.detail


@pytest.mark.parametrize(("start", "mark", "usual"), [(start, mark, usual) for start, mark, usual, _ in BEGINNINGS])
def test_every_known_kind_is_told_by_its_beginning_under_any_name(start, mark, usual):
    raw = b"\x00" * start + mark + b"\x00" * 100

    assert refused(raw, "a.md") == refused(raw, f"a{usual}")


def test_a_broken_office_package_is_left_to_its_reader_and_any_other_broken_zip_is_corrupt():
    cut = package("word/document.xml", types=WORD)[:-40]

    assert found(cut, "a.docx").format == "docx"
    assert refused(cut, "a.zip").reason == Reason.CORRUPT


def packed(*members: tuple[str, str | bytes]) -> bytes:
    """A package as Office programs write it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return buffer.getvalue()


def types(kind: str) -> tuple[str, str]:
    return "[Content_Types].xml", f'<Types><Override PartName="/x" ContentType="{kind}"/></Types>'


@pytest.mark.parametrize(
    ("members", "format_name"),
    [
        ([types(WORD), ("word/document.xml", "x")], "docx"),
        ([("ppt/presentation.xml", "x"), types(SLIDES)], "pptx"),
        ([("docProps/app.xml", "x"), types(SHEET), ("xl/workbook.xml", "x")], "xlsx"),
        ([types(WORD), ("a/[Content_Types].xml", "x")], "docx"),
        ([("a/[Content_Types].xml", types(WORD)[1]), ("a.txt", "x")], "zip"),
        ([("nineteen-letters.md", types(WORD)[1])], "zip"),
        ([("mimetype", "application/epub+zip"), ("a.txt", WORD)], "epub"),
        ([("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), types(SHEET)], "ods"),
    ],
)
def test_a_package_is_told_by_its_types_wherever_they_stand_in_it(members, format_name):
    assert found(packed(*members), "a").format == format_name


def test_a_program_with_types_of_an_office_file_is_a_program():
    assert "Java" in refused(packed(("META-INF/MANIFEST.MF", "x"), types(WORD)), "a.docx").detail


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), st.integers(0, 400), st.binary(max_size=30), st.booleans()
)
def test_a_damaged_package_is_told_by_what_is_left_of_it(changes, lost, more, has_name):
    raw = bytearray(packed(types(WORD), ("word/document.xml", "x")))
    for place, value in changes:
        raw[place % len(raw)] = value
    raw = raw[: len(raw) - lost % 50 if lost > 300 else len(raw)] + more

    result = sniff(bytes(raw), "a.docx" if has_name else "a")

    assert isinstance(result, Refused) or result.format


def test_a_bomb_in_the_form_of_an_office_file_is_not_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types ContentType="{WORD}"/>')
        archive.writestr("word/document.xml", bytes(20_000_000))

    assert refused(buffer.getvalue(), "a.docx").reason == Reason.ARCHIVE_LIMIT


def test_comments_before_a_page_are_passed_over_in_no_time():
    started = time.process_time()

    assert found("<!-- a - b --> <!---->" * 2_000 + PAGE, "a").format == "html"
    assert found("<!---->" * 2_000 + "words", "a").format == "text"
    assert time.process_time() - started < 1


def test_readers_of_text_get_decoded_text_and_its_encoding_is_told():
    result = found("naïve café".encode("cp1252"), "a.txt")

    assert (result.source, result.encoding) == ("naïve café", "cp1252")
    assert [remark.code for remark in result.remarks] == ["decoded_as"]


@given(
    raw=st.binary(max_size=400),
    start=st.sampled_from([b"", b"%PDF-", b"PK\x03\x04", b"PK\x05\x06", OLE, b"{", b"From: a\n"]),
    ending=st.sampled_from([ending for known in FORMATS.values() for ending in known.endings] + ["", ".odd"]),
)
@example(b"", b"PK\x05\x06" + bytes(18), ".zip")
@settings(max_examples=400, deadline=None)
def test_any_bytes_under_any_name_get_a_format_or_a_reason(raw, start, ending):
    result = sniff(start + raw, f"a{ending}")

    assert isinstance(result, Refused) or result.format in formats()


def test_every_reader_is_named_by_a_module_and_a_function():
    assert all(known.reader.count(":") == 1 and known.endings for known in FORMATS.values())
    assert len({ending for known in FORMATS.values() for ending in known.endings}) == sum(len(known.endings) for known in FORMATS.values())


def test_the_code_behind_a_format_is_its_reader_and_what_that_imports_and_no_other_reader():
    behind = code_behind(("csv",))

    assert {"builder.readers.csv_rows", "builder.readers.content", "schemas.records"} <= set(behind)
    assert "builder.readers.html_page" not in behind
    assert "builder.readers.html_page" in code_behind(("markdown",))


def imported_by(module: str) -> set[str]:
    """The modules of ours that a module imports, by Python's own parser."""
    spec = find_spec(module)
    nodes = ast.walk(ast.parse(Path(spec.origin).read_text())) if spec and spec.origin else ()
    said = {name for node in nodes if isinstance(node, ast.ImportFrom) for name in [node.module or ""]}
    return {name for name in said if name.startswith(("builder.", "schemas."))}


@pytest.mark.parametrize("name", FORMATS)
def test_no_import_of_a_reader_is_overlooked(name):
    behind = set(code_behind((name,)))

    assert set().union(*map(imported_by, behind)) <= behind


def test_what_has_a_say_in_every_document_is_named():
    from builder.read import CODE

    assert set().union(*map(imported_by, ("builder.source", "builder.sniff", "builder.language"))) <= set(CODE)


@pytest.fixture
def package_with_reader(tmp_path, monkeypatch):
    (tmp_path / "notes_reader.py").write_text(
        "from builder.formats import Format\nfrom builder.readers.content import Content\n"
        "def read_notes(raw):\n    return Content(raw.decode()[::-1], 'Notes')\n"
        "NOTES = Format(('.notes',), 'notes_reader:read_notes')\nBROKEN = 5\n"
    )
    described = tmp_path / "notes_reader-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: notes-reader\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "notes_reader", raising=False)  # of the test before
    yield lambda points: (described / "entry_points.txt").write_text(f"[kilopair.readers]\n{points}\n") and formats.cache_clear()
    formats.cache_clear()


def test_a_package_may_add_a_format(package_with_reader):
    package_with_reader("notes = notes_reader:NOTES")

    result = found(b"sdrow", "a.notes")

    assert (result.format, formats()["notes"].read(result.source)) == ("notes", Content("words", "Notes"))
    assert "notes_reader" in code_behind(("notes",))


def test_a_package_may_replace_a_format(package_with_reader):
    package_with_reader("csv = notes_reader:NOTES")

    assert formats()["csv"].reader == "notes_reader:read_notes"
    assert next(iter(formats())) == "csv"


@pytest.mark.parametrize("point", ["notes_reader:BROKEN", "notes_reader:MISSING", "no_such_module:NOTES"])
def test_a_package_whose_reader_cannot_be_loaded_is_named(package_with_reader, point):
    package_with_reader(f"notes = {point}")

    with pytest.raises(InputError, match=f"{point}: the reader of notes .*; update or uninstall its package"):
        formats()
