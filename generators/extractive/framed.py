"""Main clauses that stand behind a condition or an adverbial: it is moved to their end, where a question can keep it."""

import re
from collections.abc import Iterator
from dataclasses import replace

from generators.extractive.clauses import Clause
from generators.extractive.english import capital, flip
from generators.extractive.facts import Context
from generators.extractive.families.conditions import opening_condition
from generators.extractive.page import Sentence
from generators.extractive.parsing import parse
from generators.extractive.phrases import dangling, trim

_FRONT = re.compile(
    r"(?P<front>(?:In|At|For|During|After|Before|Within|On|By|From|With|Upon|Until|Under|Throughout|Every|Each)\s[^,;:()]{3,60}), "
    r"(?P<main>[A-Za-z].+)$",
    re.DOTALL,
)
_SAYS_NOTHING = re.compile(
    r"\b(?:this|that|these|those|it|its|them|their|there|addition|general|fact|order|short|example|instance|particular|meantime|words|practice|"
    r"theory|contrast|comparison|conclusion|summary|reason|now|many|most|some|which|whom|so|way|ways|top|far|far)\b"
)
_LONGEST_CONDITION, _LONGEST_FRONT = 11, 9  # words


def framed(sentence: Sentence, context: Context) -> Iterator[Clause]:
    """The main clause of "If C, M" or "At the end of X, M", if it is a statement."""
    condition = opening_condition(sentence, context)
    if condition:
        if len(condition.asked.split()) <= _LONGEST_CONDITION:
            yield from _moved(condition.main, f"{condition.opener} {condition.asked}", context)
        return
    match = _FRONT.match(sentence.text)
    if match is None or _SAYS_NOTHING.search(match.group("front").lower()) or dangling(match.group("front")):
        return
    clause = parse(match.group("front"), context.lexicon)
    if clause is None and len(match.group("front").split()) <= _LONGEST_FRONT:
        yield from _moved(match.group("main"), context.lexicon.lower_first(flip(match.group("front"))), context)


def _moved(main: str, frame: str, context: Context) -> Iterator[Clause]:
    clause = parse(capital(main), context.lexicon)
    rest = None if clause is None or clause.imperative else trim(clause.body, limit=10)
    if clause is not None and rest is not None:
        yield replace(clause, body=f"{rest} {frame}")
