"""What of a sentence carries its sense: numbers, names, yes or no, what must and what may be, and the words that say something."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from generators.alpaca.checks import contains, normal

WORD = re.compile(r"[^\W\d_]+")
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
LEAD = re.compile(r"\A(yes|no)(?:\s*[.,;:!–—-]+\s*|\s*\Z)", re.IGNORECASE)
DUTY = re.compile(r"\b(?:must|shall|should|needs?|(?:have|has) to|required?|requires|obliged|mandatory|supposed)\b", re.IGNORECASE)
LEAVE = re.compile(r"\b(?:may|can|could|might|allowed|permitted|free to|optional|optionally)\b", re.IGNORECASE)
_PART = re.compile(r"[.?!:;,–—\n]+")
_CONTRACTED = re.compile(r"\b(?:(wo)n't|(ca)n't|(sha)n't|(\w+)n't|(can)not)\b")
_SHORT = {"wo": "will", "ca": "can", "sha": "shall"}
_NUMBER = re.compile(r"(?:(?<!\w)-)?\d+(?:[.,:]\d+)*")
_NUMBER_OR_WORD = re.compile(rf"{_NUMBER.pattern}|{WORD.pattern}")
_COUNTED = {
    word: str(number) for number, word in enumerate(WORD.findall("one two three four five six seven eight nine ten eleven twelve"), start=1)
}
_NO_COUNT = re.compile(r"\b(?:no|which|this|that|any|every|some) ?one\b|\bone (?:of|another)\b")
_CAPITALISED = re.compile(r"(?<![.?!:\"“„«(] )(?<!^)(?<!\n)\b(?!I(?:['’]|\b))[A-Z][\w-]*")
_CODED = re.compile(r"\b(?=\w*[A-Z])(?=\w*(?:\d|[a-z][A-Z]|[A-Z]{2}))\w[\w-]*")
_NO_NAMES = frozenset({"ok", "asap", "am", "pm", "faq"})
_ALONE = r"(?<![\w.,'’<>≤≥~±+−-]){}(?!\w|[.,:'’-]\w)"  # as words and numbers of their own: 6 is not in 16, -6 or 6.5
_NOT = r"not|no|never|none|nobody|nothing|neither|nor|without|hardly|barely|rarely|nicht|kein\w*|ohne|ne|sin|не|без"
_FORBID = r"forbid\w*|prohibit\w*|ban(?:s|ned)?|against|disallow\w*|illegal|unable|impossible|refus\w*|den(?:y|ied|ies)|exclud\w*"
_NEGATOR, _FORBIDS = re.compile(rf"\b(?:{_NOT})\b"), re.compile(rf"\b(?:{_FORBID})\b")
_NEGATIVE = re.compile(
    rf"\b(?:{_NOT}|{_FORBID}|except\w*|unless|lack\w*|wrong|false|untrue|myth|avoid\w*|"
    r"nie|niemals|verboten|pas|jamais|sans|aucune?|interdit\w*|nunca|ning[uú]n\w*|prohibid\w*|нет|нельзя|никогда)\b"
)
_UNITS = frozenset(
    WORD.findall(
        "second minute hour day night week month quarter year time euro eur dollar usd pound gbp cent percent metre meter m cm mm km "
        "kilometre kilometer mile foot inch litre liter l ml gram kg kilo degree volt v watt w amp"
    )
)
TIES = frozenset(  # what holds a sentence together and says nothing by itself
    WORD.findall(
        "a an the this that these those it its they them their there here he she his her we us our ours you yours your i me my mine "
        "who whom whose which what where how as of in on at for from to by with but so then also please sure is are was were be been "
        "being am do does did has have had having will would can could may might must shall should need needs required allowed get "
        "gets take takes make makes use let yes no not s d m t ll re ve"
    )
)
ASKING = TIES | frozenset(  # what people say around what they ask
    WORD.findall(
        "when why if and or tell know explain describe list give show say ask question quick quickly curious wonder wondering mean "
        "happen work find want like look hi hello hey thanks anyone somebody just about any some exactly actually remind "
        "understand possible ok okay right true long much many often soon"
    )
)


def is_negative(text: str) -> bool:
    """Tell whether a text denies or forbids something."""
    return _NEGATIVE.search(_plain(text)) is not None


def negated(text: str) -> frozenset[str]:
    """Return the words that follow a "not" or its like, in all their forms: what is denied, not only that something is."""
    plain = _plain(text)
    after = (_PART.split(plain[match.end() :])[0] for match in _NEGATOR.finditer(plain))
    first = (next((word for word in WORD.findall(rest) if word not in TIES), "") for rest in after)
    return frozenset(form for word in first if word for form in _forms(word))


def denies_alike(text: str, other: str) -> bool:
    """Tell whether of the words that two texts share, both deny the same, and neither forbids what the other does not."""
    forbid = _FORBIDS.search(normal(text)) is None
    return forbid == (_FORBIDS.search(normal(other)) is None) and not (negated(text) ^ negated(other)) & _vocabulary(text) & _vocabulary(
        other
    )


def doubts(text: str) -> int:
    """Return how often a text says "not" or its like: a second one takes the first one back."""
    return len(_NEGATOR.findall(_plain(text)))


@lru_cache(maxsize=1024)
def numbers(text: str) -> frozenset[str]:
    """Return the numbers of a text, those up to twelve also where they stand in words."""
    plain = _NO_COUNT.sub(" ", normal(text))
    counted = (_COUNTED[word] for word in WORD.findall(plain) if word in _COUNTED)
    return frozenset([*(found.replace(",", "") for found in _NUMBER.findall(plain)), *counted])


@lru_cache(maxsize=1024)
def amounts(text: str) -> frozenset[tuple[str, str]]:
    """Return the numbers of a text that a unit follows, with the unit."""
    tokens: list[str] = _NUMBER_OR_WORD.findall(normal(text))
    counted = [_COUNTED.get(token, token) for token in tokens]
    pairs = ((left.replace(",", ""), _forms(right) & _UNITS) for left, right in pairwise(counted))
    return frozenset((number, unit) for number, units in pairs if number[-1].isdigit() for unit in units)


def names(text: str, *, capitals: bool = True) -> frozenset[str]:
    """Return the parts of names, small: words with a capital inside a sentence (`capitals`), and words like USB or v2B."""
    found = [*(_CAPITALISED.findall(text) if capitals else ()), *_CODED.findall(text)]
    return parts(name.casefold() for name in found) - _NO_NAMES


def parts(words: Iterable[str]) -> frozenset[str]:
    """Return words with the parts of those that are joined by a hyphen."""
    return frozenset(part for word in words for part in (word, *word.split("-")) if part)


def content(text: str, without: frozenset[str]) -> list[str]:
    """Return the words of a text that say something, each once; numbers in words are none."""
    return [word for word in dict.fromkeys(WORD.findall(_plain(text))) if word not in without and word not in _COUNTED]


def lost_names(wanted: Iterable[str], text: str) -> list[str]:
    """Return which of the parts of names a text lacks, be they single or plural there."""
    said = parts(re.findall(r"[\w-]+", text.casefold()))
    return sorted(name for name in wanted if name not in said and not _forms(name) & _vocabulary(text))


def shared(words: Iterable[str], text: str) -> list[str]:
    """Return which of the words, in whatever form, a text has."""
    known = _vocabulary(text)
    return [word for word in words if _forms(word) & known]


def in_order(text: str, source: str) -> bool:
    """Tell whether the words of a text that say something stand in a source one after the other: nobody does what another did there."""
    left = iter([word for word in WORD.findall(_plain(source)) if word not in TIES])
    return all(any(_forms(word) & _forms(other) for other in left) for word in content(text, TIES))


def on_subject(wording: str, question: str) -> list[str]:
    """Return the parts of a wording that speak of the matter: "I could not find it," before a question is about the asker."""
    found = [part.strip() for part in _PART.split(wording) if shared(content(part, ASKING), question)]
    return found or [wording]


def holds(text: str, part: str) -> bool:
    """Tell whether a part stands in a text, but for what copying changes."""
    return contains(text, part) and re.search(_ALONE.format(re.escape(normal(part))), normal(text)) is not None


def holds_exactly(text: str, part: str) -> bool:
    """Tell whether a part stands in a text character by character; it may begin small inside a sentence."""
    begun = f"[{re.escape(part[:1])}{re.escape(part[:1].lower())}]{re.escape(part[1:])}"
    return re.search(_ALONE.format(begun), text) is not None


def _plain(text: str) -> str:
    return _CONTRACTED.sub(lambda match: f"{_SHORT.get(found := next(filter(None, match.groups())), found)} not", normal(text))


@lru_cache(maxsize=1024)
def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(form for word in WORD.findall(_plain(text)) for form in _forms(word))


@lru_cache(maxsize=16384)
def _forms(word: str) -> frozenset[str]:
    """A word with its base forms: "days" is "day", "carried" is "carry"; "employee" is not "employer", "least" not "less"."""
    from generators.extractive.english import lemma

    return frozenset({word, lemma(word), lemma(word, "NOUN")})
