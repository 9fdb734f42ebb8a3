"""Headings that are questions (FAQ): the source question, and the same question in other words."""

import re
from collections.abc import Iterator
from itertools import pairwise

from generators.extractive.english import flip, inflect, known_verb, tokens
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section
from generators.extractive.topics import Topic

_REWRITES = (
    ("faq_how", "vp_how", re.compile(r"How (?:do|can|should|would) I (\w+ .+)")),
    ("faq_can", "vp_can", re.compile(r"(?:Can|May) I (\w+ .+)")),
    ("faq_must", "vp_must", re.compile(r"(?:Do I (?:need|have) to|Must I) (\w+ .+)")),
    ("faq_what", "x", re.compile(r"What (?:is|are) ((?!(?:in|on|at|not|to|for|under|inside) )(?:an? |the )?[\w’'-]+(?: [\w’'-]+){0,5})")),
)
_INVERTED = re.compile(
    r"(?P<wh>(?:How (?:many|much|long|often|far|soon|close|quickly|big)|What|Which|When|Where|Why)\b"
    r"(?:(?! (?:do|does|can|must|should) ).)*) (?P<aux>do|does|can|must|should) (?P<rest>.+)"
)
_NOT_BEFORE_VERB = frozenset({"the", "a", "an", "my", "of", "to", "one", "in"})


def questions(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The question that the heading asks, answered by its section."""
    answer = re.sub(r"^A: ?", "", section.prose()).strip()
    if topic.kind != "question" or section.tables() or not 3 <= len(answer.split()) <= 180 or answer.endswith((":", "?")):
        return
    question = flip(topic.words)
    lowered = context.lexicon.lower_first(question)
    family, slots = _rewritten(question.rstrip("?"), lowered)
    yield Fact.of(family, {"q": question, "ql": lowered, **slots}, answer, *section.body_spans())


def _rewritten(question: str, lowered: str) -> tuple[str, dict[str, str]]:
    for family, slot, pattern in _REWRITES:
        match = pattern.fullmatch(question)
        if match:
            return family, {slot: match.group(1)}
    match = _INVERTED.fullmatch(question)
    statement = _statement(match.group("aux"), match.group("rest")) if match else None
    if match is None or statement is None:
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
