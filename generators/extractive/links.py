"""Sentences that send the reader to a link, and so say too little where its address is lost."""

import re

from generators.extractive.text import clean, sentences

_LINK = re.compile(r"\[(?P<label>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<to><[^>\n]*>|[^()\s]*(?:\([^()]*\)[^()\s]*)*)[^()]*\)")
_POINTS = re.compile(r"\W*(?:here|this|these|link|click|following these|follow these)\b", re.IGNORECASE)
_GUIDES = re.compile(
    r"\b(?:guid(?:es?|ance|elines)|instructions?|directions|step-by-step|walk-?throughs?|tutorials?|videos?|recordings?|slides|slide deck|"
    r"documentation|how[- ]to|fact sheets?|faqs?|procedures|pages?|articles?|memo|blog posts?)\b",
    re.IGNORECASE,
)
_SHOWS = re.compile(r"\W*(?:see|read|view|watch)\b", re.IGNORECASE)
_SENDS = re.compile(
    r"\b(?:see|read|watch|consult|check out|refer to|peruse|follow(?:ing)?|learn more)\b(?: [\w’'-]+){0,3}\W*$", re.IGNORECASE
)
_CITES = re.compile(r"\b(?:per|under|as per|according to|in line with|based on)(?: the| our)?\W*$|^(?:per|under) ", re.IGNORECASE)
_CODE = re.compile(r"\b[A-Z]+-?\d{2,}")  # a number under which the page can be found
_ITEMS = re.compile(r"\n\s*(?:[-*+]|\d+[.)])\s+|\n[ \t]*\n")
_MARKER = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")


def leads_to_link(raw: str) -> bool:
    """Whether a raw sentence is but a link, or points or sends to one ("Follow [these steps](x)"); a name that is linked is none."""
    return any(_leads(raw, link) for link in _LINK.finditer(raw) if not link.group("to").startswith(("mailto:", "tel:")))


def _leads(raw: str, link: re.Match[str]) -> bool:
    label, before, after = link.group("label"), raw[: link.start()], raw[link.end() :]
    if _CITES.search(before) or _CITES.match(label) or _CODE.search(label):
        return False
    alone = not re.search(r"\w", before + after) and len(label.split()) > 1
    named = re.match(r"[*_]*\s+(?P<next>[a-z-]+)", after)
    guide = _GUIDES.search(label) or (named and _GUIDES.fullmatch(named.group("next")))
    return bool(alone or guide or _POINTS.match(label) or _SHOWS.match(label) or _SENDS.search(before))


def mere_link(raw: str) -> bool:
    """Whether raw words hold nothing but links."""
    return _LINK.search(raw) is not None and not re.search(r"\w", _LINK.sub("", raw))


def loses_link(text: str, span: tuple[int, int]) -> bool:
    """Whether a sentence or an item of `text` in `span` leads to a link, which the answer does not have."""
    pieces = (_MARKER.sub("", piece, count=1) for piece in _ITEMS.split(text[slice(*span)]))
    return any(leads_to_link(sentence) for piece in pieces for sentence in _raw_sentences(piece))


def _raw_sentences(raw: str) -> list[str]:
    words = clean(raw, 0, len(raw))
    return [raw[slice(*words.span(start, end))] for start, end in sentences(words.text) if start < end]
