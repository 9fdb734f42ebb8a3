"""Vectors of texts without a model: words and parts of words, weighted by how rare they are, at random in a few dimensions.

As fastText (Bojanowski et al. 2017) a word is the sum of itself and its character n-grams, so that "refund", "refunds" and
"refnud" are near. As SIF (Arora, Liang and Ma 2017) a word of share p among all words weighs a / (a + p), which is TF-IDF's
idea without its logarithm. Features are hashed, and each one's vector is d signs drawn by its hash (Achlioptas 2003: the
products of such vectors differ from those of the features by about 1 / sqrt(d)).

The weights come from the texts that are given together, so the vectors of two calls do not compare. Deterministic on every
machine but for the last bit of a float.
"""

import unicodedata
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from builder.curation.embed import Vectors, unit_rows
from builder.rouge import WORD

DIMENSIONS = 384
RARE = 1e-3  # a: the share at which a word weighs one half
FEWEST_WORDS = 2000  # in all: a smaller set says little about how rare a word is
PARTS = (3, 4, 5)  # characters of an n-gram; word boundaries are characters
PARTS_WEIGHT = 1.5  # of all parts of a word together, beside the word itself
BUCKETS = 1 << 18
_GAMMA, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


class Lexical:
    """The embedder that needs nothing: n x DIMENSIONS, about 60 µs a text and 1.5 KB a distinct word."""

    name = "lexical"

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts that are to be compared with each other."""
        numbers: dict[str, int] = {}
        worded = [[numbers.setdefault(word, len(numbers)) for word in WORD.findall(_plain(text))] for text in texts]
        if not numbers:
            return np.zeros((len(texts), DIMENSIONS), np.float32)
        used = np.bincount(np.concatenate([np.array(words, np.int64) for words in worded]), minlength=len(numbers))
        table = _word_vectors(list(numbers)) * (RARE / (RARE + used / max(used.sum(), FEWEST_WORDS))).astype(np.float32)[:, None]
        return unit_rows(np.stack([_sum(table, words) for words in worded]))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _sum(table: Vectors, words: Sequence[int]) -> Vectors:
    """Return the sum of the words' vectors, each word as the root of how often it is there: what is said twice is no twice as much."""
    counts = Counter(words)
    return np.sqrt(np.array([*counts.values()], np.float32)) @ table[[*counts]] if counts else np.zeros(DIMENSIONS, np.float32)


def _word_vectors(words: Sequence[str]) -> Vectors:
    """Return a row for each word: its own signs, and the mean of those of its parts."""
    rows = np.empty((len(words), DIMENSIONS), np.float32)
    for start in range(0, len(words), 512):
        some = words[start : start + 512]
        parts = [_parts(word) for word in some]
        signs = _signs([zlib.crc32(part.encode("utf-8", "surrogatepass")) % BUCKETS for found in parts for part in found])
        ends = np.cumsum([0, *map(len, parts)])
        sums = np.add.reduceat(signs, ends[:-1], axis=0)
        own = _signs([BUCKETS + zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in some])
        rows[start : start + 512] = own + PARTS_WEIGHT * sums / np.sqrt(np.diff(ends))[:, None]
    return rows


def _parts(word: str) -> list[str]:
    """Return the character n-grams of a word between its boundaries, the whole of it where it is too short for any."""
    bounded = f"<{word}>"
    return [bounded[start : start + size] for size in PARTS for start in range(len(bounded) - size + 1)] or [bounded]


def _signs(features: Sequence[int]) -> Vectors:
    """Return a row of DIMENSIONS signs for each feature: the bits of SplitMix64 (Steele, Lea and Flood 2014) seeded by it."""
    steps = np.arange(1, DIMENSIONS // 64 + 1, dtype=np.uint64)
    mixed = (np.array(features, np.uint64)[:, None] * np.uint64(len(steps)) + steps) * _GAMMA
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    mixed ^= mixed >> np.uint64(31)
    bits = np.unpackbits(mixed.astype("<u8").view(np.uint8), axis=1)
    return bits.astype(np.float32) * 2 - 1
