"""Pairs that people wrote and that stand inside documents: they become drafts as they are, at no cost, each with its place.

Tables of questions, headings and bold lines that ask, `Q:` and `A:`, folded details, solved tickets, chats, and the rows of
other datasets. A reader that knows more than its text shows says so in the metadata (`holds`, see `builder.readers.grid`).
Every question and answer is a span of the document, so an answer is its own evidence.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from builder.inside_parts import FEWEST_WORDS, KINDS, Kind, Section, SourcePair, of_prose, of_rows
from builder.readers.columns import asks
from builder.readers.grid import HOLDS
from generators.extractive.answers import leads_elsewhere
from generators.extractive.doubts import IN_PLACE
from generators.extractive.families.questions import BAD_EXAMPLE
from generators.extractive.families.tickets import message_of
from generators.extractive.generate import context_of
from generators.extractive.lexicon import Lexicon, heading_key, lexicon
from generators.fitness import boilerplate, superseded
from schemas.markdown import Block, parse_blocks, plain
from schemas.records import Chunk, Document, Draft, Dropped, Provenance, Reason, Turn, content_id

STAGE, GENERATOR, TASK = "generate", "inside", "existing"
_POINTS_BACK = re.compile(r"\b(?:this|that|these|those|it|they|them|he|she)\b", re.IGNORECASE)
_LONGEST_TALK = 8  # earlier questions of a conversation that a draft brings along
_SHORT = 6  # a question of so many words that points back cannot be understood alone
_IN_PLACE: tuple[Kind, ...] = ("question_heading", "bold_question", "labelled", "details")  # asked of somebody who sees the document
_NUMBERED = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3}){0,4}[.)]?|[A-Za-z][.)])\s+(?=\S)")
_FOOTNOTE = re.compile(r"(?<=\w)[*†‡]+(?=[?.,;:\s]|$)")  # the mark of one: "a large gathering*?"
_OF_READER = re.compile(
    r"(?:still|finished|done|ready|stuck|curious|interested|confused|unsure|not sure|looking|having|got|any|more|need|want|new to|"
    r"have (?:an?|any|more|other|further)|(?:do )?you (?:still )?have (?:any |more |other |further )?(?:questions|feedback|problems))\b",
    re.IGNORECASE,
)  # "Finished with your changes?"
_TAIL = 25  # words of a paragraph that only leads elsewhere
_HARD_BREAK = re.compile(r"(?: {2,}|\\)\n|<br[ \t]*/?>", re.IGNORECASE)
_MARK = re.compile(r"^((?:[-*+]|\d{1,9}[.)])[ \t]+)?")


def pairs_of(document: Document) -> list[SourcePair]:
    """Return the pairs of questions and answers that stand in the document, in its order."""
    found: list[SourcePair] = []
    talk: list[SourcePair] = []
    root = 0
    for section in _sections(document.text):
        kind = _held(document, section)
        if kind is None:
            found += of_prose(section)
            continue
        level = section.heading.level if section.heading else 0
        if kind != "rows" or not talk or level <= root:  # a conversation's later turns stand below its first
            talk, root = [], level
        for pair in of_rows(section, kind):
            talk.append(_later(pair, talk))
            found.append(talk[-1])
    return sorted(found, key=lambda pair: (pair.question_span.start, pair.answer_span.start))


def drafts_inside(
    documents: Iterable[Document], chunks: Iterable[Chunk], *, doubted: frozenset[Kind] = frozenset()
) -> Iterator[Draft | Dropped]:
    """Yield one record for each pair inside the documents: a draft, or why it is none; those of `doubted` kinds are flagged."""
    held = [*documents]
    by_document: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_document.setdefault(chunk.document_id, []).append(chunk)
    counted, seen = lexicon(held), set[str]()
    for document in held:
        if pairs := pairs_of(document):
            unfit, named = _unfit(document), _names(document, counted)
            for pair in pairs:
                draft = _draft(pair, document, by_document.get(document.id, []), named)
                flags = (IN_PLACE,) if pair.kind in doubted else ()
                yield _record(draft.model_copy(update={"flags": flags}), pair, unfit, seen)


def readable(text: str) -> str:
    """Return Markdown as an answer: without links, images and tags, lists and tables and code as they are."""
    return "\n\n".join(words for block in parse_blocks(text) if (words := _block_words(text, block)))


def _sections(text: str) -> Iterator[Section]:
    heading: Block | None = None
    blocks: list[Block] = []
    for block in parse_blocks(text):
        if block.kind == "heading":
            yield Section(text, heading, tuple(blocks))
            heading, blocks = block, []
        else:
            blocks.append(block)
    yield Section(text, heading, tuple(blocks))


def _held(document: Document, section: Section) -> Kind | None:
    """The kind of pairs that the document's reader wrote here."""
    holds = document.metadata.get(HOLDS)
    if not isinstance(holds, dict):
        return None
    path = section.heading.heading_path[:-1] if section.heading else ()  # what stands under the name of a sheet itself is a note
    said = next((holds[name] for name in ("", *path) if name in holds), None)
    return next((kind for kind in KINDS if kind == said), None)


def _later(pair: SourcePair, talk: Sequence[SourcePair]) -> SourcePair:
    return replace(pair, history=tuple(talk[-_LONGEST_TALK:])) if talk else pair


def _unfit(document: Document) -> str:
    if superseded(document):
        return "superseded document"
    return "legal boilerplate" if boilerplate(document) else ""


def _record(draft: Draft, pair: SourcePair, unfit: str, seen: set[str]) -> Draft | Dropped:
    """The draft, unless its document or its own words make it useless, or one before it says the same."""
    if unfit:
        return Dropped.of(draft, STAGE, Reason.NOTHING_TO_ASK, unfit)
    if not draft.instruction or not draft.output:
        return Dropped.of(draft, STAGE, Reason.BLANK, f"it has no {'words to ask' if draft.output else 'words to answer'}")
    if draft.id in seen:
        return Dropped.of(draft, STAGE, Reason.DUPLICATE, "the same pair stands above in this document")
    seen.add(draft.id)
    no_question = _no_question(draft, pair)
    if no_question:
        return Dropped.of(draft, STAGE, Reason.NOTHING_TO_ASK, no_question)
    back = _POINTS_BACK.search(draft.instruction)
    if back and pair.kind in (*_IN_PLACE, "chat") and len(draft.instruction.split()) <= _SHORT:
        return Dropped.of(draft, STAGE, Reason.REFERS_TO_TEXT, f"{back.group()!r} points to a text that the question does not show")
    return draft


def _no_question(draft: Draft, pair: SourcePair) -> str:
    """Why the pair is not one of somebody who asks and somebody who answers, or an empty string."""
    if pair.kind in _IN_PLACE and _OF_READER.match(draft.instruction):
        return "it asks what the reader wants, and is no question of the reader"
    if pair.kind in _IN_PLACE and draft.instruction.endswith(('?"', "?”", "?’")):
        return "it only quotes a question"
    return "its answer begins with one that is shown to be wrong" if BAD_EXAMPLE.match(draft.output) else ""


@dataclass(frozen=True)
class _Names:
    """What the documents call by name: all products, that of this document, its title, and the headings that repeat."""

    products: frozenset[str]
    product: str
    title: str
    repeated: frozenset[str]

    def scoped(self, question: str, pair: SourcePair) -> str:
        """Return the question behind the name of what it is about, where only its place says that."""
        product = pair.above if pair.above in self.products else self.product if pair.kind in _IN_PLACE else ""
        if product and not any(name in question for name in (product, *self.products)):
            return f"I have a question about the {product}. {question}"
        repeats = pair.kind in _IN_PLACE and heading_key(pair.question) in self.repeated
        return f"{self.title}: {question}" if repeats else question


def _names(document: Document, counted: Lexicon) -> _Names:
    known = counted.for_text(document.text)
    return _Names(known.products, context_of(document, known, "").product, document.title, known.repeated)


def _draft(pair: SourcePair, document: Document, chunks: Sequence[Chunk], named: _Names) -> Draft:
    span = (pair.answer_span.start, pair.answer_span.end)
    chunk = next((chunk for chunk in chunks if chunk.start <= span[0] < chunk.end), None)
    turns = (turn for earlier in pair.history for turn in _turns(earlier))
    return Draft.of(
        task=TASK,
        instruction=named.scoped(_question(pair), pair),
        input=document.text[pair.given.start : pair.given.end] if pair.given else "",
        output=_without_tail(readable(pair.answer)),
        quotes=(pair.answer,),
        spans=(span,),
        group=content_id("group", document.id, span),
        form=f"{TASK}/{pair.kind}",
        provenance=Provenance(document_id=document.id, chunk_id=chunk.id if chunk else "", generator=GENERATOR, rule=pair.kind),
        history=tuple(turns),
    )


def _turns(pair: SourcePair) -> Iterator[Turn]:
    """The pair as two turns, unless one of them is nothing but markup."""
    question, answer = _question(pair), _without_tail(readable(pair.answer))
    if question and answer:
        yield Turn(role="user", content=question)
        yield Turn(role="assistant", content=answer)


def _question(pair: SourcePair) -> str:
    """The question without markup, the marks of a quote and its number."""
    lines = [line.lstrip().removeprefix(">") for line in pair.question.split("\n")]
    words = "\n".join(plain(line) for line in lines).strip() if pair.kind in ("rows", "ticket", "chat") else plain(" ".join(lines))
    if pair.kind == "ticket":
        return message_of(words) or words
    bare = _FOOTNOTE.sub("", _NUMBERED.sub("", words)) if pair.kind in ("question_heading", "bold_question", "details") else words
    return bare if asks(bare) and len(bare.split()) >= FEWEST_WORDS else words


def _without_tail(words: str) -> str:
    """An answer without last paragraphs that only send the reader elsewhere, or lead in or head what is not there."""
    parts = words.split("\n\n")
    while len(parts) > 1 and (leads_elsewhere(parts[-1]) or parts[-1].endswith(":")) and len(parts[-1].split()) <= _TAIL:
        parts.pop()
    return "\n\n".join(parts)


def _block_words(text: str, block: Block) -> str:
    words = text[block.start : block.end]
    if block.kind in ("code", "rule"):
        return words if block.kind == "code" else ""
    if block.kind in ("heading", "html"):
        return plain(words)
    if block.kind == "paragraph":
        return "\n".join(filter(None, map(plain, _HARD_BREAK.split(words))))
    return "\n".join(_line_words(line) for line in words.split("\n"))


def _line_words(line: str) -> str:
    """A line of a list, table or quote without inline markup; its indent and mark stay."""
    bare = line.lstrip()
    mark = _MARK.match(bare)
    head = line[: len(line) - len(bare)] + (mark.group() if mark else "")
    return head + plain(line[len(head) :])
