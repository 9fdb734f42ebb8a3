"""Headings that say too little by themselves, and what stands above them."""

import re

from generators.extractive.english import flip, gerund, inflect, known_verb
from generators.extractive.facts import Context
from generators.extractive.page import Section
from generators.extractive.spoken import telling
from generators.extractive.topics import core_of, topic_of
from generators.extractive.words import words

_TOWARD = re.compile(r"To (?P<act>(?P<verb>[a-z]+) \w.*)")
UNTITLED = re.compile(
    r"handbook|manual|guide|frequently asked|faqs?|appendix|welcome|readme|introduction|overview|home|index", re.IGNORECASE
)
DUMMY = re.compile(r"\b(?:lorem|ipsum|foo|bar|baz|dummy|my (?:first|second) \w+|(?:heading|title|test) \w|untitled)$", re.IGNORECASE)
_SMALL = frozenset({"and", "&", "the", "of", "by", "for", "to", "a"})


def says_little(heading: str) -> bool:
    """Whether a heading says nothing by itself: "Rules", "Additional resources", or like a part of any report, "Root cause"."""
    core = core_of(heading)
    parts = [word for word in re.findall(r"[\w’'-]+", core.lower()) if word not in _SMALL]
    return generic(core) or all(word in words("generic") | words("of_reports") for word in parts) or DUMMY.search(core) is not None


def generic(heading: str) -> bool:
    """Whether a heading is of generic words only: "Rules", "Additional resources"."""
    parts = [word for word in heading.lower().split() if word not in {"and", "&"}]
    several = len(parts) < 2 or parts[0] in words("vague") or " and " in heading
    return several and all(word in words("generic") for word in parts)


def above(section: Section, context: Context) -> str:
    """The nearest heading above that names something, else the title of the document, as a noun phrase; empty if none does."""
    for heading in [*reversed(section.path[:-1]), context.title if section.level > 1 else ""]:
        core = core_of(heading)
        shouted = core.isupper() and len(core.split()) > 1
        if core and not shouted and not generic(core) and not UNTITLED.search(core):
            return _phrase(core, context)
    return ""


def _phrase(heading: str, context: Context) -> str:
    toward = _TOWARD.fullmatch(heading)
    if toward and known_verb(toward.group("verb")):
        return gerund(flip(toward.group("act")))
    topic = topic_of(heading, context)
    if topic.kind == "howto":
        return doing(topic.words)
    return topic.words if topic.kind == "topic" and telling(topic.noun) else ""


def doing(phrase: str) -> str:
    """A verb phrase as a doing: "file my voucher and get reimbursed" -> "filing my voucher and getting reimbursed"."""

    def second(match: re.Match[str]) -> str:
        verb = match.group("verb")
        acts = known_verb(verb) and (match.group("object") or verb not in words("nounish"))
        return f"{match.group('and')} {inflect(verb, 'VBG')}" if acts else match.group()

    return re.sub(r"\b(?P<and>and|or) (?P<verb>[a-z]+)\b(?= (?P<object>the|an?|my|your)\b)?", second, gerund(phrase))
