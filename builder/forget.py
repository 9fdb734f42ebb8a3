"""Forgetting a document: it is read no more, what the workspace holds of it goes, and a search of every file proves it.

Forgetting deletes the outputs that quote it, so the next run makes them again without it: unchanged documents are taken
from the cache, and answers about them from the journal. What cannot be searched is named: a model that learned from it.
"""

import difflib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from builder.answers import JOURNAL
from builder.forget_journal import erase_requests
from builder.review.forget_events import erase_decisions
from builder.step import CHUNKS, DOCUMENTS, MODEL, RUNS
from builder.store import read_json, read_records, write_json, write_text
from builder.traces import Traces, text_of
from builder.workspace import STAGE_FILE, Workspace, delete_output
from schemas.errors import UsageError, WorkspaceError
from schemas.records import Chunk, Document, Dropped, Reason, Record

FORGOTTEN = "forgotten.json"
_KEPT = frozenset({FORGOTTEN, ".lock", f"{JOURNAL}.lock"})  # names what was forgotten; hold no text


class Entry(Record):
    """A forgotten document: its path, and the hashes of its texts and of the files that they were read from."""

    path: str
    ids: tuple[str, ...]
    sha256: tuple[str, ...]
    when: datetime


@dataclass(frozen=True)
class Forgotten:
    """What is to be read no more in a workspace; to undo it, take the entry out of forgotten.json."""

    entries: tuple[Entry, ...] = ()

    @property
    def key(self) -> list[str]:
        """What the reading of documents depends on."""
        return sorted(name for entry in self.entries for name in (entry.path, *entry.ids, *entry.sha256))

    def drops(self, path: str, sha256: str) -> Dropped | None:
        """Return why a file is not read, before it is: its path is forgotten, or its bytes are under any path."""
        found = next((entry for entry in self.entries if path == entry.path or sha256 in entry.sha256), None)
        return _dropped(path, found) if found else None

    def but(self, document: Document | Dropped) -> Document | Dropped:
        """Return the document unless it is forgotten: a member of an archive, the same text in another format."""
        if isinstance(document, Dropped):
            return document
        found = next((entry for entry in self.entries if document.path == entry.path or document.id in entry.ids), None)
        found = found or next((entry for entry in self.entries if document.path.startswith(f"{entry.path}!/")), None)
        return _dropped(document.path, found) if found else document


@dataclass(frozen=True)
class Report:
    """What forgetting did: what was deleted, how many requests and decisions lost texts, what still holds the document, and why."""

    entry: Entry
    removed: tuple[str, ...]
    requests: int
    decisions: int
    still: tuple[tuple[str, str], ...]


def forgotten(folder: Path) -> Forgotten:
    """Return what is forgotten in a workspace."""
    path = folder / FORGOTTEN
    return Forgotten(tuple(map(Entry.model_validate, read_json(path)))) if path.exists() else Forgotten()


def forget(folder: Path, name: str, *, models: bool = False) -> Report:
    """Forget a document, or look again whether one is forgotten.

    Args:
        folder: the workspace.
        name: the path or the id of the document.
        models: delete the models that may have learned from it, too.

    Raises:
        UsageError: there is no such document in the workspace.
        WorkspaceError: another run uses the workspace.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no workspace yet; to leave a document out of the first run use documents.exclude")
    with Workspace(folder):
        known = forgotten(folder)
        documents = _documents(folder, name, known)
        entry = _entry(name, documents, known)
        _note(folder, entry, known)
        traces = _traces(folder, entry, documents)
        requests = erase_requests(folder / JOURNAL, traces) if (folder / JOURNAL).exists() else 0
        decisions = erase_decisions(folder, entry.ids, traces)
        removed = (
            *_remove_runs(folder),
            *_remove_stale(folder, entry),
            *_remove(folder, traces),
            *(_remove_models(folder, entry) if models else ()),
        )
        _unlink_dangling(folder)
        return Report(entry, removed, requests, decisions, tuple(still_holding(folder, entry, traces)))


def still_holding(folder: Path, entry: Entry, traces: Traces) -> Iterator[tuple[str, str]]:
    """Yield the files of a workspace that quote a document, and the models that were made when it was still there."""
    for path in _files(folder):
        if traces.in_text(text_of(path)):
            yield path.relative_to(folder).as_posix(), "quotes it"
    for made in _models(folder, entry):
        yield made.relative_to(folder).as_posix(), "a model that may have learned from it; train again, then forget it again with --models"


def _documents(folder: Path, name: str, known: Forgotten) -> list[Document]:
    """Every text that the document has had in this workspace."""
    read = [document for path in sorted(folder.glob(f"stages/read-*/{DOCUMENTS}")) for document in read_records(path, Document)]
    every = {(document.path, document.id): document for document in (*_remembered(folder), *read)}
    earlier = {entry.path for entry in known.entries if name == entry.path or name in entry.ids}
    paths = earlier | {path for path, key in every if name in (path, key) or path.startswith(f"{name}!/")}
    if not paths:
        near = difflib.get_close_matches(name, sorted({path for path, _ in every}), n=1)
        raise UsageError(f"{name}: no such document in {folder}" + (f"; did you mean {near[0]}?" if near else "; give its path or its id"))
    return [document for (path, _), document in every.items() if path in paths]


def _remembered(folder: Path) -> Iterator[Document]:
    """The documents of the cache; an entry that a power cut has damaged counts as none there, and so it does here."""
    for path in sorted(folder.glob("cache/read/*.jsonl")):
        with suppress(WorkspaceError, UnicodeDecodeError):
            if not path.name.endswith(".dropped.jsonl"):
                yield from read_records(path, Document)


def _entry(name: str, documents: Sequence[Document], known: Forgotten) -> Entry:
    earlier = next((entry for entry in known.entries if name == entry.path or name in entry.ids), None)
    inside = [document for document in documents if document.path.startswith(f"{name}!/")]
    path = earlier.path if earlier else name if inside else documents[0].path
    own = [document for document in documents if document.path == path]
    return Entry(
        path=path,
        ids=tuple(sorted({*(earlier.ids if earlier else ()), *(document.id for document in documents)})),
        sha256=tuple(sorted({*(earlier.sha256 if earlier else ()), *(document.sha256 for document in own if "!/" not in path)})),
        when=earlier.when if earlier else datetime.now(UTC),
    )


def _note(folder: Path, entry: Entry, known: Forgotten) -> None:
    entries = [*(one for one in known.entries if one.path != entry.path), entry]
    write_json(folder / FORGOTTEN, [one.model_dump(mode="json") for one in entries])


def _traces(folder: Path, entry: Entry, documents: Sequence[Document]) -> Traces:
    """What gives the document away: its ids, those of its chunks, and runs of words that no other document has."""
    texts = [document.text for document in documents]
    others: dict[str, str] = {}
    for path in sorted(folder.glob(f"stages/read-*/{DOCUMENTS}")):
        others |= {other.id: other.text for other in read_records(path, Document) if other.id not in entry.ids}
    chunks = {
        chunk.id
        for path in folder.glob(f"stages/chunk-*/{CHUNKS}")
        for chunk in read_records(path, Chunk)
        if chunk.document_id in entry.ids
    }
    return Traces.of(texts, others=others.values(), ids=(*entry.ids, *sorted(chunks)))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name not in _KEPT:
            yield path


def _remove_stale(folder: Path, entry: Entry) -> Iterator[str]:
    """Delete the outputs that were made when the document was still there, models aside: an answer of three words is no trace."""
    for made in _made_before(folder, entry):
        if not (made / MODEL).is_dir():
            delete_output(made)
            yield made.relative_to(folder).as_posix()


def _remove_runs(folder: Path) -> Iterator[str]:
    """Delete the checkpoints of trainings: they may have learned from it, and with other documents none of them goes on."""
    if (folder / RUNS).is_dir():
        shutil.rmtree(folder / RUNS)
        yield RUNS


def _remove(folder: Path, traces: Traces) -> Iterator[str]:
    """Delete what the next run makes again, and from files of lines the lines that quote it; models and the journal stay."""
    for path in list(_files(folder)):
        if not path.exists() or path.name.startswith(JOURNAL) or not traces.in_text(text_of(path)):
            continue
        inside = path.relative_to(folder).parts
        if inside[0] == "stages" and not (folder / inside[0] / inside[1] / MODEL).is_dir():
            delete_output(folder / inside[0] / inside[1])
            yield "/".join(inside[:2])
        elif inside[0] == "cache":
            for one in (path, path.with_name(path.name.replace(".jsonl", ".dropped.jsonl"))):
                one.unlink(missing_ok=True)
            yield "/".join(inside)
        elif path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(path, "".join(line for line in lines if not traces.in_text(line)))
            yield "/".join(inside)


def _models(folder: Path, entry: Entry) -> list[Path]:
    """The outputs with a model that were made before the document was forgotten."""
    return [path for path in _made_before(folder, entry) if (path / MODEL).is_dir()]


def _made_before(folder: Path, entry: Entry) -> list[Path]:
    return [path.parent for path in sorted(folder.glob(f"stages/*/{STAGE_FILE}")) if path.stat().st_mtime < entry.when.timestamp()]


def _remove_models(folder: Path, entry: Entry) -> Iterator[str]:
    for made in _models(folder, entry):
        delete_output(made)
        yield made.relative_to(folder).as_posix()


def _unlink_dangling(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_symlink() and not path.exists():
            path.unlink()


def _dropped(path: str, entry: Entry) -> Dropped:
    detail = f"forgotten on {entry.when:%Y-%m-%d}; take {entry.path} out of {FORGOTTEN} to read it again"
    return Dropped(id=path, stage="read", reason=Reason.FORGOTTEN, detail=detail, record={"path": path})
