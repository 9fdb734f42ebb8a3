"""What each HTML element does to the Markdown where it opens and where it closes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from builder.readers.html_writer import Writer

_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight-source)-([\w+#-]{1,20})")
_LAYOUT = "h1, h2, h3, h4, h5, h6, table"
_MOST_TABLES = 30  # tables inside one another that are looked into
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "kbd": "`", "samp": "`", "s": "~~", "del": "~~", "strike": "~~"}
_BLOCKS = (
    "p", "div", "section", "article", "main", "header", "footer", "aside", "address", "figure", "figcaption", "center", "fieldset",
    "form", "details", "body", "hgroup", "thead", "tbody", "tfoot", "tr",
)  # fmt: skip


@dataclass
class Page:
    """What is open while a page is walked through."""

    writer: Writer = field(default_factory=Writer)
    articles: int = 0  # how many are open
    headers: int = 0
    numbers: list[int | None] = field(default_factory=list)  # the next number of each open list, None for bullets
    tables: list[bool] = field(default_factory=list)  # for each open table whether it holds data, not layout
    terms: list[bool] = field(default_factory=list)  # for each open definition list whether an item is open

    def enter(self, node: LexborNode) -> None:
        """Note which part of the page begins."""
        self.articles += node.tag in ("main", "article")
        self.headers += node.tag == "header"

    def leave(self, node: LexborNode) -> None:
        """Note which part of the page ends."""
        self.articles -= node.tag in ("main", "article")
        self.headers -= node.tag == "header"

    def nothing(self, _: LexborNode) -> None:
        """An element that changes nothing."""

    def end_block(self, _: LexborNode) -> None:
        """A paragraph and the like."""
        self.writer.end_block()

    def close_heading(self, node: LexborNode) -> None:
        """A heading of its level."""
        self.writer.end_heading(int((node.tag or "h6")[1]))

    def open_mark(self, _: LexborNode) -> None:
        """Bold, code, a link."""
        self.writer.open_mark()

    def close_mark(self, node: LexborNode) -> None:
        """The end of bold, code and the like."""
        self.writer.close_mark(_MARKS[node.tag or "b"])

    def close_link(self, node: LexborNode) -> None:
        """The end of a link."""
        self.writer.close_link(node.attributes.get("href") or "")

    def line_break(self, _: LexborNode) -> None:
        """A new line."""
        self.writer.line_break()

    def open_code(self, _: LexborNode) -> None:
        """Preformatted text."""
        self.writer.open_code()

    def close_code(self, node: LexborNode) -> None:
        """The end of preformatted text, whose class may name the language."""
        inner = node.css_first("code")
        names = f"{node.attributes.get('class') or ''} {(inner.attributes.get('class') if inner is not None else '') or ''}"
        language = _LANGUAGE.search(names)
        self.writer.close_code(language[1] if language else "")

    def open_list(self, node: LexborNode) -> None:
        """A list, numbered from `start` if it is."""
        self.writer.end_block()
        self.numbers.append(_number(node, "start", 1) if node.tag == "ol" else None)

    def close_list(self, _: LexborNode) -> None:
        """The end of a list."""
        self.writer.end_block()
        self.numbers.pop()

    def open_item(self, node: LexborNode) -> None:
        """An item, with its number."""
        number = self.numbers[-1] if self.numbers else None
        if number is None:
            self.writer.open_item("-")
            return
        number = _number(node, "value", number)
        self.numbers[-1] = number + 1
        self.writer.open_item(f"{number}.")

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
            self.writer.open_item("-")
        self.writer.open_mark()

    def close_term(self, _: LexborNode) -> None:
        """The definition follows on the same line."""
        self.writer.close_mark("**")
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
        """A table of data; one that holds headings or tables is only there for the layout."""
        layout = node.attributes.get("role") in ("presentation", "none") or len(self.tables) >= _MOST_TABLES
        is_data = not layout and not self.writer.in_cell and not any(child.mem_id != node.mem_id for child in node.css(_LAYOUT))
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
        self.writer.close_mark("**")
        self.writer.end_block()


def _number(node: LexborNode, name: str, default: int) -> int:
    value = node.attributes.get(name) or ""
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 6 else default


_Change = Callable[[Page, LexborNode], None]
_HEADINGS = [f"h{level}" for level in range(1, 7)]
_CELLS = ("td", "th", "caption")

OPENS: dict[str, _Change] = {
    **dict.fromkeys([*_BLOCKS, *_HEADINGS], Page.end_block),
    **dict.fromkeys([*_MARKS, "a"], Page.open_mark),
    **dict.fromkeys(["ul", "ol", "menu"], Page.open_list),
    **dict.fromkeys(_CELLS, Page.open_cell),
    "br": Page.line_break,
    "pre": Page.open_code,
    "li": Page.open_item,
    "blockquote": Page.open_quote,
    "dl": Page.open_terms,
    "dt": Page.open_term,
    "table": Page.open_table,
    "summary": Page.open_summary,
}
CLOSES: dict[str, _Change] = {
    **dict.fromkeys([*_BLOCKS, "dd"], Page.end_block),
    **dict.fromkeys(_HEADINGS, Page.close_heading),
    **dict.fromkeys(_MARKS, Page.close_mark),
    **dict.fromkeys(["ul", "ol", "menu"], Page.close_list),
    **dict.fromkeys(_CELLS, Page.close_cell),
    "a": Page.close_link,
    "pre": Page.close_code,
    "li": Page.close_place,
    "blockquote": Page.close_place,
    "dl": Page.close_terms,
    "dt": Page.close_term,
    "table": Page.close_table,
    "tr": Page.close_row,
    "summary": Page.close_summary,
}
