"""Files to documents: which files there are, what format each one is in, and its text as canonical Markdown.

A new format is one module in `builder.readers` and one line in `FORMATS`. No file raises for what it holds: it becomes a
`Document`, or a `Dropped` that says what is wrong with it.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.readers.content import Content, Reader, Refused, TextReader, clean, heading
from builder.readers.csv_rows import read_csv
from builder.readers.decode import decode
from builder.readers.html_page import read_html
from builder.readers.jsonl_rows import read_jsonl
from builder.readers.markdown_page import read_markdown
from builder.readers.plain_text import read_text
from schemas.errors import InputError
from schemas.recipe import DocumentsSection
from schemas.records import Document, Dropped, Reason

_IS_HTML = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,5000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_IS_MARKDOWN = re.compile(r"^#{1,6} \S|^```|^\|[ :|-]+\|$|^---\n[a-z][\w-]*:", re.MULTILINE)
_KINDS = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "an Office file or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"{\\rtf": "an RTF file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\x1f\x8b": "a gzip archive",
    b"SQLite format 3": "a database",
}
_POINTER = b"version https://git-lfs.github.com/spec/"
_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
_GLOBS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _of_text(read: TextReader) -> Reader:
    """Make a reader of bytes from a reader of text; a page of HTML under any other name is still read as one."""

    def decode_and_read(raw: bytes) -> Content | Refused:
        if kind := _kind(raw):
            return Refused(Reason.UNREADABLE, f"{kind} under the name of a text file; rename it")
        decoded = decode(raw)
        if isinstance(decoded, Refused):
            return decoded
        text, encoding = decoded
        content = (read_html if _IS_HTML.match(text) else read)(text)
        if isinstance(content, Refused) or encoding in ("utf-8", "utf-8-sig"):
            return content
        return Content(content.text, content.title, {**content.metadata, "encoding": encoding})

    return decode_and_read


def _by_content(text: str) -> Content | Refused:
    return (read_markdown if _IS_MARKDOWN.search(text) else read_text)(text)


@dataclass(frozen=True)
class Format:
    """A format by the endings of its files' names."""

    endings: tuple[str, ...]
    read: Reader


FORMATS: dict[str, Format] = {
    "markdown": Format((".md", ".markdown", ".mdown", ".mdx"), _of_text(read_markdown)),
    "text": Format((".txt", ".text"), _of_text(read_text)),
    "html": Format((".html", ".htm", ".xhtml"), _of_text(read_html)),
    "csv": Format((".csv", ".tsv"), _of_text(read_csv)),
    "jsonl": Format((".jsonl", ".ndjson"), _of_text(read_jsonl)),
    "unnamed": Format(("",), _of_text(_by_content)),
}


def read(section: DocumentsSection, root: Path) -> Iterator[Document | Dropped]:
    """Read every document that `section` names; `root` is the folder of the recipe."""
    max_bytes = int(section.max_megabytes * 1_000_000)
    return unique(read_file(path, relative_name(path, section, root), max_bytes=max_bytes) for path in discover(section, root))


def discover(section: DocumentsSection, root: Path) -> list[Path]:
    """Return the files to read in the order of their names.

    Folders behind links are not entered; such a link, and a folder that cannot be opened, is listed itself, so that
    `read_file` reports it. A pattern without a slash fits a name in any folder.

    Raises:
        InputError: there is no such folder, or no file in it that the patterns include.
    """
    folder = root / section.path
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; set documents.path to the folder with your documents")
    includes, excludes = _patterns(section.include), _patterns(section.exclude)
    names = {path: relative_name(path, section, root) for path in _walk(folder)}
    found = [path for path, name in names.items() if includes.fullmatch(name) and not excludes.fullmatch(name)]
    if not found:
        raise InputError(f"{folder}: none of its {len(names)} files is included; see documents.include and documents.exclude")
    return sorted(found, key=lambda path: names[path])


def relative_name(path: Path, section: DocumentsSection, root: Path) -> str:
    """Return the name of a document: its path below the folder, with what is not Unicode escaped."""
    folder = root / section.path
    relative = path.relative_to(folder.parent if path == folder else folder).as_posix()
    return os.fsencode(relative).decode("utf-8", "backslashreplace")


def unique(documents: Iterable[Document | Dropped]) -> Iterator[Document | Dropped]:
    """Drop a document whose text an earlier one has."""
    first: dict[str, str] = {}
    for document in documents:
        if isinstance(document, Document) and document.id in first:
            record = {"path": document.path, "same_as": first[document.id]}
            detail = f"the same text as {first[document.id]}"
            yield Dropped(id=document.path, stage="read", reason=Reason.DUPLICATE_DOCUMENT, detail=detail, record={**record})
            continue
        if isinstance(document, Document):
            first[document.id] = document.path
        yield document


def read_file(path: Path, name: str, *, max_bytes: int) -> Document | Dropped:
    """Return the document in the file, or why there is none; it depends on nothing but the name and the bytes."""
    try:
        raw = _load(path, name, max_bytes)
        found = raw if isinstance(raw, Refused) else _document(raw, name)
    except Exception as error:  # noqa: BLE001 - one file must not stop the run, whatever a reader stumbles over
        found = Refused(Reason.UNREADABLE, f"kilopair failed on it, please report this ({type(error).__name__}: {error})")
    if isinstance(found, Refused):
        return Dropped(id=name, stage="read", reason=found.reason, detail=found.detail, record={"path": name})
    return found


def title_of_name(name: str) -> str:
    """Return a file's name as words."""
    words = " ".join(re.split(r"[\s_-]+", PurePosixPath(name).stem)).strip()
    return clean(words[:1].upper() + words[1:]) or name


def _document(raw: bytes, name: str) -> Document | Refused:
    format_name = _format(raw, name)
    if isinstance(format_name, Refused):
        return format_name
    content = FORMATS[format_name].read(raw)
    if isinstance(content, Refused):
        return content
    text, title = content.text.strip("\n"), content.title or title_of_name(name)
    if not any(map(str.isalnum, text)):
        return Refused(Reason.EMPTY, "no words in it")
    if format_name in ("csv", "jsonl"):  # rows do not say what they are about
        text = f"{heading(1, title)}\n\n{text}"
    return Document.of(path=name, title=title, format=format_name, text=text + "\n", raw=raw, metadata=content.metadata)


def _format(raw: bytes, name: str) -> str | Refused:
    """The name of the format, by the ending of the file's name, or else if the content is a page of HTML."""
    if not raw.strip():
        return Refused(Reason.EMPTY, "the file is empty")
    if raw.startswith(_POINTER):
        return Refused(Reason.UNREADABLE, "a git-lfs pointer instead of the file; run git lfs pull")
    ending = PurePosixPath(name).suffix.lower()
    for format_name, known in FORMATS.items():
        if ending in known.endings:
            return format_name
    if _IS_HTML.match(raw[:20_000].decode("latin-1")):
        return "html"
    known = ", ".join(name for name, known in FORMATS.items() if known.endings != ("",))
    return Refused(Reason.UNKNOWN_FORMAT, f"{_kind(raw) or ending + ' is a format'} that kilopair does not read; it reads {known}")


def _kind(raw: bytes) -> str:
    return next((kind for magic, kind in _KINDS.items() if raw.startswith(magic)), "")


def _load(path: Path, name: str, max_bytes: int) -> bytes | Refused:
    """The bytes of a regular file that lies, links resolved, in the folder that is read."""
    folder = path.parents[len(PurePosixPath(name).parts) - 1]
    try:
        status = path.stat()
        if path.is_symlink() and (stat.S_ISDIR(status.st_mode) or folder.resolve() not in path.resolve().parents):
            return Refused(Reason.UNREADABLE, "a link that leads out of the folder, or to a folder; put the files themselves there")
        if not stat.S_ISREG(status.st_mode):
            return Refused(Reason.UNREADABLE, "not a file" if not stat.S_ISDIR(status.st_mode) else "a folder that cannot be opened")
        if status.st_size > max_bytes:
            return Refused(Reason.TOO_LARGE, f"{status.st_size / 1e6:.1f} MB; documents.max_megabytes is {max_bytes / 1e6:g}")
        return path.read_bytes()
    except (OSError, RuntimeError) as error:
        problem = error.strerror if isinstance(error, OSError) else None
        return Refused(Reason.UNREADABLE, f"cannot be opened: {(problem or 'a link to itself').lower()}")


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files and links, and the folders that cannot be opened; pipes and devices are no documents."""
    closed: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        for name in (*files, *folders):
            path = Path(parent, name)
            if path.is_symlink() or (name in files and path.is_file()):
                yield path
    yield from closed


def _patterns(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_pattern(pattern)})" for pattern in patterns) or r"(?!)", re.DOTALL)


def _pattern(pattern: str) -> str:
    pattern = pattern.removeprefix("./")
    whole = pattern if "/" in pattern else f"**/{pattern}"
    whole = whole + "**" if whole.endswith("/") else whole
    return "".join(_GLOBS.get(part) or _literal(part) for part in _GLOB.findall(whole))


def _literal(part: str) -> str:
    if len(part) > 1 and part.startswith("["):
        return part.replace("\\", "\\\\").replace("[!", "[^", 1)
    return re.escape(part)
