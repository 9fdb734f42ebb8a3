"""The filters: they look at slots and answers, and kill the whole fact or force its topic in front of the question."""

import re
from dataclasses import replace

from generators.extractive.clauses import anaphoric
from generators.extractive.english import AUXILIARIES, DETERMINERS, PREPOSITIONS, stem, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section
from generators.extractive.phrases import dangling
from generators.extractive.topics import topic_of
from generators.extractive.words import words

_DEIXIS = re.compile(
    r"\b(?:above|below|following|this (?:page|section|document|guide|form|step|case|table|list|manual|checklist|policy|chapter)|"
    r"these (?:\w+ )?(?:steps|instructions|rules|pages|cases)|as follows|next section|previous|former(?:ly)?|aforementioned|"
    r"mentioned earlier|the (?:first|second|latter|same) (?:one|case)|the table|as noted|follow the instructions\b(?! (?:for|of|in|on)))\b",
    re.IGNORECASE,
)
_RESIDUE = re.compile(r"[{}<>|\[\]]|https?:|##|\bDATE\b|\$\[|_{2,}|[*`]{2}")
_POINTING = re.compile(
    r"\b(?:with|of|for|in|to|on|about|at|by|from|during) that [a-z]+\b|\b(?:it|them|they|this|these|those|such|he|she|him|her|there|"
    r"one|ones|itself|themselves|the latter|the former|here|so doing|do so|instead(?! of)|too|that (?:case|time|day|way|date|window|page|"
    r"form|step|point|period|list|number|file|person|year|document|process|information|type))\b"
)
_POSSESSIVE = re.compile(r"\b(?:its|their|his|her)\b")
_BARE = re.compile(
    r"\bthe ([a-z][\w-]+)(?=$| (?:is|are|was|must|can|may|should|will|have to|has|have|be|do|does|not|in|on|at|by|within|before|after|"
    r"if|when|until|as|and|or|out|up|off|\w+s|\w+ed|paid|kept|sent|held|given|taken|made|lost|due|written|shown|known|met|found|drawn|appear|run|take|end|start|last|stay|cost|need|arrive|expire|close|reach|go|come|apply)\b)"
)
_NO_OBJECT = re.compile(
    r"(?:apply|write|report|ask|register|call|start|begin|arrive|submit|request|post|sign up|reply|answer) "
    r"(?:to|through|with|in|at|on|by|for|via|within|\d|as|from)\b"
)
_COMPOUND = re.compile(r"\b(?:and|or|of|for|in|on|at|to|from|under|during)\b")
_STANDALONE = ("faq", "ticket", "describe", "contact", "often", "what", "howto", "topic", "list", "table", "acronym")
_AS_WRITTEN = frozenset({"q", "ql", "opposite", "message", "subject"})
_OPEN_ENDED = frozenset({"inv", "plain", "active", "be", "of"})
_ASKED = frozenset({"inv", "vp", "x", "k", "c", "q", "act", "s", "unit", "col", "code"})
_HELD_BY_TOPIC = frozenset({"many", "much", "long", "ahead", "permit"})
_DOCUMENTS = frozenset({"policy", "handbook", "guide", "manual", "checklist"})
_STOPWORDS = PREPOSITIONS | DETERMINERS | AUXILIARIES


def sound(fact: Fact) -> bool:
    """Whether the slots and the answer of `fact` can stand alone."""
    return bool(fact.slots) and _sound_answer(fact) and all(_sound_slot(name, value) for name, value in fact.slots)


def _sound_answer(fact: Fact) -> bool:
    answer = fact.answer
    if not 1 <= len(answer.split()) <= 220 or answer.rstrip().endswith(":") or _RESIDUE.search(answer):
        return False
    if not fact.family.startswith(_STANDALONE):
        return not anaphoric(answer) and not _DEIXIS.search(answer) and answer[-1] in '.!)"”'
    if fact.family == "howto" and "\n" not in answer and _DEIXIS.search(answer):
        return False
    points = anaphoric(answer) or re.search(r"\b(?:above|below|following (?:table|page))\b", answer)
    return not (points and fact.family.startswith(("howto", "topic")))


def _sound_slot(name: str, value: str) -> bool:
    if _RESIDUE.search(value) or _DEIXIS.search(value) or "  " in value:
        return False
    if name in _AS_WRITTEN:
        return True
    if _POINTING.search(value) or (name not in _OPEN_ENDED and dangling(value)):
        return False
    return not _POSSESSIVE.match(value) and not (_POSSESSIVE.search(value) and len(value.split()) < 4)


def resolve(fact: Fact, section: Section, context: Context) -> Fact:
    """Name what a bare "the bonus" means where a heading tells ("the company bonus"); else mark the fact as scoped."""
    names = {}
    for heading in section.path:
        phrase = re.sub(r"^(?:the|an?) ", "", _topic(heading, section, context))
        if len(phrase.split()) > 1:
            names[phrase.rsplit(maxsplit=1)[-1].lower()] = phrase
    replaced, pointing = [], False
    for name, value in fact.slots:
        new, points = _resolve_slot(value, names, context)
        replaced.append((name, new))
        pointing = pointing or (points and name not in {"q", "ql"})
    return replace(fact, slots=tuple(replaced), scoped=fact.scoped or pointing)


def _topic(heading: str, section: Section, context: Context) -> str:
    if heading.isupper() or (len(section.path) > 1 and heading == section.path[0]):
        return ""
    found = topic_of(heading, context)
    return found.noun if found.kind == "topic" and not _COMPOUND.search(found.noun) else ""


def _resolve_slot(value: str, names: dict[str, str], context: Context) -> tuple[str, bool]:
    points = False

    def name(match: re.Match[str]) -> str:
        nonlocal points
        noun = match.group(1).lower()
        if noun == context.product_noun:
            return f"the {context.product}"
        if noun in names:
            return names[noun] if noun in words("mass") else f"the {names[noun]}"
        known = noun in words("unique") or (noun in _DOCUMENTS and stem(noun) in stems(context.title))
        points = points or not known
        return match.group()

    return _BARE.sub(name, value), points


def names_heading(fact: Fact, section: Section) -> bool:
    """Whether the question already names all that its heading names, so that naming the topic again would be idle."""
    own = stems(section.heading)
    return len(own) > 1 and own <= stems(" ".join(value for _, value in fact.slots))


def specific(fact: Fact, section: Section, context: Context) -> bool:
    """Whether the question can be understood without seeing the document."""
    text = " ".join(value for name, value in fact.slots if name in _ASKED)
    found = re.findall(r"[\w@#’'-]+", text)
    content = {stem(word) for word in found if len(word) > 3 and word.lower() not in _STOPWORDS}
    own = stems(section.heading)
    if _NO_OBJECT.match(fact.slot("vp")):
        return bool(content & own)
    if any(_is_name(word) for word in found):
        return True
    if fact.family in _HELD_BY_TOPIC and "I" in found and own and not content & own:
        return False
    if _named_section(section, context) and not own & stems(text):
        return False
    rare = {stem(word) for word in found if len(word) > 3 and word.lower() not in _STOPWORDS | words("common")}
    topical = content & (stems(" ".join(section.path)) | stems(context.title))
    return bool(topical and rare) or len(rare) >= 2 or len(content & own) >= 2


def _is_name(word: str) -> bool:
    return word != "I" and not word[0].isdigit() and (word[0].isupper() or word[0] == "#" or any(map(str.isdigit, word)))


def _named_section(section: Section, context: Context) -> bool:
    """Whether the heading is a name ("Tide"), so that its sentences hold for that thing alone."""
    parts = section.heading.split()
    return 0 < len(parts) <= 3 and context.lexicon.is_proper(parts[0])
