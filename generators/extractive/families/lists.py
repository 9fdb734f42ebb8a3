"""A bulleted list with the sentence that leads it in: the sentence becomes the question, the whole list the answer."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import parse
from generators.extractive.english import flip
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section

_FOLLOWING = re.compile(r"\bthe following(?: (?:\d+|two|three|four|five|six|seven|eight))?(?: (?P<noun>[\w-]+(?: [\w-]+)?))?")
_CASES = re.compile(
    r"(?P<main>.+?) (?:in|under) (?:the following|these|any of these|one of these) (?:cases|conditions|circumstances|situations)$"
)
_FOR = re.compile(r"(?:You|Employees) can use (?P<thing>.+?) (?:for|to)$")
_ANY_PRONOUN = re.compile(r"\b(?:it|its|they|them|this|that|these|those|here|such|as follows|order|way|steps?)\b", re.IGNORECASE)


def lists(section: Section, context: Context) -> Iterator[Fact]:
    """The facts of the section's lists."""
    for part in section.lists():
        if (
            part.lead is None
            or not 2 <= len(part.items) <= 12
            or any(item.endswith((":", "?")) for item in part.items)
            or sum(len(item.split()) for item in part.items) > 180
        ):
            continue
        slots = _asked(part.lead.text.rstrip(": "), context)
        if slots and not (part.numbered and "how" not in slots):
            yield Fact.of("list", slots, part.text(), part.lead.span, part.span)


def _asked(lead: str, context: Context) -> dict[str, str] | None:
    cases = _CASES.match(lead)
    if cases:
        clause = parse(cases.group("main"), context.lexicon)
        return (
            None
            if clause is None
            else {
                "inv": f"in which cases {clause.inverted(clause.body, duty='should')}",
                "plain": f"in which cases {clause.plain(clause.body)}",
            }
        )
    use = _FOR.match(lead)
    if use:
        thing = context.lexicon.lower_first(flip(use.group("thing")))
        return {"inv": f"what can I use {thing} for", "plain": f"what I can use {thing} for"}
    return _following(lead, context) or _open(lead, context)


def _following(lead: str, context: Context) -> dict[str, str] | None:
    match = _FOLLOWING.search(lead)
    if match is None:
        return None
    noun = match.group("noun") or ""
    if noun.split()[:1] and noun.split()[0] in {"for", "to", "on", "in", "before", "at", "with", "as", "if", "when", "from", "of"}:
        noun, end = "", match.start("noun")
    else:
        end = match.end()
    before, after = lead[: match.start()].strip(), lead[end:].strip()
    clause = parse(f"{before} X {after}", context.lexicon)
    if (
        clause is None
        or (not clause.body.startswith("X")
        and " X" not in clause.body)
        or "," in clause.body
        or re.search(r"\b(?:only)\b", lead)
    ):
        return None
    rest = re.sub(r"\s*\bX\b\s*", " ", clause.body).strip()
    if _ANY_PRONOUN.search(rest) or re.search(r"\b(?:to|of|for|with|by|in)$", clause.body.split("X")[0].strip()):
        return None
    word = f"which {noun}" if noun else "what"
    return {"inv": f"{word} {clause.inverted(flip(rest), duty='should')}", "plain": f"{word} {clause.plain(flip(rest))}"}


def _open(lead: str, context: Context) -> dict[str, str] | None:
    clause = parse(f"{lead} X Y", context.lexicon)
    if clause is None or "," in lead or _ANY_PRONOUN.search(lead) or re.search(r"\bfollowing\b", lead):
        return None
    body = re.sub(r"\s*X Y$", "", clause.body)
    if clause.aux in {"is", "are"} and not clause.verb and not body:
        be = clause.aux
        return {"inv": f"what {be} {clause.subject}", "plain": f"what {clause.subject} {be}"}
    if (
        not clause.aux
        and clause.base in {"contain", "include", "cover", "need", "require", "have", "consist"}
        and body in {"", "of"}
        and clause.subject != "I"
    ):
        return {"inv": f"what {clause.inverted(body)}", "plain": f"what {clause.plain(body)}"}
    if (
        (clause.subject == "I" or clause.aux in {"can", "must", "should"})
        and body == ""
        and clause.base not in {"do", "be", "take", "get", "have"}
    ):
        return {"inv": f"what {clause.inverted('')}", "plain": f"what {clause.plain('')}"}
    return None
