"""For whom, where and when a sentence holds: two rules for two sorts of people, places or times do not contradict each other."""

import re
from dataclasses import dataclass

from builder.findings.topics import WORD, meaning

_TIME = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|week(?:day|end)s?|january|february|march|april|june|july|august|september"
    r"|october|november|december|spring|summer|autumn|winter|q[1-4]|(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_PEOPLE = re.compile(  # said only where the rule is not for everybody
    r"\b(?:apprentice|intern|trainee|contractor|freelancer|temporary|seasonal|part-time|manager|director|executive|board|administrator"
    r"|admin|engineer|developer|driver|senior|junior|minor|adult|private|business|corporate|enterprise|student|pensioner|night"
    r"|express|international|domestic|abroad|remote|former|premium|free|carr(?:y|ied))(?:s|ly)?\b(?!\sof\scharge)",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:other|others|else|except|unless|additional|further|exceptional|exceptionally|only)\b(?!\sthan)", re.IGNORECASE)
_EXAMPLE = re.compile(r"\b(?:for (?:example|instance)|e\.g\.|example:|examples?$|suppose|imagine|let's say|assume)", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:previously|formerly|used to|in the past|until (?:the end of )?(?:19|20)\d\d|superseded|obsolete|deprecated|archived?"
    r"|draft|outdated|replaced (?:on|by|in)|(?:old|former|previous)(?= (?:version|polic|rule|handbook|terms|price)))\b",
    re.IGNORECASE,
)
_WAS = re.compile(r"\b(?:was|were|had)\b", re.IGNORECASE)
_IS = re.compile(r"\b(?:must|shall|may|can(?:not)?|is|are|has|have|will|would|should|needs?|do|does|please|if|once)\b", re.IGNORECASE)
_NAME = re.compile(r"(?:(?P<place>\b(?:in|for|at|of|from|to|with)(?: the)?)|[a-z,;:)]) (?P<name>[A-Z][\w&-]+)")
_OPPOSITE = (
    ("open(?:s|ed|ing)?\\b", "clos(?:e|es|ed|ing)\\b"), ("start|begin", "end(?:s|ed|ing)?\\b|finish"), ("upload", "download"),
    ("arriv|check[ -]?in\\b", "depart|check[ -]?out\\b"), ("employees?\\b", "employers?\\b"), ("buy|purchas", "sell|sale"),
    ("internal", "external"), ("earliest", "latest"), ("entry|enter(?:s|ed|ing)\\b", "exit"), ("day shift", "night shift"),
    ("read", "writ"), ("earn|accru", "carr(?:y|ied)"), ("send|sent", "receiv"), ("increas|rais", "decreas|reduc"),
    ("inbound|incoming", "outbound|outgoing"),
    ("keep|kept|stor|retain", "delet|remov|eras|destroy"),
)  # fmt: skip
_KEPT = len(_OPPOSITE)
_SIDES = re.compile(
    r"\b(?:" + "|".join(f"(?P<l{place}>{one})|(?P<r{place}>{other})" for place, (one, other) in enumerate(_OPPOSITE, start=1)) + ")",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"\b(?:at least|minimum|min\.|no (?:less|fewer) than|not (?:less|fewer) than|or (?:more|longer|above))(?!\w)", re.IGNORECASE
)
_AT_MOST = re.compile(
    r"\b(?:at most|up to|maximum|max\.|no (?:more|longer) than|not (?:more|longer) than|not exceed|or (?:less|fewer)|at the latest)(?!\w)",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"\b(?:before|advance|ahead|prior)\b", re.IGNORECASE)
_SPAN = r"(?:minute|hour|day|week|month|year)s?'?"
_LEAD = re.compile(rf"(?<!for \w)\b{_SPAN}(?: or more| at the latest| notice)? (?:before|in advance|ahead|prior)\b", re.IGNORECASE)
_HELD = re.compile(rf"\bfor (?:[\w-]+ ){{1,3}}{_SPAN} before\b", re.IGNORECASE)  # kept for 30 days before it is deleted
_BY = re.compile(
    r"\bby (?:up to |at most |a further |another )?(?:\d+(?:[.,]\d+)? ?(?:%|percent|euros?|EUR|days?|weeks?|months?|years?)"
    r"|[a-z]+ (?:days|weeks|months|years|percent))\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|in case)\b[^,;]*\b(?:\d|two|three|four|five|six|seven|eight|nine|ten|twelve)", re.IGNORECASE)
_YEARS = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True)
class Scope:
    """What limits a sentence: times, sorts of people and things, names; `other` if it is about the rest, `bound` least or most."""

    times: frozenset[str] = frozenset()
    sorts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()  # names behind in, for, of
    is_other: bool = False
    bound: str = ""
    is_lead: bool = False  # so long before something
    is_change: bool = False  # by so much
    is_condition: bool = False  # the value stands behind an if


def scope_of(text: str, rest: str, *, names: bool, is_dated: bool) -> Scope:
    """Return what limits a sentence.

    Args:
        text: the sentence.
        rest: the sentence without its values.
        names: whether words with a capital are names, as they are not in German.
        is_dated: whether a date in it only says when something is so, for there are other values.
    """
    found = [match for match in _NAME.finditer(rest) if not _TIME.fullmatch(match["name"])] if names else []
    least, most = _AT_LEAST.search(text), _AT_MOST.search(text)
    bound = "" if _AHEAD.search(text) or bool(least) == bool(most) else "least" if least else "most"
    return Scope(
        times=_plain([*_TIME.findall(rest), *(_YEARS.findall(text) if is_dated else ())]),
        sorts=_plain(_PEOPLE.findall(rest)),
        names=_plain([match["name"] for match in found]),
        places=_plain([match["name"] for match in found if match["place"]]),
        is_other=bool(_OTHERS.search(rest)),
        bound=bound,
        is_condition=bool(_CONDITION.search(text)),
        is_change=bool(_BY.search(text)),
        is_lead=bool(_LEAD.search(text) and not _HELD.search(text)),
    )


def is_no_rule(text: str) -> bool:
    """Tell whether a sentence or heading gives an example, or says what was."""
    return bool(_EXAMPLE.search(text) or _PAST.search(text) or (_WAS.search(text) and not _IS.search(text)))


def times_of(text: str) -> frozenset[str]:
    """Return the months, years and days that a title or heading names."""
    return _plain(_TIME.findall(text))


def sides(text: str) -> frozenset[int]:
    """Return on which side of opposites a text stands: 1 for opening, -1 for closing, and so on; on neither if it names both."""
    groups = {match.lastgroup or "" for match in _SIDES.finditer(text)}
    found = {int(group[1:]) * (1 if group[0] == "l" else -1) for group in groups}
    return frozenset(side for side in found if -side not in found)


def opposite(one: frozenset[int], other: frozenset[int], *, is_rule: bool) -> bool:
    """Tell whether one stands on the other `sides`; what must be kept must not be deleted, so that is no quarrel."""
    return any(-side in other and (is_rule or abs(side) != _KEPT) for side in one)


def apart(one: Scope, other: Scope, said: frozenset[str], heard: frozenset[str]) -> bool:
    """Tell whether the two hold for different times, sorts or names; `said` and `heard` are all words around the one and the other."""
    strange, unheard = one.names - heard, other.names - said
    return bool(
        one.times ^ other.times
        or (one.sorts - heard)
        or (other.sorts - said)
        or one.is_other != other.is_other
        or one.is_lead != other.is_lead
        or one.is_change != other.is_change
        or one.is_condition != other.is_condition
        or {one.bound, other.bound} == {"least", "most"}
        or (strange and unheard)
        or (strange & one.places)
        or (unheard & other.places)
    )


def _plain(found: list[str]) -> frozenset[str]:
    return frozenset(meaning(word) for text in found for word in WORD.findall(text.lower().replace("-", "")))
