"""A document as sections of clean sentences, lists and tables, each knowing its raw span."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from generators.extractive.links import leads_to_link, mere_link
from generators.extractive.text import Clean, clean, sentences
from schemas.markdown import Block, Item, parse_blocks
from schemas.records import Chunk, Document

_RESIDUE = re.compile(
    r"\{%(?![^{}]*%\}\)).|\$\[|\[[a-z]\w*\](?![(\[])|##\w|^\s*(?:Next|Previous|Jump|Skip|Back)(?: to|:)|\( |>\s*$|\b_{3,}"
)
_LINK = re.compile(r"(?:\*\*)?\[[^\]]*\]\([^\s]*(?: [^)]*)?\)(?:\*\*)?[.,;]?", re.DOTALL)
# a lead-in with one of these changes the meaning of its bullets
_CONDITIONAL = re.compile(r"\b(?:if|when|not|except|unless|following|example|cannot|never|before|after)\b", re.IGNORECASE)
_HOW = re.compile(r"\b(?:how|instructions?|steps?|step-by-step|guide|form|template|procedures?|apply)\b", re.IGNORECASE)
_LABEL = 4  # words of a paragraph that only heads a list
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
_ANCHOR = re.compile(r"\s*\{[#:][^}]*\}\s*$")


@dataclass(frozen=True)
class Sentence:
    """One sentence with its raw span; `before` is the section's text up to it, `leads` says that it sends the reader to a link."""

    text: str
    span: tuple[int, int]
    before: str = ""
    leads: bool = False


@dataclass(frozen=True)
class ListPart:
    """A list with the sentence that leads it in; `items` are the own words of its items, `sentences` those that stand alone.

    `first` is the number of its first item: a list that was broken in two goes on counting.
    """

    lead: Sentence | None
    items: tuple[str, ...]
    numbered: bool
    depths: tuple[int, ...]
    span: tuple[int, int]
    sentences: tuple[Sentence, ...] = ()
    first: int = 1

    def text(self) -> str:
        """The list as plain lines with markers; the words of an only item without one."""
        if len(self.items) == 1 and not self.numbered:
            return self.items[0]
        lines, number = [], self.first
        for item, depth in zip(self.items, self.depths, strict=True):
            counted = self.numbered and depth == 0
            lines.append(f"{'  ' * depth}{f'{number}.' if counted else '-'} {item}")
            number += counted
        return "\n".join(lines)


@dataclass(frozen=True)
class Cell:
    """The words of one table cell."""

    text: str
    span: tuple[int, int]


@dataclass(frozen=True)
class TablePart:
    """A table: header cells and rows of cells; `span` covers it."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    span: tuple[int, int]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph's clean text and sentences."""

    text: str
    sentences: tuple[Sentence, ...]
    span: tuple[int, int]


@dataclass(frozen=True)
class Quote:
    """A block quotation, such as a customer's message in a ticket."""

    text: str
    span: tuple[int, int]


@dataclass(frozen=True)
class CodePart:
    """A block of code, printed as it stands."""

    text: str
    span: tuple[int, int]


Part = Paragraph | ListPart | TablePart | Quote | CodePart


@dataclass
class Section:
    """What stands under one heading (at `span`). `path` holds the clean headings from the outermost to this one.

    `below` are the sections right under it; `left_out` says that it holds more than `parts`, such as a list of links or a picture.
    """

    path: tuple[str, ...]
    level: int
    span: tuple[int, int]
    parts: list[Part] = field(default_factory=list)
    below: list["Section"] = field(default_factory=list)
    left_out: bool = False

    @property
    def heading(self) -> str:
        """The section's own heading, or an empty string before the first."""
        return self.path[-1] if self.path else ""

    @property
    def children(self) -> int:
        """How many sections stand right under it."""
        return len(self.below)

    def sentences(self) -> Iterator[Sentence]:
        """The sentences of paragraphs and of bullets that stand alone, in order."""
        for part in self.parts:
            if isinstance(part, Paragraph | ListPart):
                yield from part.sentences

    def lists(self) -> list[ListPart]:
        """The lists of the section."""
        return [part for part in self.parts if isinstance(part, ListPart)]

    def tables(self) -> list[TablePart]:
        """The tables of the section."""
        return [part for part in self.parts if isinstance(part, TablePart)]

    def prose(self) -> str:
        """The section's paragraphs and lists as plain text."""
        return "\n".join(
            part.text() if isinstance(part, ListPart) else part.text for part in self.parts if isinstance(part, Paragraph | ListPart)
        )

    def body_spans(self) -> tuple[tuple[int, int], ...]:
        """The raw spans of what `prose` prints."""
        return tuple(part.span for part in self.parts if isinstance(part, Paragraph | ListPart))


def sections(document: Document) -> list[Section]:
    """Cut `document` into its sections, headings cleaned and residue left out."""
    found = [Section((), 0, (0, 0))]
    for block in parse_blocks(document.text):
        if block.kind == "heading":
            opened = Section(tuple(_heading(words) for words in block.heading_path), block.level, (block.start, block.end))
            next(section for section in reversed(found) if section.level < block.level).below.append(opened)
            found.append(opened)
        else:
            found[-1].parts.extend(_parts(document.text, block, found[-1]))
    return found


def chunk_of(chunks: tuple[Chunk, ...], span: tuple[int, int]) -> Chunk | None:
    """The chunk that holds the start of `span`, or else the nearest before it."""
    best = None
    for chunk in chunks:
        if chunk.start <= span[0] < chunk.end:
            return chunk
        if chunk.start <= span[0]:
            best = chunk
    return best or (chunks[0] if chunks else None)


def _heading(raw: str) -> str:
    return _ANCHOR.sub("", clean(raw, 0, len(raw)).text).strip().rstrip(":").strip()


def _parts(text: str, block: Block, section: Section) -> Iterator[Part]:
    if block.kind == "paragraph":
        told = list(_paragraph(text, block.start, block.end, _before(section)))
        section.left_out = section.left_out or not told
        yield from told
    elif block.kind == "list" and block.items:
        links = [text[item.start : item.end].strip() for item in block.items]
        if _mere_links(links):
            section.left_out = section.left_out or not _further_reading(section, links)
            _drop_lead(section)
            return
        yield _list(text, block, section)
    elif block.kind == "quote":
        words = clean(text, block.start, block.end).text
        yield Quote(re.sub(r"(?:^|(?<=\s))>\s*", "", words), (block.start, block.end))
    elif block.kind == "code":
        yield CodePart(_FENCE.sub("", text[block.start : block.end]).strip("\n"), (block.start, block.end))
    elif block.kind == "table" and len(block.rows) > 1:
        rows = [tuple(_cell(text, span.start, span.end) for span in row) for row in block.rows]
        yield TablePart(rows[0], tuple(rows[1:]), (block.start, block.end))


def _mere_links(items: list[str]) -> bool:
    """Whether most items, labels left out, are nothing but links."""
    told = [item for item in items if not item.endswith(":")]
    links = sum(_LINK.fullmatch(item) is not None for item in told)
    return links * 2 > len(told) or not told


def _further_reading(section: Section, links: Sequence[str]) -> bool:
    """Whether a list of links stands under a label such as "Resources:", and does not tell how what the section says is done."""
    last = section.parts[-1] if section.parts else None
    label = isinstance(last, Paragraph) and last.text.endswith(":") and len(last.text.split()) <= _LABEL
    return label and len(section.parts) > 1 and not any(map(_HOW.search, links))


def _drop_lead(section: Section) -> None:
    """A list of mere links is left out, and with it the paragraph that only announces it."""
    last = section.parts[-1] if section.parts else None
    if isinstance(last, Paragraph) and last.text.endswith(":") and len(last.sentences) == 1:
        section.parts.pop()


def _before(section: Section) -> str:
    return " ".join(part.text for part in section.parts if isinstance(part, Paragraph))


def _paragraph(text: str, start: int, end: int, before: str) -> Iterator[Paragraph]:
    raw = text[start:end]
    if _RESIDUE.search(raw) or _LINK.fullmatch(raw.strip()) or "{%" in re.sub(r"\]\([^)]*\)", "]", raw):
        return
    words = clean(text, start, end)
    if words.text:
        yield Paragraph(words.text, tuple(_sentences(text, words, before)), (start, end))


def _sentences(text: str, words: Clean, before: str) -> Iterator[Sentence]:
    for first, last in sentences(words.text):
        start = first + len(words.text[first:last]) - len(words.text[first:last].lstrip())
        if start < last:
            span = words.span(start, last)
            yield Sentence(words.text[start:last], span, f"{before} {words.text[:start]}", leads_to_link(text[slice(*span)]))


def _list(text: str, block: Block, section: Section) -> ListPart:
    told = _told_items(text, block)
    items = [clean(text, item.start, item.end) for item in told]
    last = section.parts[-1] if section.parts else None
    said = last.sentences[-1] if isinstance(last, Paragraph) and last.sentences else None
    lead = said if said and said.text.endswith(":") else None
    numbered = block.items[0].number is not None
    alone = not numbered and not any(item.depth for item in told) and not (lead and _CONDITIONAL.search(lead.text))
    before = _before(section)
    found = [sentence for item in items for sentence in _sentences(text, item, before)] if alone else []
    whole = tuple(sentence for sentence in found if sentence.text.endswith("."))
    depths = tuple(item.depth for item in told)
    first = block.items[0].number or 1
    return ListPart(lead, tuple(item.text for item in items), numbered, depths, (block.start, block.end), whole, first)


def _told_items(text: str, block: Block) -> list[Item]:
    """The items of a list without inner ones that are nothing but links, and without what only announces those."""
    kept: list[Item] = []
    for place, item in reversed(list(enumerate(block.items))):
        raw, following = text[item.start : item.end].strip(), block.items[place + 1 : place + 2]
        linked = item.depth > 0 and mere_link(raw)
        had = bool(following) and following[0].depth > item.depth  # items of its own,
        has = bool(kept) and kept[-1].depth > item.depth and had  # and still has some
        if not linked and not (raw.endswith(":") and had and not has):
            kept.append(item)
    return kept[::-1] or list(block.items)


def _cell(text: str, start: int, end: int) -> Cell:
    words = clean(text, start, end).text if end > start else ""
    return Cell(words.replace("\\|", "|"), (start, end))
