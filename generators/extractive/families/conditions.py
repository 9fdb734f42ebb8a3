"""What to do, or what happens, when a condition holds: "If C, M"."""

import re
from collections.abc import Iterator

from generators.extractive.english import DETERMINERS, PREPOSITIONS, capital, flip, known_verb, lemma, tokens
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Sentence
from generators.extractive.parsing import parse
from generators.extractive.phrases import dangling
from generators.extractive.words import words

_CONDITION = re.compile(r"(?:(?P<if>If)|(?P<when>When|Once|After|Before))\s+(?P<condition>[^;:()]{6,110}?),\s+(?P<main>\S.+)$", re.DOTALL)
_INSTRUCTION = re.compile(
    r"^(?:please\s+|always\s+|you (?:must|should|need|can|may|have to)\b|it[’']?s your|let |do not |never )", re.IGNORECASE
)
_BAD_MAIN = re.compile(r"^(?:there|here|or|and|but|nor|whether|as|even|which|who)\b|^\d|^[a-z]+(?:ed|ing)\b", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"^(?:this|that|these|those|it|they|so|not|there|he|she|any of|none|either|possible|necessary|applicable|needed|in doubt|already|just|"
    r"only|unsure|asked|required)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"\b(?:we|us|our|anything|any (?:questions?|issues?|concerns?|problems?))\b|\blater$")
_LIST_GOES_ON = re.compile(
    r"[\w’' -]{1,60}, or\b|[\w’' -]{1,30}, and\b|[\w’' -]{1,30} or [\w’' -]{1,30},"
    r"|[\w’' -]{1,60} or [\w’' -]{1,60}, (?:you|please|we|it|they|contact|then)\b"
)
_POINTS = re.compile(r"\b(?:this|these|those) [a-z]+")
_FINITE = frozenset({"is", "are", "has", "have", "was", "were", "cannot", "can", "do", "does"})


def conditions(sentence: Sentence, context: Context) -> Iterator[Fact]:
    """The condition that `sentence` opens with and what follows from it."""
    match = _CONDITION.match(sentence.text)
    if match is None or not _clear(match.group("condition"), match.group("main"), context):
        return
    opener = (match.group("when") or "if").lower()
    asked = context.lexicon.lower_first(flip(match.group("condition")))
    state = opener in {"if", "when"} and not asked.startswith(("I do not", "a ", "an ", "no "))
    slots = {"c": f"{opener} {asked}", "cif": f"if {asked}" if opener == "if" else "", "situation": capital(asked) if state else ""}
    instructs = _instructs(re.sub(r"^(?:then|first),? ", "", match.group("main")), context)
    yield Fact.of("if_do" if instructs else "if_happens", slots, sentence.text, sentence.span)


def _clear(condition: str, main: str, context: Context) -> bool:
    """Whether the condition is a whole clause that stands alone, and the comma ends it."""
    if _POINTS_BACK.match(condition) or _BAD_MAIN.match(main) or _VAGUE.search(condition) or dangling(condition):
        return False
    whole = "," not in condition and not _LIST_GOES_ON.match(main) and not _POINTS.search(main)
    return whole and _has_verb(condition, context)


def _has_verb(condition: str, context: Context) -> bool:
    if parse(capital(condition), context.lexicon) is not None:
        return True
    found = [word.lower() for word, _, _ in tokens(condition)]
    return any(word in _FINITE or lemma(word) in words("verbs") for word in found[1:])


def _instructs(main: str, context: Context) -> bool:
    if _INSTRUCTION.match(main):
        return True
    first, second = [*main.lower().split(), "", ""][:2]
    if known_verb(first) and (first not in words("nounish") or second in DETERMINERS | PREPOSITIONS):
        return True
    clause = parse(capital(main), context.lexicon)
    return clause is not None and clause.imperative
