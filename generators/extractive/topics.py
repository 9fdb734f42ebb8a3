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
    adjective,
    article,
    capital,
    flip,
    gerund_base,
    known_verb,
    lemma,
    only_verb,
    plural,
    possible_verb,
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
    r"^(?:(?:step|part|section|chapter|appendix)\s+)?[\dA-Z]{1,3}(?:\.\d+)*[.:)]\s+|^(?:Step|Part|Phase)\s+\d+\s*[-–:]?\s*|^(?:0\d|\d+(?:\.\d+)+)\s+(?=\w)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"^(?:about|(?:rules|guidelines|guidance|tips|information|details) (?:for|on|about)|(?:the )?basics (?:of|about)|"
    r"additional steps?(?= (?:if|when)\b)|(?:a )?(?:brief |short |quick )?overview of(?: how to)?|intro(?:duction)? to|notes? (?:about|on)|"
    r"appendix \w+ ?[-–:]|understanding)\s+(?=\w)",
    re.IGNORECASE,
)
_TAIL = re.compile(r",? (?:overview|introduction|basics|faqs?|101)$|, for (?:everyone|all(?: \w+)?)$", re.IGNORECASE)
_TWO_VERBS = re.compile(r"(\w+) (?:or|and|&) (\w+)\b(?= )(?P<object> (?:your|my|a|an|the)\b)?")
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
    core = core_of(heading)
    if not core or len(core.split()) > 24 or re.search(r"[{}\[\]|<>]|:\s", core):
        return Topic("none")
    if core.endswith("?") or (len(core.split()) > 3 and _ASKS.match(core)):
        return Topic("question", core.rstrip("?* ") + "?")
    return _howto(core, context) or _noun(core, context)


def core_of(heading: str) -> str:
    """`heading` without its number, what stands in brackets behind it, and words such as "Overview of"."""
    core = re.sub(r"^[^\w\"“‘'#(]+|[^\w\s!-/:-@\[-`{-~“”‘’°§]+$", "", re.sub(r"\s*\([^()]*\)\s*$", "", heading)).strip()
    core = _NUMBERING.sub("", core).strip()
    core = re.sub(r"^(\w[\w ]{7,}) [—–-] .*$", r"\1", _ABOUT.sub("", core))
    core = _TAIL.sub("", core).strip()
    return core if heading.startswith(core) else capital(core)


def _howto(heading: str, context: Context) -> Topic | None:
    lowered = context.lexicon.heading_case(heading)
    first, _, rest = lowered.partition(" ")
    if not rest or heading in context.lexicon.names or ", " in rest:
        return None
    if first.lower() == "how" and rest.startswith("to "):
        phrase = rest.removeprefix("to ").strip()
        verb, _, rest = phrase.partition(" ")
        return Topic("howto", flip(f"{verb.lower()} {rest}".strip())) if possible_verb(verb.lower()) else Topic("none")
    base = gerund_base(first) or _doing(first, rest)
    joined = re.match(r"(?:and|or|&) (\w+)", rest)
    if base and joined and not gerund_base(joined.group(1)):
        return None
    if (
        base
        and (len(rest.split()) > 1 or article(rest) == rest or context.lexicon.is_proper(rest))
        and (first not in words("compound_gerunds") or _object(rest, context))
    ):
        return Topic("howto", _with_articles(base, flip(_bases(rest))))
    pair = _TWO_VERBS.match(lowered)
    if _commanded(first.lower(), rest.split()) or _pair(pair):
        return Topic("howto", flip(lowered[0].lower() + lowered[1:]))
    return None


def _doing(first: str, rest: str) -> str | None:
    """The base of a gerund that only what follows shows to be one: "obeying the law"."""
    base = lemma(first)
    return base if first.endswith("ing") and rest.split(maxsplit=1)[0] in DETERMINERS and base != first and possible_verb(base) else None


def _commanded(verb: str, rest: list[str]) -> bool:
    """Whether a heading tells to do something: a verb and a determiner ("Get a travel card"), or a word that is nothing but a verb."""
    if not (known_verb(verb) or only_verb(verb)) or verb == "be":
        return False
    surely = verb not in words("nounish") | words("ambiguous") and not adjective(verb) and len(rest) > 1
    nominal = rest[0].lower() not in PREPOSITIONS | ADVERBS | AUXILIARIES and not rest[0].lower().endswith(("ed", "ly"))
    return rest[0].lower() in DETERMINERS or (surely and nominal)


def _pair(pair: re.Match[str] | None) -> bool:
    """Whether two verbs open a heading: "change or reset your password", "plan & prepare beforehand"."""
    if pair is None or not (known_verb(pair.group(1)) and known_verb(pair.group(2))):
        return False
    return pair.group("object") is not None or pair.group(2) not in words("nounish")


def _bases(rest: str) -> str:
    """Turn gerunds that are coordinated with the first one into base forms too."""
    return re.sub(
        r"(?:^|(?<= ))(and|or|&) (\w+ing)\b", lambda match: f"{match.group(1)} {gerund_base(match.group(2)) or match.group(2)}", rest
    )


def _with_articles(base: str, rest: str) -> str:
    parts = rest.split()
    opened = parts[0].lower() in PREPOSITIONS | DETERMINERS | ADVERBS | AUXILIARIES or parts[0].endswith("ed")
    if opened or base in {"work", "travel", "go", "return"} or "and" in parts or len(parts) > 3:
        return f"{base} {rest}"
    return f"{base} {article(rest)}"


def _object(rest: str, context: Context) -> bool:
    first = rest.split(maxsplit=1)[0]
    return first.lower() in DETERMINERS | PREPOSITIONS or context.lexicon.is_proper(first)


def _noun(heading: str, context: Context) -> Topic:
    lowered = context.lexicon.heading_case(heading)
    parts = lowered.lower().split()
    clause = parse(capital(heading.lower()), context.lexicon)
    if _unaskable(lowered, parts) or _commands(parts, lowered, context) or (clause is not None and not clause.imperative):
        return Topic("none")
    noun = flip(lowered)
    return Topic("topic", articled(noun), noun)


def _unaskable(lowered: str, parts: list[str]) -> bool:
    """Whether the heading is no plain noun phrase: a clause, a slogan, a generic word, or one addressed to the reader."""
    if re.search(
        r"[?!.;\"“”]|, (?!(?:[^,]+, )*(?:[^,]+,? )?and [^,]+$)|\b(?:you|your|we|I|us|our)\b",
        re.sub(r"^(?:our|your) |\b(?:in|of|for|at|to|on) your ", "", lowered),
    ) or not re.search(r"[^\d\W]", lowered):
        return True
    base = lemma(parts[0])
    made = len(parts) > 1 and parts[1] in PREPOSITIONS and base != parts[0] and known_verb(base) and not parts[0].endswith(("ing", "s"))
    generic = made or (len(parts) == 1 and parts[0] in words("generic")) or parts[0].endswith("ly") or parts[-1] in ADVERBS | {"first"}
    return generic or len(parts) > 9 or parts[0] in _NO_TOPIC - {"your", "other"} or any(part in _CLAUSE_VERBS for part in parts)


def _commands(parts: list[str], lowered: str, context: Context) -> bool:
    """Whether the first word may be a verb: "Book lodging", "Award leave"."""
    if len(parts) < 2:
        return False
    if parts[0] in words("ambiguous") and not re.match(r"\w+ (?:of|for|to)\b", lowered):
        return True
    verb = known_verb(parts[0]) and not adjective(parts[0]) and parts[0] not in words("nounish") and lemma(parts[0], "NOUN") == parts[0]
    return verb and parts[0] != "work" and not context.lexicon.is_proper(lowered.split(maxsplit=1)[0])


def articled(noun: str) -> str:
    """`noun` with the article that its head needs."""
    if noun.endswith("ly"):
        return noun
    head = _PREPOSED.split(noun, maxsplit=1)
    done = re.fullmatch(r"(?P<things>[\w-]+) (?P<done>[a-z]+)", head[0])
    if done and plural(done.group("things")) and known_verb(lemma(done.group("done"))):
        return noun  # "changes made at the counter"
    if noun.rsplit(maxsplit=1)[-1] in words("documents") and " and " in noun and not noun.startswith("the "):
        return f"the {noun}"
    return noun if re.search(r"\band\b|\bor\b(?!\s[\w-]+\s[\w-]+$)", noun) else " ".join([article(head[0]), *head[1:]])
