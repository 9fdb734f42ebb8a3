"""Amounts and times: how many, how much, how long, how soon, how often, when.

The clause keeps its words up to the amount; the amount itself becomes the question word, and the whole sentence answers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from generators.extractive.clauses import Clause
from generators.extractive.english import ADVERBS, NUMBER, flip
from generators.extractive.facts import Fact
from generators.extractive.page import Sentence
from generators.extractive.phrases import PERIOD, amount_noun, dangling, tail
from generators.extractive.words import words

_QUANTIFIER = (
    r"(?:up to|at least|at most|a maximum of|a minimum of|a total of|about|around|approximately|roughly|no more than|no longer than|"
    r"not more than|more than|fewer than|less than|exactly|another|plus or minus|between)\s+"
)
_TIME_UNIT = (
    r"(?:full |working |calendar |business |consecutive |paid |further |stable |equal )?"
    r"(?:second|minute|hour|day|night|week|month|quarter|year|weekday)s?\b"
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_WEEKDAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|weekday|weekend)s?"
_CLOCK = r"\d{1,2}(?::\d\d)?\s?(?:a\.?m\.?|p\.?m\.?)|\d{1,2}:\d\d|noon|midnight"
_DATE = (
    rf"(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of (?:each|the|every) (?:month|year|following month))?(?: {_MONTH})?(?: \d{{4}})?"
    rf"|{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?(?:,? \d{{4}})?"
    rf"|(?:\w+ )?{_WEEKDAY}(?: of (?:the|each|every) (?:month|quarter|year|\w+))?"
    r"|(?:first|last|second|third|\w+ last) (?:working )?(?:day|week|payday)(?: of [\w’' -]{1,30})?)"
)
_POINT = rf"(?:(?:{_CLOCK})(?: [A-Z]{{2,4}}\b)?(?: on {_DATE})?|{_DATE}(?:(?: at|,) (?:{_CLOCK}))?)"
_AMOUNT = rf"(?:{_QUANTIFIER})?{NUMBER}(?: (?:to|and|or) {NUMBER})? "
_EACH = r"(?:calendar |fiscal |leave )?"
_OFTEN = (
    rf"\b(?:every (?:(?:{NUMBER}|second|third|other) )?(?:{_TIME_UNIT}|morning|night|evening|{_MONTH}(?: and {_MONTH})?|{_WEEKDAY})"
    rf"|(?:at least |up to |only )?(?:once|twice|{NUMBER} times) (?:a|an|per|every|each|in) {_EACH}(?:{_TIME_UNIT}|{NUMBER} {_TIME_UNIT})"
    rf"|each {_EACH}(?:month|quarter|year|week|day|{_MONTH})|(?:daily|weekly|monthly|quarterly|yearly|annually)\b)"
)
_AHEAD = (
    rf"(?:at least |up to |no later than |at the latest )?{NUMBER} {_TIME_UNIT}(?: of notice)? "
    r"(?:ahead|in advance|beforehand|before|earlier|prior to)\b"
)
_SOON = (
    rf"\b(?:within|in less than|in under|not later than|no later than) (?:the (?:first|next) |a maximum of |about )?{NUMBER} {_TIME_UNIT}"
)
_ADJUNCTS = {
    "ahead": re.compile(_AHEAD),
    "soon": re.compile(_SOON),
    "often": re.compile(_OFTEN),
    "long": re.compile(rf"\bfor {_AMOUNT}{_TIME_UNIT}"),
    "until": re.compile(rf"\buntil {_POINT}"),
    "deadline": re.compile(rf"\bby {_POINT}(?! (?:and|or) )"),
    "period": re.compile(rf"\bfrom (?:{_CLOCK}|{_DATE}) to (?:{_CLOCK}|{_DATE})|\bbetween (?:{_CLOCK}|{_MONTH}) and (?:{_CLOCK}|{_MONTH})"),
    "when": re.compile(rf"\b(?:on|at|in|before|after) (?:{_POINT}|{_MONTH})(?:(?:,| and) (?:{_POINT}|{_MONTH}))*\b(?! or \d| o[’']clock)"),
}
_MONEY = re.compile(
    rf"^(?:{_QUANTIFIER})?(?:(?:EUR|USD|GBP|CHF)\s?\d[\d,.]*|[$€£]\d[\d,.]*|{NUMBER} (?:euros?|dollars?|pounds|percent|cents)\b|\d+\s?%)"
)
_COUNT = re.compile(rf"^(?P<quantifier>{_QUANTIFIER})?{NUMBER}(?: (?:to|or) {NUMBER})? (?=[A-Za-z])")
_ONE = re.compile(r"^(?:one|1)\b|^\d+(?:st|nd|rd|th)\b")
_EXAMPLE = re.compile(r"\b(?:for example|e\.g\.)")
_LOOSE = re.compile(r"[,;:()]|\b(?:that|which|who|if|when|because|where|only|unless|whether|than)\b")
_SECOND_VERB = re.compile(r"\b(?:and|or|but)\s+(?:then\s+|also\s+)?(?:\w+ed|kept|sent|paid|is|are|must|may|can|do|does|not)\b")
_OF_TIME = re.compile(r"(?:of|after|from|before|for|to|at|on|in)\b")


_OF_A_MATTER = frozenset({"report", "reports", "apply", "applies", "register", "registers"})  # of which
_GRANTED = frozenset({"be granted", "be given", "be awarded"})
_SINCE_LAST = re.compile(r"\s*(?:of|after) (?:its|their|the|your) (?:last|previous)\b")  # "within 90 days of its last check": an interval
_SHORT_UNIT = re.compile(_TIME_UNIT)
_MOST = re.compile(r"(?:up to|at most|a maximum of|no more than|not more than|no longer than)\b")
_LEAST = re.compile(r"(?:at least|a minimum of|no fewer than|not less than)\b")


@dataclass(frozen=True)
class _Question:
    """What is asked of a clause: its words before the amount (`middle`), those after it (`post`), and what is counted."""

    family: str
    middle: str
    post: str
    unit: str = ""


def amounts(sentence: Sentence, clause: Clause) -> Iterator[Fact]:
    """The facts about amounts and times in `clause`, the surest first."""
    if (
        clause.negative
        or (clause.aux == "may" and clause.base in words("possible"))
        or re.match(r"the (?:length|duration)\b", clause.subject)
        or _EXAMPLE.search(sentence.text)
        or "still" in sentence.text.split()[: len(clause.subject.split()) + 2]  # in spite of what stands before
    ):
        return
    adjuncts = list(_adjuncts(sentence, clause))
    counted = _object_amount(clause)
    fact = _fact(counted, sentence, clause) if counted else None
    if fact:
        yield fact
        yield from [adjunct for adjunct in adjuncts[:1] if fact.family in {"many", "much"} and adjunct.family not in {"often", "when"}]
    else:
        yield from adjuncts[:1]


def _object_amount(clause: Clause) -> _Question | None:
    """The amount that is the object of the clause: "14 characters", "140 euros"."""
    money = _MONEY.match(clause.body)
    if money:
        return _Question("much", "", clause.body[money.end() :])
    over = "over" if clause.base in {"carry", "roll"} and clause.body.startswith("over ") else ""
    body = clause.body.removeprefix(over).lstrip()
    count = _COUNT.match(body)
    if not count:
        return None
    noun = amount_noun(body[count.end() :])
    rest = body[count.end() + len(noun) :]
    if not noun or noun.split()[0].lower() in ADVERBS | {"percent"} or re.match(r"\s*(?:ahead|in advance|before|after|later)\b", rest):
        return None
    if clause.verb in _GRANTED and not re.match(r"\w+(?: of\b|$)", noun):
        return None  # "3 days paid time"
    if re.fullmatch(_TIME_UNIT, noun):
        return _duration(clause, noun, rest, over)
    states = clause.base == "be" and clause.verb not in _GRANTED
    return None if states or _ONE.match(body) else _Question("many", over, rest, noun)


def _duration(clause: Clause, noun: str, rest: str, over: str) -> _Question | None:
    if clause.base in {"take", "last", "be", "run"} and not clause.verb.startswith("be "):
        return _Question("long", "", rest)
    counted = (clause.base in words("takes_days") or over or clause.verb in _GRANTED) and not clause.imperative
    return _Question("many", over, rest, noun) if counted and not _ONE.match(clause.body) else None


def _adjuncts(sentence: Sentence, clause: Clause) -> Iterator[Fact]:
    for family, pattern in _ADJUNCTS.items():
        match = pattern.search(clause.body)
        if match is None or (clause.base == "be" and not clause.verb and family not in {"when", "period", "ahead"}):
            continue
        middle = clause.body[: match.start()].strip().removesuffix(" at least").removesuffix(" only")
        if family == "often" and re.match(NUMBER, middle):
            continue
        post = clause.body[match.end() :]
        again = family == "soon" and _SINCE_LAST.match(post)
        fact = _fact(_Question("often", middle, "") if again else _Question(family, middle, post), sentence, clause)
        if fact:
            yield fact


def _fact(asked: _Question, sentence: Sentence, clause: Clause) -> Fact | None:
    end = tail(asked.post)
    if end is None and asked.family == "ahead":
        end = ""  # "14 days before travel": what follows belongs to the amount
    if end is None or not _sound(asked.middle):
        return None
    if asked.family in {"soon", "until", "deadline", "long"} and not asked.unit and re.match(r"(?:of|after|from|before)\b", end):
        end = ""
    if asked.family in {"when", "ahead"} and _OF_TIME.match(end):
        end = ""
    rest = f"{asked.middle} {end}".strip()
    if not rest and clause.verb in _OF_A_MATTER:
        return None
    if (not rest or PERIOD.fullmatch(rest)) and _loses_scope(asked, clause):
        return None
    if not rest and clause.subject == "I" and not asked.unit and clause.base in {"have", "take", "be", "get", "receive", "use", "need"}:
        return None
    return Fact.of(asked.family, _slots(asked, clause, rest), sentence.text, sentence.span)


def _loses_scope(asked: _Question, clause: Clause) -> bool:
    """Whether the question would leave out what the amount is for ("4 hours of leave to get a vaccine"), or name nothing at all."""
    if asked.family not in {"many", "much"} or clause.subject not in {"I", "we"}:
        return False
    purpose = re.match(rf"\s*(?:{PERIOD.pattern}\s+)?(?:to [a-z]+|for|of|if|when|during|as)\b", asked.post)
    return purpose is not None or _SHORT_UNIT.fullmatch(asked.unit) is not None


def _slots(asked: _Question, clause: Clause, rest: str) -> dict[str, str]:
    is_amount = clause.base == "be" and not clause.verb
    if asked.family in {"soon", "ahead", "deadline"} and clause.subject == "I" and not clause.aux and _personal(clause):
        clause = replace(clause, imperative=True)  # "you take overtime back within 3 months" demands it
    window = asked.family == "soon" and clause.aux in {"can", "may"}
    return {
        "inv": "" if window else clause.inverted(rest),
        "plain": "" if window else clause.plain(rest),
        "within": clause.inverted(rest) if asked.family == "soon" else "",
        "window": f"{clause.does()} {clause.subject} have to {clause.phrase(rest)}" if window else "",
        "unit": flip(asked.unit),
        "vp": clause.phrase(rest) if _personal(clause) else "",
        "most": _relative(clause, rest) if _MOST.match(clause.body) else "",
        "least": _relative(clause, rest) if _LEAST.match(clause.body) else "",
        "active": "" if is_amount else clause.inverted(rest),
    }


def _relative(clause: Clause, rest: str) -> str:
    """The clause behind "the maximum number of days": "I can take", "that an offer names"."""
    return clause.plain(rest) if clause.subject in {"I", "we"} else f"that {clause.plain(rest)}"


def _personal(clause: Clause) -> bool:
    acts = clause.aux in {"", "must", "should", "can", "may"} and clause.base not in {"have", "receive", "get", "need", "be"}
    return clause.imperative or (clause.subject == "I" and acts)


def _sound(middle: str) -> bool:
    return len(middle.split()) <= 9 and not (_LOOSE.search(middle) or dangling(middle) or _SECOND_VERB.search(middle))
