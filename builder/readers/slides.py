"""Slides: each one a page with its title as heading, then its text, lists, tables and charts, then the speaker's notes.

python-pptx opens every part of a deck and leaves lists, links and merged cells to its caller; reading the parts ourselves costs half of
its CPU or less. Hidden slides are left out, and so are comments, footers, dates and the numbers of slides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from builder.readers.content import Content, Refused, heading, one_line, table
from builder.readers.office_figures import DRAWING, figure
from builder.readers.office_markdown import Writer, fill, paragraph
from builder.readers.ooxml import RELATIONS, BadPackageError, Package, Relation, related
from builder.readers.slide_shapes import BODY, FOOTERS, FRAME, SHAPE, SLIDES, TITLES, Layouts, is_body, placeholder, shapes
from builder.readers.slide_text import PARAGRAPH, Line, cells, lines, words
from schemas.markdown import plain
from schemas.records import Page, Reason, Remark

_LINK = f".//{DRAWING}hlinkClick"


def read_pptx(raw: bytes) -> Content | Refused:
    """Return the slides that are shown; a page's number is the slide's place in the deck."""
    try:
        package = Package(raw)
        name = package.main("ppt/presentation.xml")
        root = package.xml(name)
        if root.tag != SLIDES + "presentation":
            return Refused(Reason.CORRUPT, "an Office file, but not a presentation; give it the ending of the program that wrote it")
        return _Deck(package).read(root, package.relations(name))
    except BadPackageError as error:
        return error.refused


@dataclass
class _Slide:
    """One slide: its part, where its references lead, its place in the deck, and what is written of it."""

    number: int
    root: Element
    relations: Mapping[str, Relation]
    writer: Writer = field(default_factory=Writer)


class _Deck:
    """One presentation as it is read."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._layouts = Layouts(package)
        self._texts: list[str] = []
        self._pages: list[Page] = []
        self._title = ""
        self._hidden: list[int] = []
        self._wordless: list[int] = []
        self._lost: list[int] = []

    def read(self, root: Element, relations: Mapping[str, Relation]) -> Content | Refused:
        """Return the whole deck."""
        nodes = root.findall(f"{SLIDES}sldIdLst/{SLIDES}sldId")
        for number, node in enumerate(nodes, start=1):
            relation = relations.get(node.get(RELATIONS + "id", ""))
            part = self._package.optional(relation.target) if relation is not None else None
            if part is None or relation is None:
                self._lost.append(number)
            elif part.get("show") in ("0", "false"):
                self._hidden.append(number)
            else:
                self._slide(_Slide(number, part, self._package.relations(relation.target)))
        if not self._pages:
            return self._without_words(len(nodes))
        title = self._title or self._package.title()
        return Content("\n\n".join(self._texts), title, pages=tuple(self._pages), remarks=tuple(self._remarks()))

    def _slide(self, slide: _Slide) -> None:
        found = list(shapes(slide.root))
        title = next((shape for shape in found if placeholder(shape)[0] in TITLES), None)
        said = () if title is None else (words(node, slide.relations, keep_marks=False) for node in title.iter(PARAGRAPH))
        label = one_line(" ".join(said))
        for shape in found:
            if shape is not title and placeholder(shape)[0] not in FOOTERS:
                self._shape(shape, slide)
        has_body = slide.writer.length() > 0
        if not has_body and not label:
            self._wordless.append(slide.number)
        is_title_slide = title is not None and (placeholder(title)[0] == "ctrTitle" or not has_body)
        self._notes(slide)
        if label or slide.writer.length():
            self._add(slide, label, level=1 if label and is_title_slide and not self._pages else 2)

    def _add(self, slide: _Slide, label: str, *, level: int) -> None:
        """Take a slide's text in; one without a title is called by its number, lest its text seem to belong to the slide before."""
        body = slide.writer.markdown()
        text = heading(level, label or f"Slide {slide.number}") + ("\n\n" + body if body else "")
        start = self._pages[-1].end + 2 if self._pages else 0
        self._texts.append(text)
        self._pages.append(Page(number=slide.number, start=start, end=start + len(text), kind="slide", label=plain(label)))
        if level == 1:
            self._title = plain(label)

    def _shape(self, shape: Element, slide: _Slide) -> None:
        if shape.tag == FRAME:
            self._frame(shape, slide)
        elif (body := shape.find(BODY)) is not None:
            styles = self._layouts.styles(shape, slide.relations)
            _write(slide.writer, lines(body, slide.relations, styles, is_listed=is_body(shape)))

    def _frame(self, shape: Element, slide: _Slide) -> None:
        """Write a table, a chart or a diagram."""
        for node in shape.iter():
            if node.tag == DRAWING + "tbl":
                rows = fill(cells(node, slide.relations))
                slide.writer.block(table(rows) if rows else "")
            elif RELATIONS + "dm" in node.attrib or node.tag.endswith("/chart}chart"):
                slide.writer.block(figure(node, slide.relations, self._package))

    def _notes(self, slide: _Slide) -> None:
        name = related(slide.relations, "notesSlide")
        root = self._package.optional(name)
        if root is None:
            return
        relations = self._package.relations(name) if root.find(_LINK) is not None else {}
        bodies = [shape.find(BODY) for shape in shapes(root) if shape.tag == SHAPE and placeholder(shape)[0] not in FOOTERS]
        said = [line for body in bodies if body is not None for line in lines(body, relations, ())]
        if said:
            slide.writer.block("### Speaker notes")
            _write(slide.writer, said)

    def _without_words(self, count: int) -> Refused:
        if self._lost:
            return Refused(Reason.CORRUPT, f"{len(self._lost)} of its {count} slides cannot be read; open the file and save it again")
        if self._wordless:
            return Refused(
                Reason.NO_CONTENT, f"no text on {len(self._wordless)} slides, only pictures; save it as PDF and read that with OCR"
            )
        return Refused(Reason.EMPTY, "every slide is hidden" if self._hidden else "a presentation without slides")

    def _remarks(self) -> Iterator[Remark]:
        if self._hidden:
            yield Remark(code="hidden_slides", message=f"hidden slides left out: {_listed(self._hidden)}")
        if self._wordless:
            yield Remark(code="pages_without_text", message=f"slides without text: {_listed(self._wordless)}")
        if self._lost:
            yield Remark(code="damaged_parts", message=f"slides that are missing or damaged: {_listed(self._lost)}")
        elif self._package.damaged:
            yield Remark(code="damaged_parts", message=f"read without its damaged parts: {', '.join(self._package.damaged)}")


def _write(writer: Writer, said: Iterator[Line] | list[Line]) -> None:
    """Write the paragraphs of one shape, whose list ends with it."""
    for line in said:
        if line.number is not None:
            writer.item(line.level, line.number or None, line.text)
        elif writer.in_list and line.level:
            writer.continuation(line.text, line.level - 1)
        else:
            writer.block(paragraph(line.text))
    writer.end_list()


def _listed(numbers: list[int]) -> str:
    """The numbers, the first of them by name."""
    return ", ".join(map(str, numbers[:20])) + (f" and {len(numbers) - 20} more" if len(numbers) > 20 else "")
