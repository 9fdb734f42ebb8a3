"""Where something is done or kept, and what a thing contains, covers or means."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import Clause
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Sentence
from generators.extractive.phrases import dangling, tail, trim
from generators.extractive.words import words

_PLACE = re.compile(
    r"\b(?:in|on|at|under|into) (?:the (?=[A-Z]))?"
    r"(?P<place>#[\w-]+|[\w.+-]+@[\w.-]+|[\"“][A-Z][^\"”]+[\"”]|[A-Z][\w-]+(?: [A-Z][\w-]+)*)"
)
_TIMES = re.compile(
    r"^(?:January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday|"
    r"Saturday|Sunday|I|English|CET|UTC|PDF|CSV|Bluetooth|LoRa)\b"
)
_ALSO = re.compile(r"\b(?:also|among others|for example|such as)\b")
_MORE = re.compile(
    r"\b(?:more|additional|further|other) (?:information|details|resources|guidance|help)\b|\b(?:general|other|any|further) questions\b"
)
_CIRCUMSTANCE = re.compile(r"(?:by|if|when|within|before|after|until|so)\b")
_LOOSE = re.compile(r"[,;:]|\b(?:that|which|if|when|and|or|only|who|page|channel)\b")


def where(sentence: Sentence, clause: Clause, context: Context) -> Iterator[Fact]:
    """Where the act of `clause` takes place, if that is a named tool, office or channel."""
    match = _PLACE.search(clause.body)
    if (
        match is None
        or clause.negative
        or (clause.imperative and clause.base == "see")
        or _ALSO.search(sentence.text)
        or _MORE.search(sentence.text)
        or not _named(match.group("place"), context)
    ):
        return
    verb = clause.verb.removeprefix("be ")
    middle, end = clause.body[: match.start()].strip(), tail(clause.body[match.end() :])
    if end is None or len(middle.split()) > 7 or _LOOSE.search(middle) or dangling(middle):
        return
    states = clause.base == "be" and not clause.verb and not middle
    acts = (clause.base in words("placed") and clause.base != "be" and (middle or clause.subject != "I")) or verb in words("placed_passive")
    if states or acts:
        rest = f"{middle} {'' if _CIRCUMSTANCE.match(end) else end}".strip()
        yield Fact.of("where", {"inv": clause.inverted(rest), "plain": clause.plain(rest)}, sentence.text, sentence.span)


def _named(place: str, context: Context) -> bool:
    return not _TIMES.match(place) and (place[0] in '#"“' or context.lexicon.is_proper(place.split(maxsplit=1)[0]))


def contents(sentence: Sentence, clause: Clause) -> Iterator[Fact]:
    """What a thing contains, covers, measures or means."""
    states = not (clause.aux or clause.negative or clause.imperative or clause.subject in {"I", "we"}) and clause.base in words("contents")
    body = clause.body
    if (
        not states
        or _ALSO.search(sentence.text)
        or len(body.split()) < 3
        or trim(body, limit=40) is None
        or re.match(r"(?:that|how|whether|if|up|out|off|at least)\b", body)
    ):
        return
    if clause.base in {"contain", "include"} and not re.search(r",| and ", body):
        return  # one thing of several, perhaps
    particle = "of" if clause.base == "consist" else ""
    if body.startswith(particle):
        yield Fact.of("what", {"inv": clause.inverted(particle), "plain": clause.plain(particle)}, sentence.text, sentence.span)
