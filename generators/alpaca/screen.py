"""Documents are data: what in them could pass for our markers is defused, and what talks to the model is flagged."""

import re
from functools import lru_cache

# Our own markers, and the tokens with which chat templates open a turn: a lookalike of the bracket reads the same and ends nothing.
_MARKERS = re.compile(r"<(?=\s*/?\s*(?:passage|pairs|facts)-)|<(?=\|)|<(?=/?(?:system|user|assistant)>)", re.IGNORECASE)
_INVISIBLE = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]")
_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|system|your)"
# Every attack has one of these: looking for them first spares most passages the search for whole phrases.
_HINTS = (
    *("ignor", "disregard", "forget", "override", "bypass", "do not follow", "reveal", "print", "repeat", "show", "output", "leak"),
    *(
        "you are",
        "instruction",
        "note to",
        "note for",
        "message to",
        "message for",
        "as a",
        "passage",
        "pairs",
        "facts-",
        "<|",
        "inst]",
        "sys>",
    ),
    *("system", "assistant"),
)
_SUSPICIOUS = re.compile(
    rf"""
      \b(?:ignore|disregard|forget|override|bypass|do\ not\ follow)\s+(?:(?:all|any|every|each|the|of|these|those|my|your)\s+)*
          (?:{_EARLIER}\s+)+(?:\w+\s+)?(?:instructions?|prompts?|rules?|directions|messages?|context)\b
    | \b(?:ignore|disregard|forget)\s+(?:everything|all)\s+(?:above|before|you\s+(?:were|have\s+been)\s+told)\b
    | \b(?:reveal|print|repeat|show|output|leak)\s+(?:me\s+)?(?:your|the)\s+(?:\w+\s+)?(?:system\s+)?(?:prompt|instructions)\b
    | \byou\s+are\s+now\s+(?:an?|the|in|called|DAN)\b
    | \b(?:new|updated)\s+(?:system\s+)?instructions?\s*(?:for\s+the\s+(?:AI|assistant|model)\s*)?:
    | \b(?:note|message|instructions?)\s+(?:to|for)\s+(?:the\s+|all\s+|any\s+)?(?:AI|LLM|language\s+model|chatbot)s?\b
    | \b(?:if\s+you\s+are|as)\s+an?\s+(?:AI|LLM|(?:large\s+)?language\s+model)\b
    | \bignorier\w*\s+(?:alle|die|s[äa]mtliche)?\s*(?:vorherigen|bisherigen|obigen|vorigen)\s+(?:Anweisungen|Regeln)
    | \bignore[rz]?\s+(?:toutes\s+)?les\s+(?:instructions|consignes)\s+pr[ée]c[ée]dentes
    | \bignor[ae]\s+(?:todas\s+)?las\s+instrucciones\s+(?:anteriores|previas)
    | </?\s*(?:passage|pairs|facts)- | <\|\w+\|> | \[/?INST\] | <</?SYS>> | ^\s*\#*\s*(?:system|assistant)\s*:\s
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


def neutral(text: str) -> str:
    """Return `text` with nothing in it that could pass for a marker or that nobody sees."""
    return _INVISIBLE.sub("", _MARKERS.sub("‹", text))


@lru_cache(maxsize=1024)
def suspicious(text: str) -> bool:
    """Tell whether a passage talks to the model that reads it, or hides something."""
    lower = " ".join(text.lower().split())
    return bool((any(hint in lower for hint in _HINTS) and _SUSPICIOUS.search(text)) or _INVISIBLE.search(text))
