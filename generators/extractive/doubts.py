"""Signs that an answer may be less than whole, read from what stands around it: such facts are drafted, but not chosen by default.

A filter kills what is wrong. These signs are weaker: graded by reading, facts with one of them were good about half as often
as facts without (1 in 3 against 2 in 3), and bad two to three times as often. Ranking by such features after overgenerating is
Heilman and Smith's way (2010); here each sign stands for itself, so that a person can see why.
"""

import re
from collections.abc import Iterable, Iterator

from generators.extractive.facts import Fact
from generators.extractive.page import ListPart, Section
from generators.extractive.parents import says_little

PREFIX = "doubt_"
REASONS = {
    "goes_on": "the next sentence goes on about it",
    "leans": "the answer begins with a word for something said before",
    "amid": "the rule stands in the middle of a paragraph",
    "in_item": "the rule is an item of a list",
    "list_follows": "a list follows that the answer does not have",
    "link_lost": "the answer leads to a link that is not in it",
    "part_left_out": "the section holds something that is no text",
    "bare_heading": "the heading says too little by itself",
    "page_named": "the question names the page rather than its matter",
    "framed": "what it is about is only named in front of the question",
    "opinion": "it is advice",
}
_WHOLE = ("topic", "table", "acronym", "faq", "ticket", "list", "howto", "question", "bold", "describe", "outline")
_RULES = ("if_", "duty", "advice", "howto")
_GOES_ON = re.compile(
    r"(?:However|But|If|Unless|Except|Otherwise|Instead|In (?:this|that|these) cases?|Then|Note|Please note|Only|Also|Additionally|In addition"
    r"|You (?:can|may|should|must|will) (?:also|then|only|still)|Once|After|Before|When|Although|While|And|Or|So|That said"
    r"|It|They|This|These|Those|That|Such|Both|Each|Some|Another|The (?:above|following|same))\b"
)
_LEANS = re.compile(r"(?:It|They|This|These|Those|That|Such|Here|There|Both|Each|Some|Many|Others?|Another|The (?:above|following|same))\b")
_LEAD = re.compile(r"(?:Yes|No)\. ")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")
_LINKS = re.compile(r"\[[^\]]*\]\([^)]*\)")
_LIST = re.compile(r"(?:[-*+]|\d+[.)])\s")
_FRAME = re.compile(r"(?:For|When it comes to|Regarding|On|About|In|As for|With) [^,:?]{3,60}[:,]")


def is_doubtful(flags: Iterable[str]) -> bool:
    """Whether one of the flags of a draft or pair is a sign of doubt."""
    return any(flag.startswith(PREFIX) for flag in flags)


def signs(fact: Fact, section: Section, text: str) -> tuple[str, ...]:
    """Return the signs that the fact has, as flags; `text` is that of the document."""
    return tuple(PREFIX + sign for sign in _signs(fact, section, text)) if fact.spans and not fact.input else ()


def _signs(fact: Fact, section: Section, text: str) -> Iterator[str]:
    body = _LEAD.sub("", fact.answer)
    start, end = fact.spans[0][0], max(end for _, end in fact.spans)
    rest, _, block = text[end : end + 400].partition("\n\n")
    following, next_block = rest.strip(" .*)_\n"), block.lstrip()
    sentence = not fact.family.startswith(_WHOLE)
    if sentence and _GOES_ON.match(following):
        yield "goes_on"
    if _LEANS.match(body):
        yield "leans"
    line = text[text.rfind("\n", 0, start) + 1 : start]
    before = text[max(0, start - 300) : start].rpartition("\n\n")[2].strip()
    if fact.family.startswith(_RULES) and before and not _ITEM.match(line) and not line.lstrip().startswith("|"):
        yield "amid"
    if sentence and _ITEM.match(line):
        yield "in_item"
    if _LIST.match(following or next_block) and not isinstance(section.parts[-1] if section.parts else None, ListPart):
        yield "list_follows"
    if fact.family.startswith("topic") and any(_LINKS.search(text, *span) for span in fact.spans):
        yield "link_lost"
    if section.left_out:
        yield "part_left_out"
    if section.heading and says_little(section.heading):
        yield "bare_heading"
    if fact.family == "topic_document":
        yield "page_named"
    if fact.scoped or _FRAME.match(fact.slot("c")):
        yield "framed"
    if fact.family.startswith("advice"):
        yield "opinion"
