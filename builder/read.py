"""Files to documents: nothing that is found is lost, nothing that is known is read again, and no file can stop the run.

Small texts are read in this process. Whatever else there is, is read side by side in processes that can be ended; the
documents come in the order of their names all the same.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from builder.discover import discover, named
from builder.formats import ending_of, format_of_ending, formats
from builder.isolate import Limits, cores, each
from builder.readers.content import Ocr, Refused, missing_languages
from builder.sniff import packed_format
from builder.source import Source, dropped, load, read_source, records_of, task_of
from schemas.errors import RecipeError
from schemas.findings import FindingsSection
from schemas.recipe import DocumentsSection
from schemas.records import Document, Dropped, Reason

CODE = (  # what has a say in every document
    "schemas.records", "schemas.markdown", "schemas.shown", "builder.read", "builder.discover", "builder.source", "builder.language",
    "builder.formats", "builder.sniff", "builder.kinds", "builder.readers.archive", "builder.readers.content", "builder.readers.decode",
    "builder.findings.mask", "schemas.findings",
)  # fmt: skip
_QUICK = ("markdown", "text", "html", "csv", "jsonl")
_QUICK_FILE, _QUICK_FILES = 64_000, 1_000_000  # bytes: what cannot take long, one file and all together
_WORTH_A_WORKER = 250_000  # bytes; a worker takes about 0.3 s to start
_FLEETING = (Reason.TIMEOUT, Reason.MEMORY, Reason.CRASHED, Reason.UNREADABLE)

Records = list[Document | Dropped]


@dataclass(frozen=True)
class Found:
    """A file with the size and the hash of its bytes, or why it cannot be read; `is_quick` if reading it cannot take long."""

    source: Source
    size: int = 0
    sha256: str = ""
    is_quick: bool = False
    refused: Refused | None = None

    @property
    def name(self) -> str:
        """The name of the file, and of its document."""
        return self.source.name

    @property
    def state(self) -> str:
        """What the result of reading it depends on beside its name."""
        return f"{self.refused.reason}: {self.refused.detail}" if self.refused else self.sha256

    @property
    def sameness(self) -> tuple[str, str]:
        """What it has in common with files that are read alike: the bytes, and the ending, which has a say in the format."""
        return (self.sha256, ending_of(self.name)) if self.sha256 else ("", self.name)


def find(section: DocumentsSection, root: Path, *, leave_out: Path | None = None, policy: FindingsSection | None = None) -> list[Found]:
    """Return the files that `section` names, in the order of their names.

    Args:
        section: what to read.
        root: the folder of the recipe.
        leave_out: a folder that is never entered.
        policy: what is masked when they are read; nothing without.

    Raises:
        InputError: there is nothing to read.
        RecipeError: the data of `documents.tessdata` is not there.
    """
    ocr = ocr_of(section, root)
    folder = root / section.path
    paths = named(discover(section, root, leave_out=leave_out), section, root)
    inside, most = str(folder.parent if folder.is_file() else folder), int(section.max_megabytes * 1_000_000)
    return [_found(Source(name, str(path), inside, most, ocr, policy)) for name, path in paths.items()]


def ocr_of(section: DocumentsSection, root: Path) -> Ocr | None:
    """Return how scanned pages are read, if they are.

    Raises:
        RecipeError: the folder lacks the data of a language.
    """
    if section.tessdata is None:
        return None
    folder = root / section.tessdata
    if missing := missing_languages(folder, section.ocr_language):
        raise RecipeError(
            f"documents.tessdata: {folder} has no {missing[0]}.traineddata; put Tesseract's data for documents.ocr_language there"
        )
    return Ocr(str(folder.resolve()), section.ocr_language)


def limits_of(section: DocumentsSection) -> Limits:
    """Return what reading one file may take."""
    return Limits(section.seconds_per_file, section.megabytes_of_memory, section.workers)


def read(section: DocumentsSection, root: Path) -> Iterator[Document | Dropped]:
    """Read every document that `section` names; `root` is the folder of the recipe."""
    return unique(record for records in read_each(find(section, root), limits=limits_of(section)) for record in records)


def read_each(
    files: Sequence[Found],
    *,
    limits: Limits,
    recall: Callable[[Found], Records | None] = lambda _: None,
    finish: Callable[[Found, Records, bool], Records] = lambda _, records, __: records,
) -> Generator[Records]:
    """Yield the records of every file, in order.

    What `recall` returns for a file is not read again, and of files with the same bytes only the first is read.
    `finish` gets what was just read, and whether it would come out again if the file were read again; what it returns is yielded.
    """
    firsts: dict[tuple[str, str], Found] = {}
    for file in files:
        firsts.setdefault(file.sameness, file)
    distinct = [file for file in firsts.values() if not file.refused]
    known = {file.name: records for file in distinct if (records := recall(file)) is not None}
    useless: dict[str, Dropped | None] = {}
    with closing(_read_fresh([file for file in distinct if file.name not in known], limits)) as fresh:
        for file in files:
            first = firsts[file.sameness]
            if first is not file:
                yield [_twin(file.name, first.name, useless[first.name])]
                continue
            records = _unread(file, known)
            if records is None:
                records = next(fresh)
                records = finish(file, records, not _is_fleeting(records))
            useless[file.name] = _useless(records)
            yield records


def unique(documents: Iterable[Document | Dropped]) -> Iterator[Document | Dropped]:
    """Drop a document whose text an earlier one has."""
    first: dict[str, str] = {}
    for document in documents:
        if isinstance(document, Document) and document.id in first:
            yield _same(document.path, first[document.id], "text")
            continue
        if isinstance(document, Document):
            first[document.id] = document.path
        yield document


def readers_of(file: Found) -> tuple[str, ...]:
    """Return the formats whose readers decide what becomes of the file.

    Its own if its first bytes tell the format; all of text if it is text; all there are if it may hold other files.
    """
    texts = tuple(name for name, known in formats().items() if known.takes == "text")
    if file.is_quick:  # was looked into
        return texts
    raw = load(file.source)
    packed = "" if isinstance(raw, Refused) else packed_format(raw, file.name)
    if isinstance(packed, Refused):
        return ()
    if packed and not formats()[packed].contains:
        return (packed,)
    return texts if not packed and format_of_ending(ending_of(file.name)) in texts else tuple(formats())


def _found(source: Source) -> Found:
    raw = load(source)
    if isinstance(raw, Refused):
        return Found(source, refused=raw)
    is_quick = len(raw) <= _QUICK_FILE and format_of_ending(ending_of(source.name)) in _QUICK and packed_format(raw, source.name) == ""
    return Found(source, len(raw), hashlib.sha256(raw).hexdigest(), is_quick)


def _unread(file: Found, known: dict[str, Records]) -> Records | None:
    """What there is to say of a file without reading it."""
    return [dropped(file.name, file.refused)] if file.refused else known.pop(file.name, None)


def _read_fresh(files: Sequence[Found], limits: Limits) -> Generator[Records]:
    """Read in this process what is sure to be quick, and in workers as many as the bytes are worth."""
    size = sum(file.size for file in files)
    if size <= _QUICK_FILES and all(file.is_quick for file in files):
        for file in files:
            yield read_source(file.source, sha256=file.sha256)
        return
    workers = min(limits.workers or cores(), 1 + size // _WORTH_A_WORKER)
    tasks = [task_of(file.source, file.sha256) for file in files]
    with closing(each("builder.source:read_task", tasks, limits=replace(limits, workers=workers))) as replies:
        for file, reply in zip(files, replies, strict=True):
            yield [dropped(file.name, reply)] if isinstance(reply, Refused) else records_of(reply)


def _useless(records: Records) -> Dropped | None:
    """The reason why there is no document in a file, if there is none."""
    reasons = [record for record in records if isinstance(record, Dropped)]
    return reasons[0] if len(reasons) == len(records) else None


def _is_fleeting(records: Records) -> bool:
    """Whether reading the same bytes again may give more, e.g. on a quieter machine."""
    return any(isinstance(record, Dropped) and record.reason in _FLEETING for record in records)


def _twin(name: str, first: str, useless: Dropped | None) -> Dropped:
    """The record of a file with the same bytes as an earlier one, which was `useless` or was read."""
    if useless is None:
        return _same(name, first, "bytes")
    return dropped(name, Refused(useless.reason, f"the same bytes as {first}: {useless.detail}"))


def _same(name: str, first: str, what: str) -> Dropped:
    record = dropped(name, Refused(Reason.DUPLICATE_DOCUMENT, f"the same {what} as {first}"))
    return record.model_copy(update={"record": {"path": name, "same_as": first}})
