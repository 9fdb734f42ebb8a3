"""The format of a file by what is in it; its name decides only among kinds of text that look alike.

A name that says something else than the content is no reason to refuse a file: it is read for what it is, and a remark
says so. What is told for sure but not read (an image, an old Word file) is named, so that people know what to do.
"""

import json
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass

from builder.formats import ending_of, format_of_ending, formats
from builder.kinds import BEGINNINGS, FOLDERS, KNOWN_ENDINGS, MAIN_PART, OLE, OTHER_PACKAGES, PARTS, STREAMS, ZIP
from builder.readers.archive import METHODS, UNPACKING_ERRORS, open_zip
from builder.readers.content import Refused
from builder.readers.decode import decode_text
from schemas.records import Reason, Remark

_POINTER = b"version https://git-lfs.github.com/spec/"
_IS_HTML = re.compile(
    r"\s*+(?:<\?xml[^>]{0,200}>\s*+)?(?:<!--(?:[^-]|-(?!->)){0,5000}+-->\s*+)*+<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE
)
_IS_MARKDOWN = re.compile(r"^#{1,6} \S|^```|^\|[ :|-]+\|$|^---\n[a-z][\w-]*:", re.MULTILINE)
_IS_MAIL = re.compile(
    r"(?:(?:return-path|received|delivered-to|message-id|date|from|to|cc|subject|mime-version|x-[\w-]{1,60}|content-type): ?[^\n]*\n"
    r"(?:[ \t][^\n]*\n)*){3}",
    re.IGNORECASE,
)
_MARK_RANGE = 1024  # the beginning of a PDF may stand behind other bytes
_LARGEST_PART = 1_000_000
_TYPES = b"[Content_Types].xml"
_DIRECTORY_END, _RECORD, _SIZES = b"PK\x05\x06", b"PK\x01\x02", re.compile(rb"PK\x01\x02.{20}(.{4})", re.DOTALL)
_LONGEST_DIRECTORY, _LARGEST_SUM = 100_000, 10_000_000  # bytes, of the list of members and of all of them unpacked
_ALIKE = ({"json", "jsonl"}, {"markdown", "text"})


@dataclass(frozen=True)
class Sniffed:
    """A file's format, what its reader takes (decoded text, or the bytes), and what was noticed on the way."""

    format: str
    source: str | bytes
    encoding: str = ""
    remarks: tuple[Remark, ...] = ()


def sniff(raw: bytes, name: str) -> Sniffed | Refused:
    """Return the format of a file and its text, or why it cannot be read."""
    ending = ending_of(name)
    packed = packed_format(raw, name)
    if isinstance(packed, Refused):
        return packed
    if packed:
        return Sniffed(packed, raw, remarks=_mismatch(packed, ending))
    by_name = format_of_ending(ending)
    decoded = decode_text(raw)
    if isinstance(decoded, Refused):
        return _no_text(decoded, by_name, ending)
    found = _text_format(decoded.text, by_name, ending)
    if isinstance(found, Refused):
        return found
    if formats()[found].takes == "bytes":
        return Sniffed(found, raw, remarks=_mismatch(found, ending))
    return Sniffed(found, decoded.text, decoded.encoding, (*_mismatch(found, ending), *decoded.remarks))


def packed_format(raw: bytes, name: str) -> str | Refused:
    """Return the format if it is one that is no text, nothing if it may be text, or why the file cannot be read."""
    ending = ending_of(name)
    by_name = format_of_ending(ending)
    if not raw.strip():
        return Refused(Reason.EMPTY, "the file is empty")
    if raw.startswith(_POINTER):
        return Refused(Reason.POINTER, "a git-lfs pointer instead of the file; run git lfs pull")
    if raw.startswith(b"%PDF-") or (by_name == "pdf" and b"%PDF-" in raw[:_MARK_RANGE]):
        return "pdf"
    if raw.startswith(ZIP):
        return _office_format(raw) or _format_of_zip(raw, by_name)
    return _format_of_ole(raw, ending) if raw.startswith(OLE) else _by_beginning(raw) or _by_name_alone(by_name)


def _by_beginning(raw: bytes) -> str | Refused:
    for start, mark, usual, kind in BEGINNINGS:
        if raw.startswith(mark, start):
            return format_of_ending(usual) or _unknown(kind)
    return ""


def _by_name_alone(by_name: str) -> str:
    """Mail is text, but each part of it in a character set of its own; of formats that others add only the name is known."""
    if by_name == "eml" or (by_name and formats()[by_name].takes == "bytes" and not _is_ours(by_name)):
        return by_name
    return ""


def _is_ours(name: str) -> bool:
    return formats()[name].reader.startswith("builder.readers.")


def _office_format(raw: bytes) -> str:
    main = MAIN_PART.search(_content_types(raw))
    return PARTS[main[1]] if main else ""


def _content_types(raw: bytes) -> str:
    """The part of an Office package that names its kind; nothing if the archive is not as nearly all are, or may do harm.

    To open the archive and make an object of each of its members takes longer than much of what follows.
    """
    if raw[-22:-18] != _DIRECTORY_END:
        return ""
    size, start = struct.unpack("<2L", raw[-10:-2])
    if start + size + 22 != len(raw) or size > _LONGEST_DIRECTORY:
        return ""
    records = raw[start:-22]
    at, sizes = records.rfind(_TYPES) - 46, _SIZES.findall(records)
    if at < 0 or not records.startswith(_RECORD, at) or any(name.encode() in records for name in ("mimetype", *OTHER_PACKAGES)):
        return ""
    method, packed, length, member = struct.unpack_from("<10xH8xL4xH12xL", records, at)
    if sum(struct.unpack(f"<{len(sizes)}L", b"".join(sizes))) > _LARGEST_SUM or (method, length) != (zipfile.ZIP_DEFLATED, len(_TYPES)):
        return ""
    first = member + 30 + sum(struct.unpack("<2H", raw[member + 26 : member + 30].ljust(4, b"\0")))
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw[first : first + packed], _LARGEST_PART).decode("utf-8", "replace")
    except zlib.error:
        return ""


def _format_of_zip(raw: bytes, by_name: str) -> str | Refused:
    """What kind of package it is; a broken one is what its name says, so that the reader can say what is broken."""
    archive = open_zip(raw)
    if isinstance(archive, Refused):
        return by_name if by_name in ("epub", "ods", *PARTS.values()) and archive.reason == Reason.CORRUPT else archive
    with archive:
        names = archive.namelist()
        if other := next((kind for part, kind in OTHER_PACKAGES.items() if part in names), ""):
            return _unknown(other)
        kind = _part(archive, "mimetype").strip()
        if kind.startswith("application/vnd.oasis.opendocument."):
            return "ods" if "spreadsheet" in kind else _unknown("an OpenDocument file")
        types = _part(archive, _TYPES.decode())
        main = MAIN_PART.search(types)
    if main or kind == "application/epub+zip":
        return PARTS[main[1]] if main else "epub"
    by_folder = next((found for part, found in FOLDERS.items() if any(name.startswith(part) for name in names)), "")
    if types and not by_folder:
        return _unknown("an Office file of another kind")
    return by_folder if by_folder and (types or by_folder in ("epub", by_name)) else "zip"


def _part(archive: zipfile.ZipFile, name: str) -> str:
    """The text of a part of a package; nothing if it is not there, too large or damaged."""
    try:
        member = archive.getinfo(name)
        with archive.open(member) as part:
            return "" if member.compress_type not in METHODS else part.read(_LARGEST_PART).decode("utf-8", "replace")
    except UNPACKING_ERRORS:
        return ""


def _format_of_ole(raw: bytes, ending: str) -> str | Refused:
    """The kind of an old Office file by the names of its streams; the name decides if it holds several."""
    if "EncryptedPackage".encode("utf-16-le") in raw:
        return Refused(Reason.ENCRYPTED, "an Office file with a password; save a copy without one")
    found = [(usual, kind) for stream, usual, kind in STREAMS if stream.encode("utf-16-le") in raw]
    found.sort(key=lambda kind: kind[0] != ending)
    if not found:
        return _unknown("an old Office file")
    return format_of_ending(found[0][0]) or _unknown(found[0][1])


def _text_format(text: str, by_name: str, ending: str) -> str | Refused:
    if _IS_HTML.match(text):
        return "html"
    if by_name in ("json", "jsonl"):
        return _json_format(text, by_name) or by_name
    if by_name and formats()[by_name].takes == "text":
        return by_name
    if _IS_MAIL.match(text):
        return "eml"
    if ending and not by_name:
        return _unknown(f"{ending} is a format")
    return _json_format(text) or ("markdown" if _IS_MARKDOWN.search(text) else "text")


def _json_format(text: str, by_name: str = "") -> str:
    """Whether the text is one JSON value or one on each line; nothing if it is neither."""
    text = text.strip()
    first, _, others = text.partition("\n")
    if not first.startswith(("{", "[")):
        return ""
    if first.startswith("{") and others and _is_json(first):
        return "jsonl"
    return "json" if by_name == "json" or _is_json(text) else ""  # its reader parses it all once more


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _no_text(refused: Refused, by_name: str, ending: str) -> Refused:
    if by_name and formats()[by_name].takes == "bytes":
        return Refused(Reason.CORRUPT, f"not a {ending} file inside, and no text either; look for an undamaged copy")
    return refused


def _mismatch(found: str, ending: str) -> tuple[Remark, ...]:
    """A remark if the name says plainly something else than the content."""
    by_name = format_of_ending(ending)
    claimed = by_name or (ending if ending in KNOWN_ENDINGS else "")
    if not claimed or claimed == found or any({claimed, found} <= kinds for kinds in _ALIKE):
        return ()
    return (Remark(code="mime_mismatch", message=f"named {ending}, but it is {found} inside; it was read as {found}"),)


def _unknown(kind: str) -> Refused:
    return Refused(Reason.UNKNOWN_FORMAT, f"{kind} that kilopair does not read; it reads {', '.join(formats())}")
