"""A document as sections of clean sentences, lists and tables, each knowing its raw span."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from generators.extractive.text import Clean, clean, sentences
from schemas.markdown import Block, parse_blocks
from schemas.records import Chunk, Document

_RESIDUE = re.compile(
    r"\{%(?![^{}]*%\}\)).|\$\[|\[[a-z]\w*\](?![(\[])|##\w|^\s*(?:Next|Previous|Jump|Skip|Back)(?: to|:)|\( |>\s*$|\b_{3,}"
)
_LINK = re.compile(r"(?:\*\*)?\[[^\]]*\]\([^\s]*(?: [^)]*)?\)(?:\*\*)?[.,;]?", re.DOTALL)
# a lead-in with one of these changes the meaning of its bullets
_CONDITIONAL = re.compile(r"\b(?:if|when|not|except|unless|following|example|cannot|never|before|after)\b", re.IGNORECASE)
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
_ANCHOR = re.compile(r"\s*\{[#:][^}]*\}\s*$")


@dataclass(frozen=True)
class Sentence:
    """One sentence with its raw span; `before` is the section's text up to it."""

    text: str
    span: tuple[int, int]
    before: str = ""


@dataclass(frozen=True)
class ListPart:
    """A list with the sentence that leads it in; `items` are the own words of its items, `sentences` those that stand alone."""

    lead: Sentence | None
    items: tuple[str, ...]
    numbered: bool
    depths: tuple[int, ...]
    span: tuple[int, int]
    sentences: tuple[Sentence, ...] = ()

    def text(self) -> str:
        """The list as plain lines with markers."""
        lines = []
        for number, (item, depth) in enumerate(zip(self.items, self.depths, strict=True), 1):
            marker = f"{number}." if self.numbered and depth == 0 and not any(self.depths) else "-"
            lines.append(f"{'  ' * depth}{marker} {item}")
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
        if _mere_links([text[item.start : item.end].strip() for item in block.items]):
            section.left_out = True
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
        yield Paragraph(words.text, tuple(_sentences(words, before)), (start, end))


def _sentences(words: Clean, before: str) -> Iterator[Sentence]:
    for first, last in sentences(words.text):
        start = first + len(words.text[first:last]) - len(words.text[first:last].lstrip())
        if start < last:
            yield Sentence(words.text[start:last], words.span(start, last), f"{before} {words.text[:start]}")


def _list(text: str, block: Block, section: Section) -> ListPart:
    items = [clean(text, item.start, item.end) for item in block.items]
    last = section.parts[-1] if section.parts else None
    said = last.sentences[-1] if isinstance(last, Paragraph) and last.sentences else None
    lead = said if said and said.text.endswith(":") else None
    numbered = block.items[0].number is not None
    alone = not numbered and not any(item.depth for item in block.items) and not (lead and _CONDITIONAL.search(lead.text))
    before = _before(section)
    found = [sentence for item in items for sentence in _sentences(item, before)] if alone else []
    whole = tuple(sentence for sentence in found if sentence.text.endswith("."))
    depths = tuple(item.depth for item in block.items)
    return ListPart(lead, tuple(item.text for item in items), numbered, depths, (block.start, block.end), whole)


def _cell(text: str, start: int, end: int) -> Cell:
    words = clean(text, start, end).text if end > start else ""
    return Cell(words.replace("\\|", "|"), (start, end))
