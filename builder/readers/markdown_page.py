"""Markdown files: front matter to metadata, template tags and comments out, HTML tables and lists to Markdown.

Code is left alone: what looks like a tag or a comment inside a fence or a code span is what the document is about.
"""

import re
from collections.abc import Iterator

import yaml
from pydantic import JsonValue

from builder.readers.content import Content, Refused, clean, heading
from builder.readers.html_page import fragment
from schemas.markdown import parse_blocks, plain

_OPENING = re.compile(r"---[ \t]*\n")
_CLOSING = re.compile(r"(?:---|\.\.\.)[ \t]*(?:\n|$)")
_YAML = re.compile(
    r"(?:(?!---[ \t]*$|\.\.\.[ \t]*$)(?:[\w\"'][^\n:]{0,100}:(?=\s)|[ \t]+\S|-(?=\s)|#|[ \t]*$|[\]}])[^\n]*(?:\n|\Z))*+", re.MULTILINE
)
_UNCLOSED = re.compile(r"(?:(?:[a-z][\w-]*:(?=[ \t\n])|[ \t]+\S|-(?=[ \t]))[^\n]*(?:\n|\Z))++")
_KEY = re.compile(r"([\w-]+):[ \t]*(.*)")
_FENCED = r"^[ \t]*(?P<fence>`{3,}|~{3,})[^`\n]*\n.*?(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
_MARKUP = re.compile(
    rf"(?P<code>{_FENCED}|(?P<ticks>`+)(?!`)[^`\n]{{1,1000}}(?P=ticks)(?!`))"
    r"|(?P<comment><!--.*?(?:-->|\Z))"
    r"|(?P<tag>\{%[^{}]{0,1000}?%\}|\{\{[^{}]{0,1000}?\}\}|\{#[^{}\n]{0,1000}?#\})"
    r"|<a\s[^<>]{0,400}?href=[\"'](?P<href>[^\"'<>\s]{1,1000})[\"'][^<>]{0,400}>(?P<words>[^<>]{1,1000})</a>"
    r"|^ {0,3}<(?P<element>table|ul|ol|dl)[\s>]",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_GAP = re.compile(rf"(?P<code>{_FENCED})|\n(?:[ \t]*\n)+", re.MULTILINE | re.DOTALL)
_ELEMENT = re.compile(r"<(?P<slash>/?)(?P<name>table|ul|ol|dl)\b[^<>]{0,1000}>", re.IGNORECASE)
_ARGUMENT = re.compile(r"[\"']([^\"'{}%]{1,500})[\"']")


def read_markdown(text: str) -> Content | Refused:
    """Return the page without front matter, template tags and comments; a title in the front matter becomes a heading."""
    text, metadata = front_matter(clean(text))
    text = _GAP.sub(lambda match: match["code"] or "\n\n", "".join(_without_markup(text))).strip("\n")
    titles = [block for block in parse_blocks(text) if block.kind == "heading" and block.level == 1]
    named = plain(str(metadata.get("title") or ""))
    if titles:
        first = titles[0].content
        return Content(text, plain(text[first.start : first.end]) or named, metadata)
    return Content(f"{heading(1, named)}\n\n{text}" if named else text, named, metadata)


def front_matter(text: str) -> tuple[str, dict[str, JsonValue]]:
    """Return the text below the front matter, and its keys; broken YAML still gives its plain `key: value` lines."""
    text = text.lstrip("\n")
    opening = _OPENING.match(text)
    if opening is None:
        return text, {}
    run = _YAML.match(text, opening.end())
    end = run.end() if run else opening.end()
    if closing := _CLOSING.match(text, end):
        return text[closing.end() :], _yaml(text[opening.end() : end])
    if unclosed := _UNCLOSED.match(text, opening.end()):
        return text[unclosed.end() :], _yaml(unclosed.group())
    return text, {}  # a rule, not front matter


def _yaml(source: str) -> dict[str, JsonValue]:
    try:
        if not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source, Loader=yaml.BaseLoader)):
            loaded = yaml.load(source, Loader=yaml.BaseLoader)  # noqa: S506 - makes only strings, lists and mappings
            if isinstance(loaded, dict):
                return {str(key): value for key, value in loaded.items()}
    except (yaml.YAMLError, RecursionError, ValueError):
        pass
    return {match.group(1): match.group(2).strip("\"' ") for match in map(_KEY.match, source.split("\n")) if match}


def _without_markup(text: str) -> Iterator[str]:
    """The text piece by piece, in one pass, so that what begins first decides what is inside what."""
    closings = _closings(text)
    position = 0
    while match := _MARKUP.search(text, position):
        yield text[position : match.start()]
        position = match.end()
        if match["element"] and (end := closings.get(match.start("element"))):
            yield f"\n{fragment(text[match.start() : end])}\n\n"
            position = end
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
    if match["href"]:
        return f"[{match['words']}]({match['href']})"
    if match["comment"]:
        return "" if match["comment"].endswith("-->") else match["comment"].removeprefix("<!--")
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    after = text[match.end() : match.end() + 80].split("\n", 1)[0]
    argument = _ARGUMENT.search(match["tag"])
    alone = not before.strip() and not after.strip()
    return argument[1] if argument and not alone else ""  # {% page "a/b" %} in a link, {% channel "name" %} in a sentence
