"""A bulleted list with the sentence that leads it in: the sentence becomes the question, the whole list the answer."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import flip
from generators.extractive.facts import Context, Fact
from generators.extractive.page import ListPart, Section
from generators.extractive.parsing import parse
from generators.extractive.topics import topic_of
from generators.extractive.words import words

_FOLLOWING = re.compile(r"\bthe following(?: (?:\d+|two|three|four|five|six|seven|eight))?(?: (?P<noun>[\w-]+(?: [\w-]+)?))?")
_CASES = re.compile(
    r"(?P<main>.+?) (?:in|under) (?:the following|these|any of these|one of these) (?:cases|conditions|circumstances|situations)$"
)
_FOR = re.compile(r"(?:You|Employees) can use (?P<thing>.+?) (?:for|to)$")
_POINTING = re.compile(
    r"\b(?:it|its|they|them|this|that|these|those|here|such|as follows|order|way|steps?|following|more|other)\b", re.IGNORECASE
)
_BARE = re.compile(
    r"^(?:what|which [a-z]+|in which cases) the (?P<noun>[a-z]+) "
    r"(?:includes?|contains?|covers?|are|is|needs?|requires?|ha(?:s|ve)|consists?)\b"
)
_NOT_A_NOUN = frozenset({"for", "to", "on", "in", "before", "at", "with", "as", "if", "when", "from", "of"})
_CONTAINS = frozenset({"contain", "include", "cover", "need", "require", "have", "consist"})
_EMPTY = frozenset({"do", "be", "take", "get", "have", "find", "see", "learn"})


def lists(section: Section, context: Context) -> Iterator[Fact]:
    """The facts of the section's lists; a numbered list is a procedure, not a set of things."""
    for part in section.lists():
        if part.lead is None or part.numbered or not _complete(part):
            continue
        slots = _asked(part.lead.text.rstrip(": "), context)
        if slots and (slots := _named(slots, section, context)):
            yield Fact.of("list", slots, part.text(), part.lead.span, part.span)


def _named(slots: dict[str, str], section: Section, context: Context) -> dict[str, str] | None:
    """The slots with a bare subject named in full by the heading ("the sizes" under "Box sizes"), or None where it names nothing."""
    bare = _BARE.search(slots["plain"])
    if bare is None or bare.group("noun") in words("unique"):
        return slots
    topic = topic_of(section.heading, context)
    full = topic.noun if topic.kind == "topic" and topic.noun.lower().endswith(f" {bare.group('noun')}") else ""
    named = re.compile(rf"\bthe {bare.group('noun')}\b")
    return {name: named.sub(f"the {full}", value, count=1) for name, value in slots.items()} if full else None


def _complete(part: ListPart) -> bool:
    whole = not any(item.endswith((":", "?")) for item in part.items)
    return whole and 2 <= len(part.items) <= 12 and sum(len(item.split()) for item in part.items) <= 180


def _asked(lead: str, context: Context) -> dict[str, str] | None:
    cases = _CASES.match(lead)
    if cases:
        clause = parse(cases.group("main"), context.lexicon)
        return _worded("in which cases", clause, clause.body) if clause else None
    use = _FOR.match(lead)
    if use:
        thing = context.lexicon.lower_first(flip(use.group("thing")))
        return {"inv": f"what can I use {thing} for", "plain": f"what I can use {thing} for"}
    return _following(lead, context) or _open(lead, context)


def _worded(word: str, clause: Clause, rest: str) -> dict[str, str]:
    return {"inv": f"{word} {clause.inverted(rest, duty='should')}", "plain": f"{word} {clause.plain(rest)}"}


def _following(lead: str, context: Context) -> dict[str, str] | None:
    """What "the following" stands for: "Bring the following to your first day"."""
    match = _FOLLOWING.search(lead)
    if match is None or re.search(r"\bonly\b", lead):
        return None
    noun, end = match.group("noun") or "", match.end()
    if noun.split(maxsplit=1)[:1] and noun.split(maxsplit=1)[0] in _NOT_A_NOUN:
        noun, end = "", match.start("noun")
    elif noun.split()[1:] and noun.split()[1] in _NOT_A_NOUN:
        noun, end = noun.split()[0], match.start("noun") + len(noun.split()[0])
    clause = parse(f"{lead[: match.start()].strip()} X {lead[end:].strip()}", context.lexicon)
    if clause is None or "X" not in clause.body.split() or "," in clause.body:
        return None
    rest = re.sub(r"\s*\bX\b\s*", " ", clause.body).strip()
    if _POINTING.search(rest) or re.search(r"\b(?:to|of|for|with|by|in|and \w+)$", clause.body.split("X")[0].strip()):
        return None
    return _worded(f"which {noun}" if noun else "what", clause, flip(rest))


def _open(lead: str, context: Context) -> dict[str, str] | None:
    """A lead that breaks off where the list begins: "A carton contains"."""
    clause = parse(f"{lead} X Y", context.lexicon)
    if clause is None or "," in lead or _POINTING.search(lead):
        return None
    body = re.sub(r"\s*X Y$", "", clause.body)
    if clause.aux in {"is", "are"} and not clause.verb and not body:
        return {"inv": f"what {clause.aux} {clause.subject}", "plain": f"what {clause.subject} {clause.aux}"}
    contains = not clause.aux and clause.base in _CONTAINS and body in {"", "of"} and clause.subject != "I"
    acts = (clause.subject == "I" or clause.aux in {"can", "must", "should"}) and not body and clause.base not in _EMPTY
    return _worded("what", clause, body) if contains or acts else None
