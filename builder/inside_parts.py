"""Where in a section of a document a question stands and what answers it, told by headings, bold lines, labels, tables and folds.

`of_prose` reads what people wrote for people; `of_rows` reads what our own readers wrote of tables, tickets and chats, and
follows the layout of `builder.readers.record_sections` and `builder.readers.chats`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Literal, get_args

from builder.readers.columns import asks, roles
from builder.readers.record_sections import INPUT
from schemas.markdown import Block, Span, plain

Kind = Literal["faq_table", "question_heading", "bold_question", "labelled", "details", "ticket", "chat", "rows"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FEWEST_WORDS = 3  # of a question in running text, and of a reply in a chat: "Questions?" asks nothing

_UNTITLED = re.compile(r"(?:Record|Conversation) \d+")
_ANCHOR = re.compile(r"\s*\{[#:.][^{}]{0,200}\}\s*$")
_BOLD = re.compile(r"(\*\*|__)(?=\S)((?:(?!\1)[^\n]){1,400}?[?？؟][\"'”’»)]{0,2})\1[ \t]*:?[ \t]*(?:\\?\n|<br[ \t]*/?>)?[ \t]*")
_ASKED = re.compile(r"(?:\*\*|__)?(?:Q|Question|Frage|F|Pregunta|P|Domanda|D)[ \t]?\d{0,3}[.:)][ \t]*(?:\*\*|__)?[ \t]*(?=\S)")
_REPLIED = re.compile(
    r"(?:\*\*|__)?(?:A|Answer|Antwort|Réponse|R|Respuesta|Risposta)[ \t]?\d{0,3}[.:)][ \t]*(?:\*\*|__)?[ \t]*(?=\S)", re.MULTILINE
)
_ANSWER = re.compile(r"(?:\*\*|__)?(?:A|Answer|Antwort):(?:\*\*|__)?[ \t]+(?=\S)")
_LABELS = re.compile(rf"^{_REPLIED.pattern}", re.MULTILINE)
_SUMMARY = re.compile(r"<summary[^>]{0,200}>\s*((?:(?!</summary>).){1,500}?)\s*</summary>", re.IGNORECASE | re.DOTALL)
_LONGEST_FOLD = 50_000
_FOLD_END = re.compile(r"</details\s*>", re.IGNORECASE)


@dataclass(frozen=True)
class SourcePair:
    """A question and its answer as they stand in a document; all spans are of `document.text`."""

    question: str
    answer: str
    question_span: Span
    answer_span: Span
    kind: Kind
    given: Span | None = None
    """What the question is about, where that stands apart: the input of an instruction."""
    history: "tuple[SourcePair, ...]" = ()
    """The earlier turns of its conversation."""
    above: str = ""
    """The heading that the question stands under."""


@dataclass(frozen=True)
class Section:
    """A heading, if there is one, and the blocks below it down to the next heading."""

    text: str
    heading: Block | None
    blocks: tuple[Block, ...]

    def pair(self, question: Span, answer: Span, kind: Kind, given: Span | None = None) -> SourcePair:
        """Return the pair of two spans."""
        text, path = self.text, self.heading.heading_path if self.heading else ()
        asks_itself = self.heading is not None and question.start < self.heading.end
        above = next(reversed(path[:-1] if asks_itself else path), "")
        return SourcePair(text[question.start : question.end], text[answer.start : answer.end], question, answer, kind, given, above=above)


def of_rows(section: Section, kind: Kind) -> Iterator[SourcePair]:
    """Yield the pair of a section that a reader wrote of a row, a ticket or a thread; none if nothing answers."""
    head, blocks = section.heading, list(section.blocks)
    if head is None or not blocks:
        return
    question, given = head.content, None
    quote = _inner(section.text, blocks[0]) if blocks[0].kind == "quote" else None
    untitled = _UNTITLED.fullmatch(section.text[question.start : question.end])
    if untitled and quote is None:
        return
    if quote and (untitled or kind == "ticket"):
        question = quote if untitled or not asks(section.text[question.start : question.end]) else question
        blocks = blocks[1:]
    if kind == "rows" and blocks and blocks[0].kind == "code":
        given = _given(section.text, blocks[0])
        blocks = blocks[1:] if given else blocks
    if kind == "chat":
        blocks = [*takewhile(lambda block: block.kind not in ("quote", "rule"), blocks)]
    answer = _whole(blocks)
    if answer and (kind != "chat" or _replies(section.text[answer.start : answer.end])):
        yield section.pair(question, answer, kind, given)


def of_prose(section: Section) -> Iterator[SourcePair]:
    """Yield the pairs of a section in the order of their questions."""
    found = [*_asked(section)]
    last = section.blocks[-1].end if section.blocks else 0
    ends = [*(below.begins for below in found[1:]), last]
    for asked, end in zip(found, ends[: len(found)], strict=True):
        answer = _between(section, asked.answered_from, min(asked.answered_to or end, end))
        if answer and not asks(section.text[answer.start : answer.end]):
            yield section.pair(asked.question, answer, asked.kind)
    for block in section.blocks:
        if block.kind == "table":
            yield from _of_table(section, block)
        elif block.kind == "list":
            yield from _of_items(section, block)


@dataclass(frozen=True)
class _Asked:
    """A question whose marks begin at `begins`, and where its answer may begin and must end (0: anywhere)."""

    kind: Kind
    begins: int
    question: Span
    answered_from: int
    answered_to: int = 0


def _asked(section: Section) -> Iterator[_Asked]:
    """The questions of a section that what stands below them answers."""
    text, head = section.text, section.heading
    if head is not None and (question := _asking(text, head.content)):
        first = section.blocks[0].start if section.blocks else head.end
        reply = _ANSWER.match(text, first)
        yield _Asked("question_heading", head.start, question, reply.end() if reply else first)
    for place, block in enumerate(section.blocks):
        words = text[block.start : block.end]
        if block.kind == "paragraph" and (bold := _BOLD.match(words)) and _enough(bold[2]):
            question = Span(block.start + bold.start(2), block.start + bold.end(2))
            yield _Asked("bold_question", block.start, question, block.start + bold.end())
        elif block.kind == "paragraph" and (label := _ASKED.match(words)):
            yield from _labelled(section, place, block.start + label.end())
        elif block.kind == "html":
            yield from _folded(section, place)


def _labelled(section: Section, place: int, start: int) -> Iterator[_Asked]:
    """A question behind `Q:`, if `A:` stands in the same paragraph or begins the next."""
    block, text = section.blocks[place], section.text
    inside = _LABELS.search(text, start, block.end)
    after = section.blocks[place + 1] if place + 1 < len(section.blocks) else None
    if inside and inside.start() > start and text[inside.start() - 1] == "\n":
        yield _Asked("labelled", block.start, _trimmed(text, start, inside.start()), inside.end())
    elif after and after.kind == "paragraph" and (reply := _REPLIED.match(text, after.start, after.end)):
        yield _Asked("labelled", block.start, _trimmed(text, start, block.end), reply.end())


def _folded(section: Section, place: int) -> Iterator[_Asked]:
    """The summaries of folded details that ask, each answered down to the end of its fold."""
    block, text = section.blocks[place], section.text
    end = section.blocks[-1].end
    for summary in _SUMMARY.finditer(text, block.start, block.end):
        fold = _FOLD_END.search(text, summary.end(), min(end, summary.end() + _LONGEST_FOLD))
        question = _trimmed(text, summary.start(1), summary.end(1))
        if _enough(plain(text[question.start : question.end])):
            yield _Asked("details", summary.start(), question, summary.end(), fold.start() if fold else end)


def _of_table(section: Section, block: Block) -> Iterator[SourcePair]:
    """The rows of a table with a column of questions and one of answers."""
    text = section.text
    cells = [[plain(text[cell.start : cell.end]) for cell in row] for row in block.rows]
    found = roles(cells) if cells else None
    if found is None:
        return
    for row in block.rows[1:] if found.header else block.rows:
        if max(found.question, found.answer) < len(row):
            question, answer = row[found.question], row[found.answer]
            if question.end > question.start and answer.end > answer.start:
                yield section.pair(question, answer, "faq_table")


def _of_items(section: Section, block: Block) -> Iterator[SourcePair]:
    """The items of a list that begin with a bold question, with the items below them."""
    text = section.text
    top = [item for item in block.items if item.depth == 0]
    ends = [*(_line_start(text, below.start) for _, below in pairwise(top)), block.end]
    for item, end in zip(top, ends[: len(top)], strict=True):  # items of nothing but code or headings are none
        bold = _BOLD.match(text, item.start, end)
        answer = _trimmed(text, bold.end(), end) if bold else None
        if bold and answer and answer.end > answer.start and _enough(bold[2]):
            yield section.pair(Span(bold.start(2), bold.end(2)), answer, "bold_question")


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _asking(text: str, content: Span) -> Span | None:
    """The words of a heading without its anchor, if they ask something."""
    anchor = _ANCHOR.search(text, content.start, content.end)
    span = Span(content.start, anchor.start() if anchor else content.end)
    words = plain(text[span.start : span.end])
    return span if asks(words) and _enough(words) else None


def _enough(words: str) -> bool:
    return asks(words) and len(words.split()) >= FEWEST_WORDS


def _replies(words: str) -> bool:
    return len(words.split()) >= FEWEST_WORDS and not asks(words)


def _between(section: Section, start: int, end: int) -> Span | None:
    """What stands between two places, without rules and tags at its ends, if there are words in it."""
    first = bisect_right(section.blocks, start, key=lambda block: block.end)
    blocks = list(section.blocks[first : bisect_left(section.blocks, end, key=lambda block: block.start)])
    while blocks and (blocks[0].kind == "rule" or (blocks[0].kind == "html" and blocks[0].start >= start)):
        blocks.pop(0)
    while blocks and (blocks[-1].kind == "rule" or (blocks[-1].kind == "html" and blocks[-1].end <= end)):
        blocks.pop()
    if not blocks:
        return None
    span = _trimmed(section.text, max(start, blocks[0].start), min(end, blocks[-1].end))
    return span if any(map(str.isalnum, section.text[span.start : span.end])) else None


def _whole(blocks: Sequence[Block]) -> Span | None:
    return Span(blocks[0].start, blocks[-1].end) if blocks else None


def _inner(text: str, block: Block) -> Span:
    """The words of a quote; its later lines keep their marks, since a span has no gaps."""
    return _trimmed(text, block.start + 1, block.end)


def _given(text: str, block: Block) -> Span | None:
    """The words in a fence that holds the input of an instruction."""
    first, _, rest = text[block.start : block.end].partition("\n")
    if first.strip("`") != INPUT or "\n" not in rest:
        return None
    start = block.start + len(first) + 1
    return _trimmed(text, start, text.rfind("\n", start, block.end))


def _trimmed(text: str, start: int, end: int) -> Span:
    words = text[start:end]
    lead = len(words) - len(words.lstrip())
    return Span(start + lead, start + max(lead, len(words.rstrip())))
