"""What a heading is: a question, a how-to, a noun topic, or nothing that can be asked about."""

import re
from dataclasses import dataclass
from typing import Literal

from generators.extractive.clauses import parse
from generators.extractive.english import (
    ADVERBS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    PREPOSITIONS,
    article,
    capital,
    flip,
    gerund_base,
    known_verb,
    lemma,
    plural,
)  # fmt: skip
from generators.extractive.facts import Context
from generators.extractive.page import Section
from generators.extractive.words import words

Kind = Literal["question", "howto", "topic", "none"]
_QUESTION = re.compile(r"^(?:how (?!to\b)|what|when|where|who|why|which|can|do|does|is|are|may|must|should|will|am|i\b|if )", re.IGNORECASE)
_NUMBERING = re.compile(
    r"^(?:(?:step|part|section|chapter|appendix)\s+)?[\dA-Z]{1,3}(?:\.\d+)*[.:)]\s+|^(?:Step|Part|Phase)\s+\d+\s*[-–:]?\s*", re.IGNORECASE
)
_COMPOUND_GERUNDS = words("compound_gerunds")
_AMBIGUOUS = words("ambiguous")
_CLAUSE_VERBS = BE | frozenset(["should", "must", "will", "can", "may", "has", "have", "matters", "wins", "works", "counts", "means", "belongs", "does", "do"])


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
    if heading.endswith("?") or (
        _QUESTION.match(heading)
        and len(heading.split()) > 3
        and re.match(
            r"(?:how|what|when|where|who|why|which) (?:do|does|can|is|are|should|many|much|long|often|I)\b|(?:can|do|should|is|are|may) (?:I|you|the|my|a)\b",
            heading,
            re.IGNORECASE,
        )
    ):
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
        return Topic("howto", _with_articles(base, flip(_bases(rest))))
    if known_verb(first) and rest and rest.split()[0].lower() in DETERMINERS and first.lower() not in {"be"}:
        return Topic("howto", flip(f"{first.lower()} {rest}"))
    match = re.match(r"(\w+) (?:or|and) (\w+) (?=(?:your|my|a|an|the)\b)", lowered)
    if match and known_verb(match.group(1)) and known_verb(match.group(2)):
        return Topic("howto", flip(lowered[0].lower() + lowered[1:]))
    return None


def _bases(rest: str) -> str:
    """Turn gerunds that are coordinated with the first one into base forms too."""
    return re.sub(r"\b(and|or|&) (\w+ing)\b", lambda match: f"{match.group(1)} {gerund_base(match.group(2)) or match.group(2)}", rest)


def _with_articles(base: str, rest: str) -> str:
    parts = rest.split()
    if (
        parts[0].lower() in PREPOSITIONS | DETERMINERS | ADVERBS | AUXILIARIES
        or base in {"work", "travel", "go", "return"}
        or "and" in parts
        or len(parts) > 3
    ):
        return f"{base} {rest}"
    return f"{base} {article(rest)}"


def _object(rest: str, context: Context) -> bool:
    first = rest.split(maxsplit=1)[0]
    return first.lower() in DETERMINERS | PREPOSITIONS or plural(rest.rsplit(maxsplit=1)[-1]) or context.lexicon.is_proper(first)


def _clause(heading: str, context: Context) -> bool:
    """Whether the heading is a sentence or a slogan ("Meetings start on time")."""
    clause = parse(capital(heading.lower()), context.lexicon)
    return clause is not None and not clause.imperative


def _noun(heading: str, context: Context) -> Topic:
    lowered = context.lexicon.heading_case(heading)
    parts = lowered.split()
    inside = [part.lower() for part in parts]
    if (
        re.search(r"[?!.;\"“”]|, ", lowered)
        or any(part in _CLAUSE_VERBS for part in inside)
        or len(parts) > 7
        or inside[0]
        in PREPOSITIONS
        | AUXILIARIES
        | {"if", "how", "what", "when", "where", "why", "who", "not", "no", "only", "see", "your", "you", "also", "next", "other", "more"}
    ):
        return Topic("none")
    if (
        (inside[-1] in words("generic")
        and len(parts) == 1)
        or inside[0] in {"before", "after", "during", "prior", "upon", "post", "once", "while", "regarding", "additional"}
        or re.fullmatch(r"[\d\W]+", lowered)
        or re.search(r"\b(?:you|your|we|I|us)\b", lowered)
        or _clause(heading, context)
    ):
        return Topic("none")
    if inside[0] in _AMBIGUOUS and len(parts) > 1 and not re.match(r"\w+ (?:of|for|to)\b", lowered):
        return Topic("none")
    if (
        known_verb(inside[0])
        and inside[0] not in words("nounish")
        and lemma(inside[0], "NOUN") == inside[0]
        and inside[0] not in {"work"}
        and len(parts) > 1
        and not context.lexicon.is_proper(parts[0])
    ):
        return Topic("none")
    noun = flip(lowered)
    return Topic("topic", _articled(noun), noun)


def _articled(noun: str) -> str:
    head = re.split(r"\s(?=(?:for|of|in|at|on|to|from|with|under|during|after|before|between)\b)", noun, maxsplit=1)
    return noun if re.search(r"\b(?:and|or)\b", noun) else " ".join([article(head[0]), *head[1:]])
