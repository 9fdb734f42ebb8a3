"""Headings that are no noun phrase: embedded questions, times, events, complaints, statements and sayings."""

import re
from dataclasses import dataclass
from typing import Literal

from generators.extractive.english import ADVERBS, AUXILIARIES, DETERMINERS, PREPOSITIONS, capital, flip, known_verb, lemma
from generators.extractive.facts import Context
from generators.extractive.parsing import parse
from generators.extractive.words import words

Kind = Literal["topic", "problem", "case", "asked", "time", "claim", "denial", "saying"]
_EMBEDDED = re.compile(r"(?:what|who|where|when|why|how|which) (?!to\b)", re.IGNORECASE)
_WHAT_TO = re.compile(r"(?P<word>what|where|when|whom?) to (?P<rest>\w+ .+)", re.IGNORECASE)
_TIME = re.compile(r"(?:before|after|during|upon|prior to|while|when|once|if) ", re.IGNORECASE)
_HAPPENED = re.compile(r"(?P<verb>Forgot|Lost|Broke|Missed|Damaged|Spilled|Dropped) (?:your|my|the|an?) (?P<thing>.+)")
_COMPLAINT = re.compile(r"(?:My|I) (?:[\w’'-]+ ){2,10}[\w’'-]+!")
_GENERAL = re.compile(r"(?:all|every|each|any|no)\b", re.IGNORECASE)
_ANYONE = re.compile(r"\b(?:someone|anyone|everyone|people|you|they)$")
_DOING = re.compile(r"[a-z]\w{2,}ing\b")
_LIGHT = AUXILIARIES | ADVERBS | DETERMINERS | PREPOSITIONS | {"how", "what", "when", "where", "who", "why", "which", "more", "you"}
_OWN = re.compile(r"(?:our|my)\b")
_SHORTEST_SAYING, _LONGEST_SAYING, _LONGEST_TIME = 4, 12, 9


@dataclass(frozen=True)
class Name:
    """What a section is about.

    `words` is the noun phrase of a topic or a problem, a doing ("using travel comp time") if `does`, a phrase of time, an embedded
    question or a statement; `question` its direct question, `noun` the phrase without article, `document` the title that says it.
    """

    kind: Kind
    words: str
    noun: str = ""
    question: str = ""
    does: bool = False
    document: str = ""


def spoken(heading: str, context: Context) -> Name | None:
    """The name in `heading` if it is no noun phrase, else None."""
    if _EMBEDDED.match(heading) or _WHAT_TO.match(heading):
        return _asked(heading, context)
    if _COMPLAINT.fullmatch(heading):
        return Name("case", heading.rstrip("!"))
    if heading.endswith("."):
        return Name("saying", heading[:-1]) if _SHORTEST_SAYING <= len(heading.split()) <= _LONGEST_SAYING else None
    return _timed(heading, context) or _statement(heading, context)


def telling(phrase: str) -> bool:
    """Whether `phrase` holds a word that not every page holds, or two everyday ones that carry it ("remote work")."""
    held = [word for word in re.findall(r"[a-z][\w-]{2,}", phrase.lower()) if word not in _LIGHT]
    return len(held) > 1 or any(word not in words("common") for word in held)


def everyday_only(phrase: str) -> bool:
    """Whether each word of `phrase` is one that any page may hold: "How do I ask for help?"."""
    held = [word for word in re.findall(r"[A-Za-z][\w-]{2,}(?![’'\w])", phrase) if word.lower() not in _LIGHT]
    return all(word.islower() and {word, lemma(word), lemma(word, "NOUN")} & words("common") for word in held)


def _asked(heading: str, context: Context) -> Name | None:
    """An embedded question: "Who cannot receive a bonus", "How releases are numbered", "What to bring on the first day"."""
    word, _, rest = (heading[0].lower() + heading[1:]).partition(" ")
    if word == "which" or not telling(rest):
        return None
    bring = _WHAT_TO.fullmatch(heading)
    if bring and known_verb(bring.group("rest").split(maxsplit=1)[0]):
        act = flip(bring.group("rest"))
        return Name("asked", f"{word} to {act}", question=f"{word} should I {act}")
    clause = parse(capital(rest), context.lexicon) if len(rest.split()) > 2 else None
    if clause is not None:
        clause = clause.voiced(context.company)
        return Name("asked", f"{word} {clause.plain(clause.body)}", question=f"{word} {clause.inverted(clause.body)}")
    first = rest.split(maxsplit=1)[0]
    subject = word in {"who", "what"} and (first in AUXILIARIES or known_verb(lemma(first)))
    return Name("asked", f"{word} {flip(rest)}", question=f"{word} {flip(rest)}") if subject else None


def _timed(heading: str, context: Context) -> Name | None:
    happened = _HAPPENED.fullmatch(heading)
    if happened:
        return Name("time", f"if I {happened.group('verb').lower()} my {flip(happened.group('thing'))}")
    phrase = flip(context.lexicon.heading_case(heading)) if _TIME.match(heading) else ""
    return Name("time", phrase) if 2 <= len(phrase.split()) <= _LONGEST_TIME else None


def _statement(heading: str, context: Context) -> Name | None:
    """A heading that is a sentence: something that holds, something that does not, or a saying."""
    lowered = context.lexicon.heading_case(heading)
    if _DOING.match(lowered):
        return None
    clause = parse(capital(lowered), context.lexicon)
    if clause is None or clause.imperative or not clause.body or _OWN.match(clause.subject) or _ANYONE.search(clause.subject):
        return None
    if clause.subject in {"we", "I"} or not (clause.aux or clause.negative or _GENERAL.match(lowered)):
        titled = [word for word in heading.split()[1:] if word[0].isupper()]
        plain = clause.aux or len(titled) * 2 <= len(heading.split()) - 1
        return Name("saying", heading) if plain else Name("saying", capital(lowered)) if clause.subject == "we" else None
    positive = parse(capital(re.sub(r"\b(?:not|never) ", "", lowered)), context.lexicon) if clause.negative else clause
    if positive is None:
        return None
    return Name("denial" if clause.negative else "claim", positive.plain(positive.body), question=positive.inverted(positive.body))
