"""What shows in the bytes of a PDF before it is parsed: forms that draw themselves, and what its packed objects name."""

import re
import zlib
from collections.abc import Iterator

_OBJECT = re.compile(rb"obj\b")
_NUMBERS = re.compile(rb"(?<!\d)(\d{1,9})[ \r\n]{1,3}\d{1,5}[ \r\n]{1,3}\Z")
_NUMBERS_SIZE = 21  # bytes at most, and the one before them
_OBJECT_END = re.compile(rb"\bendobj\b|\bstream\b|\bobj\b")
_DICTIONARY = 8_000  # bytes
_PACKED = re.compile(rb"/ObjStm\b[^>]{0,200}>>\s{0,2}stream\r?\n")
_TRIED = 2_000  # streams of packed objects; a hostile file has many more
_STREAM = 200_000  # bytes
_UNPACKED = 1_000_000
_UNPACKED_OF_ALL = 40_000_000
_REFERENCE = re.compile(rb"/(?!(?:P|Pg|Parent|Prev|Next)\s)[^\s/<>\[\]()]{1,100}\s+(\d{1,9})\s+\d{1,5}\s+R\b")


def names(raw: bytes, name: bytes) -> bool:
    """Whether a name such as /URI is in the file, as far as that shows; in doubt, with very many packed streams, it is."""
    if name in raw:
        return True
    left = _UNPACKED_OF_ALL
    for tried, found in enumerate(_PACKED.finditer(raw)):
        if tried == _TRIED or left < 0:
            return True
        unpacked = _unpacked(raw[found.end() : found.end() + _STREAM])
        if name in unpacked:
            return True
        left -= len(unpacked)
    return False


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(stream, _UNPACKED)
    except zlib.error:
        return b""


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
    for word in _OBJECT.finditer(raw):  # first the word: a regex that begins with digits looks at every byte for long
        start = word.end()
        found = _NUMBERS.search(raw, max(0, word.start() - _NUMBERS_SIZE), word.start())
        if not found:
            continue
        end = _OBJECT_END.search(raw, start, start + _DICTIONARY)
        span = start, end.start() if end else start + _DICTIONARY
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
