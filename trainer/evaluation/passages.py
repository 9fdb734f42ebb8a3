"""The gold passage in a question's context, as a retrieval that never errs would put it there."""

from collections.abc import Callable

from schemas.records import Pair
from trainer.evaluation.material import Passage

_STEP = 0.85  # of the passage that is left when it does not fit


def with_passage(pair: Pair, passage: Passage | None) -> str:
    """Return the input of a pair with its passage; as it is where it already holds the evidence, or where there is no passage."""
    if passage is None or _holds(pair.input, passage):
        return pair.input
    return "\n\n".join(part for part in (passage.text.strip(), pair.input.strip()) if part)


def fitted(pair: Pair, passage: Passage | None, fits: Callable[[str], bool]) -> tuple[str, bool]:
    """Return the input with as much of the passage around the evidence as fits, and whether it was cut."""
    whole = with_passage(pair, passage)
    if passage is None or fits(whole) or whole == pair.input:
        return whole, False
    size = float(len(passage.text))
    while size > 1:
        size *= _STEP
        shown = with_passage(pair, around(passage, int(size)))
        if fits(shown):
            return shown, True
    return pair.input, True


def around(passage: Passage, size: int) -> Passage:
    """Return about `size` characters of the passage with the evidence in their middle, in whole words."""
    first = min((start for start, _ in passage.evidence), default=0)
    last = max((end for _, end in passage.evidence), default=0)
    start = max(0, min((first + last - size) // 2, len(passage.text) - size))
    if last - first > size:
        start = first
    end = min(len(passage.text), start + size)
    if start:
        start = _next_word(passage.text, start)
    if end < len(passage.text):
        end = max(start, passage.text.rfind(" ", start, end))
    return Passage(passage.text[start:end])


def _next_word(text: str, place: int) -> int:
    space = text.find(" ", place)
    return place if space < 0 else space + 1


def _holds(input: str, passage: Passage) -> bool:
    """Tell whether the evidence already stands in an input."""
    quotes = [passage.text[start:end] for start, end in passage.evidence] or [passage.text]
    shown = " ".join(input.split())
    return bool(shown) and all(" ".join(quote.split()) in shown for quote in quotes)
