"""The filters: they look at slots and answers, and kill the whole fact or force its topic in front of the question."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from generators.extractive.clauses import anaphoric
from generators.extractive.english import NUMBER, STOPWORDS, lemma, plural, stem, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Section, Sentence
from generators.extractive.phrases import dangling
from generators.extractive.topics import topic_of
from generators.extractive.words import words

_DEIXIS = re.compile(
    r"\b(?:above|below|following(?! (?:day|calendar|fiscal|month|year|week|business|working|morning)\b)|"
    r"this (?:page|section|document|guide|resource|link|form|step|case|table|list|manual|checklist|policy|chapter)|"
    r"these (?:\w+ )?(?:steps|instructions|rules|pages|cases)|as follows|next section|previous|former(?:ly)?|aforementioned|"
    r"mentioned earlier|"
    r"the current (?!year|month|week|quarter|fiscal|date|leave|calendar)[a-z]+|the (?:first|second|latter|same) (?:one|case)|the table|"
    r"as noted|one of the (?:more|less|other|remaining) [a-z]+|"
    r"follow the (?:[a-z]+ )?(?:instructions|directions|prompts)\b(?! (?:for|of|in|on|to|from|at)))\b",
    re.IGNORECASE,
)
_RESIDUE = re.compile(r"[{}<>|\[\]]|https?:|##|\bDATE\b|\$\[|_{2,}|[*`]{2}")
_URL = re.compile(r"https?://\S+|[-=]>")  # may stand in an answer, not in a question
_POINTING = re.compile(
    r"\b(?:with|of|for|in|to|on|about|at|by|from|during) that [a-z]+\b|\b(?:it|them|they|this|these|those|such(?! as)|he|she|him|her|there|"
    r"(?<!\bon )\bones?$|(?:the|this|that|another|new|old|other|right|wrong) ones?|itself|themselves|the two(?! [a-z]+s\b)|the latter|"
    r"the former|here|(?:described|listed|explained|set out) in the|so doing|do so|do act|right now|nowadays|instead(?! of)|too|"
    r"as well(?! as)|"
    r"that (?:case|time|day|way|date|window|page|form|step|point|period|list|number|file|person|year|document|process|information|type))\b"
)
# a pronoun whose noun stands right before it
_ANTECEDENT = re.compile(
    r"(?<=\w) (?:before|after|without|while|when|by) \w+ing (?:it|them)\b|(?<=[a-z]s) they (?=(?:have|need|are|will|can|want|use)\b)"
)
# "are dearer": than what?
_COMPARES = re.compile(
    r"\b(?:is|are|was|were|be|been|becomes?|gets?|costs?|takes?) (?:(?:much|far|any|even|a bit|slightly|significantly) )?"
    r"(?:dearer|cheaper|longer|shorter|higher|lower|larger|bigger|smaller|greater|older|newer|faster|slower|heavier|lighter|stricter|better|"
    r"worse|more expensive|less expensive)(?!.*\bthan\b)(?= (?:if|when|once|during|in|on|at|for|after|before|because|and)\b|$)"
)
_FOOTNOTE = re.compile(r"[a-z]{3}[.,;!?\"”)]\d{1,2}(?=\s|$)|\b[a-z]{3,}s\d{1,2}(?=[\s.,;]|$)")  # "that investment.3", "costs3"
_OWNERLESS = re.compile(r"(?:(?:if|when|once|after|before) )?(?:its|their|his|her)\b")
_POSSESSIVE = re.compile(r"\b(?:its|their|his|her)\b")
_BARE = re.compile(
    r"\bthe ([a-z][\w-]+)(?=$| (?:(?:is|are|do|does|should|must|has|have|was|ca|wo)n't|can't|is|are|was|must|can|may|should|will|have to|"
    r"has|have|be|do|does|not|in|on|at|by|within|before|after|if|when|until|as|and|or|out|up|off|\w+s|\w+ed|paid|kept|sent|held|given|"
    r"available|ready|valid|complete|taken|made|lost|due|written|shown|known|met|found|drawn|appear|run|take|end|start|last|stay|cost|need|arrive|expire|close|reach|go|"
    r"come|apply)\b)"
)
_NO_OBJECT = re.compile(
    r"(?!(?:ask|apply|register|call|sign up) for\b)"
    r"(?:apply|write|report|ask|register|call|start|begin|arrive|submit|request|post|sign up|reply|answer|opt out|opt in) "
    r"(?:to|through|with|in|at|on|by|for|via|within|\d|as|from|during|later)\b"
)
_UNTOLD = re.compile(
    r"\bmy (?:share|part|portion|choice|contribution|request|application|submission|nomination|proposal|content|audience|topic|post|"
    r"entry|item|issue)\b(?! (?:for|to|of|about)\b)"
    r"|\bthe (?:last|first|next|final) (?:\d+|few|two|three) [a-z]+s\b(?! (?:of|that|in|at|before|after)\b)"
    r"|\bthe (?:[a-z]+ )?(?:date|period|form|process|issue|case|request|result|step|option|change|amendment|item|confirmation|approval)s?\b"
    r"(?! (?:of|for|to|in|that|on|from|with|by)\b)"
    r"|\b(?:all|the) (?:two|three|four|five|six) [a-z]+s\b(?! (?:of|that|in|at)\b)"
)
_LEAD_IN = re.compile(r"\b(?:as follows|the following\b[^.:\n]*|below):\n(?=[-\d])")  # what it points to is part of the answer
_COUNTED = re.compile(rf"{NUMBER} [a-z]+s$")  # "five users can ...": in which plan or place
_OURS = re.compile(r"our (?P<what>[a-z].*)")
_ORDINAL = re.compile(r"(?:first|second|third|last|next)\b", re.IGNORECASE)  # of what, a heading does not say
_COMPOUND = re.compile(r"\b(?:and|or|of|for|in|on|at|to|from|under|during)\b")
_BOTH = re.compile(r"\bboth [a-z]+s\b")  # which two nobody has said
_ILLUSTRATES = re.compile(
    r"\b(?:examples?|scenarios?|samples?|templates?|case stud(?:y|ies)|walk-?through|worked|illustrations?)\b", re.IGNORECASE
)
_EXAMPLE = re.compile(r"\b(?:[Ff]or (?:example|instance)|[Ll]et[’']s (?:say|imagine|assume)|[Ii]magine|[Ss]uppose|[Ss]ay,|e\.g\.)(?=\W)")
_STANDALONE = ("faq", "ticket", "describe", "contact", "often", "what", "howto", "topic", "list", "table", "acronym")
_AS_WRITTEN = frozenset({"q", "ql", "opposite", "message", "subject"})
_OPEN_ENDED = frozenset({"inv", "plain", "active", "be", "of"})
_ASKED = frozenset({"inv", "vp", "within", "x", "k", "c", "q", "act", "s", "unit", "col", "code"})
_NAMED = frozenset({"define", "define_many", "howto", "list", "if_do", "if_can", "if_happens"})  # these name their case themselves
_HELD_BY_TOPIC = frozenset({"many", "much", "long", "ahead", "permit"})
_DOCUMENTS = frozenset({"policy", "handbook", "guide", "manual", "checklist"})
_EVERYDAY = STOPWORDS | words("common")


def sound(fact: Fact) -> bool:
    """Whether the slots and the answer of `fact` can stand alone."""
    return bool(fact.slots) and _sound_answer(fact) and all(_sound_slot(name, value) for name, value in fact.slots)


def _sound_answer(fact: Fact) -> bool:
    answer = fact.answer
    if not 1 <= len(answer.split()) <= 220 or answer[0] in "*†‡" or answer.rstrip().endswith(":") or _RESIDUE.search(_URL.sub("", answer)):
        return False
    if fact.spans and _FOOTNOTE.search(answer):
        return False
    if not fact.family.startswith(_STANDALONE):
        ended = answer[-1] in '.!)"”' or "\n" in answer  # a list needs no full stop
        whole = ended and answer.count("(") == answer.count(")")
        return (
            whole
            and not anaphoric(answer)
            and not _DEIXIS.search(_LEAD_IN.sub(":\n", answer))
            and (" and " in answer or not _BOTH.search(answer))
        )
    if fact.family == "howto" and "\n" not in answer and (_DEIXIS.search(answer) or answer.count("(") > answer.count(")")):
        return False
    points = (anaphoric(answer) and not _answers(fact)) or re.search(r"\b(?:above(?! and beyond)|below|following (?:table|page))\b", answer)
    return not (points and fact.family.startswith(("howto", "topic")))


def deictic(text: str) -> bool:
    """Whether `text` points to another place of its page, or holds residue of markup."""
    return _DEIXIS.search(text) is not None or _RESIDUE.search(text) is not None


def _answers(fact: Fact) -> bool:
    """Whether what the answer points to at its start ("If this error appears") is named by the question."""
    pointed = re.match(r"(?:(?:If|When|Once) )?th(?:is|ese) ((?:\w+ )?[a-z]+)", fact.answer, re.IGNORECASE)
    return pointed is not None and any(re.search(rf"\b{word}\b", fact.said) for word in pointed.group(1).split())


def _sound_slot(name: str, value: str) -> bool:
    if _RESIDUE.search(value) or _DEIXIS.search(value) or "  " in value or _COMPARES.search(value):
        return False
    if name in _AS_WRITTEN:
        return True
    if _POINTING.search(_ANTECEDENT.sub("", value)) or (name not in _OPEN_ENDED and dangling(value)):
        return False
    return not _OWNERLESS.match(value) and not (_POSSESSIVE.search(value) and len(value.split()) < 4)


def resolve(fact: Fact, section: Section, context: Context) -> Fact:
    """Name what a bare "the bonus" means where a heading tells ("the company bonus"); else mark the fact as scoped."""
    names = {}
    for heading in section.path:
        phrase = re.sub(r"^(?:the|an?) ", "", _topic(heading, section, context))
        if len(phrase.split()) > 1 and not _ORDINAL.match(phrase):
            names[phrase.rsplit(maxsplit=1)[-1].lower()] = phrase
            front, last = phrase.rsplit(maxsplit=1)
            one = lemma(last, "NOUN") if plural(last) else last  # under "Company cards", the card is the company card
            names.setdefault(one.lower(), f"{front} {one}")
    replaced, pointing = [], False
    for name, value in fact.slots:
        new, points = _resolve_slot(value, names, context)
        replaced.append((name, new))
        pointing = pointing or (points and name not in {"q", "ql"})
    ours = _OURS.match(fact.slot("s"))  # "our second step": in what, only the headings say
    counted = fact.family.startswith("permit") and _COUNTED.match(fact.slot("s")) is not None
    pointing = pointing or counted or (ours is not None and not stems(ours.group("what")) & stems(" ".join([*section.path, context.title])))
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

    found = _BARE.sub(name, value)
    return found, points or _UNTOLD.search(value) is not None


def exemplary(section: Section, sentence: Sentence) -> bool:
    """Whether the sentence tells of an example, whose figures and duties hold for nobody else."""
    under = any(_ILLUSTRATES.search(heading) for heading in section.path[1:])
    return under or _EXAMPLE.search(sentence.before[-250:]) is not None or _EXAMPLE.match(sentence.text) is not None


def names_heading(fact: Fact, section: Section) -> bool:
    """Whether the question already names all that its heading names, so that naming the topic again would be idle."""
    own = stems(section.heading)
    return len(own) > 1 and own <= stems(fact.said)


def lacks_object(fact: Fact) -> bool:
    """Whether the question does not say of what: "report within 2 hours", "opt out later"."""
    return _NO_OBJECT.match(fact.slot("vp")) is not None


def untold(text: str) -> re.Match[str] | None:
    """What `text` names without saying which is meant: "my share", "the email option"."""
    return _UNTOLD.search(text)


def asked_words(fact: Fact) -> list[str]:
    """The words of the slots that a question of `fact` is made of."""
    text = " ".join(value for name, value in fact.slots if name in _ASKED)
    return [word for word in re.findall(r"[\w@#’'-]+", text) if not word[0].isdigit()]


def specific(fact: Fact, section: Section, context: Context) -> bool:
    """Whether the question can be understood without seeing the document."""
    found = asked_words(fact)
    content = {stem(word) for word in found if len(word) > 2 and word.lower() not in STOPWORDS}
    own = stems(section.heading)
    named = any(is_name(word) and (word not in context.company or word in fact.answer) for word in found)  # not for a mere "we"
    if lacks_object(fact):
        return bool(content & own)
    if section.heading.endswith("?") and fact.family not in _NAMED and len(content & own) < 2 - named:
        return False  # what stands under a question holds for its case
    return named or (not _held_by_topic(fact, section, content, own, context) and _telling(fact, section, found, content, context))


def _held_by_topic(fact: Fact, section: Section, content: AbstractSet[str], own: AbstractSet[str], context: Context) -> bool:
    """Whether the fact holds for the topic of its section alone, which the question does not name."""
    if fact.slot("c").startswith(("once ", "after ", "before ")) and not content & (own | stems(context.title)):
        return True  # a step of something
    if fact.family in _HELD_BY_TOPIC and _personal(fact) and own and not content & own:
        return True
    return _named_section(section, context) and not own & content


def _telling(fact: Fact, section: Section, found: Iterable[str], content: AbstractSet[str], context: Context) -> bool:
    """Whether the words of the question say enough: rare ones, or those of the headings above."""
    own = stems(section.heading)
    rare = {stem(word) for word in found if len(word) > 2 and not everyday(word.lower())}
    if fact.family.startswith(("define", "topic")):
        return bool(rare or content & own)
    if (len(rare) == 1 and len(content) > 1 + _personal(fact)) or (own and own <= content):
        return True
    topical = content & (stems(" ".join(section.path)) | stems(context.title))
    return len(rare) >= 2 or len(content & own) >= 2 or bool(topical and len(rare) + len(content) > 2)


def _personal(fact: Fact) -> bool:
    """Whether the question is about the asker."""
    return bool(fact.slot("vp")) or any(re.search(r"\bI\b", value) for name, value in fact.slots if name in _ASKED)


def everyday(word: str) -> bool:
    """Whether a word in small letters is too common to tell one matter from another."""
    return any(form in _EVERYDAY for form in (word, lemma(word), lemma(word, "NOUN")))


def is_name(word: str) -> bool:
    """Whether a word of a slot is written like a name."""
    return word != "I" and not word[0].isdigit() and (word[0].isupper() or word[0] == "#" or any(map(str.isdigit, word)))


def _named_section(section: Section, context: Context) -> bool:
    """Whether the heading is a name ("Tide"), so that its sentences hold for that thing alone."""
    parts = section.heading.split()
    return 0 < len(parts) <= 3 and context.lexicon.is_proper(parts[0])
