"""How-to headings and procedures: the steps of a section, or its text if it instructs."""

import re
from collections.abc import Iterator

from generators.extractive.answers import answer_of, leads_elsewhere, unfinished
from generators.extractive.english import flip, known_verb, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.filters import deictic
from generators.extractive.naming import done_above
from generators.extractive.page import ListPart, Paragraph, Section, Sentence
from generators.extractive.parsing import parse
from generators.extractive.spoken import everyday_only
from generators.extractive.topics import Topic

_IN_ORDER = re.compile(
    r"^(?P<vp>[A-Z]\w+ .{3,60}?) (?:in (?:this|the following) order|as follows|like this|in these steps|with these steps)(?:,[^:]*)?:$"
)
_TO_LEAD = re.compile(r"^To (?P<vp>[a-z]+ [^,:]{3,60}?)(?:, .{0,60})?:$")
_CONDITION = re.compile(
    r"\b(?:only|must|needs?|needed|ha(?:s|ve) to|requires?|required|at least|no later than|administrators?|permissions?|cannot|may not|"
    r"unless)\b",
    re.IGNORECASE,
)  # on which the steps depend
_DEEP = 3  # level of a heading that may lean on those above it
_MOST_BEFORE = 45  # words before the steps
_FEW, _SEVERAL = 15, 4  # words of an answer, its sentences
_POINTING = re.compile(r"\b(?:it|them|this|these)\b")


def procedures(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The steps of a section: its one numbered list, else its whole text if the heading says how to do something."""
    numbered = [part for part in section.lists() if part.numbered]
    steps = numbered[0] if len(numbered) == 1 and _instructs(numbered[0], context) else None
    asked = _asked(section, topic, context)
    phrase = (steps and _lead_phrase(steps)) or asked
    if steps and phrase:
        first = _before_steps(section, steps)
        spans = (*(one.span for one in first), steps.span)
        yield Fact.of("howto_steps", {"vp": phrase}, "\n".join([*(one.text for one in first), steps.text()]), *spans, task="how_to")
    elif topic.kind == "howto" and not (numbered or section.tables() or section.children):
        yield from _prose(section, asked, context)


def _asked(section: Section, topic: Topic, context: Context) -> str:
    """What a heading tells how to do; in everyday words alone, with the doing that its page is about."""
    if topic.kind != "howto" or section.level < _DEEP or not everyday_only(topic.words):
        return topic.words if topic.kind == "howto" else ""
    done = done_above(section, context)
    return f"{topic.words} when {done}" if done and not stems(done) & stems(topic.words) else topic.words


def _before_steps(section: Section, steps: ListPart) -> tuple[Sentence, ...]:
    """The sentences right before the steps that say who may take them, by when, or what they need; none where more stands there."""
    before = section.parts[section.parts.index(steps) - 1] if section.parts.index(steps) else None
    told = before.sentences if isinstance(before, Paragraph) else ()
    if told and steps.lead in told:
        told = told[:-1]
        if not told and section.parts.index(steps) > 1:
            above = section.parts[section.parts.index(steps) - 2]
            told = above.sentences if isinstance(above, Paragraph) else ()
    if sum(len(one.text.split()) for one in told) > _MOST_BEFORE or any(map(_unfit, told)):
        return ()
    return tuple(one for one in told if _CONDITION.search(one.text))


def _unfit(sentence: Sentence) -> bool:
    """Whether a sentence leads elsewhere or points to something that is not shown."""
    return sentence.leads or leads_elsewhere(sentence.text) or deictic(sentence.text)


def _prose(section: Section, phrase: str, context: Context) -> Iterator[Fact]:
    answer = answer_of(section)
    if answer is None or not answer.whole or answer.size < _FEW or unfinished(answer):
        return
    told = [*answer.sentences, *(item for part in answer.lists if not part.sentences for item in part.items)]
    instructions = sum(_directs(one, context) for one in told)
    if 0 < len(told) <= instructions * (2 if len(told) < _SEVERAL else 3):
        yield Fact.of("howto", {"vp": phrase}, answer.text, *answer.spans, task="how_to")


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
