"""Answers made whole: the sentences that carry a rule on, and those before it that set a condition for it."""

import re
from dataclasses import dataclass, replace

from generators.extractive.answers import leads_elsewhere
from generators.extractive.clauses import strip_connective
from generators.extractive.english import stems
from generators.extractive.facts import Fact
from generators.extractive.filters import deictic, everyday
from generators.extractive.lexicon import Lexicon
from generators.extractive.page import ListPart, Paragraph, Section, Sentence
from generators.extractive.parsing import parse

_CONTRAST = re.compile(
    r"(?:However|But|Otherwise|Unless|Except|Only|The (?:only )?exception|Exceptions?|That said|Nevertheless|Note that|Please note|"
    r"Keep in mind|If you(?: are|[’']re) an?)\b(?! once)"
)
_CARRIES_ON = re.compile(
    r"(?:Then|Also|In (?:this|that|these|those|such) (?:cases?|situations?|instances?)|If not|If so|"
    r"If (?:you|the|it|they|this|that|your)\b|You (?:must|should|need to|will need to|have to|may|can|are) (?:also|then|still|not)\b|"
    r"You[’']ll (?:also|then|still)\b|(?:This|That|These|Those|They|It|Such) (?:\w+ ){0,2}?(?:is|are|was|has|have|must|should|can|cannot|"
    r"may|will|does|do|applies|apply|means|includes?|requires?|needs?|allows?|lasts?|covers?|depends?|takes?|helps?|makes?|gives?|"
    r"ensures?)\b)"
)
_OTHER_CASE = re.compile(r"(?:If|When|Once|After|For)\b")
_ACTS = ("if_do", "if_can", "howto")
_VALUES = frozenset(
    {"many", "much", "long", "soon", "ahead", "often", "when", "until", "deadline", "period", "where", "who", "what", "why", "define"}
    | {"define_many", "contact"}
)
_CONDITION = re.compile(
    r"(?:If|When|Unless|While) you (?:are|[’']re|have|were|hold|work|live|need|want|plan|travel|lose|lost)\b|If you[’'](?:re|ve)\b"
)
_FOR_SOME = re.compile(r"(?:For|If|When|Unless|In case of) [^.]{3,80}:$")
_GOES_ON = re.compile(r"(?:You|Your|They|Then|Please|In this case|This|The (?:form|request))\b")
_MORE = re.compile(r"\b(?:more|additional|further) (?:information|details|guidance|resources)\b|^Again\b|\b(?:is|are) here\b")
_POINTS_BACK = re.compile(r"^(?:This|That|These|Those|It|They|Such)\b|^(?:[\w’'-]+ ){1,4}(?:it|them|they|this|these)\b")
_SPEAKS = re.compile(r"\b(?:you|your|we|will|can|may|must|should)\b", re.IGNORECASE)  # to the reader, or of what comes of the case
_DEFINITE = re.compile(r"(?:The|Your|Its|Their)\b")
_RULES = ("if_", "duty", "advice", "permit")
_PARAGRAPH = 60  # words of a paragraph that a rule in its first half is told with
_LONGEST, _SHORT, _SEEN = 70, 45, 9  # words of an answer that acts fill, of another, and of what is seen between two acts


@dataclass(frozen=True)
class Place:
    """Where a sentence stands: those before and after it in its paragraph, and whether a list follows that paragraph's lead."""

    before: tuple[Sentence, ...] = ()
    after: tuple[Sentence, ...] = ()
    label: str = ""


def place_of(sentence: Sentence, section: Section) -> Place:
    """The neighbours of `sentence` in its paragraph; none if it stands in a list."""
    previous: object = None
    for part in section.parts:
        if isinstance(part, Paragraph) and sentence in part.sentences:
            place = part.sentences.index(sentence)
            label = previous.text if isinstance(previous, Paragraph) and previous.text.endswith(":") else ""
            return Place(part.sentences[:place], part.sentences[place + 1 :], label)
        if isinstance(part, ListPart) and sentence in part.sentences:
            return Place()
        previous = part
    return Place()


def continued(fact: Fact, place: Place, lexicon: Lexicon) -> Fact | None:
    """`fact` with the sentences that carry its rule on, or None if one of them cannot be joined or its condition stands before it."""
    if not fact.spans or fact.family.startswith("acronym") or fact.input:
        return fact
    if _held_by_condition(fact, place):
        return None
    answer, spans = fact.answer, list(fact.spans)
    acts = fact.family.startswith(_ACTS)
    whole = acts and len(" ".join([answer, *(one.text for one in place.after)]).split()) <= _LONGEST
    whole_rule = fact.family.startswith(_RULES) and _opens_short_paragraph(place, answer)
    ties = _CARRIES_ON if fact.family not in _VALUES else _CONTRAST
    for following, further in zip(place.after, (*place.after[1:], None), strict=False):
        contrast = _CONTRAST.match(following.text) is not None
        other = fact.family.startswith("if_") and _OTHER_CASE.match(following.text) and not _ties(following.text)
        tied = whole_rule and _belongs(fact, answer, following, place, lexicon)
        if other or not (tied or contrast or ties.match(following.text) or (whole and _steps(following, further, lexicon))):
            break
        broken = following.text.endswith((":", "?")) or deictic(following.text) or _leads_away(following.text)
        if broken and (contrast or (acts and not tied and following.text.endswith(":"))):
            return None
        most = _LONGEST if acts or contrast or tied else _SHORT
        if broken or len(answer.split()) + len(following.text.split()) > most:
            break
        answer, spans = f"{answer} {following.text}", [*spans, following.span]
    return replace(fact, answer=answer, spans=tuple(spans))


def _opens_short_paragraph(place: Place, answer: str) -> bool:
    """Whether the sentence `answer` stands in the first half of a paragraph so short that all of it belongs together."""
    before, after = (sum(len(one.text.split()) for one in side) for side in (place.before, place.after))
    return before <= after and before + len(answer.split()) + after <= _PARAGRAPH


def _belongs(fact: Fact, answer: str, following: Sentence, place: Place, lexicon: Lexicon) -> bool:
    """Whether a sentence of the same short paragraph is about what `answer` says, and no rule of its own."""
    if _OTHER_CASE.match(following.text) or _POINTS_BACK.search(following.text):
        return True
    if fact.family.startswith("if_") and not place.before and _OTHER_CASE.match(answer) and _SPEAKS.search(following.text):
        return True  # the paragraph is about the case
    if _directs(following.text, lexicon):
        return fact.family.startswith("if_")
    shared = stems(following.text) & stems(answer)
    return _DEFINITE.match(following.text) is not None and any(not everyday(root) for root in shared)


def _steps(following: Sentence, further: Sentence | None, lexicon: Lexicon) -> bool:
    """Whether a sentence is a further step, or says in a few words what is seen before the next one."""
    seen = further is not None and len(following.text.split()) <= _SEEN and _directs(further.text, lexicon)
    return seen or _directs(following.text, lexicon)


def _directs(text: str, lexicon: Lexicon) -> bool:
    """Whether a sentence tells the reader a further step."""
    clause = parse(strip_connective(text), lexicon)
    return clause is not None and (clause.imperative or clause.subject == "I")


def _leads_away(text: str) -> bool:
    return leads_elsewhere(text) or _MORE.search(text) is not None


def _ties(text: str) -> bool:
    """Whether a further case belongs to the same matter: "If not, ...", "If this fails, ..."."""
    return re.match(r"(?:If|When|Once|After) (?:not|so|this|that|these|those|it|they)\b", text) is not None


def _held_by_condition(fact: Fact, place: Place) -> bool:
    """Whether the sentence before sets a condition that the question does not name."""
    before = place.before[-1].text if place.before else place.label
    if not before:
        return False
    held = _FOR_SOME.match(before) or (_CONDITION.match(before) and _GOES_ON.match(fact.answer))
    asked = stems(fact.said)
    return bool(held) and len(stems(before.split(",", maxsplit=1)[0]) & asked) < 2
