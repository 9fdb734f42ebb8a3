"""What differs between two texts, word by word, for pages that show it."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal, NamedTuple

MOST = 3000  # words of a text that are compared; longer ones are shown as wholly changed, as comparing them may take seconds
_WORDS = re.compile(r"\s+|\w+|[^\s\w]")


class Part(NamedTuple):
    """A piece of text that both have (same), only the first (del), or only the second (ins)."""

    kind: Literal["same", "del", "ins"]
    text: str


def changed(before: str, after: str) -> list[Part]:
    """Return the parts of both texts in order; what is not `ins` makes up the first one, what is not `del` the second."""
    found: list[Part] = []
    for same, pieces in groupby(_pieces(before, after), key=lambda piece: piece[0]):
        gone, come = ("".join(texts) for texts in zip(*((old, new) for _, old, new in pieces), strict=True))
        parts = (Part("same", gone),) if same else (Part("del", gone), Part("ins", come))
        found += [part for part in parts if part.text]
    return found


def likeness(parts: Iterable[Part]) -> float:
    """Return the share of the letters that both texts have; 1.0 of two empty ones."""
    sizes = {"same": 0, "del": 0, "ins": 0}
    for kind, text in parts:
        sizes[kind] += len(text)
    whole = 2 * sizes["same"] + sizes["del"] + sizes["ins"]
    return 2 * sizes["same"] / whole if whole else 1.0


def _pieces(before: str, after: str) -> Iterable[tuple[bool, str, str]]:
    """Yield pieces of both texts, and whether they are the same; a mere space between changes belongs to them."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MOST:
        yield before == after, before, after
        return
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for place, (tag, start, end, begin, stop) in enumerate(codes):
        gone, come = "".join(old[start:end]), "".join(new[begin:stop])
        yield tag == "equal" and (bool(gone.strip()) or place in (0, len(codes) - 1)), gone, come
