""" "If C, M": what to do, or what happens, when C is so."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import parse
from generators.extractive.english import capital, flip, lemma, tokens
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import dangling
from generators.extractive.words import words

_CONDITION = re.compile(
    r"(?:(?P<if>If|Should)|(?P<when>When|Once|After|Before))\s+(?P<condition>[^;:()]{6,110}?),\s+(?P<main>\S.+)$", re.DOTALL
)
_POSTPOSED = re.compile(r"^(?P<main>[^;:()]{10,120}?),?\s+if\s+(?P<condition>you\b[^;:(),]{6,90})\.$")
_INSTRUCTION = re.compile(
    r"^(?:please\s+|always\s+|you (?:must|should|need|can|may|have to)\b|it[’']?s your|let |do not |never )", re.IGNORECASE
)
_BAD_MAIN = re.compile(r"^(?:there|here|or|and|but|nor|whether|as|even|which|who)\b|^\d|^[a-z]+(?:ed|ing)\b", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"^(?:this|that|these|those|it|they|so|not|there|he|she|any of|none|either|possible|necessary|applicable|needed|in doubt|already|just|only|unsure|asked|required)\b",
    re.IGNORECASE,
)


def conditions(section: Section, sentence: Sentence, context: Context) -> Iterator[Fact]:
    """The condition that `sentence` opens with and what follows from it."""
    _ = section
    match = _CONDITION.match(sentence.text)
    if match is None:
        return
    condition, main = match.group("condition"), match.group("main")
    if (
        _POINTS_BACK.match(condition)
        or _BAD_MAIN.match(main)
        or dangling(condition)
        or not _has_verb(condition, context)
        or _listed(condition, main)
        or re.search(r"\b(?:we|us|our|anything|any (?:questions?|issues?|concerns?|problems?))\b", condition)
    ):
        return
    asked = flip(condition) if sentence.text[:6] != "Should" else None
    if asked is None:
        return
    opener = match.group("when").lower() if match.group("when") else "if"
    asked = context.lexicon.lower_first(asked)
    main = re.sub(r"^(?:then|first),? ", "", main)
    kind = "do" if _instructs(main, context) else "happens"
    statement = capital(asked) if opener in {"if", "when"} and not asked.startswith(("I do not", "a ", "an ", "no ")) else ""
    yield Fact.of(
        f"if_{kind}",
        {"c": f"{opener} {asked}", "cif": f"if {asked}" if opener == "if" else "", "situation": statement},
        sentence.text,
        sentence.span,
    )


def _has_verb(condition: str, context: Context) -> bool:
    if parse(capital(condition), context.lexicon) is not None:
        return True
    found = [word.lower() for word, _, _ in tokens(condition)]
    return any(
        word in {"is", "are", "has", "have", "was", "were", "cannot", "can", "do", "does"} or lemma(word) in words("verbs")
        for word in found[1:]
    )


def _listed(condition: str, main: str) -> bool:
    """Whether the comma belongs to a list inside the condition."""
    return "," in condition or re.match(r"[\w’' -]{1,30}, (?:and|or)\b|[\w’' -]{1,30} or [\w’' -]{1,30},", main) is not None


def _instructs(main: str, context: Context) -> bool:
    if _INSTRUCTION.match(main):
        return True
    clause = parse(capital(main), context.lexicon)
    return clause is not None and clause.imperative
