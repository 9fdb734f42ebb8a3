"""What a heading is: a question, a how-to, a noun topic, or nothing that can be asked about."""

import re
from dataclasses import dataclass
from typing import Literal

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
)
from generators.extractive.facts import Context
from generators.extractive.parsing import parse
from generators.extractive.words import words

Kind = Literal["question", "howto", "topic", "none"]
_ASKS = re.compile(
    r"(?:how|what|when|where|who|why|which) (?:do|does|can|is|are|should|many|much|long|often|I)\b"
    r"|(?:can|do|should|is|are|may) (?:I|you|the|my|a)\b",
    re.IGNORECASE,
)
_NUMBERING = re.compile(
    r"^(?:(?:step|part|section|chapter|appendix)\s+)?[\dA-Z]{1,3}(?:\.\d+)*[.:)]\s+|^(?:Step|Part|Phase)\s+\d+\s*[-–:]?\s*", re.IGNORECASE
)
_TWO_VERBS = re.compile(r"(\w+) (?:or|and) (\w+) (?=(?:your|my|a|an|the)\b)")
_PREPOSED = re.compile(r"\s(?=(?:for|of|in|at|on|to|from|with|under|during|after|before|between)\b)")
_CLAUSE_VERBS = BE | words("clause_verbs")
_NO_TOPIC = PREPOSITIONS | AUXILIARIES | words("no_topic")


@dataclass(frozen=True)
class Topic:
    """`kind` and its words: the question, the verb phrase (asker's person), or the noun phrase with its article."""

    kind: Kind
    words: str = ""
    noun: str = ""


def topic_of(heading: str, context: Context) -> Topic:
    """Type `heading`."""
    core = _NUMBERING.sub("", re.sub(r"\s*\([^()]*\)\s*$", "", heading)).strip()
    if not core or len(core.split()) > 16 or re.search(r"[{}\[\]|<>]|:\s", core):
        return Topic("none")
    if core.endswith("?") or (len(core.split()) > 3 and _ASKS.match(core)):
        return Topic("question", core.rstrip("? ") + "?")
    return _howto(core, context) or _noun(core, context)


def _howto(heading: str, context: Context) -> Topic | None:
    lowered = context.lexicon.heading_case(heading)
    first, _, rest = lowered.partition(" ")
    if not rest:
        return None
    if first.lower() == "how" and rest.startswith("to "):
        phrase = rest.removeprefix("to ").strip()
        return Topic("howto", flip(phrase)) if known_verb(phrase.split(maxsplit=1)[0]) else Topic("none")
    base = gerund_base(first)
    if base and (first not in words("compound_gerunds") or _object(rest, context)):
        return Topic("howto", _with_articles(base, flip(_bases(rest))))
    pair = _TWO_VERBS.match(lowered)
    commands = known_verb(first) and first.lower() != "be" and rest.split(maxsplit=1)[0].lower() in DETERMINERS
    if commands or (pair and known_verb(pair.group(1)) and known_verb(pair.group(2))):
        return Topic("howto", flip(lowered[0].lower() + lowered[1:]))
    return None


def _bases(rest: str) -> str:
    """Turn gerunds that are coordinated with the first one into base forms too."""
    return re.sub(r"\b(and|or|&) (\w+ing)\b", lambda match: f"{match.group(1)} {gerund_base(match.group(2)) or match.group(2)}", rest)


def _with_articles(base: str, rest: str) -> str:
    parts = rest.split()
    opened = parts[0].lower() in PREPOSITIONS | DETERMINERS | ADVERBS | AUXILIARIES
    if opened or base in {"work", "travel", "go", "return"} or "and" in parts or len(parts) > 3:
        return f"{base} {rest}"
    return f"{base} {article(rest)}"


def _object(rest: str, context: Context) -> bool:
    first = rest.split(maxsplit=1)[0]
    return first.lower() in DETERMINERS | PREPOSITIONS or plural(rest.rsplit(maxsplit=1)[-1]) or context.lexicon.is_proper(first)


def _noun(heading: str, context: Context) -> Topic:
    lowered = context.lexicon.heading_case(heading)
    parts = lowered.lower().split()
    clause = parse(capital(heading.lower()), context.lexicon)
    if _unaskable(lowered, parts) or _commands(parts, lowered, context) or (clause is not None and not clause.imperative):
        return Topic("none")
    noun = flip(lowered)
    return Topic("topic", _articled(noun), noun)


def _unaskable(lowered: str, parts: list[str]) -> bool:
    """Whether the heading is no plain noun phrase: a clause, a slogan, a generic word, or one addressed to the reader."""
    if re.search(r"[?!.;\"“”]|, |\b(?:you|your|we|I|us)\b", lowered) or not re.search(r"[^\d\W]", lowered):
        return True
    generic = len(parts) == 1 and parts[0] in words("generic")
    return generic or len(parts) > 7 or parts[0] in _NO_TOPIC or any(part in _CLAUSE_VERBS for part in parts)


def _commands(parts: list[str], lowered: str, context: Context) -> bool:
    """Whether the first word may be a verb: "Book lodging", "Award leave"."""
    if len(parts) < 2:
        return False
    if parts[0] in words("ambiguous") and not re.match(r"\w+ (?:of|for|to)\b", lowered):
        return True
    verb = known_verb(parts[0]) and parts[0] not in words("nounish") and lemma(parts[0], "NOUN") == parts[0]
    return verb and parts[0] != "work" and not context.lexicon.is_proper(lowered.split(maxsplit=1)[0])


def _articled(noun: str) -> str:
    head = _PREPOSED.split(noun, maxsplit=1)
    return noun if re.search(r"\band\b|\bor\b(?!\s[\w-]+\s[\w-]+$)", noun) else " ".join([article(head[0]), *head[1:]])
