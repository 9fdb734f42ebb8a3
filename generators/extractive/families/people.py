"""Who does something, and whom to ask."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.english import flip, inflect, plural
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import dangling, trim
from generators.extractive.words import words

_ROLE = re.compile(
    r"\b(?:manager|head|officer|lead|team|coordinator|warden|founder|supervisor|specialist|desk|finance|committee|board|director|department|reception|administrator|owner|host|buddy|panel|service|partner|analyst|engineer)s?\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"^[A-Z][a-z]+ [A-Z][a-zé]+(?: and [A-Z][a-z]+ [A-Z][a-z]+)?$")
_ADDRESS = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|#[a-z][\w-]+"
_QUESTIONS = re.compile(
    rf"\b[Qq]uestions? (?:about|on|regarding|concerning) (?P<topic>[\w’' -]{{3,50}}?)(?:,? (?:go|goes|are answered|please|is answered|can be sent|should be sent|to|in|at|reach|contact|email)\b)[^;]*?(?P<address>{_ADDRESS})"
)
_WRITE = re.compile(
    r"^(?:For|With) (?P<topic>(?:questions? (?:about|on|regarding) |help (?:with|on) )?[\w’' -]{3,50}?), (?:please )?(?:write to|contact|email|e-mail|ask|call|reach out to|talk to|post in|message)\b"
)
_REPORT = re.compile(rf"\b(?P<verb>report|send|submit) (?P<object>[\w’' -]{{3,40}}?) (?:to|in|at) (?:{_ADDRESS})", re.IGNORECASE)


def who(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Who does what `clause` says, if its subject is a person, a role or a team."""
    _ = section
    subject = clause.subject
    person = _NAME.match(subject) is not None and context.company.split()[0].lower() not in subject.lower()
    responsible = clause.aux in {"is", "are"} and not clause.verb and clause.body.startswith("responsible for ")
    if clause.negative or not (person or _ROLE.search(subject.split(" of ")[0])) or len(subject.split()) > 8:
        return
    if not responsible and (clause.aux not in {"", "can", "may"} or clause.base not in words("agentive")):
        return
    rest = trim(clause.body)
    if not rest or len(rest.split()) < 2 or re.search(r"\b(?:their|its|his|her|it|them|also|me|I)\b", rest) or dangling(rest):
        return
    aux = "is" if responsible else clause.aux
    verb = "" if responsible else (clause.verb if clause.aux else inflect(clause.base, "VBZ"))
    slots = {"act": f"{aux} {verb} {rest}".strip().replace("  ", " "), "act_plain": f"{aux} {verb} {rest}".strip().replace("  ", " ")}
    if plural(subject.split()[0]) and subject[0].islower() and not clause.aux and not responsible:
        slots["group"] = subject
    yield Fact.of("who", slots, sentence.text, sentence.span)


def contacts(section: Section, sentence: Sentence, context: Context) -> Iterator[Fact]:
    """Whom to contact, only where the sentence itself names the matter."""
    _ = section
    for pattern in (_QUESTIONS, _WRITE):
        match = pattern.search(sentence.text)
        if match:
            topic = re.sub(r"^(?:questions? (?:about|on|regarding)|help (?:with|on)) ", "", match.group("topic"))
            if (
                not re.search(
                    r"\b(?:should|can|must|may|is|are|more|further|any|other|information|details|example|it|this|these|that)\b", topic
                )
                and len(topic.split()) <= 7
            ):
                yield Fact.of("contact", {"x": flip(context.lexicon.lower_first(topic))}, sentence.text, sentence.span)
            return
