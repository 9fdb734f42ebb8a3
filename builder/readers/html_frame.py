"""Tells what of an HTML page belongs to the frame of its site, and what no reader of the page sees."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from selectolax.lexbor import LexborNode

from builder.readers.content import one_line
from schemas.records import Remark

_DROPPED = frozenset((
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed", "audio", "video", "map", "head",
    "nav", "input", "select", "textarea", "option", "datalist", "meter", "progress", "dialog",
))  # fmt: skip
_FRAME_ROLES = frozenset((
    "navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "complementary", "menu", "menubar", "doc-toc",
))  # fmt: skip
_FRAME = re.compile(
    r"(?:^|\s)(?!(?:has|with|without|no|is)[-_])(?:(?:[\w-]{0,40}[-_])?(?:cookies?|consent|gdpr|breadcrumbs?|sidebar|navbar|navigation|nav|navbox"
    r"|newsletter|advert|advertisement|pagination|pager|masthead|editsection|noprint|back-to-top|catlinks)(?:[-_][\w-]{0,40})?"
    r"|skip(?:-?link|-to-\w+)?|(?:social-)?(?:share|sharing|social)(?:-(?:buttons?|links?|icons?|bar))?|ads|modal|popup|edit|edit-(?:this-)?page"
    r"|toc|table-of-contents|on-this-page|(?:(?:site|page|global)-)?footer|related-(?:articles|posts|links|pages)|printfooter"
    r"|mw-jump-link|article-(?:votes|relatives)|(?:page-)?feedback|comment-respond|widget-area"
    r"|linenos?|linenodiv|(?:rouge-)?gutter|line-numbers-rows|hljs-ln-numbers)(?=\s|$)",
    re.IGNORECASE,
)
_LINE_NUMBERS = re.compile(r"\b(?:linenos?|gutter|rouge-gutter|hljs-ln-numbers)\b", re.IGNORECASE)
_FRAME_ID = re.compile(
    r"(?:cookies?|consent|gdpr)[-_]\w+|(?:breadcrumbs?|side-?bar|nav|navbar|site-?nav)(?:[-_](?:bar|main|menu|wrapper|container|left|right|top))?"
    r"|footer|site-(?:footer|header)|toc|catlinks|sitesub",
    re.IGNORECASE,
)
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](?:px|pt)?\s*(?:;|!|$)|text-indent\s*:\s*-\d{3}"
    r"|(?:left|top)\s*:\s*-\d{4}",
    re.IGNORECASE,
)
_HIDDEN_CLASS = re.compile(r"(?:^|\s)(?:sr-only|visually-hidden|visuallyhidden|screen-reader-text)(?=\s|$)", re.IGNORECASE)
_FOLDS = re.compile(r"accordion|collaps|tab[-_]?(?:pane|panel|content)|toggle|faq|answer|spoiler|expand", re.IGNORECASE)
_FOLDING = ("div", "section", "article", "p", "dd", "ul", "ol", "dl", "tr", "li")
_WHITE = r"(?:#fff(?:fff)?\b|white\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)"
_WHITE_TEXT = re.compile(rf"(?:^|[;\s])color\s*:\s*{_WHITE}", re.IGNORECASE)
_WHITE_GROUND = re.compile(rf"background(?:-color)?\s*:\s*{_WHITE}", re.IGNORECASE)
_IN_TEXT = frozenset(("a", "abbr", "b", "cite", "code", "em", "i", "kbd", "mark", "q", "samp", "small", "span", "strong", "u", "var"))
_OF_TEXT = _IN_TEXT | {"p", "li", "dd", "dt", "td", "th", "blockquote", "figcaption", "caption"}
_FRAME_SHARE = 0.3  # what holds more of the page than this is no frame, whatever its class says
_MEASURED = 20  # no page is measured more often than this to tell its frame
_LONGEST_NAMES = 500
_GROUNDS = 30  # elements around white text that are asked for their ground
_LONG = 12  # hidden words that are worth a remark
_SHOWN = 80  # characters of them that are quoted

Attributes = Mapping[str, str | None]


class Open(Protocol):
    """What is open where an element begins."""

    articles: int
    headers: int


class Frame:
    """Tells what to leave out of one page; `of_site` is false for a page without a site around it, such as a chapter or a mail."""

    def __init__(self, root: LexborNode, *, of_site: bool) -> None:
        self.hidden: list[str] = []  # longer pieces that nobody sees
        self._of_site = of_site
        self._size = len(root.text())
        self._left = _MEASURED * self._size

    def holds(self, node: LexborNode, around: Open) -> bool:
        """Whether the element is not part of what the page has to say."""
        tag, attributes = node.tag or "", node.attributes
        if tag in _DROPPED:
            return True
        if tag == "button":
            return node.parent is None or node.parent.tag not in HEADINGS  # the question of a fold-out is a button in a heading
        if attributes and _is_hidden(node, attributes):
            self.hide(node.text() if self._measure(node) else "")
            return True
        return self._of_site and self._of_frame(node, attributes, around)

    def hide(self, text: str) -> None:
        """Note a piece of text that no reader of the page sees."""
        if len(text.split(None, _LONG)) >= _LONG:
            self.hidden.append(text)

    def hide_comment(self, text: str) -> None:
        """Note a comment, unless it is one that only some browsers read."""
        if not text.lstrip().startswith("[if"):
            self.hide(text)

    def remarks(self) -> tuple[Remark, ...]:
        """What to say about the hidden text, if it is long: it may be meant for a model and not for a reader."""
        if not self.hidden:
            return ()
        words = sum(len(text.split()) for text in self.hidden)
        first = one_line(self.hidden[0])[:_SHOWN]
        return (Remark(code="hidden_text", message=f'{words:,} words that no reader of the page sees were left out: "{first} ..."'),)

    def _of_frame(self, node: LexborNode, attributes: Attributes, around: Open) -> bool:
        tag = node.tag or ""
        if tag in ("header", "footer", "aside") and not around.articles:
            return True
        if tag in ("ul", "ol") and around.headers:
            return True
        frame = bool(attributes) and _is_frame(tag, attributes) and not _in_sentence(node)
        return frame and self._measure(node) < _FRAME_SHARE * self._size

    def _measure(self, node: LexborNode) -> float:
        """How long the element's text is; endless once so much was measured that more would be too slow."""
        if self._left <= 0:
            return float("inf")
        size = len(node.text())
        self._left -= size
        return size


def _is_hidden(node: LexborNode, attributes: Attributes) -> bool:
    names, style = attributes.get("class") or "", attributes.get("style") or ""
    if (names and _HIDDEN_CLASS.search(names)) or "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return not _folds_out(node, attributes)
    if style and _HIDDEN.search(style):
        return not _folds_out(node, attributes)
    return bool(style and _WHITE_TEXT.search(style)) and _on_white(node)


def _folds_out(node: LexborNode, attributes: Attributes) -> bool:
    """Whether a click shows the element, such as the answer to a question."""
    if attributes.get("role") in ("region", "tabpanel") or attributes.get("hidden") == "until-found":
        return True
    return node.tag in _FOLDING and bool(_FOLDS.search(attributes.get("class") or ""))


def _on_white(node: LexborNode) -> bool:
    """Whether white text stands on white: nothing around it may give it another ground, in its style or by a style sheet."""
    place: LexborNode | None = node
    for _ in range(_GROUNDS):
        if place is None or place.tag == "body":
            return True
        style = place.attributes.get("style") or ""
        if "background" in style or "bgcolor" in place.attributes:
            return bool(_WHITE_GROUND.search(style)) or (place.attributes.get("bgcolor") or "").lower() in ("white", "#fff", "#ffffff")
        if place.attributes.get("class") or place.attributes.get("id"):
            return False
        place = place.parent
    return False


def _in_sentence(node: LexborNode) -> bool:
    """Whether words stand beside a link or the like, so that it belongs to them, whatever it is called: <a class=share>."""
    parent = node.parent
    if node.tag not in _IN_TEXT or parent is None or parent.tag not in _OF_TEXT:
        return False
    return any(beside is not None and beside.tag == "-text" and beside.text().strip() for beside in (node.prev, node.next))


def _is_frame(tag: str, attributes: Attributes) -> bool:
    """Whether role, class or id say so; the id of a heading or a section is made of its words and says nothing."""
    if attributes.get("role") in _FRAME_ROLES:
        return True
    name, names = attributes.get("id"), attributes.get("class")
    if tag == "sup":
        return "reference" in (names or "").split()  # the number of a note
    if tag in HEADINGS or tag in ("body", "table", "tr", "td", "th"):
        return tag == "td" and bool(names and _LINE_NUMBERS.search(names))
    return bool((name and tag != "section" and _FRAME_ID.fullmatch(name)) or (names and _names_frame(names[:_LONGEST_NAMES])))


@lru_cache(maxsize=2048)
def _names_frame(names: str) -> bool:
    return bool(_FRAME.search(names))
