"""Who does something, and whom to ask."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import PREPOSITIONS, flip, inflect
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Sentence
from generators.extractive.phrases import trim
from generators.extractive.words import words

_ROLE = re.compile(
    r"\b(?:manager|head|officer|lead|team|coordinator|warden|founder|supervisor|specialist|desk|finance|committee|board|director|department|"
    r"reception|administrator|owner|host|buddy|panel|service|partner|analyst|engineer)s?\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"^[A-Z][a-z]+ [A-Z][a-zé]+(?: and [A-Z][a-z]+ [A-Z][a-z]+)?$")
_ADDRESS = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|#[a-z][\w-]+"
_QUESTIONS = re.compile(
    r"\b[Qq]uestions? (?:about|on|regarding|concerning) (?P<topic>[\w’' -]{3,50}?)"
    r"(?:,? (?:go|goes|are answered|please|is answered|can be sent|should be sent|to|in|at|reach|contact|email)\b)"
    rf"[^;]*?(?:{_ADDRESS})"
)
_WRITE = re.compile(
    r"^(?:For|With) (?P<topic>(?:questions? (?:about|on|regarding) |help (?:with|on) )?[\w’' -]{3,50}?), "
    r"(?:please )?(?:write to|contact|email|e-mail|ask|call|reach out to|talk to|post in|message)\b"
)
_LEAD_IN = re.compile(r"^(?:questions? (?:about|on|regarding)|help (?:with|on)) ")
_NO_TOPIC = re.compile(r"\b(?:should|can|must|may|is|are|more|further|any|other|information|details|example|it|this|these|that)\b")
_PARTICLE = re.compile(r"(?:for|after|on|to|into|up|out|over|off) (?:the|a|an|all|every|new|[a-z]+s\b)")
_POINTING = re.compile(r"\b(?:their|its|his|her|it|them|also|me|I)\b")


def who(sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Who does what `clause` says, if its subject is a person, a role or a team."""
    responsible = clause.aux in {"is", "are"} and not clause.verb and clause.body.startswith("responsible for ")
    acts = clause.aux in {"", "can", "may"} and clause.base in words("agentive")
    if clause.negative or not (responsible or acts) or not _person(clause.subject, context):
        return
    rest = trim(clause.body)
    if not rest or len(rest.split()) < 2 or _POINTING.search(rest):
        return
    if rest.split()[0] in PREPOSITIONS and not responsible and not _PARTICLE.match(rest):
        return
    verb = "is" if responsible else (f"{clause.aux} {clause.verb}" if clause.aux else inflect(clause.base, "VBZ"))
    yield Fact.of("who", {"act": f"{verb} {rest}"}, sentence.text, sentence.span)


def _person(subject: str, context: Context) -> bool:
    named = _NAME.match(subject) is not None and context.company.split(maxsplit=1)[0].lower() not in subject.lower()
    return len(subject.split()) <= 8 and (named or _ROLE.search(subject.split(" of ", maxsplit=1)[0]) is not None)


def contacts(sentence: Sentence, context: Context) -> Iterator[Fact]:
    """Whom to contact, only where the sentence itself names the matter."""
    match = _QUESTIONS.search(sentence.text) or _WRITE.search(sentence.text)
    if match is None:
        return
    topic = _LEAD_IN.sub("", match.group("topic"))
    if not _NO_TOPIC.search(topic) and len(topic.split()) <= 7:
        yield Fact.of("contact", {"x": flip(context.lexicon.lower_first(topic))}, sentence.text, sentence.span)
