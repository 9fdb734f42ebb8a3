"""Permissions, duties, advice and prohibitions, asked as yes/no questions whose "No." is as frequent as their "Yes."."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from generators.extractive.clauses import Clause
from generators.extractive.english import BE, PREPOSITIONS, gerund, lemma, plural
from generators.extractive.facts import Fact
from generators.extractive.page import Sentence
from generators.extractive.phrases import trim
from generators.extractive.words import words

_ALLOWED = re.compile(rf"(?:{'|'.join(sorted(words('allowed')))})\b")
_HEDGED = re.compile(
    r"\b(?:only|unless|except|either|neither|whichever|more than once|alone|at most|no|no more than|as needed|"
    r"if possible)\b|^\s*(?:so|that)\b"
)
_POLARITY = re.compile(r"\b(?:any|anyone|anything|yet|ever|at all)\b")
_PEOPLE = re.compile(
    r"\b(?:employees?|staff|customers?|managers?|visitors?|users?|teams?|members?|agents?|administrators?|parents?|candidates?|supervisors?|"
    r"contractors?|buddies|interns?|workers?|colleagues?|leads?|officers?|shift|departments?|guests?|everyone|everybody|anyone|person|people)\b"
)
_TWO_VERBS = re.compile(rf"\b(?:and|or) (?:{'|'.join(sorted(words('verbs')))})\b")
_UNSPEAKABLE = re.compile(r"\(\d|\betc\b|\w/\w+/\w")


def rules(sentence: Sentence, clause: Clause) -> Iterator[Fact]:
    """The rule that `clause` states, if it states one."""
    rest, family = trim(clause.body), _family(clause)
    if rest is None or family is None or clause.body.startswith(",") or _UNSPEAKABLE.search(sentence.text):
        return
    if _HEDGED.search(f"{rest} {_opening(clause, sentence)}") or (not rest and clause.base == "be" and not clause.verb):
        return
    personal = (clause.imperative or clause.subject == "I") and family not in {"deny", "affirm"}
    slots = _personal(clause, rest) if personal else _impersonal(clause, rest)
    yield Fact.of(family if personal else f"{family}_s", slots, sentence.text, sentence.span)


def _opening(clause: Clause, sentence: Sentence) -> str:
    """The words before the verb, where "only" would turn the rule around."""
    return " ".join(sentence.text.split()[: len(clause.subject.split()) + 2]).lower()


def _family(clause: Clause) -> str | None:
    negative = clause.negative
    if clause.imperative:
        return None if clause.base in words("inviting") else ("forbid" if negative else "duty")
    if clause.aux in {"can", "may"}:
        return "forbid" if negative else ("permit" if _permits(clause) else None)
    if clause.aux == "must":
        return "forbid" if negative else "duty"
    if clause.aux == "should":
        return None if clause.base in {"expect", "feel", "know", "notice", "see", "have"} else ("forbid" if negative else "advice")
    if negative:
        return _denial(clause)
    allows = clause.aux in BE and (_ALLOWED.fullmatch(clause.verb) or (not clause.verb and _ALLOWED.match(clause.body)))
    return "affirm" if allows else None


def _denial(clause: Clause) -> str | None:
    if clause.base in {"need", "have"} and clause.body.startswith("to "):
        return "free"
    sure = not clause.verb.startswith("be ") or lemma(clause.verb[3:]) in words("verbs")
    return "deny" if sure and (clause.aux in BE | {"", "will"}) else None


def _permits(clause: Clause) -> bool:
    """Whether can/may grants something, rather than saying what may come to pass."""
    if clause.verb.startswith("be "):
        return lemma(clause.verb[3:]) in words("verbs") and clause.verb[3:] not in {"found", "seen", "caused", "used"}
    if clause.base in words("possible"):
        return False
    able = clause.aux == "can" and re.match(r"[A-Z\d]", clause.subject.split()[-1]) is not None
    return clause.subject == "I" or able or _PEOPLE.search(clause.subject) is not None


def _personal(clause: Clause, rest: str) -> dict[str, str]:
    phrase = clause.phrase(rest).removeprefix("need to ").removeprefix("have to ")
    return {"vp": phrase, "ving": gerund(phrase) if clause.base != "be" and not _TWO_VERBS.search(phrase) else ""}


def _impersonal(clause: Clause, rest: str) -> dict[str, str]:
    forbids = clause.negative and clause.aux == "must"
    positive = replace(clause, aux="may" if forbids else clause.aux, negative=False)
    asked = {"inv": positive.inverted(rest), "s": clause.subject}
    if clause.negative and _POLARITY.search(rest):
        return asked
    return asked | {"plain": positive.plain(rest), "opposite": replace(clause, negative=True).plain(rest), "free": _freed(clause, rest)}


def _freed(clause: Clause, rest: str) -> str:
    """What a denied duty would say: "customers do not have to pay"."""
    head = list(takewhile(lambda word: word.lower() not in PREPOSITIONS | {"who", "that", "which"}, clause.subject.split()))
    many = bool(head) and (plural(head[-1]) or " and " in clause.subject)
    return f"{clause.subject} {'do' if many else 'does'} not have to {clause.phrase(rest)}"
