"""Headings that are questions (FAQ): the source question, and the same question in other words."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from generators.extractive.answers import Answer, answer_of
from generators.extractive.english import flip, inflect, known_verb, lemma, tokens
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Paragraph, Section
from generators.extractive.spoken import telling
from generators.extractive.topics import Topic

_REWRITES = (
    ("faq_how", "vp_how", re.compile(r"How (?:do|can|should|would) I (\w+ .+)")),
    ("faq_can", "vp_can", re.compile(r"(?:Can|May) I (\w+ .+)")),
    ("faq_must", "vp_must", re.compile(r"(?:Do I (?:need|have) to|Must I) (\w+ .+)")),
    ("faq_what", "x", re.compile(r"What (?:is|are) ((?!(?:in|on|at|not|to|for|under|inside) )(?:an? |the )?[\w’'-]+(?: [\w’'-]+){0,5})")),
)
_ANSWER_MARK = re.compile(r"^A: ?")
_FEW, _LONG = 3, 60  # words of an answer
_WHOLE_QUESTION = 4  # words of a question that is not just part of an answer ("Why?")
BAD_EXAMPLE = re.compile(r"(?:Wrong|Bad|Incorrect|Poor)(?: (?:answer|example|response))?:", re.IGNORECASE)  # shown, but not what holds
_BARE = re.compile(r"What (?:is|are) my (?:[a-z]+ )?[a-z]+\?")  # "What are my user roles?" asks of something that only the page names
_HERE = re.compile(r"\b(?:here|above|below|this (?:page|list|form|section))\b")
# a question has a question word or an inverted verb at its start, or behind what it is about ("My sensor beeps. What now?")
_ASKS = re.compile(
    r"(?:^|[.!?,:;–—] |\b(?:and|so|but|then) )[\"“‘'¿]?(?:(?:in|for|to|at|on|from|by|with|of|until|since|under) )?(?:how|what|when|where|"
    r"who|whom|whose|why|which|if|(?:can|could|do|does|did|is|are|am|was|were|will|would|should|shall|may|might|must|have|has|had)(?:n[’']t)?|won[’']t|can[’']t)\b",
    re.IGNORECASE,
)
_THERE = re.compile(r"\b(?:these|those)\b|\b(?:is|are|was|were|does|do|did|on|for|of|with|in|to|about) (?:this|that) [a-z]+\b")
_ORIGINAL = re.compile(r"\bthe original (?P<noun>[a-z]+)")
_YOU = re.compile(r"\b(?:you|one (?:can|may|must|should))\b", re.IGNORECASE)
_POINTING = re.compile(r"\b(?:it|they|them|this|these|those)\b")
_INVERTED = re.compile(
    r"(?P<wh>(?:How (?:many|much|long|often|far|soon|close|quickly|big)|What|Which|When|Where|Why)\b"
    r"(?:(?! (?:do|does|can|must|should) ).)*) (?P<aux>do|does|can|must|should) (?P<rest>.+)"
)
_NOT_BEFORE_VERB = frozenset({"the", "a", "an", "my", "of", "to", "one", "in"})


def questions(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The question that the heading asks, answered by its section."""
    if topic.kind != "question" or not _ASKS.search(topic.words) or _HERE.search(topic.words) or _THERE.search(topic.words):
        return
    answer, question = answer_of(upto_next_question(section)), flip(topic.words)
    if (
        answer is None
        or BAD_EXAMPLE.match(answer.text)
        or not (answer.whole or _enough(question, answer))
        or answer.size < _FEW
        or answer.text.endswith((":", "?"))
    ):
        return
    lowered = context.lexicon.lower_first(question)
    if not telling(question):
        return
    if _points_back(answer.text, question):
        return
    family, slots = _rewritten(question.rstrip("?"), lowered)
    if family == "faq_how":
        family, slots = _how(slots["vp_how"], answer)
    bare = _BARE.fullmatch(question) is not None
    family, slots = ("faq", {}) if bare else (family, slots)
    fact = Fact.of(family, {"q": question, "ql": lowered, **slots}, _ANSWER_MARK.sub("", answer.text), *answer.spans)
    yield replace(fact, scoped=bare)


def _points_back(answer: str, question: str) -> bool:
    """Whether an answer speaks of "the original email" of which neither the question nor the answer has told."""
    return any(found.group("noun") not in question + answer[: found.start()] for found in _ORIGINAL.finditer(answer))


def _how(act: str, answer: Answer) -> tuple[str, dict[str, str]]:
    """How to do something: asked in other words only if the answer tells the reader what to do, and for steps if it has some."""
    steps = any(part.numbered for part in answer.lists)
    if not steps and not any(map(_tells, re.split(r"(?<=[.!?])\s+|\n\s*(?:- )?", answer.text))):
        return "faq", {}
    return "faq_how", {"vp_how": act, "vp_steps": act if steps else ""}


def _tells(sentence: str) -> bool:
    """Whether a sentence is an order or speaks to the reader."""
    first = sentence.lower().partition(" ")[0]
    return _YOU.search(sentence) is not None or (known_verb(first) and lemma(first) == first)


def upto_next_question(section: Section) -> Section:
    """`section` without what stands from the next question on that a paragraph, plain or bold, opens with."""
    for place, part in enumerate(section.parts):
        opening = part.sentences[0].text if isinstance(part, Paragraph) and part.sentences else ""
        if place and opening.endswith("?") and len(opening.split()) >= _WHOLE_QUESTION and _ASKS.match(opening):
            return replace(section, parts=section.parts[:place])
    return section


def _enough(question: str, answer: Answer) -> bool:
    """Whether the first paragraphs of a long answer do, as they do unless they are the first steps of many."""
    return answer.size >= _LONG and not question.lower().startswith("how ")


def _rewritten(question: str, lowered: str) -> tuple[str, dict[str, str]]:
    for family, slot, pattern in _REWRITES:
        match = pattern.fullmatch(question)
        if match:
            return family, {slot: match.group(1)}
    match = _INVERTED.fullmatch(question)
    statement = _statement(match.group("aux"), match.group("rest")) if match else None
    if match is None or statement is None or _POINTING.search(statement) or re.search(r"\bnot\b", statement):
        return "faq", {}
    return "faq_wh", {"plain": f"{lowered[: match.end('wh')]} {statement}"}


def _statement(aux: str, rest: str) -> str | None:
    """Undo the inversion after `aux`: "the battery last" -> "the battery lasts"."""
    found = tokens(rest)
    for (previous, _, _), (word, start, end) in pairwise(found[:12]):
        if word.islower() and known_verb(word) and previous.lower() not in _NOT_BEFORE_VERB:
            verb = {"does": inflect(word, "VBZ"), "do": word}.get(aux, f"{aux} {word}")
            return f"{rest[:start].strip()} {verb} {rest[end:].strip()}".strip()
    return None
