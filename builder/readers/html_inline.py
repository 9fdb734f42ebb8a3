"""Pieces of a line of Markdown that HTML marks: links, pictures, code and powers."""

import re
from urllib.parse import quote

from builder.readers.content import fence

_MARKUP = re.compile(r"<(?=[A-Za-z!?/])|&(?=#?\w{1,31};)")
_ESCAPED = re.compile(r"\\([<&])")
_TARGET = re.compile(r"[ ()<>\t\r\n]")
_BRACKETS = re.compile(r"[\[\]]")
_ANCHORS = frozenset(("¶", "#", "§", "🔗", "back to top", "permalink", "edit this page", "skip to content", "skip to main content"))
_NO_WIDTH = " \t\n\u200b\u2060\ufeff"
_FILE_NAME = re.compile(r"[^\s/]{1,200}\.(?:png|jpe?g|gif|svg|webp|bmp|tiff?)", re.IGNORECASE)
_POWERS = str.maketrans("0123456789+-−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")
_POWER = re.compile(r"[0-9+\-−()n]{1,10}")


def escape(text: str) -> str:
    """Return the text so that no tag and no entity is read into it."""
    return _MARKUP.sub(r"\\\g<0>", text) if "<" in text or "&" in text else text


def mark(words: str, sign: str) -> str:
    """Return the words between two signs, unless they are already."""
    return f"{sign}{words}{sign}" if words and not (words.startswith(sign) and words.endswith(sign)) else words


def code(words: str) -> str:
    """Return escaped words as a code span, between more ticks than are inside of it."""
    words = _ESCAPED.sub(r"\1", words)
    words = f" {words} " if words.startswith("`") or words.endswith("`") else words
    return mark(words, fence(words, 1))


def link(words: str, target: str) -> str:
    """Return the words as a link, if it leads somewhere and says more than they do; those of an anchor are dropped."""
    if words.lower() in _ANCHORS:
        return ""
    words = words.strip(_NO_WIDTH)
    target = _clean_target(target)
    if not words or not target or target.removeprefix("mailto:") == words or target.lower().startswith(("javascript:", "data:")):
        return words
    return f"[{' '.join(words.split())}]({target})"


def picture(words: str, source: str) -> str:
    """Return a picture by the words that stand for it; one without words, or with a file's name for them, says nothing."""
    words = escape(_BRACKETS.sub("", " ".join(words.split())))
    if not words or _FILE_NAME.fullmatch(words):
        return ""
    return f"![{words}]({'' if source.lower().startswith('data:') else _clean_target(source)})"


def power(words: str) -> str:
    """Return raised words as they look if they are a number, lest 10 to the sixth become 106."""
    return words.translate(_POWERS) if _POWER.fullmatch(words) else words


def _clean_target(target: str) -> str:
    return _TARGET.sub(lambda match: quote(match.group().strip("\t\r\n")), target.strip())
