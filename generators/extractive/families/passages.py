"""Tasks with a passage as input: JSON of a table row, the heading of a passage."""

import json
from collections.abc import Iterator

from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section
from generators.extractive.topics import Topic


def passages(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The facts of `section` whose passage goes with the question."""
    _ = context
    yield from _rows(section)
    yield from _title(section, topic)


def _rows(section: Section) -> Iterator[Fact]:
    for table in section.tables():
        names = [cell.text for cell in table.header]
        if len(names) < 3 or not all(names) or len(set(names)) < len(names):
            continue
        for row in table.rows[:2]:
            if len(row) == len(names):
                record = {name: cell.text for name, cell in zip(names, row, strict=True)}
                printed = "; ".join(f"{name}: {value}" for name, value in record.items())
                yield Fact.of(
                    "json_row",
                    {"k": row[0].text},
                    json.dumps(record, ensure_ascii=False),
                    (row[0].span[0], row[-1].span[1]),
                    task="extraction",
                    passage=printed,
                )


def _title(section: Section, topic: Topic) -> Iterator[Fact]:
    words = section.prose()
    if topic.kind == "topic" and not section.tables() and not section.children and 40 <= len(words.split()) <= 150:
        yield Fact.of(
            "title", {"x": section.heading}, section.heading, section.span, *section.body_spans(), task="summarization", passage=words
        )
