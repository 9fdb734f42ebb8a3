"""Links inside a Word document: its bookmarks become the anchors that Markdown gives to headings."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from builder.readers.word_styles import WORD
from schemas.markdown import plain

_BOOKMARK = WORD + "bookmarkStart"
_INSIDE = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\(#([^()\s]+)\)")
_PUNCTUATION = re.compile(r"[^\w\- ]")


class Anchors:
    """The bookmarks of the headings so far, by name."""

    def __init__(self, body: Element) -> None:
        self._before = dict(_bookmarks_before(body))
        self._slugs: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def heading(self, node: Element, text: str) -> None:
        """Take note of the bookmarks in a heading and right before it."""
        slug = _PUNCTUATION.sub("", plain(text).lower()).replace(" ", "-")
        count = self._count.get(slug, 0)
        self._count[slug] = count + 1
        names = [*self._before.get(node, ()), *(mark.get(WORD + "name", "") for mark in node.iter(_BOOKMARK))]
        self._slugs.update(dict.fromkeys(names, f"{slug}-{count}" if count else slug))

    def resolve(self, text: str) -> str:
        """Return the Markdown with links to headings; a link to a bookmark that Word made elsewhere is only its words."""
        return _INSIDE.sub(self._link, text)

    def _link(self, match: re.Match[str]) -> str:
        words, name = match.groups()
        if slug := self._slugs.get(name):
            return f"[{words}](#{slug})"
        return words if name.startswith("_") else match[0]


def _bookmarks_before(body: Element) -> Iterator[tuple[Element, list[str]]]:
    """The paragraphs with the names of the bookmarks that stand between them and the block before."""
    names: list[str] = []
    for node in body:
        if node.tag == _BOOKMARK:
            names.append(node.get(WORD + "name", ""))
        elif node.tag == WORD + "p" and names:
            yield node, names
            names = []
        elif node.tag != WORD + "bookmarkEnd":
            names = []
