"""What becomes of each file that is found: a document or a dropped record, read once, and within limits."""

import codecs
import os
import socket
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.findings.mask import guarded
from builder.formats import FORMATS, formats
from builder.isolate import Limits
from builder.read import find, read, read_each, unique
from builder.readers.content import Attachment, Content
from builder.readers.decode import decode
from builder.source import Source, read_source, read_task, records_of, task_of, title_of_name
from builder.stages import read as read_stage
from builder.step import DOCUMENTS, QUARANTINE, Step
from builder.store import read_records
from builder.workspace import Output, Workspace
from schemas.errors import InputError
from schemas.findings import FindingsSection
from schemas.recipe import DocumentsSection, Recipe
from schemas.records import Document, Dropped, Page, Reason

WORDS = "# Leave\n\nUse 5 days of café leave.\n"


def folder(root: Path, files: Mapping[str, str | bytes]) -> DocumentsSection:
    for name, content in files.items():
        path = root / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return DocumentsSection()


def one(tmp_path: Path, name: str, content: str | bytes, max_bytes: int = 1_000_000) -> Document | Dropped:
    folder(tmp_path, {name: content})
    (record,) = read_source(Source(name, str(tmp_path / "documents" / name), str(tmp_path / "documents"), max_bytes))
    return record


def document(tmp_path: Path, name: str, content: str | bytes) -> Document:
    found = one(tmp_path, name, content)
    assert isinstance(found, Document), found
    return found


def dropped(tmp_path: Path, name: str, content: str | bytes, max_bytes: int = 1_000_000) -> Dropped:
    found = one(tmp_path, name, content, max_bytes)
    assert isinstance(found, Dropped), found
    return found


def outcome(section: DocumentsSection, root: Path) -> dict[str, str]:
    return {getattr(record, "path", record.id): getattr(record, "reason", "document") for record in read(section, root)}


def test_links_out_of_the_folder_loops_pipes_and_linked_folders_are_dropped_and_never_followed(tmp_path, monkeypatch):
    section = folder(tmp_path, {"a.md": WORDS, "sub/b.md": "# B\n\nOther words."})
    (tmp_path / "secret.md").write_text("secret")
    inside = tmp_path / "documents"
    (inside / "escape.md").symlink_to(tmp_path / "secret.md")
    (inside / "loop.md").symlink_to(inside / "loop.md")
    (inside / "again").symlink_to(inside)
    (inside / "gone.md").symlink_to(inside / "missing.md")
    (inside / "alias.md").symlink_to(inside / "a.md")
    os.mkfifo(inside / "pipe.md")
    monkeypatch.chdir(inside)
    socket.socket(socket.AF_UNIX).bind("socket.md")

    found = list(read(section, tmp_path))

    assert {record.path for record in found if isinstance(record, Document)} == {"a.md", "sub/b.md"}
    assert {record.id: (record.reason, record.detail) for record in found if isinstance(record, Dropped)} == {
        "again": (Reason.UNREADABLE, "a link that leads out of the folder, or to a folder; put the files themselves there"),
        "escape.md": (Reason.UNREADABLE, "a link that leads out of the folder, or to a folder; put the files themselves there"),
        "gone.md": (Reason.UNREADABLE, "cannot be opened: no such file or directory"),
        "loop.md": (Reason.UNREADABLE, "cannot be opened: too many levels of symbolic links"),
        "alias.md": (Reason.DUPLICATE_DOCUMENT, "the same bytes as a.md"),
        "pipe.md": (Reason.UNREADABLE, "a pipe, not a file"),
        "socket.md": (Reason.UNREADABLE, "a socket, not a file"),
    }


def test_the_second_document_with_the_same_text_names_the_first(tmp_path):
    section = folder(tmp_path, {"a.md": WORDS, "b.md": WORDS.replace("\n", "\r\n"), "c.md": WORDS})

    first, *others = read(section, tmp_path)

    assert isinstance(first, Document)
    assert [(record.id, record.model_dump()["reason"], record.model_dump()["detail"]) for record in others] == [
        ("b.md", Reason.DUPLICATE_DOCUMENT, "the same text as a.md"),
        ("c.md", Reason.DUPLICATE_DOCUMENT, "the same bytes as a.md"),
    ]


def test_the_twin_of_a_useless_file_is_useless_for_the_same_reason_and_another_ending_gets_its_own_chance(tmp_path):
    section = folder(tmp_path, {"a.odd": WORDS, "b.odd": WORDS, "c.md": WORDS})

    odd, twin, good = read(section, tmp_path)

    assert isinstance(odd, Dropped)
    assert isinstance(twin, Dropped)
    assert (twin.reason, twin.detail) == (odd.reason, f"the same bytes as a.odd: {odd.detail}")
    assert isinstance(good, Document)


@pytest.mark.parametrize(
    ("name", "content", "reason", "detail"),
    [
        ("a.md", "", Reason.EMPTY, "the file is empty"),
        ("a.txt", " \n\ufeff\n", Reason.EMPTY, "no words"),
        ("a.md", "---\n\n***\n", Reason.EMPTY, "no words"),
        ("a.txt", bytes(range(256)) * 8, Reason.BINARY, "binary data"),
        ("a.pdf", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", Reason.POINTER, "git lfs pull"),
        ("a.svg", "<svg>words</svg>", Reason.UNKNOWN_FORMAT, ".svg is a format that kilopair does not read"),
        ("a.jsonl", "{oops\n[1]\n", Reason.BAD_ROWS, "none of its 2 lines is a JSON object; line 1: not JSON"),
        ("a.zip", b"PK\x05\x06" + bytes(18), Reason.EMPTY, "an archive without files"),
    ],
)
def test_a_useless_file_is_dropped_with_a_reason(tmp_path, name, content, reason, detail):
    found = dropped(tmp_path, name, content)

    assert (found.id, found.stage, found.reason, found.record) == (name, "read", reason, {"path": name})
    assert detail in found.detail


def test_a_file_over_the_limit_is_not_read_to_its_end(tmp_path):
    found = dropped(tmp_path, "big.md", "x" * 2_000_000, 1_000_000)

    assert (found.reason, found.detail) == (Reason.TOO_LARGE, "2.0 MB; documents.max_megabytes is 1")


def test_a_file_that_changes_while_the_others_are_read_is_said_to(tmp_path):
    section = folder(tmp_path, {"a.md": WORDS})
    files = find(section, tmp_path)
    (tmp_path / "documents" / "a.md").write_text("# Other words")

    ((found,),) = read_each(files, limits=Limits())

    assert isinstance(found, Dropped)
    assert (found.reason, found.detail) == (Reason.UNREADABLE, "was changed while the documents were read; run again")


@given(raw=st.binary(max_size=200), ending=st.sampled_from([ending for known in FORMATS.values() for ending in known.endings]))
@settings(max_examples=200, deadline=None)
def test_any_bytes_under_any_name_become_a_document_or_a_dropped_record(tmp_path_factory, raw, ending):
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(raw)

    found = read_source(Source(path.name, str(path), str(path.parent), 1000))

    assert found
    assert "kilopair failed" not in getattr(found[0], "detail", "")


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
        ("page.pdf", "<html><body><h1>Leave</h1><p>Text.</p></body></html>", "# Leave\n\nText.\n"),
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


READERS = """
import ctypes, os, time
from builder.formats import Format
from builder.readers.content import Attachment, Content
from schemas.records import Page

def read_odd(raw):
    word = raw.decode().split()[0]
    with open(os.environ["PYTHON_READ_LOG"], "a") as log:
        log.write(word + "\\n")
    if word == "hang":
        time.sleep(60)
    if word == "crash":
        ctypes.string_at(0)
    if word == "exit":
        os._exit(0)
    if word == "fill":
        return Content(str(len(bytearray(9_000_000_000))))
    if word == "raise":
        raise RecursionError("too deep")
    if word == "half":
        return Content("half a character \\ud800")
    if word == "inner":
        return Content("", attachments=(Attachment("in.md", b"# In\\n\\nWords."), Attachment("../in.md", b"# Up\\n\\nWords.")))
    if word == "paged":
        return Content("\\n\\nFirst page.\\n\\nSecond page.\\n\\n", "P", pages=(Page(number=1, start=2, end=13), Page(number=2, start=15, end=29)))
    print("noise on stdout")
    return Content(f"# {word}\\n\\nWords of {raw.decode()}.")

ODD = Format((".odd",), "odd_readers:read_odd")
"""


@pytest.fixture
def odd_log(tmp_path, monkeypatch):
    """A package that reads .odd files and does to this program whatever they say; the log of what it read."""
    package = tmp_path / "package"
    (package / "odd-1.0.dist-info").mkdir(parents=True)
    (package / "odd_readers.py").write_text(READERS)
    (package / "odd-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (package / "odd-1.0.dist-info" / "entry_points.txt").write_text("[kilopair.readers]\nodd = odd_readers:ODD\n")
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHON_READ_LOG", str(tmp_path / "log"))
    monkeypatch.delitem(sys.modules, "odd_readers", raising=False)  # of the test before
    formats.cache_clear()
    yield tmp_path / "log"
    formats.cache_clear()


def test_a_reader_that_hangs_crashes_fills_the_memory_or_raises_costs_its_own_file_only(tmp_path, odd_log, capfd):
    names = ("hang", "crash", "exit", "fill", "raise", "half", "good")
    section = folder(tmp_path, {f"{name}.odd": name for name in names} | {"a.md": WORDS}).model_copy(update={"seconds_per_file": 3.0})

    assert outcome(section, tmp_path) == {
        "a.md": "document",
        "crash.odd": Reason.CRASHED,
        "exit.odd": Reason.CRASHED,
        "fill.odd": Reason.MEMORY,
        "good.odd": "document",
        "half.odd": Reason.UNREADABLE,
        "hang.odd": Reason.TIMEOUT,
        "raise.odd": Reason.UNREADABLE,
    }
    assert capfd.readouterr().out == ""


def test_files_inside_of_a_file_are_documents_and_a_file_with_nothing_else_in_it_is_none(tmp_path, odd_log):
    section = folder(tmp_path, {"x.odd": "inner"})

    assert outcome(section, tmp_path) == {"x.odd!/in.md": "document", "x.odd!/../in.md": "document"}


def test_pages_are_where_the_text_is(tmp_path, odd_log):
    section = folder(tmp_path, {"x.odd": "paged"})

    (found,) = read(section, tmp_path)

    assert isinstance(found, Document)
    assert found.text == "First page.\n\nSecond page.\n"
    assert [found.text[page.start : page.end] for page in found.pages] == ["First page.", "Second page."]


HOSTILE = {
    "a.md": WORDS, "twin.md": WORDS, "empty.md": "", "noise.txt": bytes(range(256)) * 9, "fake.docx": "%PDF-1.4 nothing", "cut.docx": b"PK\x03\x04cut",
    "page.pdf": "<html><body>Words on a page.</body></html>", "image.md": b"\x89PNG\r\n\x1a\n", "deep/" * 40 + "x.md": "# Deep\n\nWords.",
    "rows.jsonl": '{"a": 1}\n{"b"', "list.json": "[" * 100_000, "huge.txt": "word " * 60_000, "x.unknown": "?", "back\\slash.md": "# Back\n\nWords.",
    "new\nline.md": "# Line\n\nWords.", "x.rst": "Title\n=====\n\nWords.", "wide.csv": "a;b\n1;2;3\n", "mail.eml": "From: a@b.c\nSubject: x\n\nHello there.\n",
}  # fmt: skip


def hostile(root: Path) -> DocumentsSection:
    section = folder(root, HOSTILE)
    inside = root / "documents"
    for number, name in enumerate(("loop", "dangling", "out")):
        (inside / name).symlink_to((name, "nothing", "/etc")[number])
    os.mkfifo(inside / "pipe.txt")
    with zipfile.ZipFile(inside / "pack.zip", "w") as archive:
        for name in ("../evil.md", "in.md", "again.md"):
            archive.writestr(name, WORDS)
    return section


def test_every_file_of_a_hostile_folder_ends_in_exactly_one_way_and_alike_in_one_process_or_more(tmp_path):
    section = hostile(tmp_path)
    files = find(section, tmp_path)

    alone = list(read_each(files, limits=Limits(workers=1)))
    together = list(read_each(files, limits=Limits(workers=3)))

    assert alone == together
    assert len(alone) == len(files) == len(HOSTILE) + 5
    for file, records in zip(files, alone, strict=True):
        owners = {getattr(record, "path", record.id).partition("!/")[0] for record in records}
        assert owners == {file.name}
        assert len(records) == 1 or file.name == "pack.zip"
    assert not [record for records in alone for record in records if "please report" in getattr(record, "detail", "")]


def run(section: DocumentsSection, root: Path) -> Output:
    with Workspace(root / "documents" / "workspace") as work:
        return read_stage(Step(work, Recipe(documents=section), root))


def test_the_funnel_of_the_stage_adds_up_and_its_own_workspace_is_never_read(tmp_path):
    section = hostile(tmp_path)

    counts = run(section, tmp_path).counts
    output = run(section.model_copy(update={"max_megabytes": 21.0}), tmp_path)

    assert output.fresh
    assert output.counts == counts
    assert counts["in"] == counts["kept"] + sum(counts["dropped"].values()) == len(HOSTILE) + 5 + 2
    assert counts["dropped"]["unsafe_path"] == 1
    assert len(list(read_records(output.folder / DOCUMENTS, Document))) == counts["kept"]
    assert len({record.id for record in read_records(output.folder / QUARANTINE, Dropped)}) == sum(counts["dropped"].values())


def test_an_unchanged_file_is_never_read_again(tmp_path, odd_log):
    section = folder(tmp_path, {"a.odd": "a", "b.odd": "b", "twin.odd": "b"})

    first = run(section, tmp_path)
    again = run(section, tmp_path)
    folder(tmp_path, {"b.odd": "changed", "c.odd": "c"})
    changed = run(section, tmp_path)

    assert (first.fresh, again.fresh, changed.fresh) == (True, False, True)
    assert odd_log.read_text().split() == ["a", "b", "changed", "c", "b"]
    assert [document.path for document in read_records(changed.folder / DOCUMENTS, Document)] == ["a.odd", "b.odd", "c.odd", "twin.odd"]


def test_what_a_busy_machine_could_not_read_is_tried_again(tmp_path, odd_log):
    section = folder(tmp_path, {"a.odd": "a", "exit.odd": "exit"})

    run(section, tmp_path)
    run(section.model_copy(update={"seconds_per_file": 61.0}), tmp_path)

    assert sorted(odd_log.read_text().split()) == ["a", "exit", "exit", "exit"]  # in a used worker and a fresh one, and again


def test_a_change_in_one_reader_reads_only_its_own_files_again(tmp_path, odd_log):
    section = folder(tmp_path, {"a.odd": "a", "b.md": WORDS})
    run(section, tmp_path)
    reader = Path(tmp_path / "package" / "odd_readers.py")
    reader.write_text(reader.read_text().replace("# {word}", "# new {word}"))
    remembered = {path: path.stat().st_mtime_ns for path in (tmp_path / "documents/workspace/cache/read").iterdir()}

    output = run(section, tmp_path)

    assert [document.text[:5] for document in read_records(output.folder / DOCUMENTS, Document)] == ["# new", "# Lea"]
    kept = [path for path in (tmp_path / "documents/workspace/cache/read").iterdir() if path.stat().st_mtime_ns == remembered.get(path)]
    assert len(kept) == 2


def test_another_version_of_a_library_reads_the_files_again(tmp_path, monkeypatch):
    section = folder(tmp_path, {"a.md": WORDS})
    newer = tmp_path / "newer" / "selectolax-999.dist-info"
    newer.mkdir(parents=True)
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: selectolax\nVersion: 999\n")
    run(section, tmp_path)
    remembered = {path.name for path in (tmp_path / "documents/workspace/cache/read").iterdir()}
    monkeypatch.syspath_prepend(newer.parent)

    assert run(section, tmp_path).fresh
    assert remembered.isdisjoint(path.name for path in (tmp_path / "documents/workspace/cache/read").iterdir())


def test_a_secret_is_looked_for_once_in_each_file_that_is_read_and_not_again_in_what_is_remembered(tmp_path, monkeypatch):
    section, looked = folder(tmp_path, {"a.md": WORDS, "b.md": f"{WORDS}\nThe password: kX9!mQ2zLp7w\n"}), []
    monkeypatch.setattr("builder.source.guarded", lambda found, policy: looked.append(found.path) or guarded(found, policy))

    first = run(section, tmp_path)
    again = run(section.model_copy(update={"seconds_per_file": 61.0}), tmp_path)

    assert looked == ["a.md", "b.md"]
    assert again.fresh
    for output in (first, again):
        assert "kX9!" not in (output.folder / DOCUMENTS).read_text()


def test_of_the_findings_only_what_masks_text_has_a_say_in_reading(tmp_path):
    section = folder(tmp_path, {"a.md": WORDS})

    def is_fresh(**findings: str) -> bool:
        recipe = Recipe.model_validate({"documents": section.model_dump(), "findings": findings})
        with Workspace(tmp_path / "workspace") as work:
            return read_stage(Step(work, recipe, tmp_path)).fresh

    assert [is_fresh(), is_fresh(contradiction="stop"), is_fresh(email="mask")] == [True, False, True]


def test_a_folder_of_nothing_but_useless_files_is_an_error(tmp_path):
    section = folder(tmp_path, {"a.md": "", "b.png": b"\x89PNG\r\n\x1a\n"})

    with pytest.raises(InputError, match=r"none of its 2 files could be read.*1 empty, 1 unknown_format"):
        run(section, tmp_path)


def test_an_attachment_is_a_file_or_the_reason_why_it_is_none():
    content = Content("", attachments=(Attachment("a", b"a"),), pages=(Page(number=1, start=0, end=0),))

    assert content.attachments[0].refused is None


@pytest.mark.parametrize("policy", [None, FindingsSection(), FindingsSection(secret="allow", email="mask")])
def test_a_worker_sends_back_what_is_masked_already(tmp_path, policy):
    section = folder(tmp_path, {"a.md": f"{WORDS}\nThe password: kX9!mQ2zLp7w, jane@example.com\n"})
    (file,) = find(section, tmp_path, policy=policy)

    reply = read_task(task_of(file.source, file.sha256))

    assert records_of(reply) == read_source(file.source, sha256=file.sha256)
    assert ("kX9!" in str(reply)) == (policy is None or policy.secret == "allow")
    assert ("jane@" in str(reply)) == (policy is None or policy.email == "allow")


def test_a_file_that_cannot_be_masked_is_dropped_without_a_word_of_it_and_the_others_are_read(tmp_path, monkeypatch):
    def failing(found: Document, policy: FindingsSection) -> Document:
        if found.path == "a.md":
            raise ValueError(found.text)
        return guarded(found, policy)

    section = folder(tmp_path, {"a.md": f"{WORDS}\nThe password: kX9!mQ2zLp7w\n", "b.md": WORDS})
    monkeypatch.setattr("builder.source.guarded", failing)

    first, second = (records for (records,) in read_each(find(section, tmp_path, policy=FindingsSection()), limits=Limits()))

    assert isinstance(first, Dropped)
    assert (first.reason, first.detail) == (Reason.UNREADABLE, "kilopair failed on it, please report this (masking: ValueError)")
    assert isinstance(second, Document)


def test_a_file_that_ends_the_process_that_masks_it_is_given_up_alone(tmp_path, monkeypatch):
    section = folder(tmp_path, {"a.md": WORDS, "b.md": f"{WORDS}\nMore words.\n"})
    (tmp_path / "sitecustomize.py").write_text(
        "import os, builder.source\n"
        "plain = builder.source.guarded\n"
        "builder.source.guarded = lambda found, policy: os._exit(3) if found.path == 'a.md' else plain(found, policy)\n"
    )
    files = [replace(file, is_quick=False) for file in find(section, tmp_path, policy=FindingsSection())]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)]))

    first, second = (records for (records,) in read_each(files, limits=Limits(workers=1)))

    assert isinstance(first, Dropped)
    assert first.reason == Reason.CRASHED
    assert isinstance(second, Document)
