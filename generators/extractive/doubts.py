"""Signs that an answer may be less than whole, read from what stands around it: such facts are drafted, but not chosen by default.

A filter kills what is wrong. These signs are weaker: of 1,220 facts graded by reading, 43 % of those with a sign were good and
14 % bad, of those without 69 % and 4 %. To make more than is kept, and rank by such features, is Heilman and Smith's way (2010);
here each sign stands for itself instead of adding to a score, so that a person can see why.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from generators.extractive.english import stems
from generators.extractive.facts import Fact
from generators.extractive.links import loses_link
from generators.extractive.page import Section
from generators.extractive.parents import says_little
from generators.interface import DOUBT

IN_PLACE = DOUBT + "in_place"  # the sign of a question that stands in a document, where the rules did not ask it themselves
WORDY = DOUBT + "wordy"  # the sign of a wording
_WHOLE = ("topic", "table", "acronym", "faq", "ticket", "list", "howto", "question", "bold", "describe", "outline")
_RULES = ("if_", "duty", "advice", "howto")
_BACK = "It|They|This|These|Those|That|Such|Both|Each|Some|Another|The (?:above|following|same)"
_GOES_ON = re.compile(
    r"(?:However|But|If|Unless|Except|Otherwise|Instead|In (?:this|that|these) cases?|Then|Note|Please note|Only|Also|Additionally"
    r"|In addition|You (?:can|may|should|must|will) (?:also|then|only|still)|Once|After|Before|When|Although|While|And|Or|So|That said"
    rf"|{_BACK})\b"
)
_LEANS = re.compile(rf"(?:{_BACK}|Here|There|Many|Others?)\b")
_ANSWER = re.compile(r"(?:Yes|No)\. ")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")
_SEVERAL = re.compile(r"(?=(?:\S+ ){7})[^,]+, [^,]+,? (?:and|&) .+")  # three things in many words, which nobody asks about at once
_NOUN = re.compile(r"(?:An?|The)\b", re.IGNORECASE)  # what begins so describes a thing
_ABOUT_IT = re.compile(r"(?:I have a|A) question about\b")
_ACTS, _TOLD_ON = ("howto", "if_do"), ("howto", "if_", "why")
_SHORT, _WORDY = 18, 15  # words of an answer that says what to do, and of a question of yes or no
_LONG = 150  # words of an answer to a broad question
_NEAR = 400  # characters before and after that are looked at


@dataclass(frozen=True)
class _Seen:
    """A fact where it stands: what is before it in its line and paragraph, after it in its paragraph, and the next block."""

    fact: Fact
    section: Section
    line: str
    before: str
    after: str
    block: str
    loses_link: bool

    @classmethod
    def of(cls, fact: Fact, section: Section, text: str) -> "_Seen":
        start, end = fact.spans[0][0], max(end for _, end in fact.spans)
        after, _, block = text[end : end + _NEAR].partition("\n\n")
        before = text[max(0, start - _NEAR) : start].rpartition("\n\n")[2].strip()
        lost = any(loses_link(text, span) for span in fact.spans)
        return cls(fact, section, text[text.rfind("\n", 0, start) + 1 : start], before, after.strip(" .*)_\n"), block, lost)

    @property
    def is_sentence(self) -> bool:
        """Whether the fact is one sentence, not a section, row or item as a whole."""
        return not self.fact.family.startswith(_WHOLE)

    @property
    def is_topic(self) -> bool:
        """Whether the fact is what a section says, asked by its heading."""
        return self.fact.family.startswith("topic")

    @property
    def only_heading(self) -> bool:
        """Whether the question names nothing but the heading."""
        return self.section.heading != "" and not stems(self.fact.said) - stems(self.section.heading)

    @property
    def is_bare(self) -> bool:
        """Whether its heading says little, and the question says no more."""
        one_word = self.is_topic and " " not in self.section.heading
        return self.only_heading and (one_word or says_little(self.section.heading))

    @property
    def in_item(self) -> bool:
        """Whether it is an item of a list or a cell of a table, or part of one."""
        return _ITEM.match(self.line) is not None or self.line.lstrip().startswith("|")


@dataclass(frozen=True)
class _Sign:
    """What to tell a person, and the test."""

    about: str
    holds: Callable[[_Seen], object]


_SIGNS = {
    "goes_on": _Sign("the next sentence goes on about it", lambda seen: seen.is_sentence and _GOES_ON.match(seen.after)),
    "more_follows": _Sign(
        "more stands in its paragraph about what has to be done, or why",
        lambda seen: seen.fact.family.startswith(_TOLD_ON) and seen.after and not seen.in_item,
    ),
    "leans": _Sign("the answer begins with a word for what was said before", lambda seen: _LEANS.match(_ANSWER.sub("", seen.fact.answer))),
    "amid": _Sign(
        "the rule stands in the middle of a paragraph",
        lambda seen: seen.fact.family.startswith(_RULES) and seen.before and not seen.in_item,
    ),
    "in_item": _Sign("the rule is an item of a list", lambda seen: seen.is_sentence and _ITEM.match(seen.line)),
    "list_follows": _Sign("a list follows that the answer does not have", lambda seen: _ITEM.match(seen.after or seen.block)),
    "link_lost": _Sign("the answer leads to a link that it does not have", lambda seen: seen.is_topic and seen.loses_link),
    "part_left_out": _Sign("the section holds something that is no text", lambda seen: seen.section.left_out),
    "bare_heading": _Sign("the heading says too little by itself", lambda seen: seen.is_bare),
    "several": _Sign(
        "the heading names several things at once",
        lambda seen: seen.is_topic and _SEVERAL.fullmatch(seen.section.heading),
    ),
    "row_alone": _Sign(
        "a row of a table tells of it, and the question does not say of what kind it is",
        lambda seen: seen.fact.family == "describe" and seen.fact.slot("k")[:1].isupper() and not _NOUN.match(seen.fact.answer),
    ),
    "parts_below": _Sign("other sections stand under its heading", lambda seen: seen.is_topic and seen.section.children),
    "long_answer": _Sign("it is long, and broadly asked for", lambda seen: seen.is_topic and len(seen.fact.answer.split()) > _LONG),
    "page_named": _Sign("the question names a page, not its matter", lambda seen: seen.fact.slot("document").startswith('"')),
    "framed": _Sign(
        "what it is about is only named in front of the question", lambda seen: seen.fact.scoped or _ABOUT_IT.match(seen.fact.opening)
    ),
    "thin": _Sign(
        "the answer is short for what has to be done",
        lambda seen: seen.fact.family.startswith(_ACTS) and len(seen.fact.answer.split()) < _SHORT,
    ),
    "opinion": _Sign("it is advice", lambda seen: seen.fact.family.startswith("advice")),
}
_ABOUT = {DOUBT + name: sign.about for name, sign in _SIGNS.items()} | {
    IN_PLACE: "it is asked of somebody who sees the page",
    WORDY: "it asks for yes or no in many words",
}


def told(flags: Iterable[str]) -> str:
    """Return in words what the signs among the flags say."""
    return "; ".join(_ABOUT[flag] for flag in flags if flag in _ABOUT)


def signs(fact: Fact, section: Section, text: str) -> tuple[str, ...]:
    """Return the signs that a fact has, as flags, none for what comes with its passage; `text` is that of the document."""
    if not fact.spans or fact.input:
        return ()
    seen = _Seen.of(fact, section, text)
    return tuple(DOUBT + name for name, sign in _SIGNS.items() if sign.holds(seen))


def wordy(question: str, answer: str) -> tuple[str, ...]:
    """Return the sign of a wording that asks for yes or no in more words than people do, as flags."""
    return (WORDY,) if _ANSWER.match(answer) and len(question.split()) > _WORDY else ()
