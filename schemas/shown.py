"""The text that a language model is shown: stored Markdown without what costs tokens and says nothing.

Addresses of links, one-word pictures, HTML and Liquid tags, comments, anchors, rulers of tables and superfluous space go;
words, headings, lists, tables and code stay. An address that is itself the information (it stands bare, or it is for
mail or telephone) stays when a person could copy it out, without scheme and tracking; a longer one is cut to its host:
what is shown is an address that works, or a place, never a broken address.

Cleaning only leaves characters out, or puts one space for a piece of markup, so each character of what is shown has
a place in the stored text, in the same order.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_PASSES = 8  # text whose markup is nested deeper than this is shown as it is
_LONGEST_ADDRESS = 60  # characters that a person copies out
_FENCED = r"^[ \t>]*+(?P<fence>`{3,}+|~{3,}+)[^`\n]*+\n(?:(?![ \t>]*+(?P=fence))[^\n]*+\n)*+(?:[^\n]*+)"
_WORDS = r"(?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.)*+\])*+"
_TARGET = r"\(\s*+(?P<target><[^<>\n]*+>|(?:[^()\s]|\([^()\s]*+\))*+)(?:\s++(?:\"[^\"]*+\"|'[^']*+'))?+\s*+\)"
# inline tags join what they stand between, the others part it; <sup>, <sub> and <del> say something and stay
_INLINE = "a|abbr|b|big|cite|code|dfn|em|font|i|img|ins|kbd|label|mark|nobr|q|samp|small|span|strong|time|tt|u|var|wbr"
_BLOCK = (
    "address|article|aside|blockquote|br|button|caption|center|col|colgroup|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|"
    "header|hr|iframe|li|main|nav|ol|p|picture|section|source|summary|table|tbody|td|tfoot|th|thead|tr|ul|video"
)
_MARKUP = re.compile(
    r"(?=^|[`<{!\[&\n]|http|[ \t](?:[ \t\n{]|\Z))(?:"  # where any can begin: most characters are passed over at once
    rf"(?P<code>{_FENCED}|(?<!`)(?P<ticks>`++)[^`\n]++(?P=ticks)(?!`))"
    r"|(?P<comment><!--(?:(?!-->|<!--).)*+-->|\{%(?:(?!%\})[^{}])*+%\}|\{#(?:(?!#\})[^{}\n])*+#\})"
    r"|(?P<value>\{\{[^{}]*+\}\})"
    r"|(?P<attributes>[ \t]*+\{:[^{}\n]*+\}|[ \t]++\{[#.][A-Za-z][^{}\n]*+\})"
    rf"|(?<!\\)(?P<image>!?)\[(?!\^)(?P<words>{_WORDS})\]{_TARGET}"
    rf"|(?<![\w\\\]])!?\[(?!\^)(?P<named>{_WORDS})\]\[(?!\^)[^\[\]\n]*+\]"
    r"|^[ ]{0,3}+\[(?!\^)[^\[\]\n]++\]:[ \t]*+(?:<|https?:|mailto:|www\.|[/#.])[^\n]*+(?:\n|\Z)"
    r"|<(?P<mail>mailto:[^<>\s]++|[^<>\s@/]++@[^<>\s@]++)>"
    r"|(?P<opened><)?(?P<address>\bhttps?://[^\s<>\[\]|\"`]++)(?(opened)>)"
    rf"|</?(?:(?P<block>{_BLOCK})|{_INLINE})(?:[\s/][^<>]*+)?+>"
    r"|^[ \t>]*+\|?+(?:[ \t]*+(?::-++:?+|-{2,}+:?+)[ \t]*+\|)++(?:[ \t]*+:?+-++:?+)?+[ \t]*+(?:\n|\Z)"
    r"|(?<=\n\n)(?:-{3,}+|\*{3,}+|_{3,}+)[ \t]*+(?:\n|\Z)"
    r"|(?P<gap>\n(?:[ \t]*+\n)++)"
    r"|(?P<space>(?<![ \t])[ \t]++(?=\n|\Z)|(?<=[^ \t\n])[ \t]{2,}+)"
    r"|(?P<entity>&(?:nbsp|amp);))",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_TRACKING = re.compile(r"(?:utm_\w+|fbclid|gclid|msclkid|mc_[ce]id|igshid|_hs\w+|usp|ref_src)=[^&#\s]*+(?:&|(?=#|\Z))", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://(?P<host>[^/?#]*+)(?P<path>[^?#]*+)(?P<query>\??[^#]*+)(?P<anchor>.*+)", re.DOTALL | re.IGNORECASE)
_CLOSING = ".,;:!?*_'’”…"  # what stands after an address rather than in it

Piece = tuple[int, int] | int  # characters that are kept, or the place of markup that a space stands for


@dataclass(frozen=True, eq=False)
class Shown:
    """A cleaned `text`, and for each of its characters the place in the stored text; a made space has that of its markup."""

    text: str
    places: "array[int]"

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the stored span of `text[start:end]`, from its first to its last character."""
        return (self.places[start], self.places[end - 1] + 1) if start < end else (0, 0)


@lru_cache(maxsize=1024)
def cleaned(text: str) -> str:
    """Return the text of `shown`, remembered for the passages that are asked about again and again."""
    return shown(text).text


def shown(text: str) -> Shown:
    """Return what a language model is shown of `text`; of what is already clean, the same."""
    places = array("I", range(len(text)))
    current = text
    for _ in range(_PASSES):
        cleaned, at = _joined(current, _pieces(current))
        if cleaned == current:
            return Shown(current, places)
        current, places = cleaned, array("I", map(places.__getitem__, at))
    return Shown(text, array("I", range(len(text))))


def _joined(text: str, pieces: Iterator[Piece]) -> tuple[str, "array[int]"]:
    """Return the pieces put together without line ends before and space after them, with the place of each character."""
    parts: list[str] = []
    places = array("I")
    for piece in pieces:
        start, end = (piece, piece + 1) if isinstance(piece, int) else piece
        parts.append(" " if isinstance(piece, int) else text[start:end])
        places.extend(range(start, end))
    whole = "".join(parts)
    first, last = len(whole) - len(whole.lstrip("\n")), len(whole.rstrip())
    return whole[first:last], places[first:last]


def _pieces(text: str) -> Iterator[Piece]:
    """What is left of `text`, in order, after one pass."""
    position = 0
    for match in _MARKUP.finditer(text):
        yield position, match.start()
        if left := _LEFT.get(match.lastgroup or ""):
            yield from left(match)
        position = match.end()
    yield position, len(text)


def _whole(match: re.Match[str]) -> Iterator[Piece]:
    yield match.span()


def _words(match: re.Match[str]) -> Iterator[Piece]:
    yield match.span("named")


def _value(match: re.Match[str]) -> Iterator[Piece]:
    """{{ name }} is a blank to fill in, {{ site.url | slug }} is markup."""
    if not re.search(r"[|.\"'/]", match["value"]):
        yield match.span()


def _mail(match: re.Match[str]) -> Iterator[Piece]:
    yield match.start("mail") + (len("mailto:") if match["mail"].lower().startswith("mailto:") else 0), match.end("mail")


def _block(match: re.Match[str]) -> Iterator[Piece]:
    """A space where the words on both sides would grow together."""
    start, end, text = match.start(), match.end(), match.string
    if start > 0 and end < len(text) and not text[start - 1].isspace() and not text[end].isspace():
        yield start


def _gap(match: re.Match[str]) -> Iterator[Piece]:
    yield match.start(), match.start() + 1
    yield match.end() - 1, match.end()


def _space(match: re.Match[str]) -> Iterator[Piece]:
    """Space between words is one character, at the end of a line none."""
    start, end, text = match.start(), match.end(), match.string
    if end < len(text) and text[end] != "\n":
        yield start, start + 1


def _entity(match: re.Match[str]) -> Iterator[Piece]:
    yield match.start() if match["entity"].lower() == "&nbsp;" else (match.start(), match.start() + 1)


def _link(match: re.Match[str]) -> Iterator[Piece]:
    """The words of a link; of a picture, if they describe it: a single one is a name. Addresses of mail and telephone stay."""
    if match["image"]:
        if len(match["words"].split()) > 1:
            yield match.span("words")
        return
    yield match.span("words")
    scheme, colon, rest = match["target"].strip("<>").partition(":")
    address = rest.partition("?")[0]
    if colon and scheme.lower() in ("mailto", "tel") and address and address.lower() not in match["words"].lower():
        begin = match.string.index(f":{address}", match.start("target")) + 1
        yield match.end("words")
        yield match.end("words") + 1, match.end("words") + 2  # the parentheses
        yield begin, begin + len(address)
        yield match.end() - 1, match.end()


def _address(match: re.Match[str]) -> Iterator[Piece]:
    """A bare address without scheme and tracking where it is short, else its host; and the stop after it."""
    address, start = match["address"], match.start("address")
    stop, excess = len(address), address.count(")") - address.count("(")
    while stop and (address[stop - 1] in _CLOSING or (excess > 0 and address[stop - 1] == ")")):
        stop, excess = stop - 1, excess - (address[stop - 1] == ")")
    kept = [(0, stop)]
    if parts := _ADDRESS.match(address, 0, stop):
        kept = list(_untracked(parts))
        if sum(end - begin for begin, end in kept) > _LONGEST_ADDRESS:
            kept = [parts.span("host")]
    for begin, end in [*kept, (stop, len(address))]:
        yield start + begin, start + end


def _untracked(parts: re.Match[str]) -> Iterator[tuple[int, int]]:
    """What of an address leads to its page: host, path, and the query without what only tracks the reader."""
    begin, end = parts.start("host"), parts.end("path")
    yield begin, end
    position, stop = parts.span("query")
    kept = []
    for noise in _TRACKING.finditer(parts.string, position, stop):
        kept.append((position, noise.start()))
        position = noise.end()
    kept.append((position, stop))
    if sum(last - first for first, last in kept) > 1:  # more than the question mark
        yield from kept
    yield parts.span("anchor")


_LEFT: dict[str, Callable[[re.Match[str]], Iterator[Piece]]] = {
    "code": _whole,
    "value": _value,
    "target": _link,
    "named": _words,
    "mail": _mail,
    "address": _address,
    "block": _block,
    "gap": _gap,
    "space": _space,
    "entity": _entity,
}  # by the group of `_MARKUP` that was found; nothing is left of any other
