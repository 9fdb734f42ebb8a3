"""HTML pages: the main part as Markdown, without the frame of the site and without what a reader does not see."""

import re
from collections.abc import Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

from builder.readers.content import Content, Refused, heading, one_line
from builder.readers.html_elements import CLOSES, OPENS, Page
from schemas.markdown import plain
from schemas.records import Reason

_DROPPED = frozenset((
    "script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "embed", "audio", "video", "img",
    "picture", "map", "head", "nav", "input", "select", "textarea", "option", "datalist", "meter",
    "progress", "dialog",
))  # fmt: skip
_FRAME_ROLES = frozenset((
    "navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "complementary", "menu", "menubar",
))  # fmt: skip
_FRAME = re.compile(
    r"(?:^|\s)(?!(?:has|with|without|no|is)[-_])(?:(?:[\w-]{0,40}[-_])?(?:cookies?|consent|gdpr|breadcrumbs?|sidebar|navbar|navigation|nav|navbox"
    r"|newsletter|advert|advertisement|pagination|pager|masthead|editsection|noprint|sr-only|visually-hidden)(?:[-_][\w-]{0,40})?"
    r"|skip(?:-?link|-to-\w+)?|(?:social-)?(?:share|sharing|social)(?:-(?:buttons?|links?|icons?|bar))?|ads|modal|popup|edit|edit-(?:this-)?page)(?=\s|$)",
    re.IGNORECASE,
)
_FRAME_ID = re.compile(
    r"(?:cookies?|consent|gdpr)[-_]\w+|(?:breadcrumbs?|side-?bar|nav|navbar|site-?nav)(?:[-_](?:bar|main|menu|wrapper|container|left|right|top))?",
    re.IGNORECASE,
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)
_SIGN_IN = re.compile(r"\b(?:sign|log)[ -]?in\b|\blogin\b|\bpassword\b|\bpasswort\b|\banmelden\b", re.IGNORECASE)
_SITE = re.compile(r"\s+[|·—–-]\s+")
_NESTS = re.compile(
    r"<(/?)(?:div|span|section|article|main|blockquote|table|ul|ol|dl|b|i|em|strong|font|a|center|form)[\s>]", re.IGNORECASE
)
_DEEPEST = 30_000  # the parser's time grows with the square of the depth
_FRAME_SHARE = 0.3  # what holds more of the page than this is no frame, whatever its class says
_MEASURED = 20  # no page is measured more often than this to tell its frame

Attributes = Mapping[str, str | None]


def read_html(text: str) -> Content | Refused:
    """Return the main part of the page; a page that only asks to sign in, or that only a script fills, is refused."""
    if _is_too_deep(text):
        return Refused(Reason.UNREADABLE, f"elements nested more than {_DEEPEST:,} deep; the page is broken")
    tree = LexborHTMLParser(text)
    words = to_markdown(_main(tree.body)) if tree.body is not None else ""
    if not any(map(str.isalnum, words)):
        filled = tree.css_first("script") is not None
        return Refused(Reason.EMPTY, "the page has no text of its own; a script would fill it" if filled else "the page has no text")
    if len(words.split()) < 30 and _SIGN_IN.search(words):
        return Refused(Reason.EMPTY, "a page that asks to sign in, not the document; save it while signed in")
    first = re.search(r"^# (.+)$", words, re.MULTILINE)
    title = plain(first[1]) if first else _title(tree)
    return Content(words if first or not title else f"{heading(1, title)}\n\n{words}", title)


def fragment(html: str) -> str:
    """Return a piece of HTML, such as a table inside a Markdown file, as Markdown."""
    body = LexborHTMLParser(html).body
    return to_markdown(body) if body is not None else ""


def to_markdown(root: LexborNode) -> str:
    """Return what a reader sees of `root` as Markdown."""
    page = Page()
    frame = _Frame(root)
    stack = [(root, True)]
    while stack:
        node, opens = stack.pop()
        if not opens:
            page.leave(node)
            CLOSES.get(node.tag or "", Page.nothing)(page, node)
        elif node.is_text_node:
            page.writer.text(node.text_content or "")
        elif node.is_element_node and (node.mem_id == root.mem_id or not frame.holds(node, page)):
            page.enter(node)
            OPENS.get(node.tag or "", Page.nothing)(page, node)
            stack.append((node, False))
            stack += [(child, True) for child in reversed(list(node.iter(include_text=True)))]
    return page.writer.markdown()


def _is_too_deep(text: str) -> bool:
    depth = 0
    for match in _NESTS.finditer(text):
        depth = max(0, depth + (-1 if match[1] else 1))
        if depth > _DEEPEST:
            return True
    return False


def _main(body: LexborNode) -> LexborNode:
    """The part of the page that says it is the main one, if it holds a fair share of the words."""
    for query in ("main, [role=main]", "article"):
        found = body.css(query)[:20]
        if found and (query != "article" or len(found) == 1):
            largest = max(found, key=lambda node: len(node.text()))
            if len(largest.text()) >= 0.1 * len(body.text()):
                return largest
    return body


def _title(tree: LexborHTMLParser) -> str:
    """The first heading of the page, else its title without the name of the site."""
    if (node := tree.css_first("h1")) is not None and (words := one_line(node.text())):
        return words
    node = tree.css_first("title")
    return _SITE.split(one_line(node.text()))[0] if node is not None else ""


class _Frame:
    """Tells what belongs to the frame of the site or is hidden."""

    def __init__(self, root: LexborNode) -> None:
        self.size = len(root.text())
        self.left = _MEASURED * self.size

    def holds(self, node: LexborNode, page: Page) -> bool:
        """Whether the element is not part of what the page has to say."""
        tag, attributes = node.tag or "", node.attributes
        if tag in _DROPPED or (tag in ("header", "footer", "aside") and not page.articles) or (tag in ("ul", "ol") and page.headers):
            return True
        if tag == "button":
            return node.parent is None or node.parent.tag not in _HEADINGS  # the question of a fold-out is a button in a heading
        return bool(attributes) and (_is_hidden(attributes) or (_is_frame(node) and self._is_small(node)))

    def _is_small(self, node: LexborNode) -> bool:
        if self.left <= 0:
            return False
        size = len(node.text())
        self.left -= size
        return size < _FRAME_SHARE * self.size


def _is_hidden(attributes: Attributes) -> bool:
    if attributes.get("role") in ("region", "tabpanel"):
        return False  # a fold-out opens on a click
    return "hidden" in attributes or attributes.get("aria-hidden") == "true" or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_frame(node: LexborNode) -> bool:
    """Whether role, class or id say so; the id of a heading or a section is made of its words and says nothing."""
    attributes = node.attributes
    if attributes.get("role") in _FRAME_ROLES:
        return True
    if node.tag in _HEADINGS or node.tag in ("table", "tr", "td", "th"):
        return False
    named = node.tag != "section" and _FRAME_ID.fullmatch(attributes.get("id") or "")
    return bool(named or _FRAME.search(attributes.get("class") or ""))
