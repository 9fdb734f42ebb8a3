"""Office packages (.docx, .pptx and their kin): a zip archive of XML parts that refer to each other, opened with care.

Nothing is unpacked before the sizes in the archive's directory are checked, no part may declare entities, and a name or a
reference that leaves the package leads nowhere. A part is read only when somebody asks for it.
"""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.parsers import expat

from builder.readers.content import Refused, one_line
from schemas.records import Reason

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_JUNK_TITLE = re.compile(
    r"(?:microsoft (?:word|powerpoint)\b.*|powerpoint[- ]pr.sentation|presentation ?\d*|pr.sentation ?\d*|document ?\d*|dokument ?\d*"
    r"|untitled|slide \d+|folie \d+|title|titel|template|.*\.(?:docx?|dotx?|pptx?|potx?))",
    re.IGNORECASE,
)
_MOST_MEMBERS = 10_000
_LARGEST_PART = 200_000_000
_LARGEST_XML = 64_000_000  # a tree in memory is about eight times as large
_LARGEST_SUM = 256_000_000  # of all parts that are read
_HIGHEST_RATIO = 200
_RATIO_FROM = 10_000_000
_PROLOG = 256
_HEADER = 30  # bytes before a member's name
_NO_PROLOG = re.compile(rb"\s*<\?xml version=[\"']1\.0[\"'] encoding=[\"'][Uu][Tt][Ff]-8[\"'][^<>]{0,50}\?>\s*<[A-Za-z]")

RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


class BadPackageError(Exception):
    """Why a package, or a part of it, is of no use; it never leaves a reader."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.refused = Refused(reason, detail)


class Relation(NamedTuple):
    """A reference of one part to another, or to an address outside; `kind` is the last word of its type."""

    kind: str
    target: str
    is_external: bool


def related(relations: Mapping[str, Relation], kind: str) -> str:
    """Return the name of the first part of that kind, or nothing."""
    return next((relation.target for relation in relations.values() if relation.kind == kind and not relation.is_external), "")


class Package:
    """An Office file whose sizes have been checked; `damaged` names the parts that could not be read."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._names = _checked_names(_archive(raw))
        self._left = _LARGEST_SUM
        self._relations: dict[str, Mapping[str, Relation]] = {}
        self.damaged: list[str] = []

    def main(self, fallback: str) -> str:
        """The name of the part that everything else belongs to."""
        found = related(self.relations(""), "officeDocument")
        return found if found.lower() in self._names else fallback

    def title(self) -> str:
        """The title among the core properties, unless it is one that a program made up."""
        root = self.optional(related(self.relations(""), "core-properties") or "docProps/core.xml")
        words = one_line(root.findtext(_TITLE, "")) if root is not None else ""
        return "" if _JUNK_TITLE.fullmatch(words) else words

    def relations(self, name: str) -> Mapping[str, Relation]:
        """The references of a part by their ids; "" is the package itself."""
        if name not in self._relations:
            folder, file = posixpath.split(name)
            root = self.optional(posixpath.join(folder, "_rels", f"{file}.rels"))
            self._relations[name] = {} if root is None else dict(_relations(root, folder))
        return self._relations[name]

    def optional(self, name: str, *, trim: Callable[[bytes], bytes] = bytes) -> Element | None:
        """A part's tree as `xml` gives it, or None when there is none; one that is damaged is noted.

        Raises:
            BadPackageError: the part is hostile, not merely damaged.
        """
        if not name or name.lower() not in self._names:
            return None
        try:
            return self.xml(name, trim=trim)
        except BadPackageError as error:
            if error.refused.reason != Reason.CORRUPT:
                raise
            self.damaged.append(name)
            return None

    def xml(self, name: str, *, trim: Callable[[bytes], bytes] = bytes) -> Element:
        """A part's tree; `trim` may take out of its bytes what nobody will ask for.

        Raises:
            BadPackageError: there is no such part, or it is damaged, too large or hostile.
        """
        data = trim(self.raw(name, limit=_LARGEST_XML))
        if _STRICT.search(data):
            data = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", data)
        try:
            _refuse_dtd(data, name)
            return ET.fromstring(data)  # noqa: S314 - without a DTD there are no entities
        except (ET.ParseError, expat.ExpatError, ValueError, LookupError, RecursionError) as error:
            raise BadPackageError(Reason.CORRUPT, f"its part {name} is damaged ({error}); open the file and save it again") from None

    def raw(self, name: str, *, limit: int = _LARGEST_PART) -> bytes:
        """A part's bytes.

        Raises:
            BadPackageError: there is no such part, or it is damaged, too large or encrypted.
        """
        info = self._names.get(name.lower())
        if info is None:
            raise BadPackageError(Reason.CORRUPT, f"its part {name} is missing; open the file and save it again")
        if info.flag_bits & 1:
            raise BadPackageError(Reason.ENCRYPTED, "the archive asks for a password; save the file without one")
        self._left -= info.file_size
        if info.file_size > limit or self._left < 0:
            raise BadPackageError(Reason.TOO_LARGE, f"more than {limit // 1_000_000} MB of text and markup; split the document")
        data = _unpacked(self._raw, info)
        if data is None:
            raise BadPackageError(Reason.CORRUPT, f"its part {name} is damaged; open the file and save it again")
        return data


def _unpacked(raw: bytes, info: zipfile.ZipInfo) -> bytes | None:
    """A member's bytes, None when they are not what the directory says; opening each by zipfile costs as much as parsing it."""
    start = info.header_offset
    if raw[start : start + 4] != b"PK\x03\x04" or len(raw) < start + _HEADER:
        return None
    start += _HEADER + sum(struct.unpack_from("<HH", raw, start + _HEADER - 4))  # behind the name and the extra field
    data = raw[start : start + info.compress_size]
    if info.compress_type == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, info.file_size + 1)
        except zlib.error:
            return None
    elif info.compress_type != zipfile.ZIP_STORED:
        return None  # no Office program packs in another way
    return data if len(data) == info.file_size and zlib.crc32(data) == info.CRC else None


def _archive(raw: bytes) -> zipfile.ZipFile:
    if raw.startswith(_OLE):
        if _ENCRYPTED in raw:
            raise BadPackageError(Reason.ENCRYPTED, "protected by a password; save it without one")
        raise BadPackageError(Reason.UNKNOWN_FORMAT, "in the format of Office before 2007; save it as .docx or .pptx")
    if not raw.strip(b"\0\t\n\r "):
        raise BadPackageError(Reason.EMPTY, "the file is empty")
    try:
        return zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, OverflowError):
        what = "cut short or damaged" if raw.startswith(b"PK") else "not an Office file, whatever its name says"
        raise BadPackageError(Reason.CORRUPT, f"{what}; get a whole copy of it") from None


def _checked_names(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by name, in lower case as the standard compares them, once none of them can do harm."""
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise BadPackageError(
            Reason.ARCHIVE_LIMIT, f"{len(members):,} files inside, more than {_MOST_MEMBERS:,}; no Office program writes that"
        )
    for member in members:
        _check_size(member.filename, member.file_size, member.compress_size)
    names = {member.filename.replace("\\", "/").lstrip("/").lower(): member for member in members}
    if any(".." in name.split("/") for name in names):
        raise BadPackageError(Reason.UNSAFE_PATH, "a file inside has a name that leads out of the archive; no Office program writes that")
    return names


def _check_size(name: str, size: int, packed: int) -> None:
    if size > _LARGEST_PART:
        detail = f"{one_line(name)} would unpack to {size / 1e6:,.0f} MB, more than {_LARGEST_PART // 1_000_000} MB; a zip bomb"
        raise BadPackageError(Reason.ARCHIVE_LIMIT, detail)
    if size > _RATIO_FROM and size > _HIGHEST_RATIO * packed:
        detail = f"{one_line(name)} would unpack to {size // max(packed, 1):,} times its size, more than {_HIGHEST_RATIO}; a zip bomb"
        raise BadPackageError(Reason.ARCHIVE_LIMIT, detail)


class _PrologEndsError(Exception):
    pass


def _refuse_dtd(data: bytes, name: str) -> None:
    """A DTD can only stand before the first element, so only that much is read."""
    if _NO_PROLOG.match(data):
        return

    def refuse(*_: object) -> None:
        raise BadPackageError(
            Reason.FORBIDDEN_XML, f"its part {name} declares a DTD, which no Office program writes; nothing of it was followed"
        )

    def end(*_: object) -> None:
        raise _PrologEndsError

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = end
    try:
        for start in range(0, len(data), _PROLOG):
            parser.Parse(data[start : start + _PROLOG], False)
    except _PrologEndsError:
        return


def _relations(root: Element, folder: str) -> Iterator[tuple[str, Relation]]:
    for node in root.iter(_RELATION):
        kind = node.get("Type", "").rpartition("/")[2]
        target = node.get("Target", "")
        is_external = node.get("TargetMode") == "External"
        yield node.get("Id", ""), Relation(kind, target if is_external else _resolved(folder, target), is_external)


@lru_cache(maxsize=1024)  # the parts of all packages have much the same names
def _resolved(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, unquote(target.replace("\\", "/")))).lstrip("/")
