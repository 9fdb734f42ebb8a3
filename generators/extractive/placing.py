"""Facts made to be understood away from their page: what they are about is named in the question, else in front of it."""

import re
from dataclasses import replace

from generators.extractive.cases import one_side, role_of
from generators.extractive.english import first_person, gerund_base, stem, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.filters import asked_words, everyday, is_name, lacks_object, names_heading, resolve, sound, specific, untold
from generators.extractive.lexicon import heading_key
from generators.extractive.page import Section
from generators.extractive.scope import COMPOUND, Scope, roots
from generators.extractive.spoken import everyday_only
from generators.extractive.topics import core_of, topic_of

_NEVER = frozenset({"acronym", "acronym_back", "table_role", "table_ask", "contact", "ticket"})
_ONLY_PLAIN = ("topic",)
_WHOLE = ("topic", "describe", "table", "outline", "question", "bold", "define")
_OWNED = re.compile(r"\bthe (?P<noun>[a-z][a-z-]+)\b(?! of\b| [A-Z0-9]|’s|'s)")
_CLOSING = frozenset(
    {"inv", "plain", "vp", "act", "may", "freely", "denied", "strict", "ban", "unwise", "ving", "opposite", "wrong", "free", "has"}
    | {"required", "within", "window", "most", "least", "active"}
)  # slots that end a question, so that its scope can follow them
_OF_CASE = frozenset({"situation", "said"})  # slots with no place for a scope
# what somebody has open while the rule is read
_THING = re.compile(
    r"\b(?:your|the) (?:[A-Z]+ )?(?P<thing>ticket|issue|request|account|application|submission|order|draft|profile)\b(?! (?:for|of|to)\b)"
)
_STEP = re.compile(r"(?:(?:Yes|No)\. )?(?:Click|Select|Press|Tap|Hit|Navigate|Scroll|Hover|Go to the (?!\w+ (?:office|desk|team)))\b")
# "if key is specified": the key of what?
_BARE_CASE = re.compile(r"\w+ (?!(?:any|every|some|no)(?:one|body|thing)?\b)[a-z]+(?<![^s]s)(?<!ing)(?<!ment)(?<!ion) (?:is|was) ")
_TIME = re.compile(r"^(?:\w+ )?(?:hours|days|weeks|months|years|minutes)\b")
_ACT = re.compile(r"\b(?:I (?:can|may|must|should|have to|need to)|(?:can|may|must|should) I|do I have to) (\w+)")
_DEFINITE = re.compile(r"\bthe [a-z]")
_I = re.compile(r"\bI\b")
_PARTS = re.compile(r" (?:and|or|&) ")
_STATE = re.compile(r"(?:understanding|knowing|being|having|needing|seeing|becoming|remembering)\b")  # nobody is in the middle of it
_NO_MATTER = re.compile(r"the [a-z]+ing [a-z]|\d|the [a-z]+ \d+$")  # "the getting help"
_WE = re.compile(r"\b(?:we|us|our)\b")
_LONGEST, _FAR = 7, 14  # words of a scope, and of a slot that it can follow


def placed(fact: Fact, section: Section, scope: Scope, context: Context) -> Fact | None:
    """`fact` as it can be asked without seeing the document: plainly, with its scope named, or not at all."""
    if not sound(fact):
        return None
    resolved = _full_names(resolve(fact, section, context), section, context)
    early = _with_product(resolved, context) if _lacks_product(resolved, context) else _by_itself(resolved, section, scope)
    if early:
        return early
    repeated = fact.family.startswith(("howto", "topic", "faq")) and _repeats(fact, section, context)
    asks_heading = fact.family.startswith("faq")
    if asks_heading and fact.scoped and not scope.words:
        return None
    settled = not resolved.scoped or (names_heading(resolved, section) and not (asks_heading and scope.words))
    case = topic_of(section.heading, context).kind == "question" and not (asks_heading and everyday_only(fact.slot("ql")))
    if not repeated and settled and specific(resolved, section, context) and (case or _at_home(resolved, scope, context)):
        return replace(resolved, scoped=False)
    above_only = fact.family == "list" and not roots(scope.words) & roots(section.heading)  # the list is that of its own heading
    if not scope.words or fact.family.startswith(_ONLY_PLAIN) or (case and not resolved.scoped) or above_only:
        return None
    return _under(resolved, scope, context, repeated=repeated)


def _by_itself(fact: Fact, section: Section, scope: Scope) -> Fact | None:
    """The fact where nothing but itself, its asker, or the side of its case decides how it is asked."""
    if fact.family in _NEVER or (fact.family.startswith("define") and len(fact.slot("X").split()) > 1):
        return replace(fact, scoped=False)
    role = role_of(fact, section)
    if role:
        return replace(fact, opening=f"I am {role}.", named=role, scoped=False)
    return _opened(fact, scope) if one_side(fact, section, scope) else None


def _under(fact: Fact, scope: Scope, context: Context, *, repeated: bool) -> Fact | None:
    """The fact with its scope named, unless that would only say the question's words twice."""
    asked, named = roots(" ".join(asked_words(fact))), roots(scope.words)
    shared = len(named & asked) * 2 > len(named) and COMPOUND.search(scope.words) is not None  # "change tracks for tracks and levels"
    idle = shared or named - stems(context.company) <= asked
    if (fact.scoped and _only_untold(fact)) or (lacks_object(fact) and scope.joint in {"during", "when", "in"}):
        return None
    heading_again = idle or (scope.joint == "when" and asked <= named)  # "change my password when changing my ENT password"
    if heading_again and (repeated or fact.family.startswith("howto")):
        return None
    if idle:
        return None if fact.scoped and len(named) == 1 and not fact.family.startswith("faq") else replace(fact, scoped=False)
    said = fact.slot("plain")
    apart = scope.joint == "for" and said and not (_I.search(said) or untold(said))  # "are requests answered for data protection"
    before = _opened(fact, scope) if apart else None
    return before or _woven(fact, scope) or _opened(fact, scope) or replace(fact, topic=scope.words, scoped=True)


def _full_names(fact: Fact, section: Section, context: Context) -> Fact:
    """The fact with a shortened name in full: "the Lab" of a page "Design Lab" is "the Design Lab"."""
    above = " / ".join([context.title, *section.path])
    for name in sorted(name for name in context.lexicon.names if name in above):
        last = name.rsplit(maxsplit=1)[-1]
        short = re.compile(rf"\b(?P<start>the|my) {re.escape(last)}\b(?! [A-Z])")
        fact = replace(fact, slots=tuple((slot, short.sub(rf"\g<start> {name}", value, count=1)) for slot, value in fact.slots))
    return fact


def _at_home(fact: Fact, scope: Scope, context: Context) -> bool:
    """Whether the question names what its section is about, or something that is met nowhere else."""
    found = asked_words(fact)
    whole = " ".join(found)
    asked, case = roots(whole), fact.family.startswith("if_")
    if (
        (not scope.words and scope.phrase)
        or fact.family.startswith(_WHOLE)
        or (scope.words and roots(scope.words) - stems(context.company) <= asked)
    ):
        return True
    if asked & scope.keys:
        return _STEP.match(fact.answer) is None
    company = {"we", context.company.split(maxsplit=1)[0]} & set(found)
    if company and not (first_person(whole) or _TIME.search(fact.slot("unit"))):
        return True
    if _leans(fact, asked) or _BARE_CASE.match(fact.slot("c")):
        return False
    names = {stem(word) for word in found if is_name(word) and word not in context.company}
    compound, doing = COMPOUND.search(scope.words) is not None, fact.family.startswith("howto")
    acts = set() if doing else {fact.slot("vp").split(" ", maxsplit=1)[0], *_ACT.findall(whole)}
    content = {stem(word) for word in found if word not in acts and not everyday(word.lower())}
    usual = frozenset() if doing and compound else context.lexicon.frequent
    telling = len(content - usual - (names if case else frozenset()))
    if telling > (0 if compound and not case else 1) or (content & scope.local and not _DEFINITE.search(whole)):
        return True
    return bool(names & context.lexicon.rare if case else names - context.lexicon.frequent)


def _leans(fact: Fact, asked: frozenset[str]) -> bool:
    """Whether the answer is a step in a tool, or speaks of a ticket or a request that the question does not name."""
    held = {stem(found.group("thing")) for found in _THING.finditer(fact.answer)}
    return bool(held - asked) or _STEP.match(fact.answer) is not None


def _woven(fact: Fact, scope: Scope) -> Fact | None:
    """The fact with its scope inside the question, or None where that would not read well."""
    tied = f"{scope.joint} {scope.words}"
    slots = dict(fact.slots)
    if fact.family.startswith("faq") or len(scope.words.split()) > _LONGEST or re.search(rf",| {scope.joint} ", scope.words):
        return None
    if (scope.joint == "for" and not scope.phrase) or COMPOUND.search(scope.words):
        return None
    if "c" in slots:
        told = {name: value for name, value in slots.items() if name not in _OF_CASE}
        twice = scope.joint == "for" and roots(scope.words) & roots(slots["c"])  # "for company cards if the card is lost"
        return None if twice or scope.joint in {"when", "in case of"} else _named(fact, told | {"c": f"{tied} {slots['c']}"}, scope)
    closing = {name: value for name, value in slots.items() if name in _CLOSING}
    taken = re.compile(rf"\b(?:{scope.joint}|if|when|where|because|so that)\b")
    of_others = scope.joint == "when" and not _I.search(closing.get("plain", "I"))  # it is not they who do it
    if of_others or not closing or any(taken.search(value) or "," in value or len(value.split()) > _FAR for value in closing.values()):
        return None
    return _named(fact, slots | {name: _tied(value, tied) for name, value in closing.items()}, scope)


def _tied(value: str, tied: str) -> str:
    """`value` with its scope: right behind what is not told without it ("my share"), else at the end."""
    found = untold(value)
    end = found.end() if found else len(value)
    return f"{value[:end]} {tied}{value[end:]}"


def _only_untold(fact: Fact) -> bool:
    """Whether a question holds little but a thing of which it is not said what it is: "use the email option"."""
    asked = fact.slot("vp")
    found = untold(asked)
    return found is not None and len(asked.split()) - len(found.group().split()) <= 1


def _opened(fact: Fact, scope: Scope) -> Fact | None:
    """The fact behind a sentence that names its scope, or None where that would not be a sentence that people say."""
    parts = _PARTS.split(scope.words)
    if scope.joint == "when" and first_person(fact.said):
        acts = all(gerund_base(part.split(maxsplit=1)[0]) for part in parts) and not _STATE.match(scope.words)
        return replace(fact, opening=f"I am {scope.words}.", named=scope.words, scoped=False) if acts else None
    title = len(parts) > 1 and scope.words[0].isupper()
    if not scope.phrase or title or _NO_MATTER.match(scope.words):
        return None
    asker = "A" if _WE.search(fact.said) else "I have a"  # who says "we" in the question says no "I" before it
    return replace(fact, opening=f"{asker} question about {scope.words}.", named=scope.words, scoped=False)


def _named(fact: Fact, slots: dict[str, str], scope: Scope) -> Fact:
    return replace(fact, slots=tuple(sorted(slots.items())), named=scope.words, scoped=False)


def _repeats(fact: Fact, section: Section, context: Context) -> bool:
    """Whether the question is but a heading that another page has too, and names nothing that stands above it."""
    asked = stems(fact.said)
    if heading_key(section.heading) not in context.lexicon.repeated or not stems(section.heading) <= asked:
        return False
    return not any(own and own <= asked for own in map(stems, map(core_of, section.path[:-1])))


def _lacks_product(fact: Fact, context: Context) -> bool:
    """Whether the document is about a product that the question does not name."""
    text = fact.said
    short = context.product.split(" ", maxsplit=1)[0]
    named = any(name in text for name in {context.product, *context.lexicon.products}) or (len(short) > 2 and f"the {short}" in text)
    return bool(context.product) and not named and not fact.family.startswith("acronym")


def _with_product(fact: Fact, context: Context) -> Fact:
    """The fact with the product named: "the battery" is "the Brook 200's battery", a row is one of its table; else in front."""
    thing = f"the {context.product}"
    if fact.family.startswith("table") and fact.slot("k"):
        slots = dict(fact.slots) | {"k": f"{fact.slot('k')} of {thing}"}
        return _named(fact, slots, Scope(context.product))
    owned = tuple((name, _OWNED.sub(rf"the {context.product}’s \g<noun>", value, count=1)) for name, value in fact.slots)
    if owned != fact.slots:
        return replace(fact, slots=owned, named=context.product, scoped=False)
    return replace(fact, opening=f"I use {thing}.", named=context.product, scoped=False)
