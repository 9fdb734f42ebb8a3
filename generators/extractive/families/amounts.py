"""Amounts and times: how many, how much, how long, how soon, how often, when.

The clause keeps its words up to the amount; the amount itself becomes the question word, and the whole sentence answers.
"""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import ADVERBS, NUMBER, flip
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import amount_noun, dangling, tail

_QUANTIFIER = r"(?:up to|at least|at most|a maximum of|a minimum of|a total of|about|around|approximately|roughly|no more than|no longer than|not more than|more than|fewer than|less than|exactly|another|(?:plus or minus)|between)\s+"
_TIME_UNIT = r"(?:full |working |calendar |business |consecutive |paid |further |stable |equal )?(?:second|minute|hour|day|night|week|month|quarter|year|weekday)s?\b"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_WEEKDAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|weekday|weekend)s?"
_CLOCK = r"\d{1,2}(?::\d\d)?\s?(?:a\.?m\.?|p\.?m\.?)|\d{1,2}:\d\d|noon|midnight"
_DATE = rf"(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of (?:each|the|every) (?:month|year|following month))?(?: {_MONTH})?(?: \d{{4}})?|{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?(?:,? \d{{4}})?|(?:\w+ )?{_WEEKDAY}(?: of (?:the|each|every) (?:month|quarter|year|\w+))?|(?:first|last|second|third|\w+ last) (?:working )?(?:day|week|payday)(?: of [\w’' -]{{1,30}})?)"
_POINT = rf"(?:(?:{_CLOCK})(?: [A-Z]{{2,4}}\b)?(?: on {_DATE})?|{_DATE}(?:(?: at|,) (?:{_CLOCK}))?)"
_AMOUNT = rf"(?:{_QUANTIFIER})?{NUMBER}(?: (?:to|and|or) {NUMBER})? "
_ADJUNCTS = (
    ("ahead", re.compile(rf"(?:at least |up to |no later than |at the latest )?{NUMBER} {_TIME_UNIT}(?: of notice)? (?:ahead|in advance|beforehand|before|earlier|prior to)\b")),
    ("soon", re.compile(rf"\b(?:within|in less than|in under|not later than|no later than) (?:the (?:first|next) |a maximum of |about )?{NUMBER} {_TIME_UNIT}")),
    ("often", re.compile(rf"\b(?:every (?:(?:{NUMBER}|second|third|other) )?(?:{_TIME_UNIT}|morning|night|evening|{_MONTH}(?: and {_MONTH})?|{_WEEKDAY})|(?:at least |up to |only )?(?:once|twice|{NUMBER} times) (?:a|an|per|every|each|in) (?:calendar |fiscal |leave )?(?:{_TIME_UNIT}|{NUMBER} {_TIME_UNIT})|each (?:calendar |fiscal )?(?:month|quarter|year|week|day|{_MONTH})|(?:daily|weekly|monthly|quarterly|yearly|annually)\b)")),
    ("long", re.compile(rf"\bfor {_AMOUNT}{_TIME_UNIT}")),
    ("until", re.compile(rf"\buntil {_POINT}")),
    ("deadline", re.compile(rf"\bby {_POINT}(?! (?:and|or) )")),
    ("period", re.compile(rf"\bfrom (?:{_CLOCK}|{_DATE}) to (?:{_CLOCK}|{_DATE})|\bbetween (?:{_CLOCK}|{_MONTH}) and (?:{_CLOCK}|{_MONTH})")),
    ("when", re.compile(rf"\b(?:on|at|in|before|after) (?:{_POINT}|{_MONTH})(?:(?:,| and) (?:{_POINT}|{_MONTH}))*\b")),
)  # fmt: skip
_MONEY = re.compile(
    rf"^(?:{_QUANTIFIER})?(?:(?:EUR|USD|GBP|CHF)\s?\d[\d,.]*|[$€£]\d[\d,.]*|{NUMBER} (?:euros?|dollars?|pounds|percent|cents)\b|\d+\s?%)"
)
_COUNT = re.compile(rf"^(?P<quantifier>{_QUANTIFIER})?{NUMBER}(?: (?:to|or) {NUMBER})? (?=[a-z])")
_ONE = re.compile(r"^(?:one|1)\b|^(?:\d+)(?:st|nd|rd|th)\b")


def amounts(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """The facts about amounts and times in `clause`, the surest first."""
    _ = section, context
    if clause.negative or re.search(r"\b(?:for example|e\.g\.)", sentence.text):
        return
    found = _object_amount(sentence, clause) or next(_adjuncts(sentence, clause), None)
    if found:
        yield found
        if found.family in {"many", "much"}:
            yield from (fact for fact in list(_adjuncts(sentence, clause))[:1] if fact.family not in {"often", "when"})


def _object_amount(sentence: Sentence, clause: Clause) -> Fact | None:
    if _ONE.match(clause.body):
        return None
    money = _MONEY.match(clause.body)
    if money:
        return _fact("much", sentence, clause, "", clause.body[money.end() :])
    count = _COUNT.match(clause.body)
    if not count:
        return None
    noun = amount_noun(clause.body[count.end() :])
    rest = clause.body[count.end() + len(noun) :]
    if not noun or noun.split()[0].lower() in ADVERBS or re.match(r"\s*(?:ahead|in advance|before|after|later)\b", rest):
        return None
    timed = re.fullmatch(_TIME_UNIT, noun) is not None
    if timed and clause.base in {"take", "last", "be", "run"} and not clause.verb.startswith("be "):
        return _fact("long", sentence, clause, "", rest)
    if (
        clause.base == "be"
        or (clause.imperative and timed)
        or (
            timed
            and clause.base not in {"have", "receive", "get", "earn", "wait", "take", "request", "use", "accrue", "spend", "add", "keep"}
        )
    ):
        return None
    return _fact("many", sentence, clause, "", rest, unit=noun)


def _adjuncts(sentence: Sentence, clause: Clause) -> Iterator[Fact]:
    for family, pattern in _ADJUNCTS:
        match = pattern.search(clause.body)
        if match is None or (clause.base == "be" and not clause.verb and family not in {"when", "period", "ahead"}):
            continue
        middle = clause.body[: match.start()].strip()
        fact = _fact(family, sentence, clause, middle.removesuffix(" at least").removesuffix(" only"), clause.body[match.end() :])
        if fact:
            yield fact


def _fact(family: str, sentence: Sentence, clause: Clause, middle: str, post: str, unit: str = "") -> Fact | None:
    end = tail(post)
    if end is None or not _sound(middle):
        return None
    if (
        family in {"ahead", "soon", "when", "deadline", "until", "long"}
        and re.match(r"(?:of|after|from|before|for|to|at|on|in)\b", end)
        and not unit
    ):
        end = "" if re.match(r"(?:of|after|from|before)\b", end) or family in {"when", "ahead"} else end
    if (
        middle == ""
        and end == ""
        and clause.base in {"have", "take", "be", "get", "receive", "use", "need"}
        and clause.subject == "I"
        and not unit
    ):
        return None
    rest = f"{middle} {end}".strip()
    slots = {
        "inv": clause.inverted(rest),
        "plain": clause.plain(rest),
        "unit": flip(unit),
        "vp": clause.phrase(rest) if _personal(clause) else "",
    }
    if clause.verb and not (clause.base == "be" and not clause.verb):
        slots |= {"active": clause.inverted(rest)}
    if (
        clause.base == "be"
        and not clause.verb
        and not clause.aux.startswith(("can", "may", "must", "should"))
        and family in {"long", "much"}
    ):
        slots |= {"thing": clause.subject}
    return Fact.of(family, slots, sentence.text, sentence.span)


def _personal(clause: Clause) -> bool:
    return clause.imperative or (
        clause.subject == "I"
        and clause.aux in {"", "must", "should", "can", "may"}
        and clause.base not in {"have", "receive", "get", "need", "be"}
    )


def _sound(middle: str) -> bool:
    if (
        len(middle.split()) > 9
        or re.search(r"[,;:()]|\b(?:that|which|who|if|when|because|where|only|unless|whether|than)\b", middle)
        or dangling(middle)
    ):
        return False
    return not re.search(r"\b(?:and|or|but)\s+(?:then\s+|also\s+)?(?:\w+ed|kept|sent|paid|is|are|must|may|can|do|does|not)\b", middle)
