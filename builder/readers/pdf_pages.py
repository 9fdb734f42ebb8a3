"""PDF files: text with headings, lists, tables and links, page by page, and a number that says how far to trust the structure.

liteparse finds the blocks; `pdf_pieces` cuts and joins them by the distances of the printed lines, `pdf_margins` finds the
running headers that are left, `pdf_tags` takes the headings of tagged files. Here the pieces become one text in which
every page has its span.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from builder.readers.content import Content, Refused, body, one_line
from builder.readers.pdf_engine import MAX_PAGES, Parsed, parse_pdf, with_words
from builder.readers.pdf_headings import sized
from builder.readers.pdf_lines import leading, printed
from builder.readers.pdf_margins import margins, unexplained
from builder.readers.pdf_pieces import Piece, cut, joined, locate
from builder.readers.pdf_tables import needs_words, table_pieces
from builder.readers.pdf_tags import Tags, is_tagged, retag, tags
from builder.readers.pdf_words import share_written
from schemas.markdown import plain
from schemas.memory import no_collections
from schemas.records import Page, Reason, Remark

if TYPE_CHECKING:
    from liteparse.types import ParsedPage

_FEW = 20  # characters on a page; fewer are a stamp on a scan
_NAMED = 20  # page numbers in a remark
_MOST = 0.8  # of the printed words; words that were torn at line ends count as missing
_PASSWORD = 1 << 13  # the flag of a field whose text nobody may see


def read_pdf(raw: bytes, *, tessdata: Path | None = None, language: str = "eng") -> Content | Refused:
    """Return the text of a PDF; `tessdata`, a folder with Tesseract's data, lets scanned pages be read (slow: seconds a page)."""
    with no_collections():  # the pages are many small objects as well
        return _read(raw, tessdata, language)


def _read(raw: bytes, tessdata: Path | None, language: str) -> Content | Refused:
    parsed = parse_pdf(raw, tessdata=tessdata, language=language)
    if isinstance(parsed, Refused):
        return parsed
    blank = [page.page_num for page in parsed.pages if _letters(page.text.split(None, _FEW)) < _FEW]
    if not parsed.pages:
        return Refused(Reason.CORRUPT, f"none of its {parsed.total} pages can be read; open it in a viewer and save it again")
    if blank and sum(_letters(page.text.split()) for page in parsed.pages) < _FEW * len(parsed.pages):
        advice = (
            "OCR found none either; scan it anew" if tessdata else "it is a scan; read it with OCR, see documents.tessdata of the recipe"
        )
        return Refused(Reason.NO_TEXT_LAYER, f"{len(blank)} of {len(parsed.pages)} pages have no text; {advice}")
    parsed = with_words(parsed, [page.page_num for page in parsed.pages if needs_words(page)])
    known = _tags(parsed)
    hidden = margins(parsed.pages, known.artifacts)
    pieces = _pieces(parsed, known, hidden)
    text, pages = _written(pieces, {page.page_num: page.page_label or "" for page in parsed.pages})
    share = _share_written(parsed, text, hidden)
    title = next((plain(piece.text) for piece in pieces if piece.kind == "heading"), "")
    return Content(text, title, _metadata(parsed, pieces, share), pages, tuple(_remarks(parsed, pieces, blank, share)))


def _letters(words: Sequence[str]) -> int:
    return sum(map(len, words))


def _tags(parsed: Parsed) -> Tags:
    """The headings and artifacts that a tagged file names; only pages with either are opened for them, as that takes a while."""
    if tagged := {page.page_num for page in parsed.pages if is_tagged(page)}:
        hidden = margins(parsed.pages, {})
        pages = [page for page in parsed.pages if page.page_num in tagged or unexplained(page, hidden[page.page_num])]
        return tags(parsed, pages)
    return Tags({}, {})


def _pieces(parsed: Parsed, known: Tags, hidden: Mapping[int, frozenset[int]]) -> list[Piece]:
    prepared = [(printed(page, hidden[page.page_num]), page.blocks or ()) for page in parsed.pages]
    located = [[(block, locate(block, page), page) for block in blocks] for page, blocks in prepared]
    pitches = leading(found.lines for blocks in located for _, found, _ in blocks)
    pieces: list[Piece] = []
    for parsed_page, blocks in zip(parsed.pages, located, strict=True):
        for block, found, page in blocks:
            if block.kind == "table":
                pieces += table_pieces(block, page)
            elif block.kind not in ("rule", "figure"):
                pieces += cut(found, pitches)
        if not blocks and (words := one_line(body(parsed_page.text))):  # text of a shape that the engine knows no block for
            pieces.append(Piece("paragraph", ((parsed_page.page_num, words),)))
        pieces += _filled(parsed_page)
    return joined(retag(pieces, known.headings) if known.headings else sized(pieces), pitches)


def _filled(page: "ParsedPage") -> Iterator[Piece]:
    """What was filled into the fields of a form; the printed text does not have it."""
    for field in page.form_fields or ():
        name = field.alternate_name or (field.name or "").rsplit(".", 1)[-1]
        value = "yes" if field.checked else "; ".join(field.selected_options) or ("" if field.checked is False else field.value or "")
        secret = field.type == "text" and field.field_flags & _PASSWORD
        if (words := one_line(value)) and not secret and words not in page.text:
            yield Piece("item", ((page.page_num, one_line(f"{name}: {words}")),), 0, "-")


def _written(pieces: Sequence[Piece], labels: Mapping[int, str]) -> tuple[str, tuple[Page, ...]]:
    """The text, and the span of each page in it."""
    spans: dict[int, tuple[int, int]] = {}
    written: list[str] = []
    length, above, levels = 0, None, list[int]()
    for piece in pieces:
        levels = [*(level for level in levels if level < piece.level), piece.level] if piece.kind == "item" else []
        between = "" if above is None else "\n" if above == piece.kind == "item" else "\n\n"
        above = piece.kind
        for number, (page, words) in enumerate(piece.parts):
            lead = between + _lead(piece, len(levels) - 1) if number == 0 else " "
            start = length + (len(between) if number == 0 else 1)
            written.append(lead + words)
            length += len(lead) + len(words)
            spans[page] = (min(start, spans.get(page, (start, 0))[0]), length)
    return "".join(written), tuple(Page(number=page, start=start, end=end, label=labels[page]) for page, (start, end) in spans.items())


def _lead(piece: Piece, depth: int) -> str:
    if piece.kind == "heading":
        return "#" * min(max(piece.level, 1), 6) + " "
    return "    " * depth + piece.marker + " " if piece.kind == "item" else ""


def _metadata(parsed: Parsed, pieces: Sequence[Piece], share: float) -> dict[str, JsonValue]:
    """The number of pages, and how far to trust the structure: 0 nothing of it, 1 all.

    It is the mean of three shares: of the printed words that are in the text, of the text that stands under a heading, and
    of the text whose shape was understood: no block of loose lines, no table with doubtful columns.
    """
    total = sum(len(piece.text) for piece in pieces) or 1
    first = next((place for place, piece in enumerate(pieces) if piece.kind == "heading"), len(pieces))
    under = sum(len(piece.text) for piece in pieces[first:]) / total
    understood = sum(len(piece.text) for piece in pieces if piece.kind != "code" and not piece.doubtful) / total
    return {"pages": parsed.total, "structure_confidence": round((share + under + understood) / 3, 2)}


def _share_written(parsed: Parsed, text: str, hidden: Mapping[int, frozenset[int]]) -> float:
    """The share of the printed words, without those of running headers, that the text has."""
    return share_written([piece.text for page in parsed.pages for piece in page.text_items if id(piece) not in hidden[page.page_num]], text)


def _remarks(parsed: Parsed, pieces: Sequence[Piece], blank: Sequence[int], share: float) -> Iterator[Remark]:
    if parsed.cut:
        yield Remark(code="recovered", message="the end of the file is missing; what is there was read; get the whole file")
    if parsed.mended:
        yield Remark(code="self_reference", message=f"references by which a form draws itself, left out: {parsed.mended}")
    if parsed.permissions is not None:
        yield Remark(code="permissions", message="its owner restricts what may be done with it, such as copying; check that you may use it")
    if parsed.unread:
        yield Remark(code="pages_unreadable", message=f"{_numbers(parsed.unread)} could not be read")
    if blank:
        yield Remark(
            code="pages_without_text", message=f"no text on {_numbers(blank)} of {parsed.total}; if that is a scan, see documents.tessdata"
        )
    if parsed.total > MAX_PAGES:
        yield Remark(code="pages_left_out", message=f"{parsed.total} pages; those after page {MAX_PAGES} were left out; split the file")
    if doubtful := sorted({piece.parts[0][0] for piece in pieces if piece.doubtful}):
        yield Remark(
            code="tables_uncertain", message=f"the columns of tables on {_numbers(doubtful)} may be wrong; compare them with the file"
        )
    if share < _MOST:
        yield Remark(code="text_left_out", message=f"{1 - share:.0%} of the printed words are not in the text; compare it with the file")


def _numbers(pages: Sequence[int]) -> str:
    named = ", ".join(map(str, pages[:_NAMED])) + (f" and {len(pages) - _NAMED} more" if len(pages) > _NAMED else "")
    return f"page {named}" if len(pages) == 1 else f"pages {named}"
