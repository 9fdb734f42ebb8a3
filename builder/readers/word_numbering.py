"""Word's numbering definitions, counting as the document goes on: bullet, number and label of a paragraph."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from xml.etree.ElementTree import Element

from builder.readers.word_styles import WORD, Numbered, value_of

_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_LARGEST_NUMBER = 999_999_999  # nine digits, as many as Markdown allows


@dataclass(frozen=True)
class _Level:
    format: str = "bullet"
    text: str = ""
    start: int = 1
    style: str = ""


@dataclass
class _List:
    """A list as it is counted: numbering definitions that rest on the same one go on counting."""

    node: Element
    counts: dict[int, int] = field(default_factory=dict)

    @cached_property
    def levels(self) -> dict[int, _Level]:
        """What it says of each level; Word writes many lists that no paragraph is in."""
        return _levels(self.node)


class Label(NamedTuple):
    """What stands before a numbered paragraph; `number` is None for a bullet, and `is_blank` where nothing is shown."""

    level: int
    number: int | None
    text: str
    is_blank: bool


class Numbering:
    """The numbering definitions, counting as the document goes on."""

    def __init__(self, root: Element | None) -> None:
        self._lists: dict[str, _List] = {}
        self._definitions: dict[str, str] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        if root is not None:
            self._read(root)

    def _read(self, root: Element) -> None:
        links: dict[str, str] = {}
        styled: dict[str, str] = {}
        for node in root.findall(WORD + "abstractNum"):
            key = node.get(WORD + "abstractNumId", "")
            self._lists[key] = _List(node)
            styled[value_of(node, "styleLink")] = key
            links[key] = value_of(node, "numStyleLink")
        for node in root.findall(WORD + "num"):
            definition, key = node.get(WORD + "numId", ""), value_of(node, "abstractNumId")
            self._definitions[definition] = styled.get(links.get(key, "") or "-", key)
            self._restarts[definition] = dict(_restarts(node))

    def next(self, asked: Numbered, style: str) -> Label | None:
        """Count on and return the label of the next paragraph that asks for it; None where there is no such definition."""
        found = self._lists.get(self._definitions.get(asked.definition, ""))
        if found is None:
            return None
        level = asked.level if asked.level >= 0 else next((place for place, known in found.levels.items() if known.style == style), 0)
        self._count(found, asked.definition, level)
        known = found.levels.get(level, _Level())
        is_bullet = known.format in ("bullet", "none")
        text = "" if is_bullet else _PLACE.sub(lambda match: _shown(found, int(match[1]) - 1), known.text)
        is_blank = is_bullet and not known.text.strip()
        number = found.counts[level]
        return Label(level, None if is_bullet or not 0 <= number <= _LARGEST_NUMBER else number, text.strip(), is_blank)

    def _count(self, found: _List, definition: str, level: int) -> None:
        start = found.levels.get(level, _Level()).start
        restart = self._restarts[definition].pop(level, None)
        found.counts[level] = restart if restart is not None else found.counts.get(level, start - 1) + 1
        for deeper in [place for place in found.counts if place > level]:
            del found.counts[deeper]


def _levels(node: Element) -> dict[int, _Level]:
    levels = {}
    for child in node.findall(WORD + "lvl"):
        place, start = child.get(WORD + "ilvl", ""), value_of(child, "start")
        if place in tuple("012345678"):
            first = int(start) if start.isdecimal() and len(start) < 10 else 1
            levels[int(place)] = _Level(
                value_of(child, "numFmt") or "decimal", value_of(child, "lvlText"), first, value_of(child, "pStyle")
            )
    return levels


def _restarts(node: Element) -> Iterator[tuple[int, int]]:
    for child in node.findall(WORD + "lvlOverride"):
        place, start = child.get(WORD + "ilvl", ""), value_of(child, "startOverride")
        if place in tuple("012345678") and start.isdecimal() and len(start) < 10:
            yield int(place), int(start)


def _shown(found: _List, level: int) -> str:
    known = found.levels.get(level, _Level(format="decimal"))
    number = found.counts.get(level, known.start)
    if known.format in ("lowerLetter", "upperLetter"):
        letters = chr(97 + (number - 1) % 26) * min(1 + (number - 1) // 26, 9) if number > 0 else str(number)
        return letters.upper() if known.format == "upperLetter" else letters
    if known.format in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return _roman(number).upper() if known.format == "upperRoman" else _roman(number)
    return f"{number:02}" if known.format == "decimalZero" else str(number)


def _roman(number: int) -> str:
    letters = ""
    for value, letter in _ROMAN:
        letters += letter * (number // value)
        number %= value
    return letters
