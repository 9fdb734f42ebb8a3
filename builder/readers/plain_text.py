"""Plain text: underlined, capital and numbered headings become Markdown headings; paragraphs and lists stay.

Plain text has no rules, so only what is plain to the eye is taken for a heading: a line of its own between empty lines
(or above a line of signs) that does not end like a sentence.
"""

import re
from collections.abc import Iterator
from textwrap import dedent

from builder.readers.content import Content, Refused, clean, heading
from schemas.markdown import plain

_PARAGRAPH = re.compile(r"(?:[ \t]*\S[^\n]*(?:\n|\Z))+")
_RULE = re.compile(r"[ \t]*([=\-~*_#^\"+])\1{2,}[ \t]*$")
_BULLET = re.compile(r"^([ \t]*)[•◦▪●‣–·][ \t]+", re.MULTILINE)
_LIST = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)]|[a-z]\))[ \t]+\S")
_NUMBERED = re.compile(r"[ \t]*(\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]+(?=[A-ZÀ-Þ])\S")
_ENDS_LIKE_PROSE = re.compile(r"[.,;:!][\"')\]]*$")
_LONGEST_HEADING = 90


def read_text(text: str) -> Content | Refused:
    """Return the text with its plain headings as Markdown headings."""
    paragraphs = [match.group().rstrip("\n") for match in _PARAGRAPH.finditer(clean(text).expandtabs(4))]
    blocks = list(_blocks(paragraphs))
    title = next((plain(block.lstrip("# ")) for block in blocks if block.startswith("#")), "")
    return Content("\n\n".join(blocks), title)


def _blocks(paragraphs: list[str]) -> Iterator[str]:
    in_list = False
    for place, paragraph in enumerate(paragraphs):
        lines = paragraph.split("\n")
        level, used = _underlined(lines)
        if not level and len(lines) == 1:
            after = paragraphs[place + 1] if place + 1 < len(paragraphs) else ""
            level, used = _heading_level(paragraph, after, first=place == 0), 1
        if level:
            yield heading(level, next(line for line in lines[:used] if not _RULE.match(line)))
            lines = lines[used:]
        in_list = bool(lines) and (in_list and paragraph[0].isspace() or any(map(_LIST.match, _BULLET.sub(r"\1- ", paragraph).split("\n"))))
        if lines:
            yield _as_paragraph("\n".join(lines), keep_indent=in_list)


def _underlined(lines: list[str]) -> tuple[int, int]:
    """The level of the heading that `lines` begin with, and how many lines it takes."""
    over = len(lines) > 2 and _RULE.match(lines[0]) and _RULE.match(lines[2])
    start = 1 if over else 0
    if len(lines) < start + 2 or not (rule := _RULE.match(lines[start + 1])) or _RULE.match(lines[start]):
        return 0, 0
    words = lines[start].strip()
    if len(words) > _LONGEST_HEADING or _LIST.match(words) and not _NUMBERED.match(words) or "  " in words:
        return 0, 0
    return 1 if over or rule[1] in "=#" else 2 if rule[1] in "-*_" else 3, start + 2


def _heading_level(line: str, after: str, *, first: bool) -> int:
    """The level of a line that stands alone, or 0 if it is not plainly a heading."""
    words = line.strip()
    if not after or len(words) > _LONGEST_HEADING or _ENDS_LIKE_PROSE.search(words) or line.startswith("    "):
        return 0
    if numbered := _NUMBERED.match(words):
        depth = numbered[1].count(".")
        return 2 + depth if depth or not _NUMBERED.match(after) and not _LIST.match(after) else 0
    letters = [character for character in words if character.isalpha()]
    if len(letters) >= 4 and words.upper() == words and words.lower() != words and not _LIST.match(words) and not _RULE.match(after):
        return 1 if first else 2
    return 0


def _as_paragraph(text: str, *, keep_indent: bool) -> str:
    """The paragraph without the indent that Markdown would take for code; items of a list keep their depth."""
    text = _BULLET.sub(r"\1- ", text)
    if keep_indent:
        return text if not text.startswith("    ") else text.replace("\n    ", "\n").lstrip()
    return "\n".join(line.strip() for line in dedent(text).split("\n"))
