"""EPUB books: a zip archive whose package file names the chapters and their order; each chapter is a page of XHTML."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from builder.readers.archive import open_zip
from builder.readers.book_package import (
    DAMAGED,
    BadBookError,
    Item,
    Members,
    find_package,
    labels,
    metadata_of,
    path_in,
    refuse_locked,
    spine,
)
from builder.readers.content import Content, Refused, heading, one_line
from builder.readers.html_part import Part, as_html, part
from schemas.markdown import plain
from schemas.records import Page, Reason, Remark

_NAMED = 3  # chapters that a remark names


@dataclass(frozen=True)
class _Chapter:
    text: str
    label: str
    remarks: tuple[Remark, ...]


def read_epub(raw: bytes) -> Content | Refused:
    """Return the chapters in reading order, each one a page of kind chapter; a book that is locked is refused."""
    archive = open_zip(raw)
    if isinstance(archive, Refused):
        return archive
    with archive:
        try:
            return _content(Members(archive))
        except BadBookError as error:
            return error.refused


def _content(members: Members) -> Content:
    refuse_locked(members)
    path, package = find_package(members)
    items = spine(package, posixpath.dirname(path))
    chapters, missing = _chapters(items, labels(package, posixpath.dirname(path), members), members)
    if not any(any(map(str.isalnum, chapter.text)) for chapter in chapters):
        reason = Reason.CORRUPT if missing else Reason.NO_CONTENT
        raise BadBookError(reason, DAMAGED if missing else f"none of its {len(items)} chapters has text; it may be a book of pictures")
    remarks = (*_about_missing(missing, len(items)), *_together(chapters))
    metadata, title = metadata_of(package)
    text, pages = _joined(chapters)
    return Content(text, title or chapters[0].label, metadata, pages, remarks)


def _chapters(items: list[Item], names: dict[str, str], members: Members) -> tuple[list[_Chapter], list[str]]:
    """The chapters that have text, and the files of those that cannot be read."""
    paths = frozenset(item.path for item in items)
    chapters: list[_Chapter] = []
    missing: list[str] = []
    for item in items:
        text = members.text(item.path)
        if text is None:
            missing.append(posixpath.basename(item.path))
        elif (chapter := _chapter(text, item.path, paths, names.get(item.path, ""))).text:
            chapters.append(chapter)
    return chapters, missing


def _chapter(text: str, path: str, paths: frozenset[str], label: str) -> _Chapter:
    """A chapter as Markdown; one without a heading gets the words of the table of contents for it."""

    def resolve(target: str) -> str:
        file, sign, place = target.partition("#")
        return f"{sign}{place}" if file and path_in(file, posixpath.dirname(path)) in paths else target

    found = part(as_html(text), resolve=resolve)
    if found.headings:
        return _Chapter(found.text, plain(found.headings[0][1]), found.remarks)
    return _Chapter(_headed(found, label), label, found.remarks)


def _headed(found: Part, label: str) -> str:
    if not label or not found.text:
        return found.text
    first, _, rest = found.text.partition("\n\n")
    is_same = plain(first).casefold() == label.casefold()
    return f"{heading(1, label)}\n\n{rest if is_same else found.text}".rstrip("\n")


def _joined(chapters: list[_Chapter]) -> tuple[str, tuple[Page, ...]]:
    pages: list[Page] = []
    start = 0
    for number, chapter in enumerate(chapters, start=1):
        end = start + len(chapter.text)
        pages.append(Page(number=number, start=start, end=end, kind="chapter", label=chapter.label))
        start = end + 2
    return "\n\n".join(chapter.text for chapter in chapters), tuple(pages)


def _about_missing(missing: list[str], total: int) -> Iterator[Remark]:
    if missing:
        names = ", ".join(map(one_line, missing[:_NAMED])) + (", ..." if len(missing) > _NAMED else "")
        yield Remark(code="chapters_missing", message=f"{len(missing)} of {total} chapters are not in the book or cannot be read: {names}")


def _together(chapters: list[_Chapter]) -> Iterator[Remark]:
    """One remark of each kind, however many chapters have it."""
    by_code: dict[str, list[Remark]] = {}
    for chapter in chapters:
        for remark in chapter.remarks:
            by_code.setdefault(remark.code, []).append(remark)
    for remarks in by_code.values():
        more = f", and more in {len(remarks) - 1} other chapters" if len(remarks) > 1 else ""
        yield remarks[0].model_copy(update={"message": remarks[0].message + more})
