"""How-to headings and procedures: the steps of a section, or its text if it instructs."""

import re
from collections.abc import Iterator

from generators.extractive.answers import Answer, answer_of
from generators.extractive.english import flip, known_verb
from generators.extractive.facts import Context, Fact
from generators.extractive.page import ListPart, Section, Sentence
from generators.extractive.parsing import parse
from generators.extractive.topics import Topic

_IN_ORDER = re.compile(
    r"^(?P<vp>[A-Z]\w+ .{3,60}?) (?:in (?:this|the following) order|as follows|like this|in these steps|with these steps)(?:,[^:]*)?:$"
)
_TO_LEAD = re.compile(r"^To (?P<vp>[a-z]+ [^,:]{3,60}?)(?:, .{0,60})?:$")
_FEW, _SEVERAL = 15, 4  # words of an answer, its sentences
_POINTING = re.compile(r"\b(?:it|them|this|these)\b")


def procedures(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The steps of a section: its one numbered list, else its whole text if the heading says how to do something."""
    numbered = [part for part in section.lists() if part.numbered]
    steps = numbered[0] if len(numbered) == 1 and _instructs(numbered[0], context) else None
    phrase = (steps and _lead_phrase(steps)) or (topic.words if topic.kind == "howto" else "")
    if steps and phrase:
        yield Fact.of("howto_steps", {"vp": phrase}, steps.text(), steps.span, task="how_to")
    elif topic.kind == "howto" and not (numbered or section.tables() or section.children):
        yield from _prose(section, topic, context)


def _prose(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    answer = answer_of(section)
    if answer is None or not answer.whole or answer.size < _FEW or _unfinished(answer):
        return
    told = [*answer.sentences, *(item for part in answer.lists if not part.sentences for item in part.items)]
    instructions = sum(_directs(one, context) for one in told)
    if 0 < len(told) <= instructions * (2 if len(told) < _SEVERAL else 3):
        yield Fact.of("howto", {"vp": topic.words}, answer.text, *answer.spans, task="how_to")


def _unfinished(answer: Answer) -> bool:
    """Whether an item of its lists announces something that does not follow."""
    ends = [
        (item, depth, part.depths[place + 1 : place + 2])
        for part in answer.lists
        for place, (item, depth) in enumerate(zip(part.items, part.depths, strict=True))
    ]
    return any(item.endswith(":") and not (after and after[0] > depth) for item, depth, after in ends)


def _directs(told: Sentence | str, context: Context) -> bool:
    text = told if isinstance(told, str) else told.text
    clause = parse(text, context.lexicon)
    passive = clause is not None and clause.aux in {"must", "can"} and clause.verb.startswith("be ")
    also = text.startswith(("You can also", "You may also"))
    return clause is not None and not also and (clause.imperative or clause.subject == "I" or passive)


def _instructs(part: ListPart, context: Context) -> bool:
    """Whether `part` is a whole procedure: more than half of its items, none cut off, tell what to do."""
    if len(part.items) < 2 or any(item.endswith((":", "?")) for item in part.items):
        return False
    return sum(_directs_item(item, context) for item in part.items) * 2 > len(part.items)


def _directs_item(item: str, context: Context) -> bool:
    clause = parse(item, context.lexicon)
    return (clause is not None and clause.imperative) or known_verb(item.split(maxsplit=1)[0].strip(",") if item else "")


def _lead_phrase(part: ListPart) -> str:
    lead = part.lead.text if part.lead else ""
    match = _TO_LEAD.match(lead) or _IN_ORDER.match(lead)
    if match is None or _POINTING.search(match.group("vp")):
        return ""
    first, _, rest = match.group("vp").partition(" ")
    return flip(f"{first.lower()} {rest}") if known_verb(first) else ""
