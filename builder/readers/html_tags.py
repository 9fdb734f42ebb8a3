"""Which HTML element does what where it opens and where it closes."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

from builder.readers.html_elements import MARKS, Page

_BLOCKS = (
    "p", "div", "section", "footer", "aside", "address", "figure", "figcaption", "center", "fieldset",
    "form", "details", "body", "hgroup", "thead", "tbody", "tfoot", "hr", "legend", "search", "dir",
)  # fmt: skip
Change = Callable[[Page, LexborNode], None]
_HEADINGS = [f"h{level}" for level in range(1, 7)]
_CELLS = ("td", "th", "caption")

LEAVES = frozenset(("math",))  # elements that are read whole
OPENS: dict[str, Change] = {
    **dict.fromkeys([*_BLOCKS, *_HEADINGS], Page.end_block),
    **dict.fromkeys(MARKS, Page.open_mark),
    "a": Page.open_link,
    "img": Page.image,
    "math": Page.formula,
    **dict.fromkeys(["ul", "ol", "menu"], Page.open_list),
    **dict.fromkeys(_CELLS, Page.open_cell),
    **dict.fromkeys(["main", "article"], Page.open_main),
    "header": Page.open_header,
    "tr": Page.open_row,
    "br": Page.line_break,
    "pre": Page.open_code,
    "li": Page.open_item,
    "blockquote": Page.open_quote,
    "dl": Page.open_terms,
    "dt": Page.open_term,
    "table": Page.open_table,
    "summary": Page.open_summary,
}
CLOSES: dict[str, Change] = {
    **dict.fromkeys([*_BLOCKS, "dd"], Page.end_block),
    **dict.fromkeys(_HEADINGS, Page.close_heading),
    **dict.fromkeys(MARKS, Page.close_mark),
    **dict.fromkeys(["ul", "ol", "menu"], Page.close_list),
    **dict.fromkeys(_CELLS, Page.close_cell),
    **dict.fromkeys(["main", "article"], Page.close_main),
    "header": Page.close_header,
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
