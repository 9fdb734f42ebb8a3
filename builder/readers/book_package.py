"""What an EPUB book says about itself: its members, the list of its chapters, their names, and who wrote it.

The package is read by the HTML parser, which knows no entities and follows no references, so that nothing hostile in
its XML has anything to work with. Names of members are only looked up in the archive, never on the disk.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from pydantic import JsonValue
from selectolax.lexbor import LexborHTMLParser, LexborNode

from builder.readers.archive import LARGEST_MEMBER, METHODS, UNPACKING_ERRORS
from builder.readers.content import Refused, one_line
from builder.readers.decode import decode
from builder.readers.html_part import as_html, is_too_deep
from schemas.records import Reason

_CONTAINER, _ENCRYPTION, _APPLE_LOCK = "META-INF/container.xml", "META-INF/encryption.xml", "META-INF/sinf.xml"
_ALGORITHM = re.compile(r"<(?:\w+:)?EncryptionMethod\s[^<>]{0,200}?Algorithm\s*=\s*[\"']([^\"'<>]{1,300})")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # fonts made useless outside of the book, no lock
_PREFIX = re.compile(r"(</?)(?!dc:|dcterms:)[\w.-]{1,30}:(?=[A-Za-z])")
_WORDLESS = ("image/", "text/css", "application/javascript", "audio/", "video/", "font/", "application/x-dtbncx")
_MOST_BYTES = 64_000_000  # of all chapters; a tree in memory is several times as large
_METADATA = {"dc:creator": "author", "dc:language": "language", "dc:date": "date", "dc:publisher": "publisher"}
DAMAGED = "the book is damaged; get a whole copy of it"


class BadBookError(Exception):
    """Why a book is of no use; it never leaves this module."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.refused = Refused(reason, detail)


@dataclass(frozen=True)
class Item:
    """A file that the package lists, by its path in the archive."""

    path: str
    kind: str
    is_contents: bool


class Members:
    """The members of the archive by name; one that is not there, or is damaged, has no bytes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = {member.filename: member for member in archive.infolist()}
        self._lower = {name.lower(): name for name in self._members}
        self._left = _MOST_BYTES
        if any(member.flag_bits & 1 for member in self._members.values()):
            raise BadBookError(Reason.ENCRYPTED, "the archive asks for a password; save the book without one")

    def first(self, ending: str) -> str:
        """The first member whose name ends so."""
        return next((name for name in self._members if name.lower().endswith(ending)), "")

    def text(self, name: str) -> str | None:
        """The member as text, or None if it cannot be had.

        Raises:
            BadBookError: it is larger than a chapter may be, or nested too deep.
        """
        member = self._members.get(self._lower.get(name.lower(), ""))
        if member is None or member.compress_type not in METHODS:
            return None
        self._left -= member.file_size
        if member.file_size > LARGEST_MEMBER:
            raise BadBookError(
                Reason.ARCHIVE_LIMIT, f"a chapter of {member.file_size / 1e6:,.0f} MB; at most {LARGEST_MEMBER / 1e6:.0f} MB"
            )
        if self._left < 0:
            raise BadBookError(Reason.TOO_LARGE, f"more than {_MOST_BYTES / 1e6:.0f} MB of chapters; split the book")
        try:
            decoded = decode(self._archive.read(member))
        except UNPACKING_ERRORS:
            return None
        if isinstance(decoded, Refused):
            return None
        if is_too_deep(decoded[0]):
            raise BadBookError(Reason.CORRUPT, f"elements of {one_line(name)} are nested too deep; {DAMAGED}")
        return decoded[0]


def refuse_locked(members: Members) -> None:
    """Stop at a book whose chapters are encrypted; fonts may be.

    Raises:
        BadBookError: it is locked.
    """
    used = set(_ALGORITHM.findall(members.text(_ENCRYPTION) or ""))
    if used.difference(_FONTS) or members.text(_APPLE_LOCK) is not None:
        raise BadBookError(Reason.ENCRYPTED, "locked by its publisher (DRM); ask for a copy without a lock")


def find_package(members: Members) -> tuple[str, LexborHTMLParser]:
    """The path and the tree of the file that lists everything."""
    container = _tree(members.text(_CONTAINER) or "").css_first("rootfile[full-path]")
    path = (container.attributes.get("full-path") or "") if container is not None else members.first(".opf")
    if path.startswith("/") or ".." in path.split("/"):
        raise BadBookError(Reason.UNSAFE_PATH, "its package lies outside of the archive, as no program writes it; the book may be hostile")
    text = members.text(path)
    if text is None:
        raise BadBookError(Reason.CORRUPT, f"it has no list of its chapters; {DAMAGED}")
    return path, _tree(text)


def _tree(text: str) -> LexborHTMLParser:
    return LexborHTMLParser(as_html(_PREFIX.sub(r"\1", text)))


def spine(package: LexborHTMLParser, folder: str) -> list[Item]:
    """The chapters in reading order, each once, without the table of contents."""
    items = {key: _item(node, folder) for node in package.css("manifest item[href]") if (key := node.attributes.get("id"))}
    named = [node.attributes.get("idref") or "" for node in package.css("spine itemref")]
    listed = [items[key] for key in (named or items) if key in items]
    unique = {item.path: item for item in listed if not item.is_contents and not item.kind.startswith(_WORDLESS)}
    return list(unique.values())


def _item(node: LexborNode, folder: str) -> Item:
    attributes = node.attributes
    kind = (attributes.get("media-type") or "").lower()
    return Item(path_in(attributes.get("href") or "", folder), kind, "nav" in (attributes.get("properties") or "").split())


def path_in(target: str, folder: str) -> str:
    """Where in the archive a target leads."""
    return posixpath.normpath(posixpath.join(folder, unquote(target.partition("#")[0])))


def labels(package: LexborHTMLParser, folder: str, members: Members) -> dict[str, str]:
    """What the table of contents calls each file, by the old form of it or the new."""
    found: dict[str, str] = {}
    for node in package.css("manifest item[href]"):
        item = _item(node, folder)
        if item.is_contents or item.kind.startswith("application/x-dtbncx"):
            for target, words in _entries(_tree(members.text(item.path) or "")):
                found.setdefault(path_in(target, posixpath.dirname(item.path)), words)
    return found


def _entries(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for link in tree.css("nav a[href]"):
        yield link.attributes.get("href") or "", one_line(link.text())
    for point in tree.css("navpoint"):
        words, target = point.css_first("navlabel text"), point.css_first("content[src]")
        if words is not None and target is not None:
            yield target.attributes.get("src") or "", one_line(words.text())


def metadata_of(package: LexborHTMLParser) -> tuple[dict[str, JsonValue], str]:
    """Author, language, date and publisher, and the title."""
    found: dict[str, list[str]] = {}
    for node in package.css("metadata *"):
        if node.tag and node.tag.startswith("dc:") and (words := one_line(node.text())):
            found.setdefault(node.tag, []).append(words)
    metadata: dict[str, JsonValue] = {name: ", ".join(found[tag]) for tag, name in _METADATA.items() if tag in found}
    return metadata, found.get("dc:title", [""])[0]
