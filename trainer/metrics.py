"""How close an answer is to its reference: exact match and token F1 as SQuAD counts them, ROUGE-L as rouge_score does.

Both know English only. Beyond it, letters of every script are letters, quotation marks of every language are punctuation, and what is
written without spaces is counted by the character, as CMRC 2018 does (Cui et al. 2019).
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
# SQuAD deletes all punctuation. A point between digits stays, and a comma that groups no thousands, else 3.5 and 3,5 would equal 35.
_MARKS = string.punctuation.replace(".", "").replace(",", "") + "“”„‘’‚«»‹›–—…¿¡·。，、；：？！「」『』（）《》【】"
_PUNCTUATION = re.compile(rf"(?<!\d)[.,]|[.,](?!\d)|,(?=\d{{3}}(?!\d))|[{re.escape(_MARKS)}]")
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"  # kana, Han, Thai: no spaces between words
_EACH = re.compile(rf"[{UNSPACED}]")
_WORDS = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")


def normalize(text: str) -> str:
    """Lower the case and drop punctuation, articles and extra spaces (Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", _PUNCTUATION.sub("", text.lower())).split())


def words(text: str) -> list[str]:
    """Return the words of a text after normalization, its characters where it is written without spaces."""
    return _spaced(normalize(text))


def exact_match(answer: str, reference: str) -> float:
    """Return 1.0 if both are the same after normalization, else 0.0."""
    return float(normalize(answer) == normalize(reference))


def token_f1(answer: str, reference: str) -> float:
    """Return the harmonic mean of precision and recall over the words of both, in any order."""
    ours, theirs = words(answer), words(reference)
    if not ours or not theirs:
        return float(ours == theirs)
    return _f1(sum((Counter(ours) & Counter(theirs)).values()), len(ours), len(theirs))


def rouge_l(answer: str, reference: str) -> float:
    """Return the F-measure of the longest common subsequence of words (Lin 2004), without stemming."""
    ours, theirs = _WORDS.findall(answer.lower()), _WORDS.findall(reference.lower())
    return _f1(longest_common_subsequence(ours, theirs), len(ours), len(theirs)) if ours and theirs else 0.0


def length_ratio(answer: str, reference: str) -> float:
    """Return the words of the answer over those of the reference: 1.0 is as long as expected."""
    return len(_spaced(answer)) / max(1, len(_spaced(reference)))


def longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Return its length, all of a row at once as the bits of one integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for index, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(left)) - 1
    row = full
    for word in right:
        shared = row & places.get(word, 0)
        row = ((row + shared) | (row - shared)) & full
    return len(left) - row.bit_count()


def _spaced(text: str) -> list[str]:
    return _EACH.sub(r" \g<0> ", text).split()


def _f1(common: int, answered: int, expected: int) -> float:
    return 2 * common / (answered + expected)


SCORES: dict[str, Callable[[str, str], float]] = {"exact_match": exact_match, "token_f1": token_f1, "rouge_l": rouge_l}
