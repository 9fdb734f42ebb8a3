"""Plain text: underlined, capital and numbered headings become Markdown headings, indented code is fenced; the rest stays.

Plain text has no rules, so only what is plain to the eye is taken for a heading: a line of its own between empty lines
(or above a line of signs) that does not end like a sentence.
"""

import re
from collections.abc import Iterator
from textwrap import dedent

from builder.readers.content import Content, Refused, clean, fenced, heading
from schemas.markdown import plain

_PARAGRAPH = re.compile(r"(?:[ \t]*\S[^\n]*(?:\n|\Z))+")
_RULE = re.compile(r"[ \t]*([=\-~*_#^\"+])\1{2,}[ \t]*$")
_BULLET = re.compile(r"^([ \t]*)[•◦▪●‣–·][ \t]+", re.MULTILINE)
_LIST = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)]|[a-z]\))[ \t]+\S")
_NUMBERED = re.compile(r"[ \t]*(\d{1,2}(?:\.\d{1,2}){0,4})\.?[ \t]+(?=[A-ZÀ-Þ])\S")
_ENDS_LIKE_PROSE = re.compile(r"[.,;:!][\"')\]]*$")
# a prompt, an element, an assignment, a call, a line that ends like one of C: what prose never is
_CODE = re.compile(r"(?:(?:\$|>>>|PS>|C:\\>) \S|</?\w[^<>]*>|[\w.\[\]]+ ?[:+-]?= ?\S|[\w.]+\(.*\):?$|.*[;{}]$)")
_INDENT = "    "
_LONGEST_CODE = 400  # characters of a line
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
            level, used = _heading_level(paragraphs, place), 1
        if level:
            yield heading(level, next(line for line in lines[:used] if not _RULE.match(line)))
            lines = lines[used:]
        if lines and not in_list and _is_code(lines):
            yield fenced(dedent("\n".join(lines)))
        elif in_list and lines and all(line[0].isspace() for line in lines):
            yield "\n".join(lines)  # goes on with the item above
        elif lines:
            in_list, block = _paragraph(lines)
            yield block


def _underlined(lines: list[str]) -> tuple[int, int]:
    """The level of the heading that `lines` begin with, and how many lines it takes."""
    over = len(lines) > 2 and _RULE.match(lines[0]) and _RULE.match(lines[2])
    start = 1 if over else 0
    if len(lines) < start + 2 or not (rule := _RULE.match(lines[start + 1])) or _RULE.match(lines[start]):
        return 0, 0
    words = lines[start].strip()
    if len(words) > _LONGEST_HEADING or (_LIST.match(words) and not _NUMBERED.match(words)) or "  " in words:
        return 0, 0
    return 1 if over or rule[1] in "=#" else 2 if rule[1] in "-*_" else 3, start + 2


def _heading_level(paragraphs: list[str], place: int) -> int:
    """The level of a line that stands alone, or 0 if it is not plainly a heading."""
    words = paragraphs[place].strip()
    before, after = paragraphs[place - 1] if place else "", paragraphs[place + 1] if place + 1 < len(paragraphs) else ""
    if not after or len(words) > _LONGEST_HEADING or _ENDS_LIKE_PROSE.search(words) or paragraphs[place].startswith("    "):
        return 0
    if numbered := _NUMBERED.match(words):
        depth = numbered[1].count(".")
        return 2 + depth if depth or not any(map(_LIST.match, (before, after))) else 0
    letters = [character for character in words if character.isalpha()]
    if len(letters) < 4 or words.upper() != words or words.lower() == words or _LIST.match(words) or _RULE.match(after):
        return 0
    return 2 if place else 1


def _is_code(lines: list[str]) -> bool:
    """Whether the lines are indented, and at least every second one is plainly code."""
    if not all(line.startswith(_INDENT) for line in lines):
        return False
    return 2 * sum(bool(_CODE.match(line.strip())) for line in lines if len(line) < _LONGEST_CODE) >= len(lines)


def _paragraph(lines: list[str]) -> tuple[bool, str]:
    """Whether the lines hold a list, and the lines without an indent that Markdown would take for code."""
    lines = dedent(_BULLET.sub(r"\1- ", "\n".join(lines))).split("\n")
    marked = [place for place, line in enumerate(lines) if _LIST.match(line)]
    if not marked:
        return False, "\n".join(line.strip() for line in lines)
    first = marked[0]
    indent = min(len(lines[place]) - len(lines[place].lstrip()) for place in marked)
    items = [line[min(indent, len(line) - len(line.lstrip())) :] for line in lines[first:]]
    lead = [line.strip() for line in lines[:first]]
    return True, "\n".join([*lead, *([""] if lead else []), *items])
