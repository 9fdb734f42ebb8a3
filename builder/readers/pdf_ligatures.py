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
_HEAD, _HEAD_PACKED = 300, 1_000  # bytes in which a table says that it is one, and those that hold them
_BEGIN = re.compile(rb"\d{1,9}\s{1,9}begin(bfchar|bfrange|codespacerange)\b")
_LIGATURE = re.compile(rb"<(" + "|".join(_STAND_INS).encode() + rb")>", re.IGNORECASE)
_STAND_IN = re.compile(b"|".join(_STAND_INS.values()), re.IGNORECASE)


def join_ligatures(raw: bytes) -> tuple[bytes, bool]:
    """Return the file with each ligature of its fonts as one letter, and whether there is any; all places in it stay the same."""
    tables = list(_tables(raw))
    if not any(_LIGATURE.search(table) for *_, table in tables):
        return raw, False
    taken = {letter.lower() for *_, table in tables for letter in _STAND_IN.findall(table)}
    joined = bytearray(raw)
    for start, size, table in tables:
        joined[start : start + size] = _joined(table, size, taken) or raw[start : start + size]
    return (bytes(joined), True) if joined != raw else (raw, False)


def _tables(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The tables of letters: where each begins, how many bytes it takes there, and what it holds."""
    left = _MOST_OF_ALL
    for start in islice(_packed(raw), _TRIED):
        is_table = left > 0 and b"begincmap" in _unpacked(raw[start : start + _HEAD_PACKED], _HEAD)[0]
        end = raw.find(b"endstream", start, start + _COMPRESSED) if is_table else -1
        table, size = _unpacked(raw[start:end], _MOST) if end > 0 else (b"", 0)
        if size:
            left -= len(table)
            yield start, size, table


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


def _unpacked(packed: bytes, most: int) -> tuple[bytes, int]:
    """What a stream holds, up to a size, and how many bytes it takes if that is all of it; else 0."""
    stream = zlib.decompressobj()
    try:
        unpacked = stream.decompress(packed, most)
    except zlib.error:
        return b"", 0
    return unpacked, len(packed) - len(stream.unused_data) if stream.eof else 0


def _joined(table: bytes, size: int, taken: set[bytes]) -> bytes:
    """A table with its ligatures as one letter, packed and padded to its old size; nothing if it has none, or no room for it."""
    if b"usecmap" in table or not _LIGATURE.search(table):
        return b""

    def stand_in(ligature: re.Match[bytes]) -> bytes:
        letter = _STAND_INS[ligature[1].decode().lower()]
        return ligature[0] if letter in taken else letter

    blocks = b"\n".join(_blocks(table))  # the rest is ornament; without it the table fits into its place
    mended = _LIGATURE.sub(stand_in, blocks)
    written = zlib.compress(mended, 9) if mended != blocks else b""
    return written.ljust(size, b"\0") if written and len(written) <= size else b""


def _blocks(table: bytes) -> Iterator[bytes]:
    place = 0
    while (begin := _BEGIN.search(table, place)) and (end := table.find(b"end" + begin[1], begin.end())) > 0:
        place = end + len(b"end" + begin[1])
        yield table[begin.start() : place]
