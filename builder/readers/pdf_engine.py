"""The one place that calls liteparse (PDFium): bytes in, pages with lines, words, blocks and links out.

It reads bytes only, never fetches anything (character recognition is off unless a folder of its data is given, and then
its files must be there) and prints nothing. Pages are parsed in batches, so that memory stays bounded in long files.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.readers.content import Refused
from schemas.records import Reason

if TYPE_CHECKING:
    from liteparse.parser import LiteParse
    from liteparse.types import ParsedPage

MAX_PAGES = 5_000
_BATCH = 100
_HEAD = 1_024
_OBJECT = re.compile(rb"(?<!\d)(\d{1,9})[ \r\n]{1,3}\d{1,5}[ \r\n]{1,3}obj\b")
_OBJECT_END = re.compile(rb"\bendobj\b|\bstream\b|\bobj\b")
_DICTIONARY = 8_000  # bytes
_REFERENCE = re.compile(rb"/(?!(?:P|Pg|Parent|Prev|Next)\s)[^\s/<>\[\]()]{1,100}\s+(\d{1,9})\s+\d{1,5}\s+R\b")
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


def parse_pdf(raw: bytes, *, tessdata: Path | None = None, language: str = "eng") -> Parsed | Refused:
    """Return the pages, or why they cannot be read; with `tessdata` scanned pages go through Tesseract."""
    start = raw[:_HEAD].find(b"%PDF-")
    if start < 0:
        return Refused(Reason.CORRUPT, "not a PDF file, whatever its name says; open it to see what it is")
    if tessdata is not None and (missing := [name for name in language.split("+") if not (tessdata / f"{name}.traineddata").is_file()]):
        return Refused(Reason.UNREADABLE, f"{tessdata} has no {missing[0]}.traineddata; put Tesseract's data there or leave OCR off")
    raw, mended = without_cycles(raw[start:])
    parser = _parser(tessdata=tessdata, language=language, extract_document_metadata=True, extract_structure_tree=True)
    found = _parsed(parser, raw)
    if isinstance(found, Refused) and found.reason is Reason.CORRUPT and (catalogs := _CATALOG.findall(raw)):
        found = _parsed(parser, raw + _END % catalogs[-1])
        found = replace(found, cut=True) if isinstance(found, Parsed) else found
    return _upright(replace(found, mended=mended)) if isinstance(found, Parsed) else found


def tagged_pages(raw: bytes, first: int, last: int) -> tuple["ParsedPage", ...]:
    """Return pages `first` to `last` with the marked content that each line belongs to; lines are cut finer then."""
    parser = _parser(
        target_pages=f"{first}-{last}",
        extract_text_metadata=True,
        extract_structure_tree=True,
        output_format="text",
        extract_blocks=False,
        extract_annotations=False,
        extract_form_fields=False,
    )
    found = _parsed_at_once(parser, raw)
    return found.pages if isinstance(found, Parsed) else ()


def _upright(parsed: Parsed) -> Parsed:
    """Parse the pages whose text stands sideways or upside down again, turned; the engine leaves such text out."""
    turned = [(page.page_num, angle) for page in parsed.pages if (angle := _angle(page))]
    if not turned:
        return parsed
    numbers = ",".join(str(number) for number, _ in turned)
    parser = _parser(target_pages=numbers, page_orientation_corrections=turned, extract_structure_tree=True)
    again = _parsed_at_once(parser, parsed.raw)
    pages = {page.page_num: page for page in again.pages} if isinstance(again, Parsed) else {}
    return replace(parsed, pages=tuple(pages.get(page.page_num, page) for page in parsed.pages))


def _angle(page: "ParsedPage") -> int:
    """By how many degrees most of the text is turned."""
    angles: Counter[int] = Counter()
    for piece in page.text_items:
        angles[round(piece.rotation / 90) * 90 % 360] += len(piece.text)
    return max(angles, key=lambda angle: (angles[angle], -angle), default=0)


def without_cycles(raw: bytes) -> tuple[bytes, int]:
    """Blank the references by which a form draws itself, directly or through others; return how many there were.

    Two such references in one form keep PDFium busy for ever. Dictionaries of forms are never compressed; what they name
    may be, and such a circle is not seen here: the time and memory of the process that reads have to end it.
    """
    if b"/XObject" not in raw:
        return raw, 0
    drawn = dict(_drawn(raw))
    edges = {number: [match for match in _REFERENCE.finditer(raw, *span) if int(match[1]) in drawn] for number, span in drawn.items()}
    back = list(_back_edges(edges))
    mended = bytearray(raw)
    for match in back:
        mended[match.start() : match.end()] = b" " * (match.end() - match.start())
    return (bytes(mended), len(back)) if back else (raw, 0)


def _drawn(raw: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    """The numbers of the objects that are drawn or say what is: streams, and dictionaries without a type."""
    for found in _OBJECT.finditer(raw):
        end = _OBJECT_END.search(raw, found.end(), found.end() + _DICTIONARY)
        span = found.end(), end.start() if end else found.end() + _DICTIONARY
        if (end and end[0] == b"stream") or raw.find(b"/Type", *span) < 0:
            yield int(found[1]), span


def _back_edges(edges: dict[int, list[re.Match[bytes]]]) -> Iterator[re.Match[bytes]]:
    """The references that lead back to a form that is being drawn, found by a walk without recursion."""
    done: set[int] = set()
    for root, own in edges.items():
        drawing, path = {root}, [(root, iter(own if root not in done else ()))]
        while path:
            number, references = path[-1]
            match = next(references, None)
            if match is None:
                path.pop()
                drawing.discard(number)
                done.add(number)
            elif (target := int(match[1])) in drawing:
                yield match
            elif target not in done:
                drawing.add(target)
                path.append((target, iter(edges[target])))


def _parser(*, tessdata: Path | None = None, language: str = "eng", **options: bool | str | list[tuple[int, int]]) -> "LiteParse":
    from liteparse.parser import LiteParse

    recognition = {"tessdata_path": str(tessdata), "ocr_language": language, "num_workers": 1} if tessdata else {}
    wanted = {"output_format": "markdown", "extract_blocks": True, "extract_annotations": True, "extract_form_fields": True} | options
    return LiteParse(
        **recognition,  # pyright: ignore[reportArgumentType]
        **wanted,  # pyright: ignore[reportArgumentType]
        ocr_enabled=tessdata is not None,  # the default would fetch data from the network
        ocr_failure_fatal=False,
        image_mode="off",
        quiet=True,
        extract_links=False,  # it would make links of whole lines; the annotations tell the words
        keep_headers_footers=True,  # it drops headings with numbers too, such as "Chapter 2"; pdf_margins is more careful
        crop_box=(0.0, 0.0, 0.0, 0.0),  # words beyond the page are hidden, and far ones take gigabytes
        continue_on_page_error=True,
        max_pages=MAX_PAGES,
    )


def _parsed(parser: "LiteParse", raw: bytes) -> Parsed | Refused:
    try:
        return _batches(parser, raw)
    except Exception as error:  # noqa: BLE001 - the engine has one exception for everything, and any of its bugs is the file's
        return _refusal(str(error))


def _parsed_at_once(parser: "LiteParse", raw: bytes) -> Parsed | Refused:
    try:
        pages = parser.parse(raw).pages
    except Exception as error:  # noqa: BLE001 - as above
        return _refusal(str(error))
    return Parsed(tuple(pages), len(pages), raw=raw)


def _batches(parser: "LiteParse", raw: bytes) -> Parsed:
    pages: list[ParsedPage] = []
    unread: list[int] = []
    total, permissions = 0, None
    for batch in parser.parse_batches(raw, _BATCH):
        pages += batch.result.pages
        unread += [error.page_num for error in batch.result.page_errors]
        total = batch.total_pages
        details = batch.result.doc_meta
        permissions = details.permissions if details and details.is_encrypted else permissions
    return Parsed(tuple(pages), total, tuple(unread), permissions, raw=raw)


def _refusal(problem: str) -> Refused:
    if "password" in problem:
        return Refused(Reason.ENCRYPTED, "it needs a password; save a copy without one and put that in its place")
    return Refused(Reason.CORRUPT, f"a broken or cut PDF ({problem.rsplit(': ', 1)[-1]}); open it in a viewer and save it again")
