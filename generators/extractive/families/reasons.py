"""Why something is so, and how to reach a purpose."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import capital, flip, known_verb
from generators.extractive.facts import Context, Fact
from generators.extractive.families.conditions import POINTER
from generators.extractive.page import Sentence
from generators.extractive.parsing import parse
from generators.extractive.phrases import dangling, trim
from generators.extractive.words import words

_BECAUSE = re.compile(r"^(?P<main>[^;:()]{12,120}?),?\s+(?:because|since|so that)\s+(?P<reason>[^;]{12,})$")
_PURPOSE = re.compile(r"^(?:In order to|To)\s+(?P<purpose>[a-z]+\s[^;:]{4,80}?),\s+(?P<main>\S.+)$")
_MEANS = re.compile(
    r"^(?P<main>(?:Please |You (?:can|may|must|should|need to|have to) )?[A-Za-z]+ [^,;:()]{3,70}?) "
    r"(?:in order )?to (?P<purpose>[a-z]+ [^,;:()]{4,70})\.$"
)
_WANTS = re.compile(
    r"\b(?:plan|planning|want|need|have|like|wish|intend|try|trying|going|used|required|allowed|able|ready|hope|expect|expected|agree|due|how|"
    r"where|what|when)$"
)
_NO_REASON = re.compile(r"\bsince \d|, since (?:the|its|their) \w+ of\b|\bif\b|\bonly\b")
_RELATIVE = re.compile(r" (?:that|which|who|where|when) ")  # what a reason without a comma may belong to
_TWO_ACTS = re.compile(rf"\band (?:{'|'.join(sorted(words('verbs')))})\b")
_SECOND_VERB = re.compile(r"\band (?:\w+ ){0,2}(?:is|are|must|can|has|have|may|do|then)\b")


def reasons(sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Why the main clause holds, when the sentence says so."""
    match = _BECAUSE.match(sentence.text)
    if match is None or _NO_REASON.search(sentence.text) or len(match.group("main").split()) > 15:
        return
    stated = parse(match.group("main"), context.lexicon)
    if (
        stated is None
        or (stated.imperative and _TWO_ACTS.search(stated.body))
        or clause.subject not in {stated.subject, context.company}
        or not _whole(stated.body)
        or (_RELATIVE.search(match.group("main")) and sentence.text[match.end("main")] != ",")
    ):
        return
    stated = stated.voiced(context.company)
    slots = {"inv": stated.inverted(stated.body, duty="should"), "plain": stated.plain(stated.body)}
    yield Fact.of("why", slots, sentence.text, sentence.span)


def _whole(body: str) -> bool:
    return not ("," in body or dangling(body) or body.startswith("so ") or _SECOND_VERB.search(body))


def purposes(sentence: Sentence, context: Context) -> Iterator[Fact]:
    """How to reach the purpose that a sentence names: "To restore a file, open a ticket", "Use the form to order a badge"."""
    first = _PURPOSE.match(sentence.text)
    match = first or _MEANS.match(sentence.text)
    if match is None:
        return
    main = match.group("main")
    if POINTER.match(main) or (first is None and _WANTS.search(main)):
        return
    purpose = flip(match.group("purpose"))
    clause = parse(capital(main), context.lexicon)
    if (
        clause is None
        or clause.negative
        or not (clause.imperative or (clause.subject == "I" and clause.aux in {"", "can", "may", "must", "should", "will"}))
    ):
        return
    if purpose.split(maxsplit=1)[0] in words("aims") or (
        first is None and (clause.base not in words("means") or purpose.split(maxsplit=1)[0] in words("aimless"))
    ):
        return
    if trim(purpose) == purpose and len(purpose.split()) > 1 and known_verb(purpose.split(maxsplit=1)[0]):
        yield Fact.of("howto", {"vp": purpose}, sentence.text, sentence.span)
