"""What each section is about, as a scope that can be said in a question or in front of it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from generators.extractive.english import PREPOSITIONS, gerund_base, known_verb, lemma, plural, stems
from generators.extractive.facts import Context
from generators.extractive.filters import everyday
from generators.extractive.lexicon import stems_of
from generators.extractive.naming import above, name_of
from generators.extractive.page import Section
from generators.extractive.spoken import Name
from generators.extractive.topics import topic_of
from generators.extractive.words import words

_TRIMMED = re.compile(
    r"^(?:the )?(?:costs?|rules?|details) (?:of|for) | \([^()]*\)| (?:checklist|guide|playbook|overview|template)s?$| at a glance$"
)  # what a scope is said without
_JOINED = " in connection with "
# what a heading may say of its parts, or of the reader, and no question is about
_UNFIT = re.compile(
    r"^(?:the )?(?:\d|(?:first|second|third|last|next) \w)"
    r"|^(?:my|the|an?)? ?(?:types?|kinds?|examples?|lists?|scope|purpose|additional|other|more|overall|key)\b"
    r"|^(?:my|do not|don[’']t|never|avoid|no|not)\b|\b(?:to|for|of|by|with|from|in|on|at)$"
)
_GLOSSED = re.compile(r"(?P<name>[A-Z][a-z]+): [a-z]")  # "Harvest: the plan for growers"
_OFTEN = 3  # mentions in the text that show a word to be a name
_LOCAL = 3  # sections that use a word which is at home in one
_DOING = re.compile(r"[a-z]{3,}ing (?:an?|the|my|with|to|in|on|from|by)\b")
COMPOUND = re.compile(r" (?:and|&) ")


@dataclass(frozen=True)
class Scope:
    """What a section is about: `words` with the `joint` that ties them to a question, and the stems of which a question needs one.

    `local` holds the rare stems that hardly another section uses;
    a scope that is no `phrase` of its text is not said inside a question, and without words it is one that cannot be said.
    """

    words: str = ""
    joint: str = ""
    keys: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    phrase: bool = True


class Scopes:
    """The scopes of the sections of one document."""

    def __init__(self, found: Sequence[Section], context: Context) -> None:
        """Count in how many of the sections `found` each stem occurs."""
        self._context = context
        prose = [section.prose() for section in found]
        self._held = {id(section): stems_of(said) for section, said in zip(found, prose, strict=True)}
        self._prose = " ".join(prose).lower()
        self._spread = Counter(root for held in self._held.values() for root in held)

    def of(self, section: Section) -> Scope:
        """The scope of `section`, one of those found: its own name, or of what stands above where that says too little."""
        held = self._held.get(id(section), set())
        local = frozenset(root for root in held & self._context.lexicon.rare if self._spread[root] <= _LOCAL)
        parent = above(section, self._context)
        own = self._own(section, local)
        if own and self._fit(own.words) and not (parent and self._leans(own, parent, local)):
            said = self._with_article(_TRIMMED.sub("", own.words))
            joint = "when" if own.does else "in case of" if own.kind == "problem" else _joint(said)
            return Scope(said, joint, self._keys(said), local, self._said(said))
        glossed = _GLOSSED.match(section.heading)
        if own is None and glossed and self._named(glossed.group("name")):
            return Scope(glossed.group("name"), "with", self._keys(glossed.group("name")), local)
        if not parent or not self._fit(parent):
            return Scope(keys=self._keys(own.words) if own else frozenset(), local=local, phrase=not own)
        does = re.match(r"\w+ing\b", parent) is not None and topic_of(parent, self._context).kind == "howto"
        said = self._with_article(_TRIMMED.sub("", parent))
        return Scope(said, "when" if does else _joint(said), self._keys(said), local, self._said(said))

    def _named(self, name: str) -> bool:
        """Whether the text speaks of `name` as of a thing with that name; days and months are none."""
        proper = self._context.lexicon.is_proper(name) and name.lower() not in words("calendar")
        return proper and len(re.findall(rf"\b{re.escape(name.lower())}\b", self._prose)) >= _OFTEN

    def _fit(self, phrase: str) -> bool:
        """Whether a heading is a phrase that somebody would say: no number in front, no order, no title of two things."""
        if _UNFIT.search(phrase) or (phrase[:1].isupper() and COMPOUND.search(phrase) and phrase.split(" ", maxsplit=1)[0].istitle()):
            return False
        bare = phrase.removeprefix("the ").lower()
        first, _, rest = bare.partition(" ")
        noun = first in words("nounish") and (" " not in rest or rest.split(maxsplit=1)[0] in PREPOSITIONS | {"and", "or", "&"})
        orders = known_verb(first) and lemma(first) == first and rest[:1].isalpha() and not noun
        return not orders or bare in self._prose

    def _said(self, phrase: str) -> bool:
        """Whether a singular noun phrase with an article is one that the text itself uses with an article."""
        bare = phrase.removeprefix("the ")
        return (
            bare == phrase
            or bare[-1].isdigit()
            or re.search(rf"\b(?:the|an?|our|your|each|every) {re.escape(bare.lower())}\b", self._prose) is not None
        )

    def _with_article(self, phrase: str) -> str:
        """A name that the text uses with "the" has it here too: "Design Lab" is "the Design Lab"."""
        after = r"(?=[.,;:!?)]| (?:is|are|was|has|can|will|and|or|to|for|in|on|at|that|which)\b)"
        named = phrase[0].isupper() and re.search(rf"\bthe {re.escape(phrase.lower())}{after}", self._prose)
        return f"the {phrase}" if named else phrase

    def _leans(self, own: Name, parent: str, local: frozenset[str]) -> bool:
        """Whether a name says too little without what stands above it: "giving a heads up", "the agenda", "issues"."""
        if own.does:
            return not stems(own.words) & local
        bare = own.words.removeprefix("the ")
        definite = " " not in bare and own.words not in {bare, parent} and not COMPOUND.search(parent)
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
        found = roots(" ".join(word for word in told if not everyday(word.lower()) and word not in self._context.company))
        return (found if COMPOUND.search(phrase) else found - self._context.lexicon.headed) or found or roots(phrase)


def roots(phrase: str) -> frozenset[str]:
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
