"""What HTML elements do to the Markdown where they open and where they close."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from selectolax.lexbor import LexborNode

from builder.readers.html_code import language_of
from builder.readers.html_inline import code, link, mark, power
from builder.readers.html_writer import Writer

_LAYOUT = "h1, h2, h3, h4, h5, h6, table, pre"
_MOST_TABLES = 30  # tables inside one another that are looked into
MARKS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("strong", "b"), partial(mark, sign="**")),
    **dict.fromkeys(("em", "i"), partial(mark, sign="*")),
    **dict.fromkeys(("s", "del", "strike"), partial(mark, sign="~~")),
    **dict.fromkeys(("code", "kbd", "samp"), code),
    "sup": power,
    "q": lambda words: f"“{words}”" if words else "",
}


@dataclass
class _List:
    """An open list: the number of its next item, None for bullets."""

    next: int | None
    is_new: bool = True


@dataclass
class Page:
    """What is open while a page is walked through."""

    resolve: Callable[[str], str]  # what a link's target is written as
    writer: Writer = field(default_factory=Writer)
    articles: int = 0  # how many are open
    headers: int = 0
    links: list[str] = field(default_factory=list)  # targets of those that are open
    lists: list[_List] = field(default_factory=list)  # that are open
    tables: list[bool] = field(default_factory=list)  # for each open table whether it holds data, not layout
    terms: list[bool] = field(default_factory=list)  # for each open definition list whether an item is open

    def open_main(self, _: LexborNode) -> None:
        """The main part of the page, or an article."""
        self.articles += 1
        self.writer.end_block()

    def close_main(self, _: LexborNode) -> None:
        """The end of the main part or an article."""
        self.articles -= 1
        self.writer.end_block()

    def open_header(self, _: LexborNode) -> None:
        """The header of an article; that of the page is not walked through."""
        self.headers += 1
        self.writer.end_block()

    def close_header(self, _: LexborNode) -> None:
        """The end of a header."""
        self.headers -= 1
        self.writer.end_block()

    def end_block(self, _: LexborNode) -> None:
        """A paragraph and the like."""
        self.writer.end_block()

    def close_heading(self, node: LexborNode) -> None:
        """A heading of its level; a link around it becomes one inside of it."""
        self.writer.end_heading(int((node.tag or "h6")[1]), self.links[-1] if self.links else "")

    def open_mark(self, _: LexborNode) -> None:
        """Bold, code, a raised number."""
        self.writer.open_mark()

    def close_mark(self, node: LexborNode) -> None:
        """The end of bold, code and the like."""
        self.writer.close_mark(MARKS[node.tag or "b"])

    def open_link(self, node: LexborNode) -> None:
        """A link."""
        target = node.attributes.get("href")
        self.links.append(self.resolve(target) if target else "")
        self.writer.open_mark()

    def close_link(self, _: LexborNode) -> None:
        """The end of a link."""
        self.writer.close_mark(partial(link, target=self.links.pop()))

    def image(self, node: LexborNode) -> None:
        """A picture, by its alternative text, unless it is one that only counts readers."""
        attributes = node.attributes
        if (words := attributes.get("alt")) and attributes.get("width") not in ("0", "1"):
            self.writer.image(words, self.resolve(attributes.get("src") or ""))

    def formula(self, node: LexborNode) -> None:
        """A formula, as its writer typed it if that is there; what is inside of it is not walked through."""
        typed = node.css_first("annotation")
        self.writer.text(node.attributes.get("alttext") or (typed if typed is not None else node).text())

    def line_break(self, _: LexborNode) -> None:
        """A new line."""
        self.writer.line_break()

    def open_code(self, _: LexborNode) -> None:
        """Preformatted text."""
        self.writer.open_code()

    def close_code(self, node: LexborNode) -> None:
        """The end of preformatted text, whose class, or that of what is inside or around it, may name the language."""
        self.writer.close_code(language_of(node))

    def open_list(self, node: LexborNode) -> None:
        """A list, numbered from `start` if it is."""
        self.writer.end_block()
        self.lists.append(_List(_number(node, "start", 1) if node.tag == "ol" else None))

    def close_list(self, _: LexborNode) -> None:
        """The end of a list."""
        self.writer.end_block()
        self.lists.pop()

    def open_item(self, node: LexborNode) -> None:
        """An item, with its number."""
        inside = self.lists[-1] if self.lists else _List(None)
        number = None if inside.next is None else _number(node, "value", inside.next)
        self.writer.open_item(number, begins_list=inside.is_new)
        inside.is_new, inside.next = False, None if number is None else number + 1

    def close_place(self, _: LexborNode) -> None:
        """The end of an item or a quotation."""
        self.writer.close_place()

    def open_quote(self, _: LexborNode) -> None:
        """A quotation."""
        self.writer.open_quote()

    def open_terms(self, _: LexborNode) -> None:
        """A definition list, which becomes a list of `**term**: definition`."""
        self.writer.end_block()
        self.terms.append(False)

    def open_term(self, _: LexborNode) -> None:
        """A term begins an item."""
        self._end_term()
        if self.terms:
            self.terms[-1] = True
            self.writer.open_item(None)
        self.writer.open_mark()

    def close_term(self, _: LexborNode) -> None:
        """The definition follows on the same line."""
        self.writer.close_mark(MARKS["b"])
        self.writer.join(": ")

    def close_terms(self, _: LexborNode) -> None:
        """The end of a definition list."""
        self._end_term()
        self.terms.pop()

    def _end_term(self) -> None:
        if self.terms and self.terms[-1]:
            self.writer.close_place()
        else:
            self.writer.end_block()

    def open_table(self, node: LexborNode) -> None:
        """A table of data, or one that is only there for the layout."""
        is_data = not self.writer.in_cell and len(self.tables) < _MOST_TABLES and not _is_layout(node)
        self.tables.append(is_data)
        if is_data:
            self.writer.open_table()

    def close_table(self, _: LexborNode) -> None:
        """The end of a table."""
        if self.tables.pop():
            self.writer.close_table()

    def open_cell(self, _: LexborNode) -> None:
        """A cell or a caption; of a layout table, a block."""
        if self.tables and self.tables[-1]:
            self.writer.open_cell()
        else:
            self.writer.end_block()

    def close_cell(self, node: LexborNode) -> None:
        """The end of a cell."""
        if not (self.tables and self.tables[-1]):
            self.writer.end_block()
        elif node.tag == "caption":
            self.writer.close_caption()
        else:
            self.writer.close_cell(columns=_number(node, "colspan", 1), rows=_number(node, "rowspan", 1), is_header=node.tag == "th")

    def open_row(self, _: LexborNode) -> None:
        """A row; of a table inside a cell, something like an item."""
        if self.writer.in_cell:
            self.writer.open_item(None)
        else:
            self.writer.end_block()

    def close_row(self, node: LexborNode) -> None:
        """The end of a row."""
        if self.tables and self.tables[-1]:
            self.writer.close_row(in_head=node.parent is not None and node.parent.tag == "thead")

    def open_summary(self, _: LexborNode) -> None:
        """The line of a fold-out, which is set in bold."""
        self.writer.end_block()
        self.writer.open_mark()

    def close_summary(self, _: LexborNode) -> None:
        """The end of the line of a fold-out."""
        self.writer.close_mark(MARKS["b"])
        self.writer.end_block()


def _is_layout(table: LexborNode) -> bool:
    """Whether a table holds headings, or tables or code without header cells of its own around them, or says so."""
    if table.attributes.get("role") in ("presentation", "none"):
        return True
    inside = [node for node in table.css(_LAYOUT) if node.mem_id != table.mem_id]
    return any(node.tag not in ("table", "pre") for node in inside) or (bool(inside) and not _has_header(table))


def _has_header(table: LexborNode) -> bool:
    header = table.css_first("th, caption")
    while header is not None and header.tag != "table":
        header = header.parent
    return header is not None and header.mem_id == table.mem_id


def _number(node: LexborNode, name: str, default: int) -> int:
    value = node.attributes.get(name) or ""
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 6 else default
