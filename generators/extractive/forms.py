"""Question forms per family and language, and the drawing of a fact's wordings from them."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml

from generators.extractive.english import capital, first_person
from generators.extractive.facts import Context, Fact

_SLOT = re.compile(r"\{(\w+)\}")
_REQUEST = re.compile(r"(?:Tell|Explain|Give|List|Name|Define|Describe|Spell|Remind|Show|Point|Walk|Write|Pick|Choose)\b")
_LONGEST = 26  # words: longer questions were graded awkward
_PLAIN = "question"


@dataclass(frozen=True)
class Form:
    """One wording of a family: `template` with slots; `lead` ("Yes.", "No.") is put before the answer."""

    name: str
    template: str
    lead: str = ""

    @cached_property
    def slots(self) -> frozenset[str]:
        """The slots that the template needs."""
        return frozenset(_SLOT.findall(self.template)) - {"company"}

    @cached_property
    def register(self) -> str:
        """How the asker speaks: a plain question, a request, a situation or frame before the question, or chat in small letters."""
        if self.template[0].islower():
            return "chat"
        if _REQUEST.match(self.template):
            return "request"
        return "framed" if re.search(r"[.:,?] \S|^\{situation\}", self.template) else _PLAIN

    @property
    def bare(self) -> bool:
        """Whether it is one question or request with nothing before it, so that a topic or a sentence can stand there."""
        return self.register in {_PLAIN, "request"} and re.match(r"I\b|.*[:,] \S", self.template) is None


@dataclass(frozen=True)
class Wording:
    """A form filled for one fact; a topic put in front ("For the Brook 200: ...") does not make it another form."""

    form: str
    question: str
    lead: str


@cache
def forms(family: str, language: str = "en") -> tuple[Form, ...]:
    """The forms of `family` from the files of `language` in forms/; none if that language does not ask about it."""
    found = []
    for name, spec in _all(language).get(family, {}).items():
        lead = {"yes": "Yes.", "no": "No."}.get(name, "")
        if lead:
            found.extend(Form(f"{family}/{inner}", template, lead) for inner, template in spec.items())
        else:
            found.append(Form(f"{family}/{name}", spec))
    return tuple(found)


@cache
def _all(language: str) -> dict[str, dict]:
    files = sorted((Path(__file__).parent / "forms" / language).glob("*.yaml"))
    return {family: spec for file in files for family, spec in yaml.safe_load(file.read_text(encoding="utf-8")).items()}


def draw(fact: Fact, context: Context, *, wordings: int, seed: int) -> list[Wording]:
    """Up to `wordings` different wordings of `fact`, or the one behind its topic if it is scoped; an opening goes with plain ones.

    They are drawn by a hash, so that facts differ in the forms they use; registers take turns, the plain question first, and
    so do "Yes." and "No.". The last one is reworded with the owner's synonyms where it holds such a term.
    """
    filled = set(dict(fact.slots))
    usable = [form for form in forms(fact.family, context.language) if form.slots <= filled and (form.bare or not fact.opening)]
    ordered = _varied(sorted(usable, key=lambda form: _rank(fact, form.name, seed)))
    drawn: dict[str, Wording] = {}
    for wording in _scoped(ordered, fact, context, seed) if fact.scoped else (_fill(form, fact, context) for form in ordered):
        if wording:
            drawn.setdefault(_key(wording.question), wording)
        if len(drawn) == (1 if fact.scoped else wordings):
            break
    return _with_synonym(list(drawn.values()), fact, context, seed)


def _scoped(ordered: Iterable[Form], fact: Fact, context: Context, seed: int) -> Iterable[Wording | None]:
    """The plain wordings behind the topic, the shortest first."""
    frames = sorted(forms("scope"), key=lambda form: _rank(fact, form.name, seed))
    plain = sorted((form for form in ordered if form.bare), key=lambda form: len(form.template))
    return (_fill(form, fact, context, frame) for form in plain for frame in frames)


def _with_synonym(drawn: list[Wording], fact: Fact, context: Context, seed: int) -> list[Wording]:
    if not drawn or not context.glossary.groups or fact.input:
        return drawn
    last = drawn[-1]
    turn = int.from_bytes(_rank(fact, last.form, seed)[:4])
    question = context.glossary.reworded(last.question, turn)
    question = capital(question) if last.question[0].isupper() else question
    return [*drawn[:-1], Wording(last.form, question, last.lead)]


def _rank(fact: Fact, form: str, seed: int) -> bytes:
    return hashlib.sha256(repr((seed, fact.family, fact.slots, fact.spans, form)).encode()).digest()


def _varied(order: Iterable[Form]) -> list[Form]:
    """Take registers and leads in turn, in the given order within each."""
    leads: Counter[str] = Counter()
    registers: Counter[str] = Counter()
    turns: list[tuple[int, int, bool, Form]] = []
    for form in order:
        turns.append((leads[form.lead], registers[form.register], form.register != _PLAIN, form))
        leads[form.lead] += 1
        registers[form.register] += 1
    if len(leads) > 1:
        return [form for *_, form in sorted(turns, key=lambda turn: turn[0])]
    return [form for *_, form in sorted(turns, key=lambda turn: turn[1:3])]


def _fill(form: Form, fact: Fact, context: Context, scope: Form | None = None) -> Wording | None:
    """The question, or None where it would be long, or mix persons, or miss what it must name."""
    slots = dict(fact.slots)
    text = _SLOT.sub(lambda match: context.company if match.group(1) == "company" else slots[match.group(1)], form.template)
    if scope:
        text = scope.template.replace("{topic}", fact.topic).replace("{q}", context.lexicon.lower_first(text)).replace("{Q}", capital(text))
    text = " ".join(text.split())
    text = re.sub(r"\s+([?.,])", r"\1", text if form.register == "chat" else capital(text))
    said = f"{fact.opening} {text}".strip()
    if len(text.split()) > _LONGEST or _clashes(said) or fact.named not in said or (scope and not fact.topic):
        return None
    return Wording(form.name, said, form.lead)


def _clashes(text: str) -> bool:
    """Whether the asker speaks as "I" and "we" at once, or a negation doubles."""
    return (first_person(text) and re.search(r"\b(?:we|us)\b", text) is not None and "Do we" not in text) or re.search(
        r"\bnot not\b|\bI is\b|\bI are\b|\bI (?:\w+ )?(?:receive|get|take|use|have|request) (?:.* )?for me\b", text
    ) is not None


def _key(question: str) -> str:
    return re.sub(r"\W+", " ", question.lower()).strip()
