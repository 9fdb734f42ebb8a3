"""What is wrong with a text by itself: it says one thing over and over, it breaks off, or it is its question again.

Each function returns what is wrong in words, or an empty string, in one pass over the text.
"""

import re
import zlib
from collections.abc import Sequence

from builder.rouge import normalised, rouge_l, words
from generators.alpaca.sense import LEAD
from generators.llm.answers import is_degenerate

_RUN = 5  # words of a run that is repeated (Gopher rules, Rae et al. 2021, count 5- to 10-grams in the same way)
_FEWEST = 20  # words below which nothing is counted
_LONG = 200  # characters below which zlib's own overhead hides what repeats
# words that no sentence ends with; prepositions do: "the room you are in"
_OPEN_WORDS = frozenset(
    words(
        "a an the my your our their its every no and or but because although if whether while than as into onto upon via per during until "
        "between among against whose und oder weil dass der des dem ein eine einen einem einer le la les une des et ou el los las y de"
    )
)
_TAIL = 120  # characters at the end that are looked at
_LAST = re.compile(r"(\w+)[\s*_`]*\Z")
_BREAKS_OFF = re.compile(r"(?:[,(\[{–—]|\w-|\s&)[ \t*_`]{0,3}\Z")
_ENDS = re.compile(r"[.!?…。！？:][\"'”’»)\]*_`]*\s*\Z")
_ENDED = re.compile(r"[.!?…][\"'”’»)\]*_]*\s+(?=[\"'“‘«(\[*_]*[A-ZÀ-Ý0-9])")
_ITEM = re.compile(r"\s*(?:[-*+•>]|\d+[.)]|[A-Za-z][.)])\s")
_SHORTEST, _LONGEST_SENTENCE = 4, 60  # words of a sentence that may be unfinished
_MOST_END = 0.9  # share of the other lines that end as sentences do
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_CODE = re.compile(r"[{};=<>\\]|\b(?:def|return|import|print|SELECT|function)\b|https?://")
_FAREWELL = re.compile(r"\b(?:regards|respect|hope|love|sincerely|wishes|cheers|thanks|gratitude),|\A(?:yours\b|[-–—])", re.IGNORECASE)
_LONGEST_CLOSING = 12  # words after the last full stop that may be a signature or a name


def repetition(text: str, spoken: Sequence[str], *, repeated: float, compressed: float) -> str:
    """Return how a text repeats itself.

    Args:
        text: what is said.
        spoken: its words.
        repeated: largest share of the runs of five words that were said before; 0 for any.
        compressed: smallest size packed by zlib as a share of its own; 0 for any.
    """
    if is_degenerate(text):
        return "it runs in circles"
    if repeated and len(spoken) >= _FEWEST and (share := repeated_share(spoken)) > repeated:
        return f"{share:.0%} of its runs of {_RUN} words were said before"
    if compressed and len(text) >= _LONG and (size := packed_share(text)) < compressed:
        return f"it packs to {size:.0%} of its size, so it says little"
    return ""


def repeated_share(spoken: Sequence[str]) -> float:
    """Return the share of the runs of five words that were said before, from 0 to 1."""
    runs = [tuple(spoken[place : place + _RUN]) for place in range(len(spoken) - _RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def packed_share(text: str) -> float:
    """Return the size of a text packed by zlib as a share of its own."""
    plain = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(plain, 1)) / len(plain) if plain else 1.0


def breaks_off(text: str) -> str:
    """Return why a response seems to break off.

    Data, lists and code may end anyhow; prose of several sentences ends with a sign, and nothing ends with a comma or an article.
    """
    end = text.rstrip()
    if len(_FENCE.findall(end)) % 2:
        return "a block of code does not end"
    tail = end[-_TAIL:]
    if _ENDS.search(tail) or end.endswith(("```", "~~~", "}", "]", ")", '"', ">")):
        return ""
    if _BREAKS_OFF.search(tail):
        return f"it ends with {end[-1]!r}"
    last = _LAST.search(tail)
    if last and last[1] in _OPEN_WORDS and end.count(" ") > 2:
        return f"it ends with {last[1]!r}"
    return _unfinished(end) if last and not _CODE.search(tail) else ""


def _unfinished(end: str) -> str:
    """Return why the last line of a text is a sentence without an end, judged by the lines before it and the sentences in it."""
    *before, line = end.splitlines()
    item = _ITEM.match(line)
    parts = _ENDED.split(line[item.end() :] if item else line)
    words_in_last = len(parts[-1].split())
    if line.rpartition(" ")[2][:1] == "#" or "|" in line or not _SHORTEST <= words_in_last <= _LONGEST_SENTENCE or _is_closing(parts[-1]):
        return ""
    alike = [other for other in before if bool(_ITEM.match(other)) == bool(item) and len(other.split()) >= _SHORTEST]
    ended = sum(bool(_ENDS.search(other)) for other in alike)
    is_cut = len(parts) > 1 if not alike else ended >= _MOST_END * len(alike) and len(alike) + len(parts) > 2
    return f"its last sentence has no end: {parts[-1][-40:]!r}" if is_cut else ""


def copies(output: str, instruction: str, most: float) -> str:
    """Return why a response is only its question again; a yes or no makes it an answer."""
    if not most or LEAD.match(output.strip()):
        return ""
    if normalised(output) == normalised(instruction):
        return "it repeats the question"
    said, asked = words(output), words(instruction)
    longer, shorter = max(len(said), len(asked)), min(len(said), len(asked))
    if 2 * shorter <= most * (longer + shorter) or len(set(said) & set(asked)) < most * len(set(said)) / 2:
        return ""
    likeness = rouge_l(said, asked)
    return f"it is {likeness:.2f} like the question" if likeness > most else ""


def _is_closing(part: str) -> bool:
    """Whether the last words may stand without a full stop: a signature, a title, a name."""
    found = part.split()
    if _FAREWELL.search(part):
        return True
    return len(found) <= _LONGEST_CLOSING and sum(word[:1].isupper() for word in found) * 2 >= len(found)
