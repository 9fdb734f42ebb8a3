"""Where something is done or kept, and what a thing contains, covers or means."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import dangling, tail, trim
from generators.extractive.words import words

_PLACE = re.compile(
    r"\b(?:in|on|at|under|into) (?:the (?=[A-Z]))?(?P<place>#[\w-]+|[\w.+-]+@[\w.-]+|[\"“][A-Z][^\"”]+[\"”]|[A-Z][\w-]+(?: [A-Z][\w-]+)*)"
)
_TIMES = re.compile(
    r"^(?:January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|I|English|CET|UTC|PDF|CSV|Bluetooth|LoRa)\b"
)
_PLACED = words("placed")
_CONTENTS = words("contents")


def where(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Where the act of `clause` takes place, if that is a named tool, office or channel."""
    _ = section
    match = _PLACE.search(clause.body)
    if (
        match is None
        or clause.negative
        or _TIMES.match(match.group("place"))
        or not (match.group("place")[0] in '#"“' or context.lexicon.is_proper(match.group("place").split()[0]))
    ):
        return
    verb = clause.verb.removeprefix("be ") if clause.base == "be" or clause.aux in {"is", "are"} else clause.base
    middle = clause.body[: match.start()].strip()
    if len(middle.split()) > 7 or re.search(r"[,;:]|\b(?:that|which|if|when|and|or|only|who|page|channel)\b", middle) or dangling(middle):
        return
    if clause.base not in _PLACED and verb not in {
        "kept",
        "stored",
        "published",
        "listed",
        "requested",
        "recorded",
        "booked",
        "entered",
        "reported",
        "answered",
        "displayed",
        "announced",
        "posted",
    }:
        return
    end = tail(clause.body[match.end() :])
    if end is None or (clause.base == "be" and not clause.verb and middle) or (not middle and clause.subject == "I"):
        return
    yield Fact.of(
        "where",
        {"inv": clause.inverted(f"{middle} {end}".strip()), "plain": clause.plain(f"{middle} {end}".strip())},
        sentence.text,
        sentence.span,
    )


def contents(section: Section, sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """What a thing contains, covers, measures or means."""
    _ = section, context
    body = clause.body
    if (
        clause.aux
        or clause.negative
        or clause.imperative
        or clause.base not in _CONTENTS
        or clause.subject in {"I", "we"}
        or not body
        or sentence.text.endswith(":")
    ):
        return
    if trim(body, limit=40) is None or len(body.split()) < 3 or re.match(r"(?:that|how|whether|if|up to|at least)\b", body):
        return
    particle = "of" if clause.base == "consist" and body.startswith("of ") else ""
    if clause.base == "consist" and not particle:
        return
    yield Fact.of("what", {"inv": clause.inverted(particle), "plain": clause.plain(particle)}, sentence.text, sentence.span)
