"""Office packages: what is refused before it is unpacked, and what is read all the same."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.readers.ooxml import BadPackageError, Package
from schemas.records import Reason
from tests.office_files import core, docx_parts, p, references, xml, zipped

LAUGHS = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><w>&b;</w>'
OUTSIDE = '<?xml version="1.0"?>\n<!-- first --><!DOCTYPE w SYSTEM "file:///etc/passwd"><w/>'


def reason(raw: bytes, name: str = "word/document.xml") -> Reason:
    with pytest.raises(BadPackageError) as caught:
        Package(raw).xml(name)
    assert "\n" not in caught.value.refused.detail
    return caught.value.refused.reason


def with_size(raw: bytes, size: int) -> bytes:
    """The archive with another size of its first member in the directory, which is where a bomb lies."""
    place = raw.index(b"PK\x01\x02") + 24
    return raw[:place] + size.to_bytes(4, "little") + raw[place + 4 :]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", Reason.EMPTY),
        (b"\0" * 100, Reason.EMPTY),
        (b"%PDF-1.7 not a zip", Reason.CORRUPT),
        (b"PK\x03\x04 cut short", Reason.CORRUPT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500 + "EncryptedPackage".encode("utf-16-le"), Reason.ENCRYPTED),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, Reason.UNKNOWN_FORMAT),
        (zipped({"other.xml": "<a/>"}), Reason.CORRUPT),
        (zipped({"word/document.xml": "<a><b></a>"}), Reason.CORRUPT),
        (zipped({"word/document.xml": ""}), Reason.CORRUPT),
        (zipped({"word/document.xml": '<?xml version="1.0" encoding="klingon"?><a/>'}), Reason.CORRUPT),
        (zipped({"word/document.xml": LAUGHS}), Reason.FORBIDDEN_XML),
        (zipped({"word/document.xml": OUTSIDE}), Reason.FORBIDDEN_XML),
        (zipped({"word/document.xml": OUTSIDE.replace("?>", ' encoding="utf-16"?>', 1).encode("utf-16")}), Reason.FORBIDDEN_XML),
        (zipped({"word/document.xml": "<a/>", "../../evil.xml": "<a/>"}), Reason.UNSAFE_PATH),
        (zipped({"word/document.xml": "<a/>", "..\\evil.xml": "<a/>"}), Reason.UNSAFE_PATH),
        (zipped({"word/document.xml": "<a/>" + " " * 11_000_000}), Reason.ARCHIVE_LIMIT),
        (with_size(zipped({"word/document.xml": "<a/>"}), 200_000_001), Reason.ARCHIVE_LIMIT),
        (zipped({f"{number}.xml": "" for number in range(10_001)}), Reason.ARCHIVE_LIMIT),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_bad_package_is_refused_with_its_reason(raw, expected):
    assert reason(raw) == expected


def test_a_dtd_after_a_long_prolog_is_found():
    text = f'<?xml version="1.0"?><!--{"x" * 10_000}--><!DOCTYPE w><w/>'

    assert reason(zipped({"word/document.xml": text})) == Reason.FORBIDDEN_XML


def test_a_member_that_asks_for_a_password_is_encrypted():
    raw = bytearray(zipped({"word/document.xml": "<a/>"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + place] |= 1

    assert reason(bytes(raw)) == Reason.ENCRYPTED


def test_more_text_than_fits_into_memory_is_too_large():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 64_000_000 + b"</a>")

    assert reason(buffer.getvalue()) == Reason.TOO_LARGE


def test_a_part_of_another_size_than_the_directory_says_is_damaged():
    raw = with_size(zipped({"word/document.xml": "<a>" + "x" * 1000 + "</a>"}), 20)

    assert reason(raw) == Reason.CORRUPT


@pytest.mark.parametrize(
    ("mark", "place", "value"),
    [(b"PK\x03\x04", 0, b"XX"), (b"PK\x01\x02", 10, b"\x0c"), (b"word/document.xml", 17, b"\xff\xff\xff")],
    ids=["no header where the directory says", "packed in another way", "packed bytes that are none"],
)
def test_a_member_that_cannot_be_unpacked_is_damaged(mark, place, value):
    raw = zipped({"word/document.xml": "<a>" + "x" * 1000 + "</a>"})
    start = raw.index(mark) + place

    assert reason(raw[:start] + value + raw[start + len(value) :]) == Reason.CORRUPT


def test_names_are_found_however_they_are_written():
    package = Package(zipped({"Word\\Document.xml": "<a/>", "/docProps/core.xml": core("Leave")}))

    assert package.xml("word/document.xml").tag == "a"
    assert package.optional("docProps/core.xml") is not None


def test_references_lead_nowhere_but_to_parts_of_the_package():
    targets = (
        ("a", "image", "../media/x.png"),
        ("b", "image", "/word/y.png"),
        ("c", "image", "../../../../etc/passwd"),
        ("d", "hyperlink", "https://x.example"),
    )
    package = Package(zipped({"word/_rels/document.xml.rels": references(*targets), "word/y.png": "y"}))
    relations = package.relations("word/document.xml")

    assert [relations[key].target for key in "abcd"] == ["media/x.png", "word/y.png", "etc/passwd", "https://x.example"]
    assert [relation.is_external for relation in relations.values()] == [False, False, False, True]
    assert package.optional("etc/passwd") is None
    assert package.raw("word/y.png") == b"y"


def test_the_main_part_is_the_one_that_the_package_names():
    named = {"_rels/.rels": references(("r", "officeDocument", "word/document2.xml")), "word/document2.xml": "<a/>"}

    assert Package(zipped(named)).main("word/document.xml") == "word/document2.xml"
    assert Package(zipped({"word/document.xml": "<a/>"})).main("word/document.xml") == "word/document.xml"


@pytest.mark.parametrize(
    "title", ["PowerPoint Presentation", "PowerPoint-Präsentation", "Document1", "Untitled", "Microsoft Word - a.doc", "plan.docx", ""]
)
def test_a_title_that_a_program_made_up_is_none(title):
    parts = {**docx_parts(p("x")), "docProps/core.xml": core(title)}

    assert Package(zipped(parts)).title() == ""


def test_a_damaged_part_that_can_be_missed_is_noted():
    package = Package(zipped({"word/styles.xml": "<broken", "word/notes.xml": LAUGHS}))

    assert package.optional("word/styles.xml") is None
    assert package.damaged == ["word/styles.xml"]
    with pytest.raises(BadPackageError):
        package.optional("word/notes.xml")


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_do_anything_but_open_or_be_refused(raw, as_part):
    packed = zipped({"word/document.xml": raw}) if as_part else raw
    try:
        tag = Package(packed).xml("word/document.xml").tag
    except BadPackageError as error:
        tag = error.refused.detail

    assert tag


def test_a_part_is_read_in_any_encoding_of_xml():
    text = xml("w:document", "<w:t>Größe</w:t>").replace("UTF-8", "UTF-16")
    root = Package(zipped({"word/document.xml": text.encode("utf-16")})).xml("word/document.xml")

    assert "".join(root.itertext()) == "Größe"


def test_a_damaged_part_is_noted_once_however_often_it_is_asked_for():
    package = Package(zipped({"_rels/.rels": "<a><b></a>", "docProps/core.xml": core("Leave")}))

    assert (package.main("word/document.xml"), package.title()) == ("word/document.xml", "Leave")
    assert package.damaged == ["_rels/.rels"]


def test_what_is_taken_out_of_a_part_uncovers_no_dtd():
    package = Package(zipped({"a.xml": f"<?xml version='1.0' encoding='utf-8'?><b></b>{LAUGHS.partition('?>')[2]}"}))

    with pytest.raises(BadPackageError) as caught:
        package.xml("a.xml", trim=lambda xml: xml.replace(b"<b></b>", b""))

    assert caught.value.refused.reason == Reason.FORBIDDEN_XML
