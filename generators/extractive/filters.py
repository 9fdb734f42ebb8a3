"""The filters: they look at slots and answers, and kill the whole fact or force its topic in front of the question."""

import re

from generators.extractive.clauses import anaphoric
from generators.extractive.english import AUXILIARIES, DETERMINERS, PREPOSITIONS, stem, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section
from generators.extractive.phrases import dangling
from generators.extractive.topics import topic_of
from generators.extractive.words import words

_DEIXIS = re.compile(
    r"\b(?:above|below|following|this (?:page|section|document|guide|form|step|case|table|list|manual|checklist|policy|chapter)|these (?:steps|instructions|rules|pages|cases)|as follows|next section|previous|former(?:ly)?|aforementioned|mentioned earlier|the (?:first|second|latter|same) (?:one|case)|see the table|the table|as noted|these (?:\w+ )?(?:steps|instructions|rules|pages|cases)|follow the instructions\b(?! (?:for|of|in|on)))\b",
    re.IGNORECASE,
)
_RESIDUE = re.compile(r"[{}<>|\[\]]|https?:|##|\bDATE\b|\$\[|_{2,}|[*`]{2}")
_POINTING = re.compile(
    r"\b(?:it|them|they|this|these|those|such|he|she|him|her|there|one|ones|itself|themselves|the latter|the former|here|so doing|do so|instead(?! of)|too|that (?:case|time|day|way|date|window|page|form|step|point|period|list|number|file|person|year|document|process|information|type))\b"
)
_BARE = re.compile(
    r"\bthe ([a-z][\w-]+)(?=$| (?:is|are|was|must|can|may|should|will|have to|has|have|be|do|does|not|in|on|at|by|within|before|after|if|when|until|as|and|or|out|up|off|\w+s|\w+ed|appear|run|take|end|start|last|stay|cost|need|arrive|expire|close|reach|go|come|apply)\b)"
)
_UNIQUE = words("unique")
_STOPWORDS = PREPOSITIONS | DETERMINERS | AUXILIARIES


def sound(fact: Fact) -> bool:
    """Whether the slots and the answer of `fact` can stand alone."""
    answer_ok = (
        1 <= len(fact.answer.split()) <= 220
        and not fact.answer.rstrip().endswith(":")
        and not _RESIDUE.search(fact.answer.replace("[ ]", ""))
    )
    whole = fact.family.startswith(("faq", "ticket", "describe", "contact", "often", "what", "howto", "topic", "list", "table", "acronym"))
    if not answer_ok or (not whole and (anaphoric(fact.answer) or _DEIXIS.search(fact.answer) or fact.answer[-1:] not in '.!)"”')):
        return False
    if fact.family == "howto" and "\n" not in fact.answer and _DEIXIS.search(fact.answer):
        return False
    if fact.family.startswith(("howto", "topic")) and (
        anaphoric(fact.answer) or re.search(r"\b(?:above|below|following (?:table|page))\b", fact.answer)
    ):
        return False
    return all(_sound_slot(name, value, fact) for name, value in fact.slots)


def _sound_slot(name: str, value: str, fact: Fact) -> bool:
    if _RESIDUE.search(value) or _DEIXIS.search(value) or "  " in value:
        return False
    if name in {"q", "ql", "opposite", "message", "subject"}:
        return True
    if _POINTING.search(value) or (name not in {"inv", "plain", "active", "opposite", "be", "of"} and dangling(value)):
        return False
    return (
        not re.match(r"(?:its|their|his|her)\b", value)
        and not (re.search(r"\b(?:its|their|his|her)\b", value) and len(value.split()) < 4)
        and not (fact.family != "who" and value == "")
    )


def resolve(fact: Fact, section: Section, context: Context) -> Fact | None:
    """Name what a bare "the bonus" means where a heading tells ("the company bonus"); None if it points into the text."""
    heads = [heading for heading in reversed(section.path)]
    names = {
        phrase.split()[-1].lower(): phrase
        for phrase in (_topic(heading, section, context) for heading in reversed(heads))
        if phrase and len(phrase.split()) > 1
    }
    replaced, pointing = [], False
    for name, value in fact.slots:
        new, points = _resolve_slot(value, names, section, context)
        replaced.append((name, new))
        pointing = pointing or (points and name not in {"q", "ql"})
    return Fact(fact.family, tuple(replaced), fact.answer, fact.spans, fact.task, fact.input, fact.topic, fact.scoped or pointing)


def _topic(heading: str, section: Section, context: Context) -> str:
    if heading.isupper() or (len(section.path) > 1 and heading == section.path[0]):
        return ""
    found = topic_of(Section((heading,), section.level, section.span), context)
    return found.noun if found.kind == "topic" and not re.search(r"\b(?:and|or|of|for|in|on|at|to|from|under|during)\b", found.noun) else ""


def _resolve_slot(value: str, names: dict[str, str], section: Section, context: Context) -> tuple[str, bool]:
    points = False

    def name(match: re.Match[str]) -> str:
        nonlocal points
        noun = match.group(1).lower()
        if noun == context.product_noun:
            return f"the {context.product}"
        if noun in names:
            phrase = names[noun]
            return phrase if noun in words("mass") else f"the {phrase}"
        if noun not in _UNIQUE and not (
            noun in {"policy", "handbook", "guide", "manual", "checklist"} and stem(noun) in stems(context.title)
        ):
            points = True
        return match.group()

    return _BARE.sub(name, value), points


def names_heading(fact: Fact, section: Section) -> bool:
    """Whether the question already names all that its heading names, so that naming the topic again would be idle."""
    own = stems(section.heading)
    return len(own) > 1 and own <= stems(" ".join(value for _, value in fact.slots))


def specific(fact: Fact, section: Section, context: Context) -> bool:
    """Whether the question can be understood without seeing the document."""
    text = " ".join(value for name, value in fact.slots if name in {"inv", "vp", "x", "k", "c", "q", "act", "s", "unit", "col"})
    found = re.findall(r"[\w@#’'-]+", text)
    names = [
        word
        for word in found
        if word not in {"I"} and (word[0].isupper() or word[0] == "#" or any(map(str.isdigit, word))) and not word[0].isdigit()
    ]
    intransitive = re.match(
        r"(?:apply|write|report|ask|register|call|start|begin|arrive|submit|request|post|sign up|reply|answer) (?:to|through|with|in|at|on|by|for|via|within|\d|as|from)\b",
        fact.slot("vp"),
    )
    topical = stems(" ".join(section.path)) | stems(context.title)
    content = [word for word in found if word.lower() not in _STOPWORDS and len(word) > 3 and word.lower() not in words("common")]
    own = stems(section.heading) if section.heading else frozenset()
    overlap = [word for word in found if len(word) > 3 and word.lower() not in _STOPWORDS and stem(word) in topical]
    rare = {stem(word) for word in content}
    if (
        section.heading
        and len(section.heading.split()) <= 3
        and context.lexicon.is_proper(section.heading.split()[0])
        and not own & stems(text)
        and not names
    ):
        return False
    if intransitive:
        return len(set(map(stem, overlap)) & own) >= 1
    return bool(names) or (bool(overlap) and len(rare) >= 1) or len(rare) >= 2 or len(set(map(stem, overlap)) & own) >= 2
