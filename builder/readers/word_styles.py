"""What Word's styles say about a paragraph: its level as a heading, its kind, its list, its marks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple
from xml.etree.ElementTree import Element

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
VALUE = WORD + "val"
# Word stores the English name of a built-in style whatever its language; other programs store their own
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|t[íi]tulo|titolo|kop|rubrik|overskrift|otsikko|nagłówek|nadpis|заголовок|標題|标题|見出し|제목)"
    r"[ _-]*([1-9])",
    re.IGNORECASE,
)
_KINDS = (
    ("title", re.compile(r"(?:title|document title)", re.IGNORECASE)),
    ("subtitle", re.compile(r"subtitle", re.IGNORECASE)),
    ("contents", re.compile(r"toc (?:\d|heading)|contents \d|contents heading|verzeichnis \d", re.IGNORECASE)),
    ("code", re.compile(r"(?:source |program |sample )?code(?: block)?|html preformatted|preformatted text|source", re.IGNORECASE)),
    ("quote", re.compile(r"(?:intense |block )?quote|quotations|block text|zitat", re.IGNORECASE)),
    ("continuation", re.compile(r"list continue(?: \d)?|list paragraph", re.IGNORECASE)),
)
_INLINE_CODE = re.compile(
    r"verbatim char|html (?:code|typewriter|keyboard|sample)|(?:inline |source )?code(?: char)?|source text", re.IGNORECASE
)
_BODY = 10


class Numbered(NamedTuple):
    """Which numbering definition a paragraph follows, at which level; -1 is a level that only the definition knows."""

    definition: str
    level: int


@dataclass(frozen=True)
class Style:
    """What a paragraph of the style is; `level` is 0 where it is no heading."""

    id: str = ""
    level: int = 0
    kind: str = ""
    numbered: Numbered | None = None
    bold: bool = False
    italic: bool = False
    hidden: bool = False


class Styles:
    """The styles of a document by their ids."""

    def __init__(self, root: Element | None) -> None:
        nodes = [] if root is None else root.findall(WORD + "style")
        self._nodes = {node.get(WORD + "styleId", ""): node for node in nodes}
        self._known: dict[str, Style] = {}
        plain = next(
            (
                key
                for key, node in self._nodes.items()
                if node.get(WORD + "default") in ("1", "true") and node.get(WORD + "type") == "paragraph"
            ),
            "",
        )
        self._default = replace(self._resolve(plain), bold=False, italic=False)  # what all words are is no emphasis
        self._known[plain] = self._known[""] = self._default

    def of(self, node: Element | None) -> Style:
        """The style that a `pStyle` or `rStyle` element names."""
        key = "" if node is None else node.get(VALUE, "")
        if key not in self._known:
            self._known[key] = self._resolve(key)
        return self._known[key]

    def _resolve(self, key: str) -> Style:
        style = Style(key)
        level = 0
        marks: dict[str, bool] = {}
        for node in self._chain(key):  # what is nearer wins
            name = value_of(node, "name").strip()
            level = level or _level(node, name)
            kind = style.kind or next((kind for kind, pattern in _KINDS if pattern.fullmatch(name)), "")
            is_code = node.get(WORD + "type") == "character" and bool(_INLINE_CODE.fullmatch(name))
            style = replace(style, kind="inline code" if is_code else kind, numbered=style.numbered or numbered(node.find(WORD + "pPr")))
            properties = node.find(WORD + "rPr")
            for mark in () if properties is None else properties:
                marks.setdefault(mark.tag, is_on(mark))
        bold, italic, hidden = (marks.get(WORD + name, False) for name in ("b", "i", "vanish"))
        level = 0 if level == _BODY or style.kind == "contents" else level
        return replace(style, level=level, bold=bold, italic=italic, hidden=hidden)

    def _chain(self, key: str) -> Iterator[Element]:
        seen: set[str] = set()
        while key in self._nodes and key not in seen:
            seen.add(key)
            yield self._nodes[key]
            key = value_of(self._nodes[key], "basedOn")


def _level(node: Element, name: str) -> int:
    properties = node.find(WORD + "pPr")
    if properties is not None and (level := outline_level(properties)):
        return level
    match = _HEADING.fullmatch(name)
    return int(match[1]) if match else 0


def outline_level(properties: Element) -> int:
    """The level that a paragraph or a style has in the outline: 1 to 9, 10 for body text, 0 where it says nothing."""
    value = value_of(properties, "outlineLvl")
    return min(int(value) + 1, _BODY) if value.isdecimal() and len(value) < 4 else 0


def numbered(properties: Element | None) -> Numbered | None:
    """The numbering that a paragraph or a style asks for; definition "0" takes one away."""
    node = properties.find(WORD + "numPr") if properties is not None else None
    if node is None or node.find(WORD + "numId") is None:
        return None
    level = value_of(node, "ilvl")
    return Numbered(value_of(node, "numId"), int(level) if level in tuple("012345678") else -1)


def is_on(node: Element | None) -> bool:
    """Whether a property that is on or off is there and on."""
    return node is not None and node.get(VALUE) not in ("0", "false", "off", "none")


def value_of(node: Element, name: str) -> str:
    """The value of a property, or nothing."""
    found = node.find(WORD + name)
    return "" if found is None else found.get(VALUE, "")
