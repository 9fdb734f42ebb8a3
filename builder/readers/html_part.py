"""A tree of HTML elements as Markdown: the walk that the page, the chapter of a book and the mail share."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from builder.readers.html_elements import Page
from builder.readers.html_frame import Frame
from builder.readers.html_tags import CLOSES, LEAVES, OPENS, Change
from schemas.records import Remark

_TAG = re.compile(r"<(/?)([a-z][^\s/>]{0,30})", re.IGNORECASE)
_CLOSED = re.compile(r"<([a-zA-Z][\w:-]{0,50})(\s[^<>]{0,2000}?)?\s{0,20}/>")
_VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
_NEVER_NEST = _VOID | {"dd", "dt", "li", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"}
_DEEPEST = 30_000  # the parser's time grows with the square of the depth


@dataclass(frozen=True)
class Part:
    """A part of a page as Markdown, its headings by level, and remarks on what was left out."""

    text: str
    headings: tuple[tuple[int, str], ...]
    remarks: tuple[Remark, ...]


def part(html: str, *, resolve: Callable[[str], str] = str) -> Part:
    """Return HTML that has no site around it, a chapter or a mail, as Markdown; `resolve` rewrites the targets of its links."""
    tree = LexborHTMLParser(html)
    return to_markdown(tree.body, resolve, of_site=False) if tree.body is not None else Part("", (), ())


def as_html(text: str) -> str:
    """Return XHTML with its closed elements, such as `<title/>`, as HTML writes them; it would take them for opened ones."""
    return _CLOSED.sub(lambda match: match[0] if match[1].lower() in _VOID else f"<{match[1]}{match[2] or ''}></{match[1]}>", text)


def is_too_deep(html: str) -> bool:
    """Whether elements are nested so deep that parsing would take minutes."""
    if html.count("<") < _DEEPEST:
        return False
    depth: Counter[str] = Counter()
    total = 0
    for slash, name in _TAG.findall(html.lower()):
        if name in _NEVER_NEST or (slash and not depth[name]):
            continue
        step = -1 if slash else 1
        depth[name] += step
        total += step
        if total > _DEEPEST:
            return True
    return False


def to_markdown(root: LexborNode, resolve: Callable[[str], str], *, of_site: bool) -> Part:
    """What a reader sees of `root`, walked through without recursion."""
    page = Page(resolve)
    frame = Frame(root, of_site=of_site)
    stack: list[tuple[LexborNode, Change | None]] = [(root, None)]  # with what closes an element that was opened
    while stack:
        node, close = stack.pop()
        if close is not None:
            close(page, node)
        elif node.is_text_node:
            page.writer.text(node.text_content or "")
        elif node.is_comment_node:
            frame.hide_comment(node.comment_content or "")
        elif node.is_element_node and (node.mem_id == root.mem_id or not frame.holds(node, page)):
            _open(node, page, stack)
    return Part(page.writer.markdown(), tuple(page.writer.headings), frame.remarks())


def _open(node: LexborNode, page: Page, stack: list[tuple[LexborNode, Change | None]]) -> None:
    """Open an element, and put off its children and its end."""
    tag = node.tag or ""
    if (change := OPENS.get(tag)) is not None:
        change(page, node)
    if (close := CLOSES.get(tag)) is not None:
        stack.append((node, close))
    if tag not in LEAVES:
        stack += [(child, None) for child in reversed(list(node.iter(include_text=True)))]
