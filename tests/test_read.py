"""Which files are read, and what becomes of the ones that are of no use."""

import codecs
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.read import FORMATS, discover, read, read_file, relative_name, title_of_name, unique
from builder.readers.decode import decode
from schemas.errors import InputError
from schemas.recipe import DocumentsSection
from schemas.records import Document, Dropped, Reason

WORDS = "# Leave\n\nUse 5 days of café leave.\n"


def folder(root: Path, files: dict[str, str | bytes]) -> DocumentsSection:
    for name, content in files.items():
        path = root / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return DocumentsSection()


def names(section: DocumentsSection, root: Path) -> list[str]:
    return [relative_name(path, section, root) for path in discover(section, root)]


def one(tmp_path: Path, name: str, content: str | bytes, max_bytes: int = 1_000_000) -> Document | Dropped:
    folder(tmp_path, {name: content})
    return read_file(tmp_path / "documents" / name, name, max_bytes=max_bytes)


def document(tmp_path: Path, name: str, content: str | bytes) -> Document:
    found = one(tmp_path, name, content)
    assert isinstance(found, Document), found
    return found


def dropped(tmp_path: Path, name: str, content: str | bytes, max_bytes: int = 1_000_000) -> Dropped:
    found = one(tmp_path, name, content, max_bytes)
    assert isinstance(found, Dropped), found
    return found


def test_files_are_found_in_the_order_of_their_names_without_hidden_ones(tmp_path):
    section = folder(tmp_path, {"b.md": "b", "a/z.md": "z", ".git/c.md": "c", ".hidden": "h", "a/.x": "x", "B.md": "B"})

    assert names(section, tmp_path) == ["B.md", "a/z.md", "b.md"]


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        (("*.md",), (), ["a/deep/x.md", "a/y.md", "top.md"]),
        (("a/*",), (), ["a/y.md", "a/z.txt"]),
        (("a/**",), (), ["a/deep/x.md", "a/y.md", "a/z.txt"]),
        (("**/[xt]*.md",), (), ["a/deep/x.md", "top.md"]),
        (("**/[!xt]*.md",), (), ["a/y.md"]),
        (("**/*",), ("a/deep/", "z.tx?"), ["a/y.md", "top.md"]),
    ],
)
def test_patterns_choose_the_files(tmp_path, include, exclude, found):
    folder(tmp_path, {"top.md": "t", "a/y.md": "y", "a/z.txt": "z", "a/deep/x.md": "x"})

    assert names(DocumentsSection(include=include, exclude=exclude), tmp_path) == found


def test_a_single_file_may_be_the_documents(tmp_path):
    folder(tmp_path, {"only.md": WORDS})
    section = DocumentsSection(path=Path("documents/only.md"))

    assert [found.path for found in read(section, tmp_path) if isinstance(found, Document)] == ["only.md"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        discover(DocumentsSection(path=Path("nowhere")), tmp_path)


def test_patterns_that_leave_nothing_are_an_error(tmp_path):
    section = folder(tmp_path, {"a.md": "a"}).model_copy(update={"include": ("*.pdf",)})

    with pytest.raises(InputError, match="none of its 1 files is included"):
        discover(section, tmp_path)


def test_links_out_of_the_folder_loops_and_linked_folders_are_dropped_and_never_followed(tmp_path):
    section = folder(tmp_path, {"a.md": WORDS, "sub/b.md": "# B\n\nOther words."})
    (tmp_path / "secret.md").write_text("secret")
    inside = tmp_path / "documents"
    (inside / "escape.md").symlink_to(tmp_path / "secret.md")
    (inside / "loop.md").symlink_to(inside / "loop.md")
    (inside / "again").symlink_to(inside)
    (inside / "gone.md").symlink_to(inside / "missing.md")
    (inside / "alias.md").symlink_to(inside / "a.md")
    os.mkfifo(inside / "pipe.md")

    found = list(read(section, tmp_path))

    assert {record.path for record in found if isinstance(record, Document)} == {"a.md", "sub/b.md"}
    assert {record.id: record.reason for record in found if isinstance(record, Dropped)} == {
        "again": Reason.UNREADABLE,
        "escape.md": Reason.UNREADABLE,
        "gone.md": Reason.UNREADABLE,
        "loop.md": Reason.UNREADABLE,
        "alias.md": Reason.DUPLICATE_DOCUMENT,
    }


def test_a_name_that_is_not_unicode_is_escaped(tmp_path):
    section = folder(tmp_path, {"a.md": "a"})
    path = Path(os.fsdecode(os.fsencode(tmp_path / "documents") + b"/caf\xe9.md"))

    assert relative_name(path, section, tmp_path) == "caf\\xe9.md"


def test_the_second_document_with_the_same_text_names_the_first(tmp_path):
    section = folder(tmp_path, {"a.md": WORDS, "b.md": WORDS.replace("\n", "\r\n")})

    first, second = read(section, tmp_path)

    assert isinstance(first, Document)
    assert isinstance(second, Dropped)
    assert (second.id, second.reason, second.detail) == ("b.md", Reason.DUPLICATE_DOCUMENT, "the same text as a.md")


def test_nothing_is_lost_between_finding_and_reading(tmp_path):
    section = folder(tmp_path, {"a.md": WORDS, "b.md": WORDS, "c.bin": b"\x00", "d.md": "", "e.jsonl": "{"})

    assert len(list(read(section, tmp_path))) == len(discover(section, tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "reason", "detail"),
    [
        ("a.md", "", Reason.EMPTY, "the file is empty"),
        ("a.txt", " \n\ufeff\n", Reason.EMPTY, "no words"),
        ("a.md", "---\n\n***\n", Reason.EMPTY, "no words"),
        ("a.txt", bytes(range(256)) * 8, Reason.UNREADABLE, "binary data"),
        ("a.txt", b"Leave\x00 4 hours\n" * 20, Reason.UNREADABLE, "binary data"),
        ("a.txt", b"%PDF-1.7 words", Reason.UNREADABLE, "a PDF under the name of a text file"),
        ("a.pdf", b"%PDF-1.7 words", Reason.UNKNOWN_FORMAT, "a PDF that kilopair does not read; it reads markdown"),
        ("a.pdf", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", Reason.UNREADABLE, "git lfs pull"),
        ("a.rst", "Title\n=====\n", Reason.UNKNOWN_FORMAT, ".rst is a format that kilopair does not read"),
        ("a.csv", "名前,年齢\n山田,30\n".encode("cp932"), Reason.UNKNOWN_ENCODING, "save the file as UTF-8"),
        ("a.txt", "Обычный русский текст без латиницы".encode("cp1251"), Reason.UNKNOWN_ENCODING, "save the file as UTF-8"),
        ("a.jsonl", "{oops\n[1]\n", Reason.BAD_ROWS, "none of its 2 lines is a JSON object; line 1: not JSON"),
        ("a.csv", 'a,b\n"' + "x" * 140_000, Reason.BAD_ROWS, "quotation mark that is never closed"),
        ("a.html", "<html><body><div id=root></div><script>render()</script></body></html>", Reason.EMPTY, "a script would fill it"),
        ("a.pdf", "<html><body><h1>Sign in</h1><form><label>Password<input></label></form></body></html>", Reason.EMPTY, "asks to sign in"),
    ],
)
def test_a_useless_file_is_dropped_with_a_reason(tmp_path, name, content, reason, detail):
    found = dropped(tmp_path, name, content)

    assert (found.id, found.stage, found.reason, found.record) == (name, "read", reason, {"path": name})
    assert detail in found.detail


def test_a_file_over_the_limit_is_not_opened(tmp_path):
    found = dropped(tmp_path, "big.md", "x" * 2_000_000, 1_000_000)

    assert (found.reason, found.detail) == (Reason.TOO_LARGE, "2.0 MB; documents.max_megabytes is 1")


@given(raw=st.binary(max_size=200), ending=st.sampled_from([ending for known in FORMATS.values() for ending in known.endings]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_under_any_name_become_a_document_or_a_dropped_record(tmp_path_factory, raw, ending):
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(raw)

    found = read_file(path, path.name, max_bytes=1000)

    assert isinstance(found, Document | Dropped)
    assert "kilopair failed" not in getattr(found, "detail", "")


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (WORDS.encode(), None),
        (codecs.BOM_UTF8 + WORDS.encode(), None),
        (WORDS.encode("utf-16"), "utf-16"),
        (WORDS.encode("utf-32"), "utf-32"),
        (WORDS.encode("utf-16-le"), "utf-16-le"),
        (WORDS.encode("utf-16-be"), "utf-16-be"),
        (WORDS.encode("cp1252"), "cp1252"),
        (WORDS.replace("\n", "\r\n").encode(), None),
        (WORDS.replace("\n", "\r").encode(), None),
        (WORDS.replace("é", "e\u0301").encode(), None),
        (WORDS.replace("5 days", "5\u00a0da\u00ady\x07s\u200b").encode(), None),
    ],
)
def test_the_same_words_in_any_encoding_are_the_same_document(tmp_path, raw, encoding):
    found = document(tmp_path, "leave.md", raw)

    assert found.text == WORDS
    assert found.metadata.get("encoding") == encoding


def test_lines_of_two_encodings_are_each_read_in_their_own():
    assert decode("Übersicht\n".encode() * 3 + "Übersicht\n".encode("cp1252")) == ("Übersicht\n" * 4, "mixed")


def test_a_page_says_which_character_set_it_is_in():
    raw = '<meta charset="windows-1251"><p>Отпуск</p>'.encode("cp1251")

    assert decode(raw) == ('<meta charset="windows-1251"><p>Отпуск</p>', "windows-1251")


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("page.md", "<!DOCTYPE html><html><body><h1>Leave</h1><p>Text.</p></body></html>", "# Leave\n\nText.\n"),
        ("page.unknown", "<html><body><h1>Leave</h1><p>Text.</p></body></html>", "# Leave\n\nText.\n"),
        ("README", "# Leave\n\n- text\n", "# Leave\n\n- text\n"),
        ("NOTES", "LEAVE POLICY\n\nText.\n", "# LEAVE POLICY\n\nText.\n"),
    ],
)
def test_the_content_decides_where_the_name_is_wrong_or_silent(tmp_path, name, content, text):
    assert document(tmp_path, name, content).text == text


def test_a_document_without_a_title_is_called_by_its_name(tmp_path):
    assert document(tmp_path, "sick_leave-2024.md", "Just words.").title == "Sick leave 2024"
    assert title_of_name("a/b/faq.csv") == "Faq"


def test_the_id_is_of_the_text_and_the_hash_of_the_bytes(tmp_path):
    plain, windows = document(tmp_path, "a.md", WORDS), document(tmp_path, "b.md", WORDS.replace("\n", "\r\n"))

    assert plain.id == windows.id
    assert plain.sha256 != windows.sha256
    assert [type(record) for record in unique([plain, windows])] == [Document, Dropped]
