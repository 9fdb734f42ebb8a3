"""Archives: what is in them comes out, and what is dangerous does not, one by one."""

import io
import os
import random
import stat
import time
import zipfile
from pathlib import Path

import pytest

from builder.readers.archive import open_zip, read_zip
from builder.readers.content import Content, Refused
from builder.source import documents_in
from schemas.records import Document, Dropped, Reason

CASES = 10_000 if os.environ.get("KILOPAIR_SOAK") else 400


def packed(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def members(raw: bytes) -> dict[str, bytes | Reason]:
    content = read_zip(raw)
    assert isinstance(content, Content), content
    return {member.name: member.refused.reason if member.refused else member.raw for member in content.attachments}


def refused(raw: bytes) -> Refused:
    content = read_zip(raw)
    assert isinstance(content, Refused), content
    return content


def test_members_come_out_in_order_without_folders_and_what_systems_add():
    raw = packed({"b/": b"", "b/x.md": b"x", "a.md": b"a", "__MACOSX/b/._x.md": b"\0", "b/.DS_Store": b"\0"})

    assert list(members(raw).items()) == [("b/x.md", b"x"), ("a.md", b"a")]


@pytest.mark.parametrize("name", ["../up.md", "a/../../up.md", "/etc/up.md", "C:\\up.md", "\\\\host\\up.md", "a\\..\\..\\up.md", "c:up.md"])
def test_a_name_that_leads_out_is_refused_and_the_others_go_on(name):
    found = members(packed({"a.md": b"a", name: b"evil", "z.md": b"z"}))

    assert list(found.values()) == [b"a", Reason.UNSAFE_PATH, b"z"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind):
    link = zipfile.ZipInfo("link.md")
    link.external_attr = (kind | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, b"/etc/passwd")
        archive.writestr("a.md", b"a")

    assert members(buffer.getvalue()) == {"link.md": Reason.UNSAFE_PATH, "a.md": b"a"}


def test_a_member_with_a_password_is_refused():
    raw = bytearray(packed({"a.md": b"a", "b.md": b"b"}))
    raw[raw.find(b"PK\x01\x02") + 8] |= 1

    assert members(bytes(raw)) == {"a.md": Reason.ENCRYPTED, "b.md": b"b"}


def test_a_damaged_member_is_refused():
    raw = packed({"a.md": b"words of a", "b.md": b"words of b"}, method=zipfile.ZIP_STORED).replace(b"words of a", b"words of c")

    assert members(raw) == {"a.md": Reason.CORRUPT, "b.md": b"words of b"}


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_knows_no_bounds_is_refused(method):
    assert members(packed({"a.md": bytes(100_000)}, method=method)) == {"a.md": Reason.ARCHIVE_LIMIT}


def test_a_bomb_is_refused_before_it_is_unpacked():
    raw = packed({"bomb.md": bytes(30_000_000)})
    started = time.process_time()

    found = refused(raw)

    assert (found.reason, found.detail) == (Reason.ARCHIVE_LIMIT, "0.0 MB that unpack to 30 MB, as an archive bomb does")
    assert time.process_time() - started < 0.1


def test_what_packs_well_but_is_small_is_no_bomb():
    assert members(packed({"a.csv": b"0;" * 1_000_000})) == {"a.csv": b"0;" * 1_000_000}


def sized(sizes: dict[str, int]) -> bytes:
    """An archive that says its members are that large, with some weight so that it is no bomb by its ratio."""
    raw = bytearray(packed(dict.fromkeys(sizes, b"x") | {"weight": os.urandom(5_000_000)}, method=zipfile.ZIP_STORED))
    place = 0
    for size in sizes.values():
        place = raw.find(b"PK\x01\x02", place + 1)
        raw[place + 24 : place + 28] = size.to_bytes(4, "little")
    return bytes(raw)


def test_a_member_that_is_too_large_is_refused_alone():
    found = members(sized({"big.md": 200_000_001}))

    assert [found["big.md"], len(found["weight"])] == [Reason.ARCHIVE_LIMIT, 5_000_000]


def test_an_archive_that_is_too_large_as_a_whole_gives_what_fits():
    found = members(sized({"a.md": 180_000_000, "b.md": 180_000_000, "c.md": 180_000_000}))

    assert [found["a.md"], found["b.md"], found["c.md"]] == [b"x", b"x", Reason.ARCHIVE_LIMIT]
    assert found["weight"] != Reason.ARCHIVE_LIMIT


def test_an_archive_with_too_many_members_is_refused_before_its_list_is_read():
    raw = packed(dict.fromkeys(map(str, range(10_001)), b""))

    assert "more than 10,000 members" in refused(raw).detail
    assert refused(raw[:-14] + b"\x05\x00\x05\x00" + raw[-10:]).detail == "10,001 members; at most 10,000 are read"  # whatever it says


def test_an_archive_of_nothing_or_in_pieces_says_so():
    assert refused(packed({})).reason == Reason.EMPTY
    assert refused(packed({"a.md": b"a" * 100})[:-30]).reason == Reason.CORRUPT
    assert isinstance(open_zip(b"PK\x03\x04"), Refused)


def inside(raw: bytes, name: str = "outer.zip") -> dict[str, str]:
    found = list(documents_in(raw, name, max_bytes=1_000_000))
    return {record.path if isinstance(record, Document) else record.id: getattr(record, "reason", "document") for record in found}


def test_members_become_documents_of_their_own_two_deep_and_no_deeper():
    page = {"page.md": b"# Page\n\nWords.\n"}
    raw = packed(page | {"one.zip": packed(page | {"two.zip": packed(page)}), "bad.bin": b"\x00" * 50})

    assert inside(raw) == {
        "outer.zip!/page.md": "document",
        "outer.zip!/one.zip!/page.md": "document",
        "outer.zip!/one.zip!/two.zip": Reason.ARCHIVE_LIMIT,
        "outer.zip!/bad.bin": Reason.BINARY,
    }


def test_members_of_the_same_name_stay_apart():
    raw = packed({"a.md": b"# One\n\nWords.", "b.md": b"# Two\n\nWords."}).replace(b"b.md", b"a.md")

    assert inside(raw) == {"outer.zip!/a.md": "document", "outer.zip!/a~2.md": "document"}


def test_a_member_over_the_limit_of_files_is_refused():
    assert inside(packed({"a.md": b"word " * 300_000})) == {"outer.zip!/a.md": Reason.TOO_LARGE}


def test_nothing_is_written_to_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    inside(packed({"../up.md": b"evil", "a.md": b"# A\n\nWords."}))

    assert list(Path(tmp_path).rglob("*")) == []
    assert not (tmp_path.parent / "up.md").exists()


def test_a_member_whose_name_begins_with_a_zero_byte_is_refused():
    raw = packed({"a.md": b"# A\n\nWords.", "b.md": b"# B\n\nWords."}).replace(b"a.md", b"\0.md")

    found = list(documents_in(raw, "x.zip", max_bytes=1_000_000))

    assert [record.reason for record in found if isinstance(record, Dropped)] == [Reason.UNSAFE_PATH]
    assert [record.path for record in found if isinstance(record, Document)] == ["x.zip!/b.md"]


def test_damaged_archives_never_raise_and_end_soon():
    chance = random.Random(5)
    whole = packed({"a.md": b"# A\n\nWords.", "sub/b.csv": b"a,b\n1,2\n", "c.zip": packed({"d.md": b"# D\n\nWords."})})
    started = time.process_time()
    for _ in range(CASES):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        cut = bytes(raw[: chance.randint(4, len(raw))]) if chance.random() < 0.2 else bytes(raw)
        found = list(documents_in(cut, "x.zip", max_bytes=1_000_000))

        assert found
        assert all(isinstance(record, Document | Dropped) for record in found)
        assert not [record for record in found if "kilopair failed" in getattr(record, "detail", "")]
    assert time.process_time() - started < CASES * 0.02
