"""Markdown files: front matter to metadata, tags of templates and of MDX and comments out, HTML tables and lists to Markdown.

Code is left alone: what looks like a tag or a comment inside a fence or a code span is what the document is about.
"""

import re
from collections.abc import Iterator

from builder.readers.content import Content, Refused, clean, heading
from builder.readers.front_matter import front_matter
from builder.readers.html_page import fragment
from builder.readers.markdown_links import CODE, with_targets
from schemas.markdown import Block, parse_blocks, plain
from schemas.records import Remark

_MARKUP = re.compile(
    rf"{CODE}"
    r"|(?P<comment><!--.*?(?:-->|\Z)|\{%-?[ \t]*comment[ \t]*-?%\}.{0,3000}?\{%-?[ \t]*endcomment[ \t]*-?%\}|\{/\*.{0,600}?\*/\})"
    r"|(?P<tag>\{%[^{}]{0,1000}?%\}|\{#[^{}\n]{0,1000}?#\})"
    r"|(?<=\]\()(?P<base>\{\{[^{}\n]{0,200}\}\})"
    r"|<a\s[^<>]{0,400}?href=[\"'](?P<href>[^\"'<>\s]{1,1000})[\"'][^<>]{0,400}>(?P<words>[^<>]{1,1000})</a>"
    r"|^ {0,3}<(?P<element>table|ul|ol|dl)[\s>]"
    r"|(?<![\w`\\])</?(?P<component>(?-i:[A-Z])[\w.]{0,80})(?P<props>(?:\s(?:[^<>\"'{}]|\"[^\"]{0,500}\"|'[^']{0,500}'|\{[^{}]{0,500}\}){0,500})?)/?>",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_CLOSED = re.compile(r"</([A-Z][\w.]{0,80})>")
_SHOWN = re.compile(r"\b(?:title|label|heading|header|summary|caption|question|term|name)=[\"{ ]{0,3}[\"'`]?([^\"'`{}<>]{1,300})")
_MODULES = re.compile(
    r"(?:^|(?<=\n))(?:import[ \t]+(?:[\w*{][^\n;]{0,500}?[ \t]from[ \t]+)?[\"'][^\"'\n]{1,300}[\"'];?"
    r"|export[ \t]+(?:const|let|var)[ \t]+\w+[ \t]*=[^\n]*(?:\n[^\n]+){0,200}"
    r"|export[ \t]+(?:default[ \t]+)?(?:async[ \t]+)?function\b[^\n]*\((?:[^\n]*\n?)(?:[^\n]+\n?){0,200}"
    r"|export[ \t]+(?:default[ \t]+(?:\w+;?|\([^\n]*)|\{[^}\n]{0,500}\}[^\n]*|\*[ \t]+from[^\n]*))[ \t]*(?=\n|\Z)"
)
_FENCED = re.compile(CODE, re.MULTILINE | re.DOTALL)
_GAP = re.compile(rf"{CODE}|\n(?:[ \t]*\n)+", re.MULTILINE | re.DOTALL)
_ELEMENT = re.compile(r"<(?P<slash>/?)(?P<name>table|ul|ol|dl)\b[^<>]{0,1000}>", re.IGNORECASE)
_ARGUMENT = re.compile(r"[\"']([^\"'{}%]{1,500})[\"']")
_FENCE = re.compile(r"(`{3,}|~{3,})")


def read_markdown(text: str) -> Content | Refused:
    """Return the page without front matter, template tags and comments; a title in the front matter becomes a heading."""
    text, metadata, remarks = front_matter(clean(text))
    text = with_targets("".join(_without_markup(_without_modules(text))))
    text = _GAP.sub(lambda match: match["code"] or "\n\n", text).strip("\n")
    blocks = parse_blocks(text)
    remarks = (*remarks, *_unclosed(text, blocks))
    named = plain(str(metadata.get("title") or ""))
    first = next((block.content for block in blocks if block.kind == "heading" and block.level == 1), None)
    if first:
        return Content(text, plain(text[first.start : first.end]) or named, metadata, remarks=remarks)
    return Content(f"{heading(1, named)}\n\n{text}" if named else text, named, metadata, remarks=remarks)


def _unclosed(text: str, blocks: list[Block]) -> Iterator[Remark]:
    """A remark about code that runs to the end of the page because its fence is never closed."""
    last = blocks[-1] if blocks else None
    if last is None or last.kind != "code" or not (fence := _FENCE.match(text[last.start : last.end])):
        return
    lines = text[last.start : last.end].split("\n")
    if len(lines) < 2 or not re.fullmatch(rf"[ \t]*{fence[1][0]}{{{len(fence[1])},}}[ \t]*", lines[-1]):
        number = text.count("\n", 0, last.start) + 1
        yield Remark(code="unclosed_fence", message=f"the code from line {number} on is never closed, so that all below was read as code")


def _without_modules(text: str) -> str:
    """The text without the lines in which MDX imports and exports, between empty lines as MDX wants them, or one below another."""
    if "import" not in text and "export" not in text:
        return text
    pieces: list[str] = []
    position = 0
    for code in (*_FENCED.finditer(text), None):
        end = code.start() if code else len(text)
        pieces.append(_MODULES.sub(lambda match: "" if _is_apart(match) else match.group(), text[position:end]))
        pieces.append(code.group() if code else "")
        position = code.end() if code else end
    return "".join(pieces)


def _is_apart(match: re.Match[str]) -> bool:
    before = match.string[: match.start()].rstrip(" \t\n").rpartition("\n")[2] if match.start() else ""
    return not before or match.string[: match.start()].endswith("\n\n") or before.startswith(("import", "export", "}"))


def _without_markup(text: str) -> Iterator[str]:
    """The text piece by piece, in one pass, so that what begins first decides what is inside what."""
    closings, closed = _closings(text), frozenset(_CLOSED.findall(text))
    position = 0
    while match := _MARKUP.search(text, position):
        yield text[position : match.start()]
        position = match.end()
        if match["element"] and (end := closings.get(match.start("element"))):
            yield f"\n{fragment(text[match.start() : end])}\n\n"
            position = end
        elif match["component"]:
            yield _words_of_component(match, closed)
        else:
            yield match.group() if match["code"] or match["element"] else _instead(text, match)
    yield text[position:]


def _closings(text: str) -> dict[int, int]:
    """Where the HTML table or list ends whose tag name begins at a place."""
    closings: dict[int, int] = {}
    opened: dict[str, list[int]] = {}
    for tag in _ELEMENT.finditer(text):
        waiting = opened.setdefault(tag["name"].lower(), [])
        if not tag["slash"]:
            waiting.append(tag.start("name"))
        elif waiting:
            closings[waiting.pop()] = tag.end()
    return closings


def _instead(text: str, match: re.Match[str]) -> str:
    """What stands in the place of markup: nothing, or the words in it."""
    if match["href"]:
        return f"[{match['words']}]({match['href']})"
    if match["comment"]:
        return match["comment"].removeprefix("<!--") if match["comment"].startswith("<!--") and not match["comment"].endswith("-->") else ""
    if match["base"]:
        return ""  # [leave]({{ site.baseurl }}/leave)
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    after = text[match.end() : match.end() + 80].split("\n", 1)[0]
    argument = _ARGUMENT.search(match["tag"])
    alone = not before.strip() and not after.strip()
    return argument[1] if argument and not alone else ""  # {% page "a/b" %} in a link, {% channel "name" %} in a sentence


def _words_of_component(match: re.Match[str], closed: frozenset[str]) -> str:
    """What a component of MDX shows of its own: the title of a card, the label of a tab; `<Your name>` is none."""
    if not match.group().endswith("/>") and match["component"] not in closed:
        return match.group()
    shown = _SHOWN.search(match["props"])
    return f"\n\n**{shown[1].strip()}**\n\n" if shown and shown[1].strip() else ""
