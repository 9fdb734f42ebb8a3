"""Permissions, duties, advice and prohibitions, asked as yes/no questions whose "No." is as frequent as their "Yes."."""

import re
from collections.abc import Iterator
from itertools import takewhile

from generators.extractive.clauses import Clause
from generators.extractive.english import BE, PREPOSITIONS, gerund, lemma, plural
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import trim
from generators.extractive.words import words

_POSSIBLE = words("possible")
_INVITING = words("inviting")
_PEOPLE = re.compile(
    r"\b(?:employees?|staff|customers?|managers?|visitors?|users?|teams?|members?|agents?|administrators?|parents?|candidates?|supervisors?|contractors?|buddies|interns?|"
    r"workers?|colleagues?|leads?|officers?|shift|departments?|guests?|everyone|everybody|anyone|person|people)\b"
)
_ALLOWED = words("allowed")


def rules(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """The rule that `clause` states, if it states one."""
    _ = section, context
    rest = trim(clause.body)
    if (
        rest is None
        or clause.body.startswith(",")
        or re.search(r"\(\d", sentence.text)
        or re.search(
            r"\b(?:only|unless|except|either|neither|whichever|more than once|alone|at most|no|no more than|as needed|if possible)\b|^\s*(?:so|that)\b",
            f"{rest} {_hedge(clause, sentence)}",
        )
    ):
        return
    family = _family(clause)
    if family is None or (not rest and clause.base == "be" and not clause.verb):
        return
    phrase = clause.phrase(rest).removeprefix("need to ").removeprefix("have to ")
    personal = (clause.imperative or clause.subject == "I") and family not in {"deny", "affirm"}
    slots = {
        "inv": clause.inverted(rest) if not clause.negative else "",
        "vp": phrase if personal else "",
        "ving": gerund(phrase) if personal and clause.base != "be" else "",
    }
    if not personal:
        slots |= _impersonal(clause, rest, phrase)
    yield Fact.of(family if personal else f"{family}_s", slots, sentence.text, sentence.span)


def _join_free(subject: str, verb: str) -> str:
    head = [word for word in takewhile(lambda word: word.lower() not in PREPOSITIONS | {"who", "that", "which"}, subject.split())]
    many = bool(head) and (plural(head[-1]) or " and " in subject)
    return f"{subject} {'do' if many else 'does'} not have to {verb}"


def _hedge(clause: Clause, sentence: Sentence) -> str:
    """The words before the verb, where "only" would turn the rule around."""
    return " ".join(sentence.text.split()[: len(clause.subject.split()) + 2]).lower()


def _family(clause: Clause) -> str | None:
    if clause.imperative:
        return None if clause.base in _INVITING else ("forbid" if clause.negative else "duty")
    if clause.aux in {"can", "may"}:
        if clause.negative:
            return "forbid"
        return "permit" if _permits(clause) else None
    if clause.aux in {"must", "should"}:
        if clause.aux == "should" and clause.base in {"expect", "feel", "know", "notice", "see", "have"}:
            return None
        return "forbid" if clause.negative else ("duty" if clause.aux == "must" else "advice")
    if clause.base in {"need", "have"} and clause.body.startswith("to ") and clause.negative:
        return "free"
    if clause.negative and (clause.aux in BE or not clause.aux or clause.aux == "will"):
        return "deny" if not clause.verb.startswith("be ") or lemma(clause.verb[3:]) in words("verbs") else None
    if clause.aux in BE and (clause.verb in _ALLOWED or re.match(rf"(?:{'|'.join(_ALLOWED)})\b", clause.body)):
        return "affirm"
    return None


def _permits(clause: Clause) -> bool:
    """Whether can/may grants something, rather than saying what may come to pass."""
    if clause.verb.startswith("be "):
        return lemma(clause.verb[3:]) in words("verbs") and clause.verb[3:] not in {"found", "seen", "caused", "used"}
    if clause.base in _POSSIBLE:
        return False
    return (
        clause.subject == "I"
        or _PEOPLE.search(clause.subject) is not None
        or (clause.aux == "can" and clause.subject.split()[-1][0] in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    )


def _impersonal(clause: Clause, rest: str, phrase: str) -> dict[str, str]:
    positive = Clause(
        clause.subject, "may" if clause.negative and clause.aux == "must" else clause.aux, False, clause.verb, clause.base, clause.body
    )
    opposite = Clause(clause.subject, clause.aux, True, clause.verb, clause.base, clause.body)
    verb = f"{clause.verb} {rest}".strip() if clause.verb.startswith("be ") else phrase
    if clause.negative and re.search(r"\b(?:any|anyone|anything|yet|ever|at all)\b", rest):
        return {"inv": positive.inverted(rest), "s": clause.subject, "vp": verb}
    return {
        "inv": positive.inverted(rest),
        "plain": positive.plain(rest),
        "opposite": opposite.plain(rest),
        "free": _join_free(clause.subject, verb),
        "s": clause.subject,
        "vp": verb,
    }
