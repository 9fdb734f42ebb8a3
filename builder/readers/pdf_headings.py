"""Headings of files without tags: what is one shows in the size of its letters, and so does its level."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from builder.readers.pdf_pieces import Piece

_LARGE = 1.15  # times the height of the text is a heading
_BODY = 1.05
_SAME = 0.96
_LONG = 15  # words
_SENTENCE = 8
_LOWEST = 6


def sized(pieces: Sequence[Piece]) -> list[Piece]:
    """Make paragraphs of headings that are sentences, headings of large short paragraphs, and levels of heights."""
    body = _body_height(pieces)
    judged = [_judged(piece, above, body) for above, piece in zip([None, *pieces], pieces, strict=False)]
    headings = [piece for piece in judged if piece.kind == "heading" and piece.first]
    levels = _levels([piece.first.height for piece in headings if piece.first and not _is_label(piece, body)])
    lowest = min(max(levels.values(), default=0) + 1, _LOWEST)
    return [
        piece._replace(level=lowest if _is_label(piece, body) else levels[piece.first.height])
        if piece.kind == "heading" and piece.first
        else piece
        for piece in judged
    ]


def _is_label(piece: Piece, body: float) -> bool:
    """Whether it is a bold "Note:" in the size of the text; its size says nothing about its level."""
    return piece.first is not None and piece.text.endswith(":") and body / _BODY < piece.first.height < body * _BODY


def _judged(piece: Piece, above: Piece | None, body: float) -> Piece:
    if piece.first is None or piece.kind not in ("heading", "paragraph"):
        return piece
    if piece.kind == "heading":
        words = piece.text.split()
        is_sentence = len(words) >= _SENTENCE and words[-1].endswith(".")
        goes_on = above is not None and above.kind in ("paragraph", "item") and above.text[-1:].isalpha() and _is_label(piece, body)
        return piece._replace(kind="paragraph") if is_sentence or goes_on else piece
    is_large = piece.first.height >= body * _LARGE and piece.last is not None and piece.last.font == piece.first.font
    if is_large and _is_short(piece.text):
        return piece._replace(kind="heading", parts=tuple((page, re.sub(r"[*]{2}", "", text)) for page, text in piece.parts))
    return piece


def _is_short(text: str) -> bool:
    words = text.split()
    return len(words) <= _LONG and not words[-1].endswith((".", ",", ";", ":")) and any(map(str.isalpha, text))


def _body_height(pieces: Sequence[Piece]) -> float:
    """The height that most of the text has."""
    heights: Counter[float] = Counter()
    for piece in pieces:
        if piece.first and piece.kind in ("paragraph", "item"):
            heights[round(piece.first.height, 1)] += len(piece.text)
    return max(heights, key=lambda height: (heights[height], -height), default=0.0) or float("inf")


def _levels(heights: Sequence[float]) -> dict[float, int]:
    return dict(_ranked(sorted(set(heights), reverse=True)))


def _ranked(heights: Sequence[float]) -> Iterator[tuple[float, int]]:
    level, largest = 0, float("inf")
    for height in heights:
        if height < largest * _SAME:
            level, largest = min(level + 1, _LOWEST), height
        yield height, level
