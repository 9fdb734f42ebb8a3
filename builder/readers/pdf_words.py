"""Letters and words of printed text, told fast: most texts are ASCII but for a few signs."""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

_SOLID = re.compile(r"[^\W_]+")
_NOT_SOLID = "".join(filter(lambda letter: not letter.isalnum(), map(chr, range(128))))
_NOT_SOLID_BYTES = _NOT_SOLID.encode()
_SPACED = str.maketrans(_NOT_SOLID, " " * len(_NOT_SOLID))
_TYPOGRAPHY = "\u2019\u2018\u201c\u201d\u2013\u2014\u2022\u2026\u00a0"  # so common that texts without them are mostly ASCII
_STRIPPED = _NOT_SOLID + _TYPOGRAPHY
_NEAR = 300  # characters from the end of one printed piece to the next one in the text


def solid(text: str) -> str:
    """Return the letters and digits of a text."""
    if not text.isascii():
        for sign in _TYPOGRAPHY:
            text = text.replace(sign, "")
    return text.encode().translate(None, _NOT_SOLID_BYTES).decode() if text.isascii() else "".join(filter(str.isalnum, text))


def count_words(text: str) -> Counter[str]:
    """Return how often each run of letters and digits is in a text."""
    return Counter(_words(text))


def _words(text: str) -> list[str]:
    for sign in _TYPOGRAPHY:
        text = text.replace(sign, " ")
    if text.isascii():
        return text.translate(_SPACED).split()
    lines = text.split("\n")
    ascii_text = "\n".join([line for line in lines if line.isascii()])
    other_text = "\n".join([line for line in lines if not line.isascii()])
    return ascii_text.translate(_SPACED).split() + _SOLID.findall(other_text)


def trimmed(text: str) -> str:
    """Return a text without the common signs and spaces before its first letter and behind its last."""
    return text.strip(_STRIPPED)


def end_of(text: str, start: int, size: int) -> int:
    """Return where `size` letters and digits from `start` on end, in a text that has marks between them, or hyphens no more."""
    for run in _SOLID.finditer(text, start):
        if run.end() - run.start() >= size:
            return run.start() + size
        size -= run.end() - run.start()
    return len(text)


def share_written(printed: Iterable[str], text: str) -> float:
    """Return the share of the printed words that are in the text as often; what stands there as printed need not be counted."""
    padded, place = f" {text} ", 1
    spans: list[tuple[int, int]] = []
    other: list[str] = []
    for piece in printed:
        start, end = _stands(piece, padded, place) or _stands(trimmed(piece), padded, place) or (-1, 0)
        if start < 0:
            other.append(piece)
        else:
            spans.append((start, end))
            place = end
    if not (lost := count_words("\n".join(other))):
        return 1.0
    between = [padded[end:start] for (_, end), (start, _) in pairwise([(0, 0), *spans, (len(padded), 0)])]
    missing = (lost - count_words("\n".join(between))).total()
    kept = len(_words("\n".join([padded[start:end] for start, end in spans])))
    return 1 - missing / (kept + lost.total()) if missing else 1.0


def _stands(piece: str, padded: str, place: int) -> tuple[int, int] | None:
    """Where a piece stands near `place` as words of their own, in a text between two spaces."""
    start = padded.find(piece, place, place + len(piece) + _NEAR) if piece else -1
    if start < 0 or (piece[0].isalnum() and padded[start - 1].isalnum()):
        return None
    end = start + len(piece)
    return None if piece[-1].isalnum() and padded[end].isalnum() else (start, end)
