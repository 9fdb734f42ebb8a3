"""Whether an answer says what its reference says, by words and figures alone: for what is probed by the thousand.

A strict reading, so that what counts as known is known: an answer that holds the reference word for word is right; any other
one is right if it has the same figures, the same yes or no, denies what the reference denies, and says most of its words in
their order.
"""

import re
from collections.abc import Sequence

from trainer.metrics import longest_common_subsequence, words

SAID = 0.8  # share of the reference's words that an answer in other words must say in their order
SAID_OF_LONG = 0.6  # of a reference of more words than
LONG = 40
WORDIER = 2.0  # an answer in other words may have so many times the words of its reference
_POLARITY = frozenset({"yes", "no", "ja", "nein", "oui", "non", "sí"})
_DENIALS = frozenset(
    re.findall(
        r"\w+",
        "no not never none nothing nobody without cannot cant dont doesnt didnt isnt arent wasnt werent wont shouldnt mustnt couldnt "
        "wouldnt hasnt havent nicht kein keine keinen keiner nie pas jamais nunca",
    )
)


def is_right(answer: str, reference: str) -> bool:
    """Tell whether an answer says what the reference says; case, punctuation and articles do not count."""
    ours, theirs = words(answer), words(reference)
    if not ours or not theirs:
        return ours == theirs
    if theirs[0] in _POLARITY and ours[0] != theirs[0]:
        return False
    if _holds(ours, theirs):
        return True
    if _figures(ours) != _figures(theirs) or _denies(ours) != _denies(theirs) or len(ours) > WORDIER * len(theirs) + 4:
        return False
    needed = SAID if len(theirs) <= LONG else SAID_OF_LONG
    return longest_common_subsequence(ours, theirs) >= needed * len(theirs)


def _holds(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    return f" {' '.join(theirs)} " in f" {' '.join(ours)} "


def _figures(said: Sequence[str]) -> frozenset[str]:
    return frozenset(word for word in said if any(letter.isdigit() for letter in word))


def _denies(said: Sequence[str]) -> bool:
    return not _DENIALS.isdisjoint(said)
