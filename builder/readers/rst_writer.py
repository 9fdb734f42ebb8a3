"""Writes the tree that docutils makes of a page as canonical Markdown, node by node."""

import re
from collections.abc import Callable, Iterable
from typing import ClassVar, Self, cast

from docutils import nodes

from builder.readers.content import fenced, heading, one_line, table
from builder.readers.html_inline import code, escape, link, mark, picture

_STRUCTURE = re.compile(r"(?=(?:#{1,6}|[-+*]|>|={2,}|-{2,}|~{3,}|`{3,})(?:\s|$))|(\d{1,9})(?=[.)]\s)")
_ROLE = re.compile(r":[\w:+.-]{1,100}:`(.{1,2000})`", re.DOTALL)
_TARGET = re.compile(r"(?<=\S)\s+<[^<>]{1,1000}>$")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_NOTHING = (
    nodes.comment, nodes.substitution_definition, nodes.target, nodes.raw, nodes.pending, nodes.decoration, nodes.meta,
    nodes.colspec, nodes.generated,
)  # fmt: skip
_MARKS: dict[type[nodes.Node], str] = {nodes.strong: "**", nodes.emphasis: "*", nodes.title_reference: "*"}
_CODE = (nodes.literal, nodes.math)

_Kinds = type | tuple[type, ...]
Message = Callable[[nodes.system_message], list[str]]


class Writer:
    """Markdown of the nodes; `message` says what to write for an error in the markup."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._level = 0

    def document(self, document: nodes.document) -> list[str]:
        """Return the blocks of the whole page."""
        return self._blocks(document.children)

    @staticmethod
    def fenced(text: str, language: str) -> str:
        """Return a block of code."""
        return fenced(text, language if _LANGUAGE.fullmatch(language) else "")

    def _blocks(self, children: Iterable[nodes.Node]) -> list[str]:
        return [block for child in children for block in self._block(child) if block.strip()]

    def _block(self, node: nodes.Node) -> list[str]:
        if isinstance(node, nodes.system_message):
            return self._message(node)
        if isinstance(node, _NOTHING) or not isinstance(node, nodes.Element):
            return []
        for kinds, write in self._writers:
            if isinstance(node, kinds):
                return write(self, node)
        if isinstance(node, nodes.TextElement):
            return [_paragraph(self._line(node))]
        return self._blocks(node.children)

    def _section(self, node: nodes.Element) -> list[str]:
        self._level += 1
        try:
            return self._blocks(node.children)
        finally:
            self._level -= 1

    def _title(self, node: nodes.Element) -> list[str]:
        return [heading(min(6, max(1, self._level)), self._line(node))]

    def _rubric(self, node: nodes.Element) -> list[str]:
        return [mark(self._line(node), "**")]

    def _bullets(self, node: nodes.Element) -> list[str]:
        return [self._items(("- ", self._blocks(item.children)) for item in _elements(node))]

    def _numbers(self, node: nodes.Element) -> list[str]:
        first = int(node.get("start", 1))
        return [self._items((f"{first + place}. ", self._blocks(item.children)) for place, item in enumerate(_elements(node)))]

    def _definitions(self, node: nodes.Element) -> list[str]:
        return [self._items(("- ", self._definition(item)) for item in _elements(node))]

    def _definition(self, item: nodes.Element) -> list[str]:
        terms = [self._line(child) for child in _elements(item) if isinstance(child, nodes.term)]
        kinds = [self._line(child) for child in _elements(item) if isinstance(child, nodes.classifier)]
        name = mark(", ".join(terms), "**") + (f" ({', '.join(kinds)})" if kinds else "")
        return _named(name, self._blocks(child for child in _elements(item) if isinstance(child, nodes.definition)))

    def _fields(self, node: nodes.Element) -> list[str]:
        return [self._items(("- ", self._field(item)) for item in _elements(node))]

    def _field(self, item: nodes.Element) -> list[str]:
        name, *rest = _elements(item)
        return _named(mark(self._line(name), "**"), self._blocks(rest))

    def _options(self, node: nodes.Element) -> list[str]:
        return [self._items(("- ", _named(code(_elements(item)[0].astext()), self._blocks(item.children[1:]))) for item in _elements(node))]

    def _quote(self, node: nodes.Element) -> list[str]:
        return [_quoted(self._blocks(node.children))]

    def _attribution(self, node: nodes.Element) -> list[str]:
        return [f"— {self._line(node)}"]

    def _admonition(self, node: nodes.Element) -> list[str]:
        if "contents" in node.get("classes", []):
            return []  # a list of the page's own headings
        titles = [child for child in _elements(node) if isinstance(child, nodes.title)]
        name = self._line(titles[0]) if titles else node.tagname.capitalize()
        blocks = self._blocks(child for child in node.children if not isinstance(child, nodes.title))
        return [_quoted(_named(mark(name, "**"), blocks) if blocks else [mark(name, "**")])]

    def _code(self, node: nodes.Element) -> list[str]:
        languages = [name for name in node.get("classes", []) if name != "code"]
        return [self.fenced(node.astext(), languages[0] if languages else "")]

    def _lines(self, node: nodes.Element) -> list[str]:
        lines = [self._line(line) for line in node.findall(nodes.line)]
        return ["\n".join(_paragraph(line) for line in lines if line)]

    def _note(self, node: nodes.Element) -> list[str]:
        labels = [child.astext() for child in _elements(node) if isinstance(child, nodes.label)]
        blocks = self._blocks(child for child in node.children if not isinstance(child, nodes.label))
        return [self._items([(f"[^{labels[0]}]: " if labels else "- ", blocks)], indent=4)]

    def _picture(self, node: nodes.Element) -> list[str]:
        return [self._image(node)]

    def _rule(self, _: nodes.Element) -> list[str]:
        return ["***"]

    def _table(self, node: nodes.Element) -> list[str]:
        titles = [mark(self._line(child), "**") for child in _elements(node) if isinstance(child, nodes.title)]
        return [*titles, *(table(rows) for group in node.findall(nodes.tgroup) if (rows := self._rows(group)))]

    def _rows(self, group: nodes.Element) -> list[list[str]]:
        """The cells row by row; a cell over several columns or rows stands in the first of them."""
        held: dict[int, int] = {}  # columns that a cell from above still holds, for so many rows
        rows: list[list[str]] = []
        for row in group.findall(nodes.row):
            cells: list[str] = []
            for entry in _elements(row):
                self._skip(cells, held)
                width = 1 + int(entry.get("morecols", 0))
                held.update({len(cells) + place: 1 + int(entry.get("morerows", 0)) for place in range(width)})
                cells += [self._cell(entry), *[""] * (width - 1)]
            self._skip(cells, held)
            held = {column: left - 1 for column, left in held.items() if left > 1}
            rows.append(cells)
        return rows

    @staticmethod
    def _skip(cells: list[str], held: dict[int, int]) -> None:
        while held.get(len(cells)):
            cells.append("")

    def _cell(self, entry: nodes.Element) -> str:
        """The cell on one line; the items of a list in it are parted by semicolons."""
        parts = []
        for child in _elements(entry):
            if isinstance(child, nodes.system_message):  # docutils' own words about a role of Sphinx
                parts += map(one_line, self._message(child))
                continue
            words = [self._line(found) for found in child.findall(nodes.TextElement) if not isinstance(found.parent, nodes.TextElement)]
            parts.append("; ".join(filter(None, map(one_line, words))))
        return " ".join(filter(None, parts))

    def _items(self, items: Iterable[tuple[str, list[str]]], indent: int = 0) -> str:
        """A list; it is loose if one of its items holds more than a line and a list."""
        entries = [(marker, blocks) for marker, blocks in items if blocks]
        lines = [marker + "\n\n".join(blocks) for marker, blocks in entries]
        shifted = [line.replace("\n", "\n" + " " * (indent or len(marker))) for (marker, _), line in zip(entries, lines, strict=True)]
        loose = any(len(blocks) > 1 for _, blocks in entries)
        return re.sub(r"\n[ ]+(?=\n)", "\n", ("\n\n" if loose else "\n").join(shifted))

    def _line(self, node: nodes.Node) -> str:
        """The words of a paragraph with their marks, on one line."""
        return " ".join("".join(map(self._inline, node.children)).split())

    def _inline(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Text):
            return escape(node.astext())
        if isinstance(node, nodes.problematic):
            return escape(_role_words(node.astext()))
        if isinstance(node, (nodes.raw, nodes.comment, nodes.generated, nodes.system_message)):
            return ""
        if isinstance(node, _CODE):
            return code(escape(node.astext()))
        return self._image(node) if isinstance(node, nodes.image) else self._marked(node, "".join(map(self._inline, node.children)))

    def _marked(self, node: nodes.Node, words: str) -> str:
        if isinstance(node, (nodes.footnote_reference, nodes.citation_reference)):
            return f"[^{words}]"
        if isinstance(node, nodes.reference):
            return link(words, str(node.get("refuri", ""))) if node.get("refuri") else words
        return mark(words.strip(), _MARKS[type(node)]) if type(node) in _MARKS else words

    @staticmethod
    def _image(node: nodes.Element) -> str:
        return picture(str(node.get("alt", "")), str(node.get("uri", "")))

    _writers: ClassVar[tuple[tuple[_Kinds, Callable[[Self, nodes.Element], list[str]]], ...]] = (
        (nodes.section, _section),
        (nodes.title, _title),
        (nodes.subtitle, _rubric),
        (nodes.rubric, _rubric),
        (nodes.bullet_list, _bullets),
        (nodes.enumerated_list, _numbers),
        (nodes.definition_list, _definitions),
        ((nodes.field_list, nodes.docinfo), _fields),
        (nodes.option_list, _options),
        (nodes.block_quote, _quote),
        (nodes.attribution, _attribution),
        ((nodes.Admonition, nodes.topic, nodes.sidebar), _admonition),
        ((nodes.literal_block, nodes.doctest_block, nodes.math_block), _code),
        (nodes.line_block, _lines),
        ((nodes.footnote, nodes.citation), _note),
        (nodes.image, _picture),
        (nodes.transition, _rule),
        (nodes.table, _table),
    )


def _elements(node: nodes.Node) -> list[nodes.Element]:
    return [cast("nodes.Element", child) for child in node.children if isinstance(child, nodes.Element)]


def _named(name: str, blocks: list[str]) -> list[str]:
    """A name before a paragraph, or above what is none."""
    if blocks and not re.match(r"[-*>|`#]|\d+\. |\[\^", blocks[0]):
        return [f"{name}: {blocks[0]}", *blocks[1:]]
    return [f"{name}:" if blocks else name, *blocks]


def _paragraph(line: str) -> str:
    return _STRUCTURE.sub(r"\1\\", line, count=1) if _STRUCTURE.match(line) else line


def _quoted(blocks: list[str]) -> str:
    return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(blocks).split("\n"))


def _role_words(text: str) -> str:
    """The words of a role that docutils does not know, without its name and where it leads."""
    match = _ROLE.fullmatch(text)
    return _TARGET.sub("", match[1].lstrip("~!")) if match else text
