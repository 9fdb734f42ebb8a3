"""HTML pages: the main part as Markdown, without the frame of the site and without what a reader does not see."""

import re
from collections.abc import Callable
from urllib.parse import urljoin

from pydantic import JsonValue
from selectolax.lexbor import LexborHTMLParser, LexborNode

from builder.readers.content import Content, Refused, heading, one_line
from builder.readers.html_part import Part, as_html, is_too_deep, part, to_markdown
from schemas.markdown import plain
from schemas.records import Reason, Remark

_UNSEEN = ["script", "style", "noscript", "template"]
_SIGN_IN = re.compile(r"\b(?:sign|log)[ -]?in\b|\blogin\b|\bpassword\b|\bpasswort\b|\banmelden\b", re.IGNORECASE)
_WALL = re.compile(
    r"\b(?:login|sign-?in|authentication) (?:is )?required\b|\bplease (?:sign|log) ?in\b"
    r"|\b(?:sign|log)(?:ed)? ?in to (?:continue|view|read|access|see)\b|\banmeldung erforderlich\b|\bbitte (?:melden|loggen) sie sich\b",
    re.IGNORECASE,
)
_NEEDS_SCRIPT = re.compile(
    r"\b(?:enable|requires?|turn on|activate|without) javascript\b|\bjavascript (?:is )?(?:disabled|required|to run)\b|\A\W*loading\W*\Z",
    re.IGNORECASE,
)
_SHORT = 200  # characters; a page that says no more than this may only be there to ask for a password
_SITE = re.compile(r"\s+[|·—–-]\s+")
_LINK = re.compile(r"\[[^\[\]]{0,1000}\]\([^()\s]{0,1000}\)")
_MAIN_SHARE = 0.1  # what says it is the main part and holds less of the page than this is not
_KEPT_SHARE = 0.3  # if less than this is left without the frame, the frame was none
_META = {"author": "author", "description": "description", "date": "date", "article:modified_time": "date", "dcterms.modified": "date"}


def read_html(text: str) -> Content | Refused:
    """Return the main part of the page; a page that only asks to sign in, or that only a script fills, is refused."""
    if is_too_deep(text):
        return Refused(Reason.CORRUPT, "elements nested more than 30,000 deep; the page is broken, save it again")
    tree = LexborHTMLParser(as_html(text) if text.lstrip().startswith("<?xml") else text)
    scripted = tree.css_first("script") is not None
    tree.strip_tags(_UNSEEN)
    found = _main_part(tree)
    if (refused := _refusal(found.text, tree, scripted=scripted)) is not None:
        return refused
    named = next((plain(words) for level, words in found.headings if level == 1), "")
    title = named or _title(tree)
    words = found.text if named or not title else f"{heading(1, title)}\n\n{found.text}"
    return Content(words, title, _metadata(tree), remarks=found.remarks)


def fragment(html: str) -> str:
    """Return a piece of HTML, such as a table inside a Markdown file, as Markdown."""
    return part(html).text


def _main_part(tree: LexborHTMLParser) -> Part:
    """The page without its frame; all of it where the frame, by its looks, would be most of what the page says."""
    if tree.body is None:
        return Part("", (), ())
    resolve = _resolver(tree)
    main = _main(tree.body)
    found = to_markdown(main if main is not None else tree.body, resolve, of_site=True)
    if main is not None:
        return found
    whole = to_markdown(tree.body, resolve, of_site=False)
    if _size(found.text) >= _KEPT_SHARE * _size(whole.text):
        return found
    kept = Remark(code="frame_kept", message="most of the page looks like the frame of a site, so all of it was kept")
    return Part(whole.text, whole.headings, (*whole.remarks, kept))


def _size(text: str) -> int:
    """How much is said outside of links; menus are links."""
    return len(_LINK.sub("", text))


def _main(body: LexborNode) -> LexborNode | None:
    """The part of the page that says it is the main one, if it holds a fair share of the words."""
    for query in ("main, [role=main]", "article"):
        found = body.css(query)[:20]
        if found and (query != "article" or len(found) == 1):
            largest = max(found, key=lambda node: len(node.text()))
            if len(largest.text()) >= _MAIN_SHARE * len(body.text()):
                return largest
    return None


def _resolver(tree: LexborHTMLParser) -> Callable[[str], str]:
    """What makes a link whole where the page names its base; else links stay as they are."""
    base = tree.css_first("base[href]")
    target = (base.attributes.get("href") or "") if base is not None else ""
    if not target.lower().startswith(("http://", "https://")):
        return str

    def resolve(link: str) -> str:
        try:
            return link if link.startswith("#") else urljoin(target, link)
        except ValueError:
            return link

    return resolve


def _refusal(words: str, tree: LexborHTMLParser, *, scripted: bool) -> Refused | None:
    """Why the page is of no use, if it is of none."""
    said = any(map(str.isalnum, words))
    short = len(words) < _SHORT
    if not said or (short and scripted and _NEEDS_SCRIPT.search(words)):
        filled = "the page has no text of its own, a script would fill it; open it in a browser and save it from there"
        return Refused(Reason.NO_CONTENT, filled if scripted else "the page has no text")
    asks = tree.css_first("input[type=password]") is not None or (tree.css_first("input") is not None and _SIGN_IN.search(words))
    if short and (asks or _WALL.search(words)):
        return Refused(Reason.LOGIN_PAGE, "a page that asks to sign in, not the document; save it while signed in")
    return None


def _title(tree: LexborHTMLParser) -> str:
    """The first heading of the page, unless it is the name of the site; else the page's title without that name."""
    heading = tree.css_first("h1")
    words = one_line(heading.text()) if heading is not None else ""
    title = tree.css_first("title")
    first, *site = _SITE.split(one_line(title.text())) if title is not None else [""]
    return first if not words or words in site else words


def _metadata(tree: LexborHTMLParser) -> dict[str, JsonValue]:
    """Author, date and description of the page, where it names them, and its language."""
    metadata: dict[str, JsonValue] = {}
    for meta in tree.css("meta[content]"):
        attributes = meta.attributes
        key = _META.get((attributes.get("name") or attributes.get("property") or "").lower())
        if key and (value := one_line(attributes.get("content") or "")):
            metadata.setdefault(key, value)
    root = tree.css_first("html[lang]")
    if root is not None and (language := one_line(root.attributes.get("lang") or "")):
        metadata["language"] = language
    return metadata
