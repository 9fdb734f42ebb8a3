"""Where a quote stands in its document: verbatim, as language models copy, or nearly.

Verbatim comes first; then regardless of case, spacing, Markdown emphasis and the kind of quotes and dashes, which is what
language models change when they copy; last by the closest stretch of text (the partial ratio of rapidfuzz), which must have
the same numbers and the same negations in the same order. Each time the stored text is searched, and what a model was shown
of it (see `schemas.shown`). What is found is always a span of the document's own text.
"""

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

from schemas.records import Document
from schemas.shown import Shown, shown

ALIKE = 90.0  # partial ratio, of 100
FUZZY_CHARACTERS = 20  # a shorter quote is found somewhere in any text

Span = tuple[int, int]

_SAME = str.maketrans(dict.fromkeys("‘’‚‛´", "'") | dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("–—‑−", "-") | {"‹": "<"})
_SKIPPED = frozenset("*_`\\\u00ad\u200b\u200c\u200d\u2060\ufeff")  # Markdown emphasis and escapes, and characters nobody sees
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
# "may carry over" must not be found as "may not carry over"; the commonest languages of Europe are enough, others lose nothing
NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|without|cannot|\w+n't|nicht|kein\w*|nie|ohne|pas|jamais|sans|nunca|sin|mai|senza|niet|geen)\b"
)


def locate(quote: str, document: Document, near: Span = (0, 0)) -> Span | None:
    """Return the span of `document.text` that `quote` quotes, preferably inside the span `near`, or None."""
    quote = quote.strip()
    flat = _flattened(quote)[0].strip()
    for needle, form in ((quote, _itself), (flat, _flattened_view)):
        for view, within in _views(document, near):
            read = form(view)
            spans = (read.span(start, start + len(needle)) for start in _places(needle, read.text))
            if found := next((span for span in spans if within[0] <= span[0] and span[1] <= within[1]), None):
                return found
    return None


def locate_nearly(quote: str, document: Document, near: Span = (0, 0)) -> Span | None:
    """Return the span that reads almost like `quote`, searched inside `near` first, then in the whole document, or None."""
    needle = _flattened(quote)[0].strip()
    if len(needle) < FUZZY_CHARACTERS:
        return None
    for view, within in _views(document, near):
        read = _flattened_view(view)
        found = _closest(needle, read.text, bisect_left(read.places, within[0]), bisect_left(read.places, within[1]))
        if found is not None:
            return read.span(*found)
    return None


def _views(document: Document, near: Span) -> Iterator[tuple[Shown, Span]]:
    """The texts to search and where in the document to look: what is nearer first, and what is stored before what was shown."""
    stored, everywhere = _stored(document.text), (0, len(document.text))
    if near[0] < near[1]:
        yield stored, near
        yield _shown_passage(document.text, near), near
    yield stored, everywhere
    yield _shown_passage(document.text, everywhere), everywhere


@lru_cache(maxsize=4)
def _stored(text: str) -> Shown:
    return Shown(text, array("I", range(len(text))))


@lru_cache(maxsize=16)
def _shown_passage(text: str, span: Span) -> Shown:
    """What a model was shown of a span of the text, with places in the whole text."""
    passage = shown(text[slice(*span)])
    return Shown(passage.text, array("I", (span[0] + place for place in passage.places)))


def _itself(view: Shown) -> Shown:
    return view


def _closest(needle: str, flat: str, begin: int, end: int) -> Span | None:
    """Return the closest stretch of `flat[begin:end]`, in whole words, if it is close and says the same numbers."""
    from rapidfuzz.fuzz import partial_ratio_alignment

    if end - begin < len(needle):  # the shorter text would be searched in the longer one, whichever is which
        return None
    found = partial_ratio_alignment(needle, flat[begin:end], score_cutoff=ALIKE)
    if found is None:
        return None
    start, stop = _whole_words(flat, begin + found.dest_start, begin + found.dest_end)
    says = flat[start:stop]
    same = _in_order(_NUMBER.findall(needle), _NUMBER.findall(says)) and NEGATION.findall(needle) == NEGATION.findall(says)
    return (start, stop) if same and start < stop else None


def _whole_words(flat: str, start: int, stop: int) -> Span:
    while _inside_word(flat, start):
        start -= 1
    while _inside_word(flat, stop):
        stop += 1
    while start < stop and flat[start].isspace():
        start += 1
    while start < stop and flat[stop - 1].isspace():
        stop -= 1
    return start, stop


def _in_order(wanted: list[str], given: list[str]) -> bool:
    rest = iter(given)
    return all(number in rest for number in wanted)


def _places(needle: str, text: str) -> Iterator[int]:
    """Yield where `needle` stands in `text` as whole words: "30 days" is not in "130 days"."""
    start = text.find(needle) if needle else -1
    while start >= 0:
        end = start + len(needle)
        if not _inside_word(text, start) and not _inside_word(text, end):
            yield start
        start = text.find(needle, start + 1)


def _inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and _joins(text[place - 1]) and _joins(text[place])


def _joins(character: str) -> bool:
    """Whether words run on through the character: digits, and letters of the scripts that have case (and spaces)."""
    return character.isdigit() or character.lower() != character.upper()


@lru_cache(maxsize=16)
def _flattened_view(view: Shown) -> Shown:
    text, offsets = _flattened(view.text)
    return Shown(text, array("I", map(view.places.__getitem__, offsets)))


def _flattened(text: str) -> "tuple[str, array[int]]":
    """Return `text` without what copying changes, and for each character left its place in `text`."""
    flat: list[str] = []
    offsets = array("I")
    for place, character in enumerate(text):
        if character in _SKIPPED:
            continue
        for plain in unicodedata.normalize("NFKD", character.translate(_SAME)).casefold():
            space = plain.isspace()
            if not space or (flat and flat[-1] != " "):
                flat.append(" " if space else plain)
                offsets.append(place)
    return "".join(flat), offsets
