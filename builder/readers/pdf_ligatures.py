"""Ligatures as one letter while a PDF is parsed, and as all their letters again behind it.

PDFium gives the letters of a ligature places that lie on each other, and liteparse 2.18 then takes the first letters of a
line such as "Office" or "Effective" for something printed twice and drops them. Fonts say in a small table which letters a
glyph stands for; there, within the same bytes, a letter that nobody writes today stands in for them.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liteparse.types import LayoutBlock, LayoutCell, ParsedPage

_LETTERS = {  # Unicode's own ligatures are of no use: PDFium spells them
    "ꜳ": "ff", "ꜵ": "fi", "ꜷ": "fl", "ꜹ": "ffi", "ꜽ": "ffl", "ꝏ": "tt", "ꝡ": "ti", "ꝥ": "tti", "ꝧ": "ft",
}  # fmt: skip
_STAND_INS = {letters.encode("utf-16-be").hex(): f"<{ord(one):04x}>".encode() for one, letters in _LETTERS.items()}
_STREAM = re.compile(rb"stream\r?\n")
_TRIED = 20_000  # streams of a file; a hostile one has many more that all look like tables
_COMPRESSED = 30_000  # bytes; longer streams are no tables of letters
_MOST = 400_000
_MOST_OF_ALL = 40_000_000  # unpacked bytes of all tables of a file
_HEAD = 300
_BEGIN = re.compile(rb"\d{1,9}\s{1,9}begin(bfchar|bfrange|codespacerange)\b")
_LIGATURE = re.compile(rb"<(" + "|".join(_STAND_INS).encode() + rb")>", re.IGNORECASE)


def join_ligatures(raw: bytes) -> tuple[bytes, bool]:
    """Return the file with each ligature of its fonts as one letter, and whether there is any; all places in it stay the same."""
    joined = bytearray()
    left = _MOST_OF_ALL
    for start in islice(_packed(raw), _TRIED):
        end = raw.find(b"endstream", start, start + _COMPRESSED)
        if end < 0 or left < 0:
            continue
        table, size = _table(raw[start:end])
        left -= len(table)
        if written := _joined(table, size):
            joined = joined or bytearray(raw)
            joined[start : start + size] = written
    return (bytes(joined), True) if joined else (raw, False)


def _packed(raw: bytes) -> Iterator[int]:
    """Where streams begin that look compressed."""
    for found in _STREAM.finditer(raw):
        first = int.from_bytes(raw[found.end() : found.end() + 2])
        if first % 31 == 0 and first >> 8 & 15 == zlib.DEFLATED:
            yield found.end()


def spell_ligatures(pages: Iterable["ParsedPage"]) -> None:
    """Write the ligatures of pages as letters, in all their texts."""
    for page in pages:
        page.text = _spelled(page.text)
        for piece in page.text_items:
            if not piece.text.isascii():
                piece.text = _spelled(piece.text)
                for word in piece.words:
                    word.text = _spelled(word.text)
        for block in page.blocks or ():
            _spell(block)


def _spell(block: "LayoutBlock") -> None:
    block.text = block.text and _spelled(block.text)
    block.lines = block.lines and [_spelled(line) for line in block.lines]
    cells: list[LayoutCell] = [cell for row in [block.header or [], *(block.rows or [])] for cell in row]
    for cell in cells:
        cell.text = _spelled(cell.text)


def _spelled(text: str) -> str:
    if not text.isascii():
        for one, letters in _LETTERS.items():
            text = text.replace(one, letters)
    return text


def _table(compressed: bytes) -> tuple[bytes, int]:
    """What a stream holds if that is a table of letters, and how many bytes of the file it takes; nothing for any other stream."""
    try:
        if b"begincmap" not in zlib.decompressobj().decompress(compressed, _HEAD):
            return b"", 0
        stream = zlib.decompressobj()
        table = stream.decompress(compressed, _MOST)
    except zlib.error:
        return b"", 0
    return (table, len(compressed) - len(stream.unused_data)) if stream.eof else (b"", 0)


def _joined(table: bytes, size: int) -> bytes:
    """A table with its ligatures as one letter, packed and padded to its old size; nothing if it has none, or no room for it."""
    if b"usecmap" in table or not _LIGATURE.search(table):
        return b""
    # the rest is ornament; without it the table fits into its place
    written = zlib.compress(_LIGATURE.sub(lambda letters: _STAND_INS[letters[1].decode().lower()], b"\n".join(_blocks(table))), 9)
    return written.ljust(size, b"\0") if len(written) <= size else b""


def _blocks(table: bytes) -> Iterator[bytes]:
    place = 0
    while (begin := _BEGIN.search(table, place)) and (end := table.find(b"end" + begin[1], begin.end())) > 0:
        place = end + len(b"end" + begin[1])
        yield table[begin.start() : place]
