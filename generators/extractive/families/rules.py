"""Permissions, duties, advice and prohibitions, asked as yes/no questions whose "No." is as frequent as their "Yes."."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import BE, gerund
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import trim

_POSSIBLE = frozenset("be find see check visit expect feel happen mean take have help need vary look appear lead cause become reduce think imagine know notice".split())
_ALLOWED = frozenset("allowed permitted accepted required needed insured covered reimbursed refunded included excluded paid deducted forbidden prohibited mandatory possible available compulsory optional".split())


def rules(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """The rule that `clause` states, if it states one."""
    _ = section, context
    rest = trim(clause.body)
    if rest is None or re.search(r"\b(?:only|unless|except|either|neither|whichever|more than once)\b|^\s*(?:so|that)\b", f"{rest} {_hedge(clause, sentence)}"):
        return
    family = _family(clause)
    if family is None or (not rest and clause.base == "be" and not clause.verb):
        return
    phrase = clause.phrase(rest).removeprefix("need to ").removeprefix("have to ")
    personal = clause.imperative or clause.subject == "I"
    slots = {"inv": clause.inverted(rest) if not clause.negative else "", "vp": phrase if personal else "", "ving": gerund(phrase) if personal and clause.base != "be" else ""}
    if not personal:
        slots |= _impersonal(clause, rest, phrase)
    yield Fact.of(family if personal else f"{family}_s", slots, sentence.text, sentence.span)


def _hedge(clause: Clause, sentence: Sentence) -> str:
    """The words before the verb, where "only" would turn the rule around."""
    return " ".join(sentence.text.split()[: len(clause.subject.split()) + 2]).lower()


def _family(clause: Clause) -> str | None:
    if clause.imperative:
        return "forbid" if clause.negative else "duty"
    if clause.aux in {"can", "may"}:
        if clause.negative:
            return "forbid"
        return None if clause.base in _POSSIBLE and not clause.verb.startswith("be ") or (clause.subject != "I" and clause.aux == "may" and not clause.verb.startswith("be ")) else "permit"
    if clause.aux in {"must", "should"}:
        return "forbid" if clause.negative else ("duty" if clause.aux == "must" else "advice")
    if clause.base in {"need", "have"} and clause.body.startswith("to ") and clause.negative:
        return "free"
    if clause.negative and (clause.aux in BE or not clause.aux or clause.aux == "will"):
        return "deny"
    if clause.aux in BE and (clause.verb in _ALLOWED or re.match(rf"(?:{'|'.join(_ALLOWED)})\b", clause.body)):
        return "affirm"
    return None


def _impersonal(clause: Clause, rest: str, phrase: str) -> dict[str, str]:
    positive = Clause(clause.subject, clause.aux, False, clause.verb, clause.base, clause.body)
    opposite = Clause(clause.subject, clause.aux, not clause.negative, clause.verb, clause.base, clause.body)
    verb = f"{clause.verb} {rest}".strip() if clause.verb.startswith("be ") else phrase
    return {"inv": positive.inverted(rest), "plain": positive.plain(rest), "opposite": opposite.plain(rest), "s": clause.subject, "vp": verb}
