"""Why something is so, and how to reach a purpose."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause, parse
from generators.extractive.english import capital, flip, known_verb
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import dangling, trim

_BECAUSE = re.compile(r"^(?P<main>[^;:()]{12,120}?),?\s+(?:because|since|so that)\s+(?P<reason>[^;]{12,})$")
_PURPOSE = re.compile(r"^(?:In order to|To)\s+(?P<purpose>[a-z]+\s[^;:]{4,80}?),\s+(?P<main>\S.+)$")


def reasons(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Why the main clause holds, when the sentence says so."""
    _ = section
    match = _BECAUSE.match(sentence.text)
    if match is None or re.search(r"\bsince \d|, since (?:the|its|their) \w+ of\b|\bif\b|\bonly\b", sentence.text):
        return
    main = match.group("main")
    stated = parse(main, context.lexicon)
    if (
        stated is None
        or stated.subject != clause.subject
        or len(main.split()) > 15
        or "," in stated.body
        or dangling(stated.body)
        or stated.body.startswith("so ")
    ):
        return
    if re.search(r"\band (?:\w+ ){0,2}(?:is|are|must|can|has|have|may|do|then)\b", stated.body):
        return
    why = stated.inverted(stated.body, duty="should")
    yield Fact.of("why", {"inv": why, "plain": stated.plain(stated.body)}, sentence.text, sentence.span)


def purposes(section: Section, sentence: Sentence, context: Context) -> Iterator[Fact]:
    """How to reach the purpose that a sentence names first: "To restore a file, open a ticket"."""
    _ = section
    match = _PURPOSE.match(sentence.text)
    if match is None:
        return
    purpose, main = match.group("purpose"), match.group("main")
    asked = trim(purpose)
    clause = parse(capital(main), context.lexicon)
    if asked != purpose or clause is None or not (clause.imperative or clause.subject == "I") or not known_verb(purpose.split()[0]):
        return
    yield Fact.of("howto", {"vp": flip(purpose)}, sentence.text, sentence.span)
