"""What headings ask beside questions: how-to headings, procedures, and noun topics with their rules."""

import re
from collections.abc import Iterator

from generators.extractive.english import flip, known_verb
from generators.extractive.facts import Context, Fact
from generators.extractive.page import ListPart, Section, Sentence
from generators.extractive.parsing import parse
from generators.extractive.topics import Topic

_NORMS = re.compile(
    r"\b(?:must|may not|cannot|can|required?|limit|allowed|up to|at least|at most|within|should|need|entitled|eligible|receive)\b"
)
_PROCESS = re.compile(
    r"\b(?:leave|bonus|allowance|plan|time|process|probation|review|transfer|insurance|contribution|pension|duty|warranty|program|"
    r"reimbursement|support|update|backup|release|balance|sabbatical|escalation|credit|cycle)$",
    re.IGNORECASE,
)
_IN_ORDER = re.compile(
    r"^(?P<vp>[A-Z]\w+ .{3,60}?) (?:in (?:this|the following) order|as follows|like this|in these steps|with these steps)(?:,[^:]*)?:$"
)
_TO_LEAD = re.compile(r"^To (?P<vp>[a-z]+ [^,:]{3,60}?)(?:, .{0,60})?:$")
_POINTING = re.compile(r"\b(?:it|them|this|these)\b")
_SEVERAL = re.compile(r"\band\b|s$")
_NO_RULES = re.compile(r"\b(?:checklist|list|table|form|forms|contents)\b")


def procedures(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The steps of a section: its one numbered list, else its whole text if the heading says how to do something."""
    numbered = [part for part in section.lists() if part.numbered]
    steps = numbered[0] if len(numbered) == 1 and _instructs(numbered[0], context) else None
    phrase = (steps and _lead_phrase(steps)) or (topic.words if topic.kind == "howto" else "")
    if steps and phrase:
        yield Fact.of("howto_steps", {"vp": phrase}, steps.text(), steps.span, task="how_to")
    elif topic.kind == "howto" and not (numbered or section.tables() or (section.level == 1 and section.children)):
        yield from _prose(section, topic, context)


def _prose(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    answer, sentences = section.prose(), list(section.sentences())
    instructions = sum(_directs(sentence, context) for sentence in sentences)
    if any(item.endswith(":") for part in section.lists() for item in part.items):
        return
    if 12 <= len(answer.split()) <= 130 and not answer.endswith(":") and 0 < len(sentences) <= instructions * 3:
        yield Fact.of("howto", {"vp": topic.words}, answer, *section.body_spans(), task="how_to")


def _directs(sentence: Sentence, context: Context) -> bool:
    clause = parse(sentence.text, context.lexicon)
    return clause is not None and (clause.imperative or clause.subject == "I" or clause.aux in {"must", "can"})


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


def noun_topics(section: Section, topic: Topic) -> Iterator[Fact]:
    """What the handbook says on a plain noun topic, where the section is short and says rules."""
    answer = section.prose()
    if topic.kind != "topic" or section.tables() or section.children or section.level == 1 or answer.endswith(":"):
        return
    if _NO_RULES.search(topic.noun) or (len(topic.noun.split()) == 1 and section.level > 2):
        return
    if 25 <= len(answer.split()) <= 110 and len(_NORMS.findall(answer)) >= 2 and all(part.lead for part in section.lists()):
        slots = {"x": topic.words, "process": topic.words if _PROCESS.search(topic.words) and not _SEVERAL.search(topic.words) else ""}
        yield Fact.of("topic", slots, answer, *section.body_spans())
