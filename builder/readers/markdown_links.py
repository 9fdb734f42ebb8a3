"""Reference links of Markdown, whose targets stand elsewhere on the page, as links that say where they lead.

A chunk holds a part of the page only: `[the form][1]` would lose its target there.
"""

import re

_FENCED = r"^[ \t]*(?P<fence>`{3,}+|~{3,}+)[^`\n]*+\n.*?(?:^[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
CODE = rf"(?P<code>{_FENCED}|(?<!`)(?P<ticks>`++)[^`\n]{{1,1000}}(?P=ticks)(?!`))"
_TITLE = r"(?:[ \t]+(?:\"[^\"\n]{0,500}\"|'[^'\n]{0,500}'|\([^()\n]{0,500}\)))?"
_PLACE = r"(?:<(?P<bracketed>[^<>\n]{1,2000})>|(?P<bare>[^\s<]\S{0,2000}))"
_TARGET = re.compile(
    rf"{CODE}|^ {{0,3}}\[(?P<label>(?!\^)[^\[\]\n]{{1,500}})\]:[ \t]*{_PLACE}{_TITLE}[ \t]*(?:\n|\Z)", re.MULTILINE | re.DOTALL
)
_PICTURE = r"!\[[^\[\]]{0,500}\]\([^()\s]{0,2000}\)"
_USE = re.compile(
    rf"{CODE}|(?<!\])(?P<words>\[(?:[^\[\]\\]|\\.|{_PICTURE}){{1,1000}}\])(?:[ ]?\[(?P<label>[^\[\]\n]{{0,500}})\])?(?![\[(:])",
    re.DOTALL | re.MULTILINE,
)
_SPACES = re.compile(r"\s+")


def with_targets(text: str) -> str:
    """Return the text with its reference links resolved, and without the targets that now stand beside their words."""
    if "]:" not in text:
        return text
    targets: dict[str, str] = {}
    for match in _TARGET.finditer(text):
        if match["label"]:
            targets.setdefault(_key(match["label"]), match["bracketed"] or match["bare"])
    if not targets:
        return text
    used: set[str] = set()
    for _ in range(2):  # pictures first, then the links around them
        text = _USE.sub(lambda match: _resolved(match, targets, used), text)
    return _TARGET.sub(lambda match: "" if match["label"] and _key(match["label"]) in used else match.group(), text)


def _resolved(match: re.Match[str], targets: dict[str, str], used: set[str]) -> str:
    if match["code"]:
        return match.group()
    label = _key(match["label"] or match["words"][1:-1])
    if label not in targets:
        return match.group()
    used.add(label)
    return f"{match['words']}({targets[label].replace(' ', '%20')})"


def _key(label: str) -> str:
    return _SPACES.sub(" ", label.strip()).casefold()
