"""ROUGE-L between short texts, decided exactly as Self-Instruct and Alpaca decide it, without comparing every pair.

ROUGE-L (Lin 2004) of two word lists of lengths m and n is F = 2PR / (P + R) with P = L/m, R = L/n and L the length of
their longest common subsequence. Self-Instruct (Wang et al. 2022) and Alpaca (Taori et al. 2023) drop an instruction
whose F with any kept one is above 0.7, which costs them one dynamic programme per pair.

`near_pairs` finds the same pairs of a collection with bounds that can only err toward looking closer:

1. length: F > t needs L >= need(m, n), and L <= min(m, n); whole classes of lengths fall out;
2. signature: every (word, occurrence) sets one of 512 bits. Each differing bit needs its own unshared word, so
   L <= (m + n - differing bits) / 2. All pairs of a class are scanned on the signature folded to 128 bits, then on 512;
3. what is left gets the bit-parallel LCS of Hyyrö (2004), all candidates of a tile at once in 64-bit words.

Quadratic in the number of texts, at about 2 ns a pair; the few candidates cost about 1 µs each.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Bits = NDArray[np.uint64]

# scripts that are written without spaces: one word per character
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
# C++, C# and F# are words of their own
WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+(?:\+\+|#)?")
_ALPACA_WORD = re.compile(r"[a-z0-9]+")
_QUOTES = str.maketrans("‘’‚‛“”„‟«»`´–—‑−", "''''\"\"\"\"\"\"''----")

_SIGNATURE_BITS = 512
_TILE = (256, 1024)
_BATCH = 8192


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


@lru_cache(maxsize=1 << 16)
def need(left: int, right: int, threshold: float) -> int:
    """Return the smallest common length whose F is above `threshold`; more than both lengths if there is none."""
    common = max(0, int(threshold * (left + right) / 2) - 1)
    while common <= min(left, right) and f_measure(common, left, right) <= threshold:
        common += 1
    return common


def near_pairs(texts: Sequence[Sequence[str]], threshold: float) -> Numbers:
    """Return the pairs (i, j), i < j, of `texts` whose ROUGE-L F is above `threshold`, as rows sorted by j, then i.

    Give every text once: n equal texts are n²/2 pairs. Texts without words are near to nothing.
    """
    number: dict[str, int] = {}
    coded = [np.array([number.setdefault(word, len(number)) for word in text], dtype=np.int32) for text in texts]
    found = [np.empty((0, 2), dtype=np.int64), *_classes(coded, threshold)]
    rows = np.sort(np.concatenate(found), axis=1)
    return rows[np.lexsort((rows[:, 0], rows[:, 1]))]


def _classes(coded: Sequence[NDArray[np.int32]], threshold: float) -> Iterator[Numbers]:
    """Compare every class of equal length with itself and every longer class that can still be near."""
    lengths: dict[int, list[int]] = {}
    for index, code in enumerate(coded):
        lengths.setdefault(len(code), []).append(index)
    order = sorted(length for length in lengths if length)
    members = {length: np.array(lengths[length], dtype=np.int64) for length in order}
    tables = {length: np.stack([coded[index] for index in lengths[length]]) for length in order}
    signatures = {length: _signatures(tables[length]) for length in order}
    for place, short in enumerate(order):
        for long in order[place:]:
            common = need(short, long, threshold)
            if common > short:
                break  # F only falls as the other text grows
            for left, right in _candidates(signatures[short], signatures[long], short + long - 2 * common, same=short == long):
                near = _at_least(tables[short][left], tables[long][right], common)
                yield np.stack((members[short][left[near]], members[long][right[near]]), axis=1)


def _signatures(table: NDArray[np.int32]) -> Bits:
    """Return one row of eight 64-bit words per text: the set of its (word, occurrence) features, hashed to 512 bits."""
    signatures = np.zeros((len(table), _SIGNATURE_BITS // 64), dtype=np.uint64)
    for row, codes in zip(signatures, table.tolist(), strict=True):
        seen: Counter[int] = Counter()
        for code in codes:
            bit = (code * 2654435761 + seen[code] * 40503) % 4294967291 % _SIGNATURE_BITS
            row[bit // 64] |= np.uint64(1 << bit % 64)
            seen[code] += 1
    return signatures


def _candidates(left: Bits, right: Bits, most: int, *, same: bool) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the places (in `left`, in `right`) of pairs whose signatures differ in at most `most` bits, tile by tile."""
    short, long = _fold(left), _fold(right)
    height, width = _TILE
    for top in range(0, len(left), height):
        for start in range(top if same else 0, len(right), width):
            above, beside = short[:, top : top + height, None], long[:, None, start : start + width]
            low, high = (np.bitwise_count(above[word] ^ beside[word]) for word in (0, 1))
            rows, columns = np.nonzero(low + high <= most)
            rows, columns = rows + top, columns + start
            close = np.bitwise_count(left[rows] ^ right[columns]).sum(axis=1) <= most
            if same:
                close &= rows < columns
            if close.any():
                yield rows[close], columns[close]


def _fold(signatures: Bits) -> Bits:
    """Return the signatures as 128 bits, word by word: the union of their four quarters."""
    return np.bitwise_or.reduce(signatures.reshape(len(signatures), 4, 2), axis=1).T.copy()


def _at_least(left: NDArray[np.int32], right: NDArray[np.int32], common: int) -> NDArray[np.bool_]:
    """Return for each row of `left` (k, m) and `right` (k, n) whether their LCS has at least `common` words."""
    width = left.shape[1]
    # words at the same place from the start, or from the end, are a common subsequence: that settles most of one template
    near = (left == right[:, :width]).sum(axis=1) >= common
    near |= (left == right[:, -width:]).sum(axis=1) >= common
    (open_rows,) = np.nonzero(~near)
    for start in range(0, len(open_rows), _BATCH):
        rows = open_rows[start : start + _BATCH]
        near[rows] = _lcs_lengths(left[rows], right[rows]) >= common
    return near


def _lcs_lengths(left: NDArray[np.int32], right: NDArray[np.int32]) -> Numbers:
    """Return the LCS length of every row of `left` (k, m) with the same row of `right` (k, n)."""
    if left.shape[1] > 64:
        return np.array([lcs_length(*rows) for rows in zip(left.tolist(), right.tolist(), strict=True)], dtype=np.int64)
    bits = np.uint64(1) << np.arange(left.shape[1], dtype=np.uint64)
    row = np.full(len(left), ~np.uint64(0))
    for column in right.T:
        match = row & ((left == column[:, None]) * bits).sum(axis=1, dtype=np.uint64)
        row = (row + match) | (row - match)
    return left.shape[1] - np.bitwise_count(row & bits.sum()).astype(np.int64)
