"""Inline Markdown as plain words that still know where they came from.

A question and its answer read without markup, but evidence is a verbatim span of the document; so every clean character
keeps its raw position, and a span is widened to whole links, emphases and code spans.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from generators.extractive.words import words

_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<hard>\\(?=\s*\Z|\n))"
    r"|(?P<liquid>\{%.{0,300}?%\}|\{\{.{0,300}?\}\}|<!--.*?-->)"
    r"|(?P<image>!\[[^\]\n]*\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\))"
    r"|(?P<link>\[(?P<label>(?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]\((?:<[^>\n]*>|\{%.{0,300}?%\}[^()\s]*|[^()\s]*(?:\([^()]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\s*\))"
    r"|(?P<auto><(?P<address>https?://[^>\s]+|[\w.+-]+@[\w.-]+)>)"
    r"|(?P<break><br\s*/?>)"
    r"|(?P<tag></?[A-Za-z][^<>]{0,200}>)"
    r"|(?P<code>(?P<tick>`+)(?P<coded>[^`\n](?:[^`]*[^`\s])?)(?P=tick)(?!`))"
    r"|(?P<both>\*\*_(?P<inside>[^*_\n]+(?:\n[^*_\n]+)*)_\*\*|_\*\*(?P<within>[^*_\n]+(?:\n[^*_\n]+)*)\*\*_)"
    r"|(?P<strong>(?P<mark>\*\*\*|\*\*|\*|(?<!\w)__|(?<!\w)_)(?=[^\s*_])(?P<strongly>(?:\\.|[^*_\\])+?(?:_(?:\\.|[^*_\\])+?)*)"
    r"(?:(?<=\S)|(?<=[.:,;)] ))(?P=mark)(?!\w(?<=_\w)))"
    r"|(?P<entity>&(?:#\d{1,6}|#x[0-9a-fA-F]{1,6}|[A-Za-z]{2,10});)"
    r"|(?P<space>\s+)",
    re.DOTALL,
)
_ABBREVIATIONS = words("abbreviations")
_STOP = re.compile(r"[.!?]+[\"”’')\]]*(?=\s)")
_STARTS = re.compile(r"\s+[\"“‘'(\[]*[A-Z0-9#@]")


@dataclass(frozen=True)
class Clean:
    """Words without markup; `starts[i]`/`ends[i]` locate character `i`, `elements` are the raw spans of inline markup."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    elements: tuple[tuple[int, int], ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The raw span of clean characters `start` to `end`, widened to whole inline elements."""
        first, last = self.starts[start], self.ends[end - 1]
        for low, high in self.elements:
            if low < last and first < high:
                first, last = min(first, low), max(last, high)
        return first, last


@dataclass
class _Builder:
    characters: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    elements: list[tuple[int, int]] = field(default_factory=list)

    def put(self, characters: str, start: int, end: int) -> None:
        for character in characters:
            self.characters.append(character)
            self.starts.append(start)
            self.ends.append(end)

    def space(self, start: int, end: int) -> None:
        if self.characters and self.characters[-1] != " ":
            self.put(" ", start, end)


def clean(text: str, start: int, end: int) -> Clean:
    """Return `text[start:end]` without inline markup, its white space joined."""
    builder = _Builder()
    _scan(text, start, end, builder)
    while builder.characters and builder.characters[-1] == " ":
        builder.characters.pop()
    size = len(builder.characters)
    return Clean("".join(builder.characters), tuple(builder.starts[:size]), tuple(builder.ends[:size]), tuple(builder.elements))


def _scan(text: str, position: int, end: int, builder: _Builder) -> None:
    while position < end:
        match = _INLINE.search(text, position, end)
        upto = match.start() if match else end
        for index in range(position, upto):
            builder.put(text[index], index, index + 1)
        if match is None:
            return
        _element(text, match, builder)
        position = match.end()


def _element(text: str, match: re.Match[str], builder: _Builder) -> None:
    kind = match.lastgroup or ""
    start, end = match.span()
    inner = {"link": "label", "strong": "strongly", "auto": "address", "both": "inside" if match.group("inside") else "within"}.get(kind)
    if inner:
        builder.elements.append((start, end))
        _scan(text, *match.span(inner), builder)
    elif kind == "code":
        builder.elements.append((start, end))
        for index in range(*match.span("coded")):
            builder.put(" " if text[index] == "\n" else text[index], index, index + 1)
    elif kind == "space":
        builder.space(start, end)
    elif kind == "escape":
        builder.put(text[end - 1], start, end)
    elif kind == "break":
        while builder.characters and builder.characters[-1] == " ":
            for held in (builder.characters, builder.starts, builder.ends):
                held.pop()
        builder.put("; " if builder.characters and builder.characters[-1] not in ".;:!?" else " ", start, end)
    elif kind == "entity":
        value = html.unescape(match.group())
        builder.put(" " if value.isspace() else value, start, end)


def sentences(words: str) -> Iterator[tuple[int, int]]:
    """The spans of the sentences of clean `words`."""
    start = 0
    for match in _STOP.finditer(words):
        if not _STARTS.match(words, match.end()) or _abbreviates(words[start : match.start()], words[match.end() :]):
            continue
        yield start, match.end()
        start = match.end() + 1
    if words[start:].strip():
        yield start, len(words.rstrip())


def _abbreviates(before: str, after: str) -> bool:
    last = before.rsplit(" ", 1)[-1].strip("(\"'“").lower()
    if last in {"a.m", "p.m", "etc", "inc", "u.s"}:
        return not re.match(r"\s+[A-Z][a-z]", after)
    return last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha() and last != "i" and re.match(r"\s+[A-Z]", after) is not None)
