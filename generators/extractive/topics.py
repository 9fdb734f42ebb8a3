"""What a heading is: a question, a how-to, a noun topic, or nothing that can be asked about."""

import re
from dataclasses import dataclass
from typing import Literal

from generators.extractive.english import (
    ADVERBS, AUXILIARIES, BE, DETERMINERS, PREPOSITIONS, article, flip, gerund_base, known_verb, lemma, plural,
)  # fmt: skip
from generators.extractive.facts import Context
from generators.extractive.page import Section
from generators.extractive.words import words

Kind = Literal["question", "howto", "topic", "none"]
_QUESTION = re.compile(r"^(?:how (?!to\b)|what|when|where|who|why|which|can|do|does|is|are|may|must|should|will|am|i\b|if )", re.IGNORECASE)
_NUMBERING = re.compile(r"^(?:(?:step|part|section|chapter|appendix)\s+)?[\dA-Z]{1,3}(?:\.\d+)*[.:)]\s+|^(?:Step|Part|Phase)\s+\d+\s*[-–:]?\s*", re.IGNORECASE)
_COMPOUND_GERUNDS = frozenset("training meeting writing working building onboarding offboarding parking housing funding planning lodging processing pricing branding marketing engineering accounting billing vesting being understanding".split())
_CLAUSE_VERBS = BE | frozenset("should must will can may has have matters wins works counts means belongs does do".split())


@dataclass(frozen=True)
class Topic:
    """`kind` and its words: the question, the verb phrase (asker's person), or the noun phrase with its article."""

    kind: Kind
    words: str = ""
    noun: str = ""


def topic_of(section: Section, context: Context) -> Topic:
    """Type the section's heading."""
    heading = _NUMBERING.sub("", re.sub(r"\s*\([^()]*\)\s*$", "", section.heading)).strip()
    if not heading or len(heading.split()) > 16 or re.search(r"[{}\[\]|<>]|:\s", heading):
        return Topic("none")
    if heading.endswith("?") or (_QUESTION.match(heading) and len(heading.split()) > 3 and re.match(r"(?:how|what|when|where|who|why|which) (?:do|does|can|is|are|should|many|much|long|often|I)\b|(?:can|do|should|is|are|may) (?:I|you|the|my|a)\b", heading, re.IGNORECASE)):
        return Topic("question", heading.rstrip("? ") + "?")
    return _howto(heading, context) or _noun(heading, context)


def _howto(heading: str, context: Context) -> Topic | None:
    lowered = context.lexicon.heading_case(heading)
    match = re.match(r"how to (.+)", lowered, re.IGNORECASE)
    if match:
        phrase = match.group(1)
        return Topic("howto", flip(phrase)) if known_verb(phrase.split()[0]) else Topic("none")
    first, _, rest = lowered.partition(" ")
    base = gerund_base(first)
    if base and rest and not (first in _COMPOUND_GERUNDS and not _object(rest, context)):
        return Topic("howto", _with_articles(base, flip(rest)))
    if known_verb(first) and rest and rest.split()[0].lower() in DETERMINERS and first.lower() not in {"be"}:
        return Topic("howto", flip(f"{first.lower()} {rest}"))
    return None


def _with_articles(base: str, rest: str) -> str:
    parts = rest.split()
    if parts[0].lower() in PREPOSITIONS | DETERMINERS | ADVERBS | AUXILIARIES or base in {"work", "travel", "go", "return"} or "and" in parts or len(parts) > 3:
        return f"{base} {rest}"
    return f"{base} {article(rest)}"


def _object(rest: str, context: Context) -> bool:
    first = rest.split()[0]
    return first.lower() in DETERMINERS | PREPOSITIONS or plural(rest.split()[-1]) or context.lexicon.is_proper(first)


def _noun(heading: str, context: Context) -> Topic:
    lowered = context.lexicon.heading_case(heading)
    parts = lowered.split()
    inside = [part.lower() for part in parts]
    if re.search(r"[?!.;\"“”]|, ", lowered) or any(part in _CLAUSE_VERBS for part in inside) or len(parts) > 7 or inside[0] in PREPOSITIONS | AUXILIARIES | {"if", "how", "what", "when", "where", "why", "who", "not", "no", "only", "see", "your", "you", "also", "next", "other", "more"}:
        return Topic("none")
    if inside[-1] in words("generic") and len(parts) == 1 or inside[0] in {"before", "after", "during"} or re.fullmatch(r"[\d\W]+", lowered) or re.search(r"\b(?:you|we|I|us)\b", lowered):
        return Topic("none")
    if known_verb(inside[0]) and inside[0] not in words("nounish") and lemma(inside[0], "NOUN") == inside[0] and inside[0] not in {"work"} and len(parts) > 1 and not context.lexicon.is_proper(parts[0]):
        return Topic("none")
    noun = flip(lowered)
    return Topic("topic", noun if re.search(r"\b(?:and|or|for|of|in|at|on)\b", noun) and not re.match(r"[\w-]+ of\b", noun) else article(noun), noun)
