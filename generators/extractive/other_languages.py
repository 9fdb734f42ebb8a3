"""Other languages than English: only what structure says, asked with the forms of forms/<language>/.

No sentence is taken apart and no heading is inflected, for the rules know English only: headings and columns stand in
quotation marks, questions of the documents stay as they are written, and answers are whole sections, lists, rows and cells.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from generators.extractive.acronyms import acronyms
from generators.extractive.facts import Context, Fact
from generators.extractive.families import passages
from generators.extractive.page import Section, TablePart
from generators.extractive.topics import Topic

ENGLISH = "en"
_QUESTION = re.compile(r"[¿\w].*[?？;؟]\s*$", re.DOTALL)
_RESIDUE = re.compile(r"[{}<>|\[\]]|https?:|##|\$\[|_{2,}|[*`]{2}")
_SHORTEST, _LONGEST = 12, 180  # words of a section that answers
_LONGEST_HEADING = 12
_MOST_ROWS, _MOST_CELLS = 20, 3


@cache
def languages() -> frozenset[str]:
    """The codes (ISO 639-1) of the languages that questions are asked in."""
    return frozenset(folder.name for folder in (Path(__file__).parent / "forms").iterdir() if folder.is_dir())


def structural(section: Section, context: Context) -> Iterator[Fact]:
    """What the headings, lists and tables of `section` say."""
    heading = section.heading
    answer = section.prose()
    if heading and len(heading.split()) <= _LONGEST_HEADING and not section.tables() and not section.children and _stands(answer):
        yield _headed(section, heading, answer)
    for table in section.tables():
        yield from _cells(table)
    for sentence in section.sentences():
        for short, long in acronyms(sentence.text):
            if (short, long, context.path) in context.lexicon.acronyms:
                yield Fact.of("acronym", {"ac": short}, long, sentence.span)
                yield Fact.of("acronym_back", {"long": long}, short, sentence.span)
    yield from passages.passages(section, Topic("topic" if heading and not _QUESTION.fullmatch(heading) else "none"), context)


def _headed(section: Section, heading: str, answer: str) -> Fact:
    """A question is asked as it is written; else the heading is the topic, or the procedure of its numbered list."""
    if _QUESTION.fullmatch(heading):
        return Fact.of("faq", {"q": heading}, answer, *section.body_spans())
    steps = [part for part in section.lists() if part.numbered]
    if len(steps) == 1 and len(steps[0].items) > 1 and not any(item.endswith(":") for item in steps[0].items):
        return Fact.of("steps", {"x": heading}, steps[0].text(), steps[0].span, task="how_to")
    return Fact.of("topic", {"x": heading}, answer, *section.body_spans())


def _stands(answer: str) -> bool:
    """Whether a section is an answer by itself: neither a stub nor cut off nor full of markup."""
    return _SHORTEST <= len(answer.split()) <= _LONGEST and not answer.rstrip().endswith(":") and not _RESIDUE.search(answer)


def _cells(table: TablePart) -> Iterator[Fact]:
    """The cells of rows that their first column names, starting at another column in each row."""
    header = [cell.text for cell in table.header]
    keys = [row[0].text for row in table.rows if row]
    if len(header) < 2 or not all(header) or len(set(keys)) < len(table.rows):
        return
    for number, row in enumerate(table.rows[:_MOST_ROWS]):
        cells = [
            Fact.of("cell", {"k": row[0].text, "col": head}, cell.text, row[0].span, cell.span)
            for head, cell in zip(header[1:], row[1:], strict=False)
            if row[0].text and re.search(r"\w", cell.text) and not _RESIDUE.search(f"{row[0].text} {cell.text}")
        ]
        first = number % len(cells) if cells else 0
        yield from (cells[first:] + cells[:first])[:_MOST_CELLS]
