"""What a question must name so that it is understood away from its page, and how to name it: in the question, else in front of it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from generators.extractive.english import first_person, gerund_base, known_verb, plural, stem, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.filters import asked_words, everyday, is_name, names_heading, resolve, sound, specific
from generators.extractive.lexicon import heading_key, stems_of
from generators.extractive.naming import above, name_of
from generators.extractive.page import Section
from generators.extractive.spoken import Name, everyday_only
from generators.extractive.topics import core_of, topic_of
from generators.extractive.words import words

_NEVER = frozenset({"acronym", "acronym_back", "table_role", "table_ask", "contact", "ticket"})
_ONLY_PLAIN = ("topic",)
_WHOLE = ("topic", "describe", "table", "outline", "question", "bold", "define")
_OWNED = re.compile(r"\bthe (?P<noun>[a-z][a-z-]+)\b(?! of\b| [A-Z0-9]|’s|'s)")
_CLOSING = frozenset(
    {"inv", "plain", "vp", "act", "may", "freely", "denied", "strict", "ban", "unwise", "ving", "opposite", "wrong", "free", "has"}
    | {"required", "within", "window", "most", "least", "active"}
)  # slots that end a question, so that its scope can follow them
_OF_CASE = frozenset({"situation", "said"})  # slots with no place for a scope
_TRIMMED = re.compile(r" \([^()]*\)| (?:checklist|guide|playbook|overview|template)s?$")  # what a scope is said without
_JOINED = " in connection with "
# what a heading may say of its parts, or of the reader, and no question is about
_UNFIT = re.compile(
    r"^(?:my|the|an?)? ?(?:types?|kinds?|examples?|lists?|scope|purpose|additional|other|more|overall|key)\b"
    r"|^(?:my|do not|don[’']t|never|avoid|no|not)\b|\b(?:to|for|of|by|with|from|in|on|at)$"
)
_LOCAL = 3  # sections that use a word which is at home in one
# what somebody has open while the rule is read
_THING = re.compile(
    r"\b(?:your|the) (?:[A-Z]+ )?(?P<thing>ticket|issue|request|account|application|submission|order|draft|profile)\b(?! (?:for|of|to)\b)"
)
_STEP = re.compile(r"(?:(?:Yes|No)\. )?(?:Click|Select|Press|Tap|Hit|Navigate|Scroll|Hover|Go to the (?!\w+ (?:office|desk|team)))\b")
# "if key is specified": the key of what?
_BARE_CASE = re.compile(r"\w+ (?!(?:any|every|some|no)(?:one|body|thing)?\b)[a-z]+(?<![^s]s)(?<!ing)(?<!ment)(?<!ion) (?:is|was) ")
_TIME = re.compile(r"^(?:\w+ )?(?:hours|days|weeks|months|years|minutes)\b")
_DOING = re.compile(r"[a-z]{3,}ing (?:an?|the|my|with|to|in|on|from|by)\b")
_ACT = re.compile(r"\b(?:I (?:can|may|must|should|have to|need to)|(?:can|may|must|should) I|do I have to) (\w+)")
_COMPOUND = re.compile(r" (?:and|&) ")
_DEFINITE = re.compile(r"\bthe [a-z]")
_LONGEST, _FAR = 7, 14  # words of a scope, and of a slot that it can follow


@dataclass(frozen=True)
class Scope:
    """What a section is about: `words` with the `joint` that ties them to a question, and the stems of which a question needs one.

    `local` holds the rare stems that hardly another section uses.
    """

    words: str = ""
    joint: str = ""
    keys: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()


class Scopes:
    """The scopes of the sections of one document."""

    def __init__(self, found: Sequence[Section], context: Context) -> None:
        """Count in how many of the sections `found` each stem occurs."""
        self._context = context
        self._held = {id(section): stems_of(section.prose()) for section in found}
        self._spread = Counter(root for held in self._held.values() for root in held)

    def of(self, section: Section) -> Scope:
        """The scope of `section`, one of those found: its own name, or of what stands above where that says too little."""
        held = self._held.get(id(section), set())
        local = frozenset(root for root in held & self._context.lexicon.rare if self._spread[root] <= _LOCAL)
        parent = "" if _UNFIT.search(above(section, self._context)) else above(section, self._context)
        own = self._own(section, local)
        if own and not _UNFIT.search(own.words) and not (parent and self._leans(own, parent, local)):
            said = _TRIMMED.sub("", own.words)
            joint = "when" if own.does else "in case of" if own.kind == "problem" else _joint(said)
            return Scope(said, joint, self._keys(said), local)
        if not parent:
            return Scope(local=local)
        does = re.match(r"\w+ing\b", parent) is not None and topic_of(parent, self._context).kind == "howto"
        said = _TRIMMED.sub("", parent)
        return Scope(said, "when" if does else _joint(said), self._keys(said), local)

    def _leans(self, own: Name, parent: str, local: frozenset[str]) -> bool:
        """Whether a name says too little without what stands above it: "giving a heads up", "the agenda", "issues"."""
        if own.does:
            return not stems(own.words) & local
        bare = own.words.removeprefix("the ")
        definite = " " not in bare and own.words not in {bare, parent} and not _COMPOUND.search(parent)
        return definite or everyday(bare.lower())

    def _own(self, section: Section, local: frozenset[str]) -> Name | None:
        """The name of `section` as a noun phrase or a doing."""
        name = name_of(section, self._context)
        if name is None:
            topic = topic_of(section.heading, self._context)
            telling = topic.kind == "topic" and (stems(topic.noun) <= local or " " in topic.noun)
            return Name("topic", topic.words) if telling else None
        return name if name.kind in {"topic", "problem"} and _JOINED not in name.words else None

    def _keys(self, phrase: str) -> frozenset[str]:
        """The stems of `phrase` that tell it from other headings; all of them where none does."""
        told = re.findall(r"[A-Za-z][\w-]{2,}", phrase)
        found = _roots(" ".join(word for word in told if not everyday(word.lower()) and word not in self._context.company))
        return (found if _COMPOUND.search(phrase) else found - self._context.lexicon.headed) or found or _roots(phrase)


def _roots(phrase: str) -> frozenset[str]:
    """The stems of `phrase`, a doing counted as its verb: "booking travel" holds what "book travel" holds."""
    return stems(re.sub(r"\b\w{3,}ing\b", lambda word: gerund_base(word.group()) or word.group(), phrase))


def _joint(phrase: str) -> str:
    """The preposition between a question and `phrase`: in a tool, under a policy, during an event, for anything else."""
    if _DOING.match(phrase) and phrase.split(maxsplit=1)[0] not in words("compound_gerunds") | words("mass"):
        return "when"
    head = re.split(r" (?:for|of|in|at|on|to|from|with|under|during|after|before|between)\b", phrase)[0].rsplit(maxsplit=1)[-1].lower()
    named = phrase.removeprefix("the ")[0].isupper() and not (known_verb(head) or head in words("mass") | words("common"))
    for joint in ("under", "during", "in"):
        if {head, head.removesuffix("s")} & words(f"scope_{joint}"):
            return joint
    return "in" if named and len(phrase.split()) <= 2 and head.isalpha() and not plural(head) else "for"


def placed(fact: Fact, section: Section, scope: Scope, context: Context) -> Fact | None:
    """`fact` as it can be asked without seeing the document: plainly, with its scope named, or not at all."""
    if not sound(fact):
        return None
    resolved = _full_names(resolve(fact, section, context), section, context)
    if _lacks_product(resolved, context):
        return _with_product(resolved, context)
    if fact.family in _NEVER or (fact.family.startswith("define") and len(fact.slot("X").split()) > 1):
        return replace(resolved, scoped=False)
    repeated = fact.family.startswith(("howto", "topic", "faq")) and _repeats(fact, section, context)
    settled = not resolved.scoped or names_heading(resolved, section)
    case = topic_of(section.heading, context).kind == "question" and not (fact.family.startswith("faq") and everyday_only(fact.slot("ql")))
    if not repeated and settled and specific(resolved, section, context) and (case or _at_home(resolved, scope, context)):
        return replace(resolved, scoped=False)
    above_only = fact.family == "list" and not _roots(scope.words) & _roots(section.heading)  # the list is that of its own heading
    if not scope.words or fact.family.startswith(_ONLY_PLAIN) or case or above_only:
        return None
    return _under(resolved, scope, context, repeated=repeated)


def _under(fact: Fact, scope: Scope, context: Context, *, repeated: bool) -> Fact | None:
    """The fact with its scope named, unless that would only say the question's words twice."""
    asked, named = _roots(" ".join(asked_words(fact))), _roots(scope.words)
    idle = named - stems(context.company) <= asked
    heading_again = idle or (scope.joint == "when" and asked <= named)  # "change my password when changing my ENT password"
    if heading_again and (repeated or fact.family.startswith("howto")):
        return None
    if idle:
        return None if fact.scoped and len(named) == 1 else replace(fact, scoped=False)
    return _woven(fact, scope) or replace(fact, topic=scope.words, scoped=True)


def _full_names(fact: Fact, section: Section, context: Context) -> Fact:
    """The fact with a shortened name in full: "the Lab" of a page "Writing Lab" is "the Writing Lab"."""
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
    asked, case = _roots(whole), fact.family.startswith("if_")
    if not scope.words or fact.family.startswith(_WHOLE) or _roots(scope.words) - stems(context.company) <= asked:
        return True
    if asked & scope.keys:
        return _STEP.match(fact.answer) is None
    company = {"we", context.company.split(maxsplit=1)[0]} & set(found)
    if company and not (first_person(whole) or _TIME.search(fact.slot("unit"))):
        return True
    if _leans(fact, asked) or _BARE_CASE.match(fact.slot("c")):
        return False
    names = {stem(word) for word in found if is_name(word) and word not in context.company}
    compound, doing = _COMPOUND.search(scope.words) is not None, fact.family.startswith("howto")
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
    if "c" in slots:
        told = {name: value for name, value in slots.items() if name not in _OF_CASE}
        return None if scope.joint == "when" or _COMPOUND.search(scope.words) else _named(fact, told | {"c": f"{tied} {slots['c']}"}, scope)
    closing = {name: value for name, value in slots.items() if name in _CLOSING}
    taken = re.compile(rf"\b(?:{scope.joint}|if|when|where|because|so that)\b")
    if not closing or any(taken.search(value) or "," in value or len(value.split()) > _FAR for value in closing.values()):
        return None
    return _named(fact, slots | {name: f"{value} {tied}" for name, value in closing.items()}, scope)


def _named(fact: Fact, slots: dict[str, str], scope: Scope) -> Fact:
    return replace(fact, slots=tuple(sorted(slots.items())), named=scope.words, scoped=False)


def _repeats(fact: Fact, section: Section, context: Context) -> bool:
    """Whether the question is but a heading that another page has too, and names nothing that stands above it."""
    asked = stems(" ".join(value for _, value in fact.slots))
    if heading_key(section.heading) not in context.lexicon.repeated or not stems(section.heading) <= asked:
        return False
    return not any(own and own <= asked for own in map(stems, map(core_of, section.path[:-1])))


def _lacks_product(fact: Fact, context: Context) -> bool:
    """Whether the document is about a product that the question does not name."""
    text = " ".join(value for _, value in fact.slots)
    short = context.product.split(" ", maxsplit=1)[0]
    named = any(name in text for name in {context.product, *context.lexicon.products}) or (len(short) > 2 and f"the {short}" in text)
    return bool(context.product) and not named and not fact.family.startswith("acronym")


def _with_product(fact: Fact, context: Context) -> Fact:
    """The fact with the product named: "the battery" is "the Brook 200's battery"; where nothing is there to own, in front."""
    owned = tuple((name, _OWNED.sub(rf"the {context.product}’s \g<noun>", value, count=1)) for name, value in fact.slots)
    if owned != fact.slots:
        return replace(fact, slots=owned, named=context.product, scoped=False)
    return replace(fact, topic=f"the {context.product}", scoped=True)
