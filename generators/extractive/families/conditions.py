"""What to do, what one may do, or what happens, when a condition holds: "If C, M", "Do M if C"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generators.extractive.clauses import Clause
from generators.extractive.english import DETERMINERS, PREPOSITIONS, capital, flip, known_verb, lemma, participle, tokens
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Sentence
from generators.extractive.parsing import parse
from generators.extractive.phrases import TWO_ACTS, dangling
from generators.extractive.words import words

_CONDITION = re.compile(r"(?:(?P<if>If)|(?P<when>When|Once|After|Before))\s+(?P<condition>[^;:()]{6,110}?),\s+(?P<main>\S.+)$", re.DOTALL)
_TRAILING = re.compile(r"(?P<main>[^;:()]{12,120}?),?\s+(?P<opener>if|when)\s+(?P<condition>[^,;:()]{8,90})$", re.DOTALL)
_INSTRUCTION = re.compile(
    r"(?:please\s+|always\s+|you(?: will| may| might|[’']ll)? (?:also )?(?:must|should|need to|have to)\b(?! be able)"
    r"|you(?: are|[’']re) (?:required|responsible|expected|encouraged)\b|it[’']?s your|it is your|let |do not |never )",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"you (?:can|may|are able to|could)\b"
    r"(?! (?:not|experience|have|be|find|see|notice|expect|already|need|want|wish|prefer|receive|get|earn)\b)",
    re.IGNORECASE,
)
_RECEIVES = re.compile(r"you (?:can|may|should be able to) (?:receive|get|earn|be able)\b|you should be able\b", re.IGNORECASE)
_BAD_MAIN = re.compile(
    r"(?:there|here|or|and|but|nor|no matter|feel free|whether|as|even|which|who|this|that|these)\b|\d|[a-z]+(?:ed|ing)\b", re.IGNORECASE
)
_POINTS_BACK = re.compile(
    r"(?:this|that|these|those|it|they|so|not|there|he|she|any of|none|either|possible|necessary|applicable|needed|in doubt|already|just|"
    r"only|unsure|asked|required|every|appropriate|relevant)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:we|us|our|anything|something|everything|someone|certain|sure|interested|any (?:questions?|issues?|concerns?|problems?|ideas?))\b"
    r"|\bquestions?$|\blater$|(?<!\bor )\b(?:more|less)$|\bready$|\b(?:choose|decide|prefer|wish|like|want)(?: to)?$"
)
_HYPOTHETICAL = re.compile(r"\bwould\b|\bthan if\b")
_FIGURES = re.compile(
    r"\b(?:is|are|has|have|was|for|of) -?[$€£]?\d[\d.,]*[mk]?\b(?! ?(?:%|percent|or more|or less|degrees|°|hours|days|weeks|months|years))"
)
_LIST_GOES_ON = re.compile(
    r"[\w’' -]{1,60}, or\b|[\w’' -]{1,30}, and\b|[\w’' -]{1,30} or [\w’' -]{1,30},"
    r"|[\w’' -]{1,60} or [\w’' -]{1,60}, (?:you|please|we|it|they|contact|then)\b"
)
_POINTS = re.compile(r"\b(?:this|these|those) [a-z]+|\bthat [a-z]+ed [a-z]+")
_THEN = re.compile(r"^(?:then|first),? ")
_OPENER = re.compile(r"^(?:it|they|no|only the|you and your \w+)\b", re.IGNORECASE)  # what the parser takes for no subject
_LEANS = re.compile(
    r"^\w+ (?:it|them|this|that|these|those)\b|\b(?:latest|earliest|only|even|except|until|than|as|not|never)$"
    r"|\b(?:decide|check|see|know|ask|tell \w+)$"
)
_SUBORDINATE = re.compile(r"\b(?:since|because|so that|as|while|whereas|which)\b")  # to which the condition may belong
_FINITE = frozenset({"is", "are", "has", "have", "was", "were", "cannot", "can", "do", "does"})
# which tells only where, or that, there will be an answer
POINTER = re.compile(
    r"(?:please )?(?:see|refer to|check out|consult)\b|\w+(?:[’']ll| will) (?:let you know|get back to you|be in touch)\b", re.IGNORECASE
)
_STATE = re.compile(
    r"(?:I (?:am|was|have|had|need|want|cannot|can[’']t|can not|do not|don[’']t|did not|didn[’']t|plan|believe|think|suspect|live"
    r"|see|notice|lost|lose|forgot|forget|find|get|feel)\b|I[’'](?:m|ve|d)\b"
    r"|my (?:\w+ ){1,4}(?:is|are|has|have|does|do|was|were|cannot|can[’']t|looks?|seems?|shows?|gets?|breaks?)\b)"
)


@dataclass(frozen=True)
class Condition:
    """What "If C, M" consists of: the opening word, C in the asker's person, and M."""

    opener: str
    asked: str
    main: str


def opening_condition(sentence: Sentence, context: Context) -> Condition | None:
    """The condition that `sentence` opens with, if it is a whole clause that stands alone."""
    match = _CONDITION.match(sentence.text)
    if match is None or not _clear(match.group("condition"), match.group("main"), context):
        return None
    asked = context.lexicon.lower_first(flip(match.group("condition")))
    return Condition((match.group("when") or "if").lower(), asked, _THEN.sub("", match.group("main")))


def conditions(sentence: Sentence, context: Context) -> Iterator[Fact]:
    """The condition that `sentence` names and what follows from it."""
    found = opening_condition(sentence, context) or _closing_condition(sentence, context)
    if found:
        yield from _facts(found, sentence, context)


def _closing_condition(sentence: Sentence, context: Context) -> Condition | None:
    match = _TRAILING.match(sentence.text.rstrip(". !"))
    if match is None:
        return None
    main, condition = match.group("main"), match.group("condition")
    two_acts = TWO_ACTS.search(main)  # of which the condition may hold for the last alone
    if _LEANS.search(main) or _SUBORDINATE.search(main) or two_acts or not _orders(main, context) or not _clear(condition, main, context):
        return None
    return Condition(match.group("opener"), context.lexicon.lower_first(flip(condition)), main)


def _facts(found: Condition, sentence: Sentence, context: Context) -> Iterator[Fact]:
    opener, asked, main = found.opener, found.asked, found.main
    holds = opener in {"if", "when"} and _STATE.match(asked) is not None
    slots = {"c": f"{opener} {asked}", "situation": capital(asked) if holds else "", "said": asked if holds else ""}
    if POINTER.match(main):
        return
    if _orders(main, context):
        family = "if_happens" if re.match(r"(?:please )?expect\b", main, re.IGNORECASE) else "if_do"
        yield Fact.of(family, slots, sentence.text, sentence.span)
        return
    if _OPTION.match(main) and opener in {"if", "when"}:
        yield Fact.of("if_can", slots, sentence.text, sentence.span)
        return
    if _RECEIVES.match(main):
        return
    clause = parse(_OPENER.sub(_noun_for, capital(main)), context.lexicon)
    if clause is not None and not clause.imperative and _follows(clause):
        yield Fact.of("if_happens", slots, sentence.text, sentence.span)


def _noun_for(match: re.Match[str]) -> str:
    opener = match.group().lower()
    return {"it": "The thing", "no": "The", "only the": "The"}.get(opener, "The people")


def _clear(condition: str, main: str, context: Context) -> bool:
    """Whether the condition is a whole clause that stands alone, and the comma ends it."""
    if _POINTS_BACK.match(condition) or _BAD_MAIN.match(main) or _VAGUE.search(condition) or dangling(condition):
        return False
    if _HYPOTHETICAL.search(main) or _FIGURES.search(condition):
        return False
    if re.match(r"\w+ing\b", condition) or participle(condition.split(maxsplit=1)[0]):
        return False  # "when set to true" does not say what is set
    whole = "," not in condition and not _LIST_GOES_ON.match(main) and not _POINTS.search(main)
    return whole and len(condition.split()) > 2 and _has_verb(condition, context)


def _has_verb(condition: str, context: Context) -> bool:
    if parse(capital(condition), context.lexicon) is not None:
        return True
    found = [word.lower() for word, _, _ in tokens(condition)]
    return any(word in _FINITE or lemma(word) in words("verbs") for word in found[1:])


def _orders(main: str, context: Context) -> bool:
    """Whether the main clause tells the reader what to do."""
    if _INSTRUCTION.match(main):
        return True
    first, second = [*main.lower().split(), "", ""][:2]
    if main[0].islower() and known_verb(first) and (first not in words("nounish") or second in DETERMINERS | PREPOSITIONS):
        return True
    clause = parse(capital(main), context.lexicon)
    return clause is not None and clause.imperative


def _follows(clause: Clause) -> bool:
    """Whether the clause says what comes to pass, rather than how things are."""
    if clause.aux == "should" or (clause.aux == "may" and clause.base in {"be", "have"} and not clause.verb.startswith("be ")):
        return False
    if clause.aux in {"will", "can", "may", "must"} or clause.verb.startswith("be "):
        return True
    return not (clause.base in {"be", "have", "need"} and not clause.verb) and clause.base not in words("stative")
