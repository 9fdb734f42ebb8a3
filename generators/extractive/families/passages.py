"""Tasks with a passage as input: a question that needs it or that it leaves open, JSON, the fitting heading, a title, a summary."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from generators.extractive.clauses import anaphoric
from generators.extractive.english import capital, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.filters import sound
from generators.extractive.page import Section
from generators.extractive.parents import says_little
from generators.extractive.rows import filled, holds_data, shows
from generators.extractive.topics import Topic, core_of

ABSENT = "The passage does not say."
_NOT_OF_PASSAGES = ("faq", "topic", "howto", "list", "table", "ticket", "describe", "acronym", "outline")
_SHORTEST, _LONGEST = 20, 150  # words of a passage that comes with a question
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![\w./-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,5}\)[ .-]?)?\d{2,5}(?:[ .-]?\d{2,5}){1,4}"
    r"|\(\d{2,5}\)[ .-]?\d{2,5}(?:[ .-]\d{2,5}){1,3}|(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4})(?![\w/-])"
)
_CHANNEL = re.compile(r"(?<![\w#/&])#[a-z][\w-]+")
_DIGITS = range(7, 16)  # of a phone number (E.164)
_CONDITIONAL = re.compile(r"(?:If|When|After|As|Before|Once|For example|To)\b")
_OPTIONS = 4
_TEMPLATE = re.compile(r"[\[\]{}<>]")  # in a title: still to be filled in
_ABSENT_EVERY, _OPEN_EVERY = 12, 6  # of the facts with a plain question


def passages(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The facts of `section` whose passage goes with the question."""
    yield from _rows(section)
    prose = section.prose()
    length = len(prose.split())
    if section.tables() or section.children or not 40 <= length <= _LONGEST:
        return
    yield from _contacts(section, prose)
    if topic.kind != "topic" or says_little(section.heading) or core_of(section.heading) != section.heading:
        return
    turn = _digest(prose) % 3
    if turn == 0:
        yield from _choice(section, prose, context)
    elif turn == 1:
        yield _headed("title", {"x": section.heading}, section, prose, task="summarization")
    else:
        yield from _summary(section, prose)


def outline(found: Sequence[Section], context: Context) -> Iterator[Fact]:
    """What a document covers: its main headings."""
    level = min((section.level for section in found if section.level > 1), default=0)
    if sum(section.level == 1 and len(section.heading) > 1 for section in found) > 1:
        return  # more stands beside what they are sections of
    named = [section for section in found if section.level == level and len(section.heading) > 1]
    headings = list(dict.fromkeys(section.heading for section in named))
    if _TEMPLATE.search(context.title):
        return
    if 3 <= len(headings) <= 15 and len(headings) == len(named) and 1 < len(context.title.split()) <= 9:
        answer = "\n".join(f"- {heading}" for heading in headings)
        yield Fact.of("outline", {"title": context.title}, answer, *(section.span for section in named))


def open_book(fact: Fact, section: Section) -> Fact | None:
    """`fact` asked together with its section, which tells what a question alone leaves open."""
    prose = section.prose()
    if fact.family.startswith(_NOT_OF_PASSAGES) or not sound(fact) or not _SHORTEST <= len(prose.split()) <= _LONGEST:
        return None
    return replace(fact, task="open_book", input=prose, scoped=False, named="")


def also_open_book(fact: Fact) -> bool:
    """Whether a fact with a plain question is asked of its passage as well: one of six."""
    return _digest(repr((fact.slots, fact.spans))) % _OPEN_EVERY == 0


def left_open(fact: Fact, found: Sequence[Section]) -> Fact | None:
    """One fact of twelve, asked of another section of its document that shares no telling word with the question."""
    place = _digest(repr((fact.spans, fact.slots)))
    if place % _ABSENT_EVERY or fact.input or fact.scoped or fact.family.startswith((*_NOT_OF_PASSAGES, "deny", "affirm")):
        return None
    asked = stems(" ".join(value for _, value in fact.slots))
    others = [
        (section, prose)
        for section in found
        if not section.tables() and _SHORTEST <= len((prose := section.prose()).split()) <= _LONGEST and not asked & stems(prose)
    ]
    if not asked or not others:
        return None
    section, prose = others[place // _ABSENT_EVERY % len(others)]
    return replace(fact, task="unanswerable", answer=ABSENT, input=prose, spans=section.body_spans(), absent=True)


def _rows(section: Section) -> Iterator[Fact]:
    for table in filter(holds_data, section.tables()):
        names = [cell.text for cell in table.header]
        if len(names) < 3 or not all(names) or len(set(names)) < len(names):
            continue
        whole = [row for row in filled(table) if len(row) == len(names) and all(map(shows, names, [cell.text or "-" for cell in row]))]
        for row in [row for row in whole if all(cell.text for cell in row)][:2]:
            record = {name: cell.text for name, cell in zip(names, row, strict=True)}
            printed = "; ".join(f"{name}: {value}" for name, value in record.items())
            answer = json.dumps(record, ensure_ascii=False)
            header = (table.header[0].span[0], table.header[-1].span[1])
            span = (row[0].span[0], row[-1].span[1])
            yield replace(Fact.of("json_row", {"k": row[0].text}, answer, span, header), task="extraction", input=printed)


def _contacts(section: Section, prose: str) -> Iterator[Fact]:
    """The addresses, phone numbers and channels of the passage as JSON; a kind that does not occur is an empty list."""
    phones = [number for number in _PHONE.findall(prose) if sum(map(str.isdigit, number)) in _DIGITS]
    details = [_distinct(_EMAIL.findall(prose)), _distinct(phones), _distinct(_CHANNEL.findall(prose))]
    if not any(details):
        return
    names = (("emails", "phones", "channels"), ("email_addresses", "phone_numbers", "channels"), ("mail", "phone", "chat"))
    keys = names[_digest(prose) % len(names)]
    answer = json.dumps(dict(zip(keys, details, strict=True)), ensure_ascii=False)
    slots = {"keys": f"{keys[0]}, {keys[1]} and {keys[2]}"}
    yield replace(Fact.of("json_contacts", slots, answer, *section.body_spans()), task="extraction", input=prose)


def _distinct(found: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(found))


def _choice(section: Section, prose: str, context: Context) -> Iterator[Fact]:
    """Which of four headings of the document fits: the others share no word with it."""
    own = stems(section.heading)
    others = sorted(
        {heading for heading in context.headings if heading and not stems(heading) & own}, key=lambda heading: _digest(heading + prose)
    )
    if own and len(others) >= _OPTIONS - 1:
        options = sorted([section.heading, *others[: _OPTIONS - 1]], key=lambda heading: _digest(prose + heading))
        yield _headed("classify", {"options": " / ".join(options)}, section, prose, task="classification")


def _headed(family: str, slots: dict[str, str], section: Section, prose: str, *, task: str) -> Fact:
    return replace(Fact.of(family, slots, section.heading, section.span, *section.body_spans()), task=task, input=prose)


def _summary(section: Section, prose: str) -> Iterator[Fact]:
    """The first sentence, where it stands alone, names what the heading names, and is short beside the passage."""
    lead = next(section.sentences(), None)
    if lead is None or anaphoric(lead.text) or _CONDITIONAL.match(lead.text) or not lead.text.endswith("."):
        return
    size, whole = len(lead.text.split()), len(prose.split())
    if whole < 60 or not 8 <= size <= 45 or not 0.08 <= size / whole <= 0.5 or not stems(section.heading) & stems(lead.text):
        return
    fact = Fact.of("summary", {"x": capital(section.heading)}, lead.text, lead.span)
    if sound(fact):
        yield replace(fact, task="summarization", input=prose)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
