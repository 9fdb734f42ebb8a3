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
    r"(?:However|But|Otherwise|Unless|Except|Only|The (?:only )?exception|Exceptions?|That said|Nevertheless|Note that|N(?:ote|OTE):|"
    r"Please note|Keep in mind|If you(?: are|[’']re) an?)\b(?! once)"
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
_MORE = re.compile(
    r"\b(?:more|additional|further) (?:information|details|guidance|resources)\b|^Again\b|\b(?:is|are) here\b"
    r"|^(?:Please )?(?:[Rr]ead|[Rr]eview|[Vv]iew|[Vv]isit|[Ww]atch) (?:[\w’'-]+ ){0,3}(?:guidance|guide|instructions|documentation|page)\b"
)
_FORBIDS = re.compile(r"\b(?:unacceptable|forbidden|prohibited|(?:not|never) (?:allowed|acceptable|permitted)|must not|may not)\b")
_BIDS = re.compile(r"(?:Always|Never|Please|Make sure|Be sure|Do not|Don[’']t) [a-z]")
_APPROVES = re.compile(r"\b(?:approv\w+|permission|consent|authori[sz]\w+)\b")
_LABEL = re.compile(r"[\w’'-]+ (?:on|about|for|to) (?:\w+ing|how)\b(?!.*\b(?:is|are|can|may|must|should|will|has|have|do|does)\b)")
_NOTE = re.compile(r"(?:N(?:ote|OTE)\b|Important\b|However|But\b|The only exception)")
_FURTHER = re.compile(r"(?:(?:On|In) the (?:next|following) (?:page|screen|step|tab)|Then|Next|Now|After that|Finally)\b")
_POINTS_BACK = re.compile(r"^(?:This|That|These|Those|It|They|Such)\b|^(?:[\w’'-]+ ){1,4}(?:it|them|they|this|these)\b")
_SPEAKS = re.compile(r"\b(?:you|your|we|will|can|may|must|should)\b", re.IGNORECASE)  # to the reader, or of what comes of the case
_DEFINITE = re.compile(r"(?:The|Your|Its|Their)\b")
_RULES = ("if_", "duty", "advice", "permit")
_PARAGRAPH = 60  # words of a paragraph that a rule in its first half is told with
_LONGEST, _SHORT, _SEEN = 70, 45, 9  # words of an answer that acts fill, of another, and of what is seen between two acts
_WITH_LIST, _NEAR = 165, 2  # words of an answer that ends with a list, and sentences in which an approval is looked for


@dataclass(frozen=True)
class Place:
    """Where a sentence stands: those before and after it in its paragraph, and what stands around that.

    `label` leads the paragraph in, its last sentence leads in the `listed`, and `further` opens the next paragraph.
    """

    before: tuple[Sentence, ...] = ()
    after: tuple[Sentence, ...] = ()
    label: str = ""
    listed: ListPart | None = None
    further: str = ""


def place_of(sentence: Sentence, section: Section) -> Place:
    """The neighbours of `sentence` in its paragraph, with the note that follows it; none if it stands in a list."""
    previous: object = None
    for part, following in zip(section.parts, (*section.parts[1:], None), strict=True):
        if isinstance(part, Paragraph) and sentence in part.sentences:
            place = part.sentences.index(sentence)
            label = previous.text if isinstance(previous, Paragraph) and previous.text.endswith(":") else ""
            further = following.sentences if isinstance(following, Paragraph) else ()
            listed = following if isinstance(following, ListPart) and following.lead == part.sentences[-1] else None
            opening = further[0].text if further else ""
            return Place(part.sentences[:place], (*part.sentences[place + 1 :], *_goes_on(further)), label, listed, opening)
        if isinstance(part, ListPart) and sentence in part.sentences:
            return Place()
        previous = part
    return Place()


def _goes_on(further: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
    """What the next paragraph says of the same matter: a note, or what is done on the next page."""
    if not further or not (_NOTE.match(further[0].text) or _FURTHER.match(further[0].text)):
        return ()
    return () if further[0].text.endswith((":", "?")) or deictic(further[0].text) or _leads_away(further[0]) else further[:1]


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
    granted = _needs_approval(fact, place)
    for number, (following, further) in enumerate(zip(place.after, (*place.after[1:], None), strict=False)):
        contrast = _CONTRAST.match(following.text) is not None
        other = fact.family.startswith("if_") and _OTHER_CASE.match(following.text) and not _ties(following.text)
        tied = whole_rule and _belongs(fact, answer, following, place, lexicon)
        bound = tied or contrast or ties.match(following.text) or _limits(fact, following, place, number)
        steps = whole and _steps(following, further, lexicon)
        if number >= granted and (other or not (bound or steps)):
            break
        listed = place.listed if further is None and following.text.endswith(":") else None
        if listed and len(f"{answer} {following.text} {listed.text()}".split()) <= _WITH_LIST and not deictic(listed.text()):
            answer, spans = f"{answer} {following.text}\n{listed.text()}", [*spans, following.span, listed.span]
            break
        broken = following.text.endswith((":", "?")) or deictic(following.text) or _leads_away(following)
        if broken and (contrast or (acts and following.text.endswith(":"))):
            return None
        most = _LONGEST if acts or contrast or tied or number < granted else _SHORT
        if broken or len(answer.split()) + len(following.text.split()) > most:
            break
        answer, spans = f"{answer} {following.text}", [*spans, following.span]
    own = sum(one.text != place.further for one in place.after)
    if acts and _FURTHER.match(place.further) and len(spans) == len(fact.spans) + own:
        return None  # the next paragraph has a further step
    return replace(fact, answer=answer, spans=tuple(spans))


def _limits(fact: Fact, following: Sentence, place: Place, number: int) -> bool:
    """Whether a sentence that ends the paragraph says what is not allowed in the case."""
    last = number + 1 == len(place.after)
    return last and fact.family.startswith("if_") and _FORBIDS.search(following.text) is not None and _shares(following.text, fact.answer)


def _shares(text: str, other: str) -> bool:
    return bool(stems(text) & stems(other))


def _needs_approval(fact: Fact, place: Place) -> int:
    """How many sentences go with a permission, up to the one that says whose approval it needs."""
    if not fact.family.startswith(("permit", "free", "if_can")):
        return 0
    near = enumerate(place.after[:_NEAR], 1)
    return next((number for number, one in near if _APPROVES.search(one.text) and _shares(one.text, fact.answer)), 0)


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
    if _FURTHER.match(following.text):
        return True
    seen = further is not None and len(following.text.split()) <= _SEEN and _directs(further.text, lexicon)
    return seen or _directs(following.text, lexicon)


def _directs(text: str, lexicon: Lexicon) -> bool:
    """Whether a sentence tells the reader a further step."""
    if _BIDS.match(text):
        return True
    clause = parse(strip_connective(text), lexicon)
    return clause is not None and (clause.imperative or clause.subject == "I")


def _leads_away(following: Sentence) -> bool:
    """Whether a sentence only leads to another place, or is but the words of a link."""
    text = following.text
    return following.leads or leads_elsewhere(text) or _MORE.search(text) is not None or _LABEL.match(text) is not None


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
