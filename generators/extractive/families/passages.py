"""Tasks with a passage as input: a question that needs it, JSON of a table row, the heading of a passage."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

from generators.extractive.english import stems
from generators.extractive.facts import Context, Fact
from generators.extractive.filters import sound
from generators.extractive.page import Section
from generators.extractive.topics import Topic

_ASKED_OF_PASSAGES = frozenset(
    {
        "many",
        "much",
        "long",
        "soon",
        "ahead",
        "often",
        "when",
        "until",
        "deadline",
        "period",
        "where",
        "why",
        "who",
        "if_do",
        "if_happens",
        "what",
    }
)


def passages(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The facts of `section` whose passage goes with the question."""
    yield from _rows(section)
    words = section.prose()
    if topic.kind != "topic" or section.tables() or section.children or not 40 <= len(words.split()) <= 150:
        return
    turn = _digest(words) % 3
    if turn == 0:
        yield from _choice(section, words, context)
    elif turn == 1:
        yield _of_passage("title", {"x": section.heading}, section, words, task="summarization")


def open_book(fact: Fact, section: Section) -> Fact | None:
    """`fact` asked together with its section, for questions that do not stand alone."""
    words = section.prose()
    if fact.family not in _ASKED_OF_PASSAGES or not sound(fact) or not 20 <= len(words.split()) <= 150:
        return None
    return replace(fact, task="open_book", input=words, scoped=False)


def _rows(section: Section) -> Iterator[Fact]:
    for table in section.tables():
        names = [cell.text for cell in table.header]
        if len(names) < 3 or not all(names) or len(set(names)) < len(names):
            continue
        for row in [row for row in table.rows if len(row) == len(names) and row[0].text][:2]:
            record = {name: cell.text for name, cell in zip(names, row, strict=True)}
            printed = "; ".join(f"{name}: {value}" for name, value in record.items())
            answer = json.dumps(record, ensure_ascii=False)
            span = (row[0].span[0], row[-1].span[1])
            yield replace(Fact.of("json_row", {"k": row[0].text}, answer, span), task="extraction", input=printed)


def _choice(section: Section, words: str, context: Context) -> Iterator[Fact]:
    """Which of four headings of the document fits: the others share no word with it."""
    own = stems(section.heading)
    others = sorted(
        {heading for heading in context.headings if heading and not stems(heading) & own}, key=lambda heading: _digest(heading + words)
    )
    if own and len(others) >= 3:
        options = sorted([section.heading, *others[:3]], key=lambda heading: _digest(words + heading))
        yield _of_passage("classify", {"options": " / ".join(options)}, section, words, task="classification")


def _of_passage(family: str, slots: dict[str, str], section: Section, words: str, *, task: str) -> Fact:
    return replace(Fact.of(family, slots, section.heading, section.span, *section.body_spans()), task=task, input=words)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
