"""What a term is, and what an acronym stands for."""

import re
from collections.abc import Iterator

from generators.extractive.acronyms import acronyms
from generators.extractive.clauses import Clause
from generators.extractive.english import stems
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.words import words

_VAGUE = re.compile(
    r"^(?:the (?:same|only|best|most|first|last|right|main|usual|following|next|case|reason|"
    r"defaults?|currency|key|heart|core|basis|foundation|backbone)"
    r"|an? (?:good|great|common|little|bit|must|lot|few|fair|key|big|chance|popular|easy|excellent|critical|privilege|sign|matter|long|"
    r"one-time|huge|fixed|natural|simple|hard|team|public|important|exception|equal|option)"
    r"|not|one of|all|up|about|at|in|on|for|to|from|very|available|possible|important|free|open|part|your)\b",
    re.IGNORECASE,
)
_STARTS = re.compile(
    r"^(?:an?|the|any|when|what|how|work|software|new|money|time|hours|fixed|leave|anything|everything|people|devices|information|amounts?)\b",
    re.IGNORECASE,
)
_COMPANY_DOES = re.compile(
    r"\b(?:(?:company|firm|organi[sz]ation|agency|start-?up|business|family)\b.*\b(?:that|which|of|for|in) (?!is\b|are\b)"
    r"|(?:maker|manufacturer|provider)\b)"
)
_QUANTIFIED = re.compile(r"(?:my|each|every|all|most|some|any|many)\b")


def definition(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """The definition that opens a section about its subject, or one with "A term is ..."."""
    subject = clause.subject
    if clause.aux not in {"is", "are"} or clause.verb or clause.negative or subject in {"I", "we"} or len(subject.split()) > 5:
        return
    indefinite = re.match(r"an? ", subject) is not None
    about = stems(subject) & stems(" ".join(section.path[-2:]) or context.title)
    if not (indefinite or about) or _QUANTIFIED.match(subject) or not _defines(clause.body):
        return
    if set(subject.lower().split()) & words("calendar"):
        return
    if subject.lower() == context.company.lower() and not _COMPANY_DOES.search(clause.body):
        return
    slots = {"x": subject, "X": re.sub(r"^(?:an?|the) ", "", subject), "known": "" if indefinite else subject}
    yield Fact.of("define" if clause.aux == "is" else "define_many", slots, sentence.text, sentence.span)


def _defines(body: str) -> bool:
    if len(body.split()) < 4 or re.search(r", but (?!instead)", body) or _VAGUE.match(body) or not _STARTS.match(body):
        return False
    return re.search(r"\b(?:this|these|those)\b", body.split(",", maxsplit=1)[0]) is None


def acronym(sentence: Sentence, context: Context) -> Iterator[Fact]:
    """The acronyms that the sentence spells out, if this document is the one to be asked about them."""
    for short, written in acronyms(sentence.text):
        if (short, written, context.path) in context.lexicon.acronyms and _settled(short, written, context):
            long = re.sub(r"[’']s$", "", written)
            yield Fact.of("acronym", {"ac": short}, long, sentence.span)
            yield Fact.of("acronym_back", {"long": long}, short, sentence.span)


def _settled(short: str, long: str, context: Context) -> bool:
    """Whether the documents agree on what `short` stands for; the longer of two spellings ("X and Y", "X Y") counts."""
    spellings = {other for known, other, _ in context.lexicon.acronyms if known == short}
    senses = {frozenset(other.lower().split()) - words("small") for other in spellings}
    return len(senses) == 1 and long == max(spellings, key=lambda other: (len(other), other))
