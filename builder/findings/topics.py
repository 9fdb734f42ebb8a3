"""The words that say what a sentence is about, without their endings and without what is said in rules about anything."""

import re
from collections.abc import Iterator
from functools import cache

WORD = re.compile(r"[^\W\d_][\w'’-]*|\d[\w.]*")
# said in rules about anything, so that sharing it tells nothing and lacking it sets nothing apart
FRAME = frozenset(
    re.findall(
        r"\S+",
        """
        a about above after again all also although always am an and any anyone applies apply are as ask at available be because
        been before being below between both but by can cannot case cases could day days did do does doing down during each
        either employee employees end entitled entitlement equal every everybody everyone everything exactly expected for from
        get gets getting give given gives go grant granted grants had has have having he her here him his hour hours how however
        i if in into is it item items its just least less like long longer made make makes making many may maximum me minimum
        minute minutes month months more most much must my need needed needs never no nor not now of off offer offers offered on
        once one only or other our out over paid pay people per person please provide provided provides receive received
        receives require required requires same see shall she should since so some staff such take taken takes taking than that
        the their them then there these they this those through time times to too under until up us use used uses using valid
        very via wait was we week weeks well were what when where whether which while who whole will with within without working
        would year years yes yet you your yours business calendar consecutive maximal last lasts lasting later earlier latest
        allowed permitted accepted prohibited forbidden mandatory optional eligible today limit limited amount number note
        company
        """,
    )
)
_ENDINGS = ("ments", "ment", "ations", "ation", "ings", "ing", "ied", "ies", "ed", "es", "er", "ers", "ly", "s", "e", "y")


def topics(text: str) -> Iterator[str]:
    """Yield the telling words of a text in order."""
    for match in WORD.finditer(text):
        word = match.group().lower().strip("'’-._")
        if word not in FRAME and (len(word) > 1 or word.isdigit()):
            yield from (stem(part) for part in word.split("-") if part and part not in FRAME)


@cache
def stem(word: str) -> str:
    """Return the word without its ending, so that forms of one word are the same."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "ls" else word  # submitted, submit
    return word
