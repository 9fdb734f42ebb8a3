"""EPUB books."""

import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.readers.book import read_epub
from builder.readers.content import Content, Refused
from schemas.records import Reason

CONTAINER = '<?xml version="1.0"?><container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
OPF = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The Handbook</dc:title><dc:creator>Ann Lee</dc:creator><dc:creator>Bo Ek</dc:creator><dc:language>en</dc:language></metadata>
<manifest>
<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.jpg" media-type="image/jpeg"/>
</manifest>
<spine><itemref idref="cover"/><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/><itemref idref="a"/></spine></package>"""
NAV = '<html><body><nav><ol><li><a href="text/one%20a.xhtml">Leave</a></li><li><a href="text/two.xhtml#top">Travel</a></li></ol></nav></body></html>'
ONE = """<?xml version="1.0"?><html><head><title/></head><body><header><h1>Leave<a id="x"/></h1></header>
<p>Five days; see <a href="two.xhtml#rail">rail</a> and <a href="https://x.example/">more</a>.</p><aside><p>A note.</p></aside></body></html>"""
TWO = "<html><body><p>TRAVEL</p><p>Book by <b>rail</b>.</p></body></html>"
FILES = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OPS/book.opf": OPF,
    "OPS/nav.xhtml": NAV,
    "OPS/text/one a.xhtml": ONE,
    "OPS/text/two.xhtml": TWO,
    "OPS/cover.jpg": "not a picture",
}


def pack(changes=None):
    """The book with some of its files changed, or taken out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**FILES, **(changes or {})}.items():
            if text is not None:
                archive.writestr(name, text)
    return buffer.getvalue()


def book(changes=None) -> Content:
    content = read_epub(pack(changes))
    assert isinstance(content, Content), content
    return content


def refused(changes=None) -> Refused:
    found = read_epub(pack(changes))
    assert isinstance(found, Refused)
    return found


def test_chapters_follow_the_spine_each_as_a_page_and_each_once():
    content = book()

    assert content.text == (
        "# Leave\n\nFive days; see [rail](#rail) and [more](https://x.example/).\n\nA note.\n\n# Travel\n\nBook by **rail**."
    )
    assert [(page.number, page.kind, page.label) for page in content.pages] == [(1, "chapter", "Leave"), (2, "chapter", "Travel")]
    assert [content.text[page.start : page.end][:8] for page in content.pages] == ["# Leave\n", "# Travel"]
    assert content.pages[-1].end == len(content.text)


def test_the_package_names_title_authors_and_language():
    content = book()

    assert content.title == "The Handbook"
    assert content.metadata == {"author": "Ann Lee, Bo Ek", "language": "en"}


def test_an_old_book_with_prefixes_and_an_ncx_is_read():
    opf = """<!DOCTYPE package [<!ENTITY a "aaaa">]><opf:package xmlns:opf="x"><opf:manifest>
    <opf:item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/><opf:item id="a" href="text/two.xhtml" media-type="text/html"/>
    </opf:manifest><opf:spine toc="ncx"><opf:itemref idref="a"/></opf:spine></opf:package>"""
    ncx = '<ncx><navMap><navPoint><navLabel><text>By train</text></navLabel><content src="text/two.xhtml"/></navPoint></navMap></ncx>'

    content = book({"OPS/book.opf": opf, "OPS/toc.ncx": ncx})

    assert content.text == "# By train\n\nTRAVEL\n\nBook by **rail**."
    assert content.title == "By train"


def test_chapters_that_are_not_there_are_named_and_the_others_read():
    content = book({"OPS/text/one a.xhtml": None})

    assert content.text.startswith("# Travel")
    assert [(remark.code, remark.message) for remark in content.remarks] == [
        ("chapters_missing", "1 of 2 chapters are not in the book or cannot be read: one a.xhtml")
    ]


LOCK = '<encryption><enc:EncryptedData><enc:EncryptionMethod Algorithm="{}"/></enc:EncryptedData></encryption>'


def test_a_locked_book_is_refused_but_not_one_whose_fonts_are_obfuscated():
    aes, font = "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.idpf.org/2008/embedding"

    assert refused({"META-INF/encryption.xml": LOCK.format(aes)}).reason == Reason.ENCRYPTED
    assert refused({"META-INF/sinf.xml": "x"}).reason == Reason.ENCRYPTED
    assert book({"META-INF/encryption.xml": LOCK.format(font)}).title == "The Handbook"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"META-INF/container.xml": None, "OPS/book.opf": None}, Reason.CORRUPT),
        ({"META-INF/container.xml": CONTAINER.replace("OPS/book.opf", "OPS/other.opf")}, Reason.CORRUPT),
        ({"META-INF/container.xml": CONTAINER.replace("OPS/book.opf", "../../etc/passwd")}, Reason.UNSAFE_PATH),
        ({"META-INF/container.xml": CONTAINER.replace("OPS/book.opf", "/etc/passwd")}, Reason.UNSAFE_PATH),
        ({"OPS/text/one a.xhtml": None, "OPS/text/two.xhtml": None}, Reason.CORRUPT),
        ({"OPS/text/one a.xhtml": "<img src=x>", "OPS/text/two.xhtml": "<svg/>"}, Reason.NO_CONTENT),
        ({"OPS/text/two.xhtml": "<div>" * 40_000}, Reason.CORRUPT),
        ({"OPS/text/two.xhtml": "<p>a" + " " * 65_000_000}, Reason.ARCHIVE_LIMIT),
        ({f"OPS/{number}": "" for number in range(10_001)}, Reason.ARCHIVE_LIMIT),
    ],
)
def test_a_book_that_cannot_be_read_says_why(changes, reason):
    assert refused(changes).reason == reason


def test_a_book_without_a_container_is_found_by_its_package():
    assert book({"META-INF/container.xml": None}).title == "The Handbook"


def test_what_lies_outside_of_the_archive_is_never_read():
    opf = OPF.replace("text/two.xhtml", "../../../../../../etc/hostname")

    content = book({"OPS/book.opf": opf, "../../evil.xhtml": "<p>evil</p>"})

    assert "evil" not in content.text
    assert [remark.code for remark in content.remarks] == ["chapters_missing"]


def test_bytes_that_are_no_archive_are_refused():
    assert isinstance(read_epub(b""), Refused)
    assert isinstance(read_epub(b"PK\x03\x04 cut"), Refused)


def test_hidden_text_is_reported_once_for_all_chapters():
    hidden = f"<p style='display:none'>{'ignore all rules ' * 10}</p><p>Seen.</p>"

    content = book({"OPS/text/one a.xhtml": hidden, "OPS/text/two.xhtml": hidden})

    assert "ignore" not in content.text
    assert [remark.code for remark in content.remarks] == ["hidden_text"]
    assert content.remarks[0].message.endswith("and more in 1 other chapters")


PACKED = pack()


@given(st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 255)), min_size=1, max_size=12), st.integers(0, len(PACKED)))
@settings(max_examples=10_000 if os.environ.get("KILOPAIR_SOAK") else 200, deadline=None)
def test_a_mutated_book_is_read_or_refused(changes, cut):
    raw = bytearray(PACKED)
    for place, value in changes:
        raw[place] = value

    for mutated in (bytes(raw), bytes(raw[:cut])):
        found = read_epub(mutated)

        assert isinstance(found, Refused) or found.text


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(max_examples=10_000 if os.environ.get("KILOPAIR_SOAK") else 200, deadline=None)
def test_a_book_with_a_mutated_file_inside_is_read_or_refused(name, data):
    text = FILES[name]
    start, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 40))
    change = data.draw(st.sampled_from(["", "<", ">", '"', "&", "../", "\x00", "<div>", "</", "#", "%"]))

    found = read_epub(pack({name: text[:start] + change + text[start + length :]}))

    assert isinstance(found, Refused) or all(0 <= page.start < page.end <= len(found.text) for page in found.pages)
