"""Word documents: headings, nested lists, tables, notes and text boxes in the order in which they are read.

mammoth and a reader of HTML would do most of this, but at eight times the CPU, and they lose header rows, the numbers of headings and
where a list begins anew; so this reads the parts itself. Comments, deletions, hidden text, headers and footers are no part of the document.
"""

import re
from collections.abc import Iterator
from itertools import chain
from xml.etree.ElementTree import Element

from builder.readers.content import Attachment, Content, Refused, heading, one_line
from builder.readers.office_figures import figure
from builder.readers.office_markdown import CODE, Piece, Writer, inline, is_code, paragraph, quotation
from builder.readers.ooxml import BadPackageError, Package, related
from builder.readers.word_anchors import Anchors
from builder.readers.word_blocks import PARAGRAPH, blocks
from builder.readers.word_notes import Notes
from builder.readers.word_numbering import Numbering
from builder.readers.word_paragraphs import Paragraph, Paragraphs
from builder.readers.word_runs import Runs
from builder.readers.word_styles import WORD, Styles
from builder.readers.word_tables import Tables, framed
from builder.readers.word_trim import without_looks, without_marks
from schemas.markdown import plain
from schemas.records import Reason, Remark

_BULLET = re.compile(r"[•●▪■◦‣⁃∙·][ \t]+")
_LONGEST_HEADING = 250  # a clause of a contract in a heading style is still a paragraph
_LEFT_OUT = {
    "deletions": ("tracked_changes", "tracked deletions left out: {}"),
    "hidden": ("hidden_text", "runs of hidden text left out: {}"),
    "contents": ("contents_left_out", "lines of the table of contents left out: {}"),
    "comments": ("comments_left_out", "comments left out: {}"),
    "embedded": ("embedded_text_left_out", "pieces in another format that Word would only convert on opening, left out: {}"),
}


def read_docx(raw: bytes) -> Content | Refused:
    """Return the body of the document, its notes behind the paragraphs that they belong to."""
    try:
        package = Package(raw)
        name = package.main("word/document.xml")
        root = package.xml(name, trim=without_marks)
        if root.tag != WORD + "document":
            return Refused(Reason.CORRUPT, "an Office file, but not a Word document; give it the ending of the program that wrote it")
        body = root.find(WORD + "body")
        return _Document(package, name, body).read() if body is not None else Refused(Reason.EMPTY, "the document has no text")
    except BadPackageError as error:
        return error.refused


class _Document:
    """One document as it is read."""

    def __init__(self, package: Package, name: str, body: Element) -> None:
        self._package = package
        self._body = body
        self._anchors = Anchors(body)
        self._relations = package.relations(name)
        styles = Styles(package.optional(related(self._relations, "styles"), trim=without_looks))
        self._runs = Runs(styles, self._relations)
        self._left_out = self._runs.left_out
        self._paragraphs = Paragraphs(styles, Numbering(self._part("numbering")), self._runs)
        self._tables = Tables(self._paragraphs)
        self._notes = Notes(package, self._relations, styles)
        self._notes_written = 0
        self._waiting: list[tuple[str, str]] = []  # the notes of the list that is open
        self._writer = Writer()
        self._title, self._first = "", ""  # in the style of a title, and the first heading of the first level

    def read(self) -> Content | Refused:
        """Return the whole document."""
        stack = [blocks(self._body, self._left_out)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            else:
                stack += self._block(node)
        self._end_carried()
        self._take_notes()
        self._write_notes()
        text = self._anchors.resolve(self._writer.markdown())
        if not any(map(str.isalnum, text)):
            return self._without_words()
        attachments = tuple(self._attachments())  # before the remarks, which name those that are damaged
        title = self._title or self._package.title() or self._first
        return Content(text, title, remarks=tuple(self._remarks()), attachments=attachments)

    def _part(self, kind: str) -> Element | None:
        return self._package.optional(related(self._relations, kind))

    def _block(self, node: Element) -> Iterator[Iterator[Element]]:
        """Write a paragraph or a table and the figures that hang on it; return the blocks inside of its frames and text boxes."""
        self._take_notes()
        if node.tag == PARAGRAPH:
            self._paragraph(node)
        elif (inside := self._table(node)) is not None:
            yield inside
        figures, self._runs.figures = self._runs.figures, []
        for found in figures:
            self._alone(figure(found, self._relations, self._package))
        boxes, self._runs.boxes = self._runs.boxes, []
        if boxes:
            yield chain.from_iterable(blocks(box, self._left_out) for box in boxes)

    def _paragraph(self, node: Element) -> None:
        found = self._paragraphs.read(node)
        if found is None:
            return
        if found.style.kind == "contents":
            self._left_out["contents"] += bool(inline(found.pieces, keep_marks=False))
        elif found.style.kind == "code" or (found.label is None and is_code(found.pieces)):
            self._code(found.pieces)
        elif found.style.kind == "title" or 1 <= found.level <= 9:
            self._heading(found, node)
        else:
            self._text(found)
        if not self._writer.in_list:
            self._take_notes()
            self._write_notes()

    def _end_carried(self) -> None:
        """Write the words that no paragraph takes up."""
        carried, self._paragraphs.carried = self._paragraphs.carried, []
        self._alone(paragraph(inline(carried)))

    def _code(self, pieces: list[Piece]) -> None:
        self._write_notes()
        for line in "".join(piece.text for piece in pieces).replace("\t", "    ").split("\n"):
            self._writer.code(line)

    def _heading(self, found: Paragraph, node: Element) -> None:
        text = one_line(inline([piece._replace(marks=piece.marks & CODE) for piece in found.pieces]))
        if found.label is not None and text:
            text = f"{found.label.text} {text}".strip()
        if len(text) > _LONGEST_HEADING:
            self._alone(paragraph(text))
            return
        if text:
            self._alone(heading(min(found.level or 1, 6), text))
            self._anchors.heading(node, text)
            if found.style.kind == "title":
                self._title = self._title or plain(text)
            elif found.level == 1:
                self._first = self._first or plain(text)

    def _text(self, found: Paragraph) -> None:
        text, label = inline(found.pieces), found.label
        if label is not None and not label.is_blank:
            self._writer.item(label.level, label.number, text)
        elif label is not None:
            self._writer.continuation(text, label.level)
        elif _BULLET.match(text):
            self._writer.item(0, None, _BULLET.sub("", text, count=1))
        elif self._writer.in_list and (found.style.kind == "continuation" or found.is_indented):
            self._writer.continuation(text)
        else:
            self._alone(quotation(text) if found.style.kind == "quote" else paragraph(text))

    def _alone(self, text: str) -> None:
        """Write a block that ends the list before it, whose notes come first."""
        if text:
            self._write_notes()
            self._writer.block(text)

    def _table(self, node: Element) -> Iterator[Element] | None:
        """Write a table, or return the blocks that it is only a frame of."""
        self._end_carried()
        cells = self._tables.rows(node)
        inside = framed(cells, self._left_out)
        if inside is None:
            self._alone(self._tables.markdown(node, cells))
            self._take_notes()
            self._write_notes()
        return inside

    def _take_notes(self) -> None:
        """Let the notes of the blocks so far wait until their list is over."""
        self._waiting += self._runs.notes
        self._runs.notes.clear()

    def _write_notes(self) -> None:
        """Write the notes that wait."""
        waiting, self._waiting = self._waiting, []
        for kind, key in waiting:
            self._notes_written += 1
            if text := self._notes.text(kind, key):
                self._writer.note(str(self._notes_written), text)

    def _without_words(self) -> Refused:
        pictures = self._left_out["pictures"]
        if pictures:
            return Refused(Reason.NO_CONTENT, f"no text, only pictures ({pictures}); save the pages as PDF and read them with OCR")
        return Refused(Reason.EMPTY, "the document has no text")

    def _remarks(self) -> Iterator[Remark]:
        comments = self._part("comments")
        self._left_out["comments"] = 0 if comments is None else len(comments.findall(WORD + "comment"))
        for what, (code, message) in _LEFT_OUT.items():
            if count := self._left_out[what]:
                yield Remark(code=code, message=message.format(count))
        if self._package.damaged:
            yield Remark(code="damaged_parts", message=f"read without its damaged parts: {', '.join(self._package.damaged)}")

    def _attachments(self) -> Iterator[Attachment]:
        for relation in self._relations.values():
            if relation.kind == "package" and not relation.is_external:
                try:
                    yield Attachment(relation.target.rpartition("/")[2], self._package.raw(relation.target))
                except BadPackageError:
                    self._package.damaged.append(relation.target)
