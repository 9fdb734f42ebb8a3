"""Why something is so, and how to reach a purpose."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import capital, flip, known_verb
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Sentence
from generators.extractive.parsing import parse
from generators.extractive.phrases import dangling, trim

_BECAUSE = re.compile(r"^(?P<main>[^;:()]{12,120}?),?\s+(?:because|since|so that)\s+(?P<reason>[^;]{12,})$")
_PURPOSE = re.compile(r"^(?:In order to|To)\s+(?P<purpose>[a-z]+\s[^;:]{4,80}?),\s+(?P<main>\S.+)$")
_NO_REASON = re.compile(r"\bsince \d|, since (?:the|its|their) \w+ of\b|\bif\b|\bonly\b")
_SECOND_VERB = re.compile(r"\band (?:\w+ ){0,2}(?:is|are|must|can|has|have|may|do|then)\b")


def reasons(sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Why the main clause holds, when the sentence says so."""
    match = _BECAUSE.match(sentence.text)
    if match is None or _NO_REASON.search(sentence.text) or len(match.group("main").split()) > 15:
        return
    stated = parse(match.group("main"), context.lexicon)
    if stated is None or clause.subject not in {stated.subject, context.company} or not _whole(stated.body):
        return
    stated = stated.voiced(context.company)
    slots = {"inv": stated.inverted(stated.body, duty="should"), "plain": stated.plain(stated.body)}
    yield Fact.of("why", slots, sentence.text, sentence.span)


def _whole(body: str) -> bool:
    return not ("," in body or dangling(body) or body.startswith("so ") or _SECOND_VERB.search(body))


def purposes(sentence: Sentence, context: Context) -> Iterator[Fact]:
    """How to reach the purpose that a sentence names first: "To restore a file, open a ticket"."""
    match = _PURPOSE.match(sentence.text)
    if match is None:
        return
    purpose = match.group("purpose")
    clause = parse(capital(match.group("main")), context.lexicon)
    if clause is None or not (clause.imperative or clause.subject == "I"):
        return
    if trim(purpose) == purpose and known_verb(purpose.split(maxsplit=1)[0]):
        yield Fact.of("howto", {"vp": flip(purpose)}, sentence.text, sentence.span)
