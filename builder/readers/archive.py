"""Zip archives: every member is a document of its own, unless it is dangerous, and then it alone is refused.

What an archive says about itself is checked before anything is unpacked: how many members, how large, how much they are
packed. Nothing is ever written to disk; names that would lead out of a folder are refused all the same, for they say
that somebody means harm.
"""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from builder.readers.content import Attachment, Content, Refused
from schemas.records import Reason

MOST_MEMBERS = 10_000
LARGEST_MEMBER = 200_000_000
LARGEST_ARCHIVE = 500_000_000  # unpacked, all members together
_MOST_PACKED, _PACKED_FROM = 200, 10_000_000
_DIRECTORY_BYTES = 2_000_000  # of the list of members: twice what 10,000 members with long names take
_END, _END_BYTES = b"PK\x05\x06", 22
_WIDE_END = b"PK\x06\x06"  # of archives in the 64-bit form
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others cannot be unpacked in bounded memory
UNPACKING_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, LookupError, ValueError, RuntimeError, OverflowError,
)  # fmt: skip
_SYSTEM_FILES = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_DAMAGED = "the zip archive is damaged or cut short; pack or download it again"


def read_zip(raw: bytes) -> Content | Refused:
    """Return the members as attachments, those that are refused with their reason."""
    archive = open_zip(raw)
    if isinstance(archive, Refused):
        return archive
    with archive:
        members = [member for member in archive.infolist() if not member.filename.endswith("/") and not _is_of_the_system(member.filename)]
        if not members:
            return Refused(Reason.EMPTY, "an archive without files")
        return Content("", attachments=tuple(_taken_out(archive, members)))


def open_zip(raw: bytes) -> zipfile.ZipFile | Refused:
    """Return the archive, its list of members read and within the limits; also for formats that are zip archives inside."""
    if too_many := _list_too_long(raw):
        return too_many
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except UNPACKING_ERRORS:
        return Refused(Reason.CORRUPT, _DAMAGED)
    return _beyond_limits(archive.infolist(), len(raw)) or archive


def _list_too_long(raw: bytes) -> Refused | None:
    """Refuse before the list is read: it alone could fill the memory."""
    last = raw[-_END_BYTES:]
    at = raw.rfind(_END, max(0, len(raw) - _END_BYTES - 0xFFFF))
    end = last if last.startswith(_END) and last.endswith(b"\0\0") else raw[at : at + _END_BYTES] if at >= 0 else b""
    count, size = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if (count == 0xFFFF or size == 0xFFFFFFFF) and (wide := raw.rfind(_WIDE_END)) >= 0:
        count, size = int.from_bytes(raw[wide + 32 : wide + 40], "little"), int.from_bytes(raw[wide + 40 : wide + 48], "little")
    if count > MOST_MEMBERS or size > _DIRECTORY_BYTES:
        return Refused(Reason.ARCHIVE_LIMIT, f"more than {MOST_MEMBERS:,} members; unpack it and put what matters into the folder")
    return None


def _beyond_limits(members: list[zipfile.ZipInfo], packed: int) -> Refused | None:
    total = sum(member.file_size for member in members)
    if len(members) > MOST_MEMBERS:
        return Refused(Reason.ARCHIVE_LIMIT, f"{len(members):,} members; at most {MOST_MEMBERS:,} are read")
    if total > _PACKED_FROM and total > _MOST_PACKED * packed:
        return Refused(Reason.ARCHIVE_LIMIT, f"{packed / 1e6:.1f} MB that unpack to {total / 1e6:,.0f} MB, as an archive bomb does")
    return None


def _is_of_the_system(name: str) -> bool:
    return name.startswith(_SYSTEM_FILES[0]) or PurePosixPath(name).name in _SYSTEM_FILES[1:]


def _taken_out(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Iterator[Attachment]:
    left = LARGEST_ARCHIVE
    for member in members:
        refused = _unsafe(member) or _unreadable(member, left)
        raw = b"" if refused else _bytes(archive, member)
        if isinstance(raw, Refused):
            refused, raw = raw, b""
        left -= 0 if refused else member.file_size
        yield Attachment(member.filename.replace("\\", "/"), raw, refused)


def _unsafe(member: zipfile.ZipInfo) -> Refused | None:
    """Refuse a name that leads out of the folder, and links and devices."""
    name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or ".." in PureWindowsPath(name).parts or "\0" in name or not name:
        return Refused(Reason.UNSAFE_PATH, "a name that leads out of the archive's own folder; the archive may be hostile")
    if kind not in (0, stat.S_IFREG):
        return Refused(Reason.UNSAFE_PATH, "a link or a device, not a file; put the file itself into the archive")
    return None


def _unreadable(member: zipfile.ZipInfo, left: int) -> Refused | None:
    if member.flag_bits & 0x1:
        return Refused(Reason.ENCRYPTED, "packed with a password; unpack it and put the file into the folder")
    if member.compress_type not in METHODS:
        return Refused(Reason.ARCHIVE_LIMIT, "packed by an unusual method; pack it as a plain zip archive (deflate)")
    if member.file_size > min(LARGEST_MEMBER, left):
        whole = f"the archive holds more than {LARGEST_ARCHIVE / 1e6:.0f} MB unpacked"
        size = f"{member.file_size / 1e6:,.0f} MB; at most {LARGEST_MEMBER / 1e6:.0f} MB are unpacked"
        return Refused(Reason.ARCHIVE_LIMIT, size if member.file_size > LARGEST_MEMBER else whole)
    return None


def _bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | Refused:
    try:
        return archive.read(member)
    except UNPACKING_ERRORS:
        return Refused(Reason.CORRUPT, "damaged inside the archive; pack or download it again")
