"""One file to its documents; what it depends on is nothing but its name and its bytes.

A file that holds others (an archive, a mail) becomes several documents, each named `outer.zip!/inner.md`, at most two deep.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import JsonValue, TypeAdapter

from builder.discover import distinct, printable
from builder.findings.mask import guarded
from builder.formats import formats
from builder.language import language_of
from builder.readers.content import Content, Ocr, Refused, clean, heading
from builder.sniff import Sniffed, sniff
from schemas.findings import FindingsSection
from schemas.records import Document, Dropped, Page, Reason

DEEPEST = 2
_TOO_DEEP = f"inside of more than {DEEPEST} files; unpack the outer ones and put them into the folder"
_FAILED = "kilopair failed on it, please report this"
_ROWS = ("csv", "jsonl", "json", "xlsx", "xls", "ods")  # rows do not say what they are about
_PLAIN = ("", "utf-8", "utf-8-sig")


@dataclass(frozen=True)
class Source:
    """A file that was found: its document's name, where it is, the folder that it must lie in, its largest size.

    `ocr` is how scans are read, and `policy` what is masked; nothing without.
    """

    name: str
    path: str
    folder: str
    max_bytes: int
    ocr: Ocr | None = None
    policy: FindingsSection | None = None


_SOURCE = TypeAdapter(Source)


def load(source: Source) -> bytes | Refused:
    """Return the bytes of a regular file that lies, links resolved, in the folder that is read."""
    path = Path(source.path)
    try:
        status = path.stat()
        if path.is_symlink() and (stat.S_ISDIR(status.st_mode) or Path(source.folder).resolve() not in path.resolve().parents):
            return Refused(Reason.UNREADABLE, "a link that leads out of the folder, or to a folder; put the files themselves there")
        if not stat.S_ISREG(status.st_mode):
            return Refused(Reason.UNREADABLE, _irregular(status.st_mode))
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe put in its place would else wait for ever
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Refused(Reason.UNREADABLE, "was replaced while it was read; run again")
            raw = file.read(source.max_bytes + 1)
    except (OSError, RuntimeError) as error:
        problem = error.strerror if isinstance(error, OSError) else None
        return Refused(Reason.UNREADABLE, f"cannot be opened: {(problem or 'a link to itself').lower()}")
    return raw if len(raw) <= source.max_bytes else _too_large(max(status.st_size, len(raw)), source.max_bytes)


def read_source(source: Source, *, sha256: str = "") -> list[Document | Dropped]:
    """Return the documents in the file, masked, or why there are none; with `sha256`, only if that is still the hash of its bytes."""
    raw = load(source)
    if isinstance(raw, Refused):
        return [dropped(source.name, raw)]
    if sha256 and hashlib.sha256(raw).hexdigest() != sha256:
        return [dropped(source.name, Refused(Reason.UNREADABLE, "was changed while the documents were read; run again"))]
    found = documents_in(raw, source.name, max_bytes=source.max_bytes, ocr=source.ocr)
    return [_masked(record, source.policy) for record in found]


def read_task(task: JsonValue) -> JsonValue:
    """Do `read_source` in another process: from JSON to JSON."""
    given: Any = task
    records = read_source(_SOURCE.validate_python(given["source"]), sha256=given["sha256"])
    return [{type(record).__name__: record.model_dump(mode="json")} for record in records]


def task_of(source: Source, sha256: str) -> JsonValue:
    """Return what `read_task` takes."""
    return {"source": _SOURCE.dump_python(source, mode="json"), "sha256": sha256}


def records_of(reply: JsonValue) -> list[Document | Dropped]:
    """Return the records that `read_task` returned."""
    given: Any = reply
    return [(Document if kind == "Document" else Dropped).model_validate(record) for named in given for kind, record in named.items()]


def dropped(name: str, refused: Refused) -> Dropped:
    """Return the record of a file that is of no use."""
    return Dropped(id=name, stage="read", reason=refused.reason, detail=refused.detail, record={"path": name})


def documents_in(raw: bytes, name: str, *, max_bytes: int, ocr: Ocr | None = None, depth: int = 0) -> Iterator[Document | Dropped]:
    """Yield the document in `raw` and those of the files inside of it."""
    if len(raw) > max_bytes:
        yield dropped(name, _too_large(len(raw), max_bytes))
        return
    found = _read(raw, name, ocr, depth)
    if isinstance(found, Refused):
        yield dropped(name, found)
        return
    document, content = found
    if document is not None:
        yield document
    names: set[str] = set()
    for attachment in content.attachments:
        inner = distinct(f"{name}!/{printable(attachment.name)}", names)
        names.add(inner)
        if attachment.refused or depth == DEEPEST:
            yield dropped(inner, attachment.refused or Refused(Reason.ARCHIVE_LIMIT, _TOO_DEEP))
        else:
            yield from documents_in(attachment.raw, inner, max_bytes=max_bytes, ocr=ocr, depth=depth + 1)


def title_of_name(name: str) -> str:
    """Return a file's name as words."""
    words = " ".join(re.split(r"[\s_-]+", PurePosixPath(name).stem)).strip()
    return clean(words[:1].upper() + words[1:]) or name


def _read(raw: bytes, name: str, ocr: Ocr | None, depth: int) -> tuple[Document | Dropped | None, Content] | Refused:
    """The document, unless all there is are the files inside, and the content; whatever a reader stumbles over is told."""
    format_name = ""
    try:
        found = sniff(raw, name)
        if isinstance(found, Refused):
            return found
        format_name = found.format
        if format_name == "zip" and depth == DEEPEST:
            return Refused(Reason.ARCHIVE_LIMIT, _TOO_DEEP)
        content = formats()[format_name].read(found.source, ocr)
        if isinstance(content, Refused):
            return content
        has_text = content.text.strip() or not content.attachments
        return _document(found, content, name, raw) if has_text else None, content
    except MemoryError:
        raise  # for the process around, which says how much it was
    except ImportError as error:
        return Refused(Reason.UNREADABLE, f"the reader of {format_name} lacks {error.name or error}; install kilopair again")
    except Exception as error:  # noqa: BLE001 - one file must not stop the run
        told = " ".join(str(error).split())[:200]
        return Refused(Reason.UNREADABLE, f"{_FAILED} ({format_name or name}: {type(error).__name__}: {told})")


def _masked(record: Document | Dropped, policy: FindingsSection | None) -> Document | Dropped:
    """The document without what the policy hides; what fails here is not quoted, for it may be a secret."""
    if policy is None or isinstance(record, Dropped):
        return record
    try:
        return guarded(record, policy)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - one file must not stop the run
        return dropped(record.path, Refused(Reason.UNREADABLE, f"{_FAILED} (masking: {type(error).__name__})"))


def _document(found: Sniffed, content: Content, name: str, raw: bytes) -> Document | Dropped:
    whole = content.text.lstrip("\n")
    if not any(map(str.isalnum, whole)):
        return dropped(name, Refused(Reason.EMPTY, "no words in it"))
    title = clean(content.title) or title_of_name(name.rpartition("!/")[2])
    above = f"{heading(1, title)}\n\n" if found.format in _ROWS else ""
    text = above + whole.rstrip("\n") + "\n"
    document = Document.of(
        path=name,
        title=title,
        format=found.format,
        text=text,
        raw=raw,
        metadata=content.metadata | ({} if found.encoding in _PLAIN else {"encoding": found.encoding}) | _language(text),
        pages=_moved(content.pages, len(above) - len(content.text) + len(whole), len(text) - 1),
        remarks=(*found.remarks, *content.remarks),
    )
    document.model_dump_json()  # raises for half a character, here where it costs one document
    return document


def _language(text: str) -> dict[str, JsonValue]:
    language = language_of(text)
    return {"language": language} if language else {}


def _moved(pages: tuple[Page, ...], by: int, end: int) -> tuple[Page, ...]:
    """The pages at their places in the document's text."""
    places = ((page, min(max(0, page.start + by), end), min(max(0, page.end + by), end)) for page in pages)
    return tuple(page.model_copy(update={"start": start, "end": stop}) for page, start, stop in places)


def _irregular(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder that cannot be opened"
    kind = next((kind for is_kind, kind in ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket")) if is_kind(mode)), "a device")
    return f"{kind}, not a file"


def _too_large(size: int, max_bytes: int) -> Refused:
    return Refused(Reason.TOO_LARGE, f"{size / 1e6:.1f} MB; documents.max_megabytes is {max_bytes / 1e6:g}")
