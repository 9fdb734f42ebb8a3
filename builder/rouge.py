"""ROUGE-L between short texts, as Self-Instruct and Alpaca decide it, and the words that it counts.

ROUGE-L (Lin 2004) of two word lists of lengths m and n is F = 2PR / (P + R) with P = L/m, R = L/n and L the length of
their longest common subsequence. Self-Instruct (Wang et al. 2022) and Alpaca (Taori et al. 2023) drop an instruction
whose F with any kept one is above 0.7, which costs them one dynamic programme per pair; `near_pairs` finds the same pairs
with bounds that can only err toward looking closer (see `curation/near_index.py`).
"""

import re
import unicodedata
from collections.abc import Hashable, Sequence

import numpy as np

from builder.curation.near_index import BLOCK, NearIndex
from builder.curation.texts import Numbers, Vocabulary, width

# scripts that are written without spaces: one word per character
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
# C++, C# and F# are words of their own
WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+(?:\+\+|#)?")
_ALPACA_WORD = re.compile(r"[a-z0-9]+")
_QUOTES = str.maketrans("‘’‚‛“”„‟«»`´–—‑−", "''''\"\"\"\"\"\"''----")


def words(text: str) -> list[str]:
    """Return the words of `text` in any script, in one case and one Unicode form."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def alpaca_words(text: str) -> list[str]:
    """Return the words that Alpaca sees (`rouge_score` without stemmer): ASCII letters and digits only."""
    return _ALPACA_WORD.findall(text.lower())


def normalised(text: str) -> str:
    """Return `text` in one case, one spacing, one kind of quotes and dashes, without punctuation at the end."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold().split()).rstrip(" .?!:;")


def lcs_length(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Return the length of the longest common subsequence (Hyyrö 2004, on Python integers of any width)."""
    places: dict[Hashable, int] = {}
    for place, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << place
    row = full = (1 << len(left)) - 1
    for word in right:
        match = row & places.get(word, 0)
        row = ((row + match) | (row - match)) & full
    return len(left) - row.bit_count()


def f_measure(common: int, left: int, right: int) -> float:
    """Return F as `rouge_score` computes it, operation by operation: at exact ties its rounding decides."""
    if not common:
        return 0.0
    precision, recall = common / right, common / left
    return 2 * precision * recall / (precision + recall)


def rouge_l(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    """Return the ROUGE-L F of two word lists."""
    return f_measure(lcs_length(left, right), len(left), len(right))


def near_pairs(texts: Sequence[Sequence[str]], threshold: float) -> Numbers:
    """Return the pairs (i, j), i < j, of `texts` whose ROUGE-L F is above `threshold`, as rows sorted by j, then i.

    Give every text once: n equal texts are n²/2 pairs. Texts without words are near to nothing.
    """
    coded = Vocabulary().encode(texts)
    index = NearIndex(threshold, bits=width(coded.lengths.tolist()))
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(texts), BLOCK):
        block = coded.take(np.arange(start, min(start + BLOCK, len(texts))))
        index.add(block)
        near = index.near(block)
        near = near.where(near.found < near.asked + start)
        found.append(np.stack((near.found, near.asked + start), axis=1))
    return np.concatenate(found)
