"""The one place that calls liteparse (PDFium): bytes in, pages with lines, words, blocks and links out.

It reads bytes only, never fetches anything (character recognition is off unless a folder of its data is given, and then
its files must be there) and prints nothing. Pages are parsed in batches, so that memory stays bounded in long files.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from builder.readers.content import Refused, missing_languages
from builder.readers.pdf_items import parse_parts, parse_whole
from builder.readers.pdf_ligatures import join_ligatures, spell_ligatures
from builder.readers.pdf_scan import names, without_cycles
from schemas.records import Reason

if TYPE_CHECKING:
    from liteparse.parser import LiteParse
    from liteparse.types import ParsedPage, ParseResult, TextItem

MAX_PAGES = 5_000
_BATCH = 100
_SMALL = 200_000  # bytes
_HEAD = 1_024
_CATALOG = re.compile(rb"\b(\d{1,9})\s+(\d{1,5})\s+obj\b[^>]{0,300}?/Type\s*/Catalog\b")
_END = b"\nendstream\nendobj\ntrailer\n<</Root %s %s R/Size 9999999>>\nstartxref\n0\n%%%%EOF\n"  # for a file whose end is missing


@dataclass(frozen=True)
class Parsed:
    """The pages of a file; `unread` are the numbers of pages that could not be read, `total` counts all."""

    pages: tuple["ParsedPage", ...]
    total: int
    unread: tuple[int, ...] = ()
    permissions: int | None = None  # what its owner lets others do, where the file is encrypted for nobody
    mended: int = 0  # forms that drew themselves
    cut: bool = False  # the end of the file is missing
    raw: bytes = b""  # what was parsed in the end
    joined: bool = False  # it has ligatures that are one letter while it is parsed


def parse_pdf(raw: bytes, *, tessdata: Path | None = None, language: str = "eng") -> Parsed | Refused:
    """Return the pages, or why they cannot be read; with `tessdata` scanned pages go through Tesseract."""
    start = raw[:_HEAD].find(b"%PDF-")
    if start < 0:
        return Refused(Reason.CORRUPT, "not a PDF file, whatever its name says; open it to see what it is")
    if tessdata is not None and (missing := missing_languages(tessdata, language)):
        return Refused(Reason.UNREADABLE, f"{tessdata} has no {missing[0]}.traineddata; put Tesseract's data there or leave OCR off")
    raw, joined = join_ligatures(raw[start:])
    raw, mended = without_cycles(raw)
    is_encrypted = b"/Encrypt" in raw
    if tessdata:
        parser = _parser(tessdata=tessdata, language=language, emit_word_boxes=True, extract_document_metadata=is_encrypted)
    else:
        # The places of words cost memory, and hardly any time: only large files do without them until a page is seen to need them.
        has_words = len(raw) < _SMALL or names(raw, b"/URI")
        parser = _own_parser(emit_word_boxes=has_words, extract_document_metadata=is_encrypted)
    found = _parsed(parser, raw, joined=joined)
    if isinstance(found, Refused) and found.reason is Reason.CORRUPT and (catalogs := _CATALOG.findall(raw)):
        found = _parsed(parser, raw + _END % catalogs[-1], joined=joined)
        found = replace(found, cut=True) if isinstance(found, Parsed) else found
    return _upright(replace(found, mended=mended)) if isinstance(found, Parsed) else found


def tagged_items(parsed: Parsed, numbers: Sequence[int]) -> dict[int, list["TextItem"]]:
    """Return the lines of some pages with the marked content that each belongs to; they are cut finer then."""
    found: dict[int, list[TextItem]] = {}
    for first in range(0, len(numbers), _BATCH):
        pages = ",".join(map(str, numbers[first : first + _BATCH]))
        found |= _items(_parsed_again(_parser(target_pages=pages, extract_text_metadata=True, lines_only=True), parsed))
    return found


def with_words(parsed: Parsed, numbers: Sequence[int]) -> Parsed:
    """Parse pages again that lack the places of their words; most pages of a file need none."""
    asked = set(numbers)
    printed = {page.page_num: page for page in parsed.pages if page.page_num in asked and page.text_items}
    lacking = {number: page for number, page in printed.items() if not any(piece.words for piece in page.text_items)}
    if not lacking:
        return parsed
    again = _items(_parsed_again(_parser(target_pages=",".join(map(str, lacking)), emit_word_boxes=True, lines_only=True), parsed))
    worded = {
        number: replace(lacking[number], text_items=pieces)
        for number, pieces in again.items()
        if [piece.text for piece in pieces] == [piece.text for piece in lacking[number].text_items]  # text of OCR is not there again
    }
    return replace(parsed, pages=tuple(worded.get(page.page_num, page) for page in parsed.pages))


def _upright(parsed: Parsed) -> Parsed:
    """Parse the pages whose text stands sideways or upside down again, turned; the engine leaves such text out."""
    turned = [(page.page_num, angle) for page in parsed.pages if (angle := _angle(page))]
    if not turned:
        return parsed
    numbers = ",".join(str(number) for number, _ in turned)
    parser = _parser(target_pages=numbers, emit_word_boxes=True, page_orientation_corrections=turned)
    pages = {page.page_num: page for page in _parsed_again(parser, parsed)}
    return replace(parsed, pages=tuple(pages.get(page.page_num, page) for page in parsed.pages))


def _angle(page: "ParsedPage") -> int:
    """By how many degrees most of the text is turned."""
    if not any(piece.rotation for piece in page.text_items):
        return 0
    angles: Counter[int] = Counter()
    for piece in page.text_items:
        angles[round(piece.rotation / 90) * 90 % 360] += len(piece.text)
    return max(angles, key=lambda angle: (angles[angle], -angle), default=0)


@cache
def _own_parser(*, emit_word_boxes: bool, extract_document_metadata: bool) -> "LiteParse":
    """Return the parser of this process: each has a thread for every core, and they take longer to start and end than a page."""
    return _parser(emit_word_boxes=emit_word_boxes, extract_document_metadata=extract_document_metadata)


def _parser(
    *, tessdata: Path | None = None, language: str = "eng", lines_only: bool = False, **options: bool | str | list[tuple[int, int]]
) -> "LiteParse":
    from liteparse.parser import LiteParse

    recognition = {"tessdata_path": str(tessdata), "ocr_language": language, "num_workers": 1} if tessdata else {}
    named = ("blocks", "annotations", "form_fields", "structure_tree")
    parts = dict.fromkeys((f"extract_{name}" for name in named), not lines_only)
    return LiteParse(
        **recognition,  # pyright: ignore[reportArgumentType]
        **parts,  # pyright: ignore[reportArgumentType]
        **options,  # pyright: ignore[reportArgumentType]
        ocr_enabled=tessdata is not None,  # the default would fetch data from the network
        ocr_failure_fatal=False,
        output_format="text",
        image_mode="off",
        quiet=True,
        extract_links=False,  # it would make links of whole lines; the annotations tell the words
        keep_headers_footers=True,  # it drops headings with numbers too, such as "Chapter 2"; pdf_margins is more careful
        crop_box=(0.0, 0.0, 0.0, 0.0),  # words beyond the page are hidden, and far ones take gigabytes
        continue_on_page_error=True,
        max_pages=MAX_PAGES,
    )


def _parsed(parser: "LiteParse", raw: bytes, *, joined: bool) -> Parsed | Refused:
    try:
        return _batches(parser, raw, joined=joined)
    except Exception as error:  # noqa: BLE001 - the engine has one exception for everything, and any of its bugs is the file's
        return _refusal(str(error))


def _parsed_again(parser: "LiteParse", parsed: Parsed) -> list["ParsedPage"]:
    """The pages that the parser is for; none if it fails."""
    try:
        pages = parse_whole(parser, parsed.raw).pages
    except Exception:  # noqa: BLE001 - as above
        return []
    if parsed.joined:
        spell_ligatures(pages)
    return pages


def _items(pages: Sequence["ParsedPage"]) -> dict[int, list["TextItem"]]:
    return {page.page_num: page.text_items for page in pages}


def _results(parser: "LiteParse", raw: bytes) -> Iterator[tuple[int, "ParseResult"]]:
    """The number of pages of the file with each part of them; a small file is one part, because a session takes time of its own."""
    if len(raw) < _SMALL:
        result = parse_whole(parser, raw)
        yield result.total_pages, result
    else:
        yield from parse_parts(parser, raw, _BATCH)


def _batches(parser: "LiteParse", raw: bytes, *, joined: bool) -> Parsed:
    pages: list[ParsedPage] = []
    unread: list[int] = []
    total, permissions = 0, None
    for count, result in _results(parser, raw):
        if joined:
            spell_ligatures(result.pages)
        pages += result.pages
        unread += [error.page_num for error in result.page_errors]
        total = count
        details = result.doc_meta
        permissions = details.permissions if details and details.is_encrypted else permissions
    return Parsed(tuple(pages), total, tuple(unread), permissions, raw=raw, joined=joined)


def _refusal(problem: str) -> Refused:
    if "password" in problem:
        return Refused(Reason.ENCRYPTED, "it needs a password; save a copy without one and put that in its place")
    return Refused(Reason.CORRUPT, f"a broken or cut PDF ({problem.rsplit(': ', 1)[-1]}); open it in a viewer and save it again")
