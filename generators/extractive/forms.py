"""Question forms per family, and the drawing of a fact's wordings from them."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from generators.extractive.english import capital, first_person
from generators.extractive.facts import Context, Fact

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Form:
    """One wording of a family: `template` with slots; `lead` ("Yes.", "No.") is put before the answer."""

    name: str
    template: str
    lead: str = ""

    @property
    def slots(self) -> frozenset[str]:
        """The slots that the template needs."""
        return frozenset(_SLOT.findall(self.template)) - {"company"}


@dataclass(frozen=True)
class Wording:
    """A form filled for one fact; a topic put in front ("For the Brook 200: ...") does not make it another form."""

    form: str
    question: str
    lead: str


@cache
def forms(family: str) -> tuple[Form, ...]:
    """The forms of `family` from forms.yaml."""
    found = []
    for name, spec in _all()[family].items():
        lead = {"yes": "Yes.", "no": "No."}.get(name, "")
        if lead:
            found.extend(Form(f"{family}/{inner}", template, lead) for inner, template in spec.items())
        else:
            found.append(Form(f"{family}/{name}", spec))
    return tuple(found)


@cache
def _all() -> dict[str, dict]:
    return yaml.safe_load((Path(__file__).parent / "forms.yaml").read_text(encoding="utf-8"))


def draw(fact: Fact, context: Context, *, wordings: int, seed: int) -> list[Wording]:
    """Up to `wordings` different wordings of `fact`, rotated by a hash so that facts differ in the forms they use."""
    usable = [form for form in forms(fact.family) if form.slots <= set(dict(fact.slots))]
    order = sorted(usable, key=lambda form: _rank(fact, form, seed))
    ordered = _alternate(order)
    scopes = sorted(forms("scope"), key=lambda form: _rank(fact, form, seed))
    drawn: dict[str, Wording] = {}
    for index, form in enumerate(_scopable(ordered, len(scopes)) if fact.scoped else ordered):
        wording = _fill(form, fact, context, scopes[index % len(scopes)] if fact.scoped else None)
        if wording and _key(wording.question) not in drawn:
            drawn[_key(wording.question)] = wording
        if len(drawn) == wordings:
            break
    return list(drawn.values())


def _scopable(ordered: list[Form], count: int) -> list[Form]:
    """The forms that still read well behind a topic; the plain ones again, behind another topic frame."""
    short = [form for form in ordered if not re.match(r"[^{]*[.:?]\s|\{situation\}", form.template)]
    return [*short, *(form for form in short if form.name.endswith("/plain") for _ in range(count))]


def _rank(fact: Fact, form: Form, seed: int) -> bytes:
    return hashlib.sha256(repr((seed, fact.family, fact.slots, fact.spans, form.name)).encode()).digest()


def _alternate(order: list[Form]) -> list[Form]:
    """Take "No." and other leads in turn, so that yes and no balance."""
    no = [form for form in order if form.lead == "No."]
    other = [form for form in order if form.lead != "No."]
    mixed: list[Form] = []
    while no or other:
        mixed.extend(other[:1] + no[:1])
        no, other = no[1:], other[1:]
    return mixed


def _fill(form: Form, fact: Fact, context: Context, scope: Form | None) -> Wording | None:
    slots = dict(fact.slots)
    text = _SLOT.sub(lambda match: context.company if match.group(1) == "company" else slots[match.group(1)], form.template)
    if scope:
        if not fact.topic:
            return None
        text = scope.template.replace("{topic}", fact.topic).replace("{q}", context.lexicon.lower_first(text)).replace("{Q}", capital(text))
    text = capital(" ".join(text.split()))
    text = re.sub(r"\s+([?.,])", r"\1", text)
    if len(text.split()) > 26 or _clashes(text):
        return None
    return Wording(form.name, text, form.lead)


def _clashes(text: str) -> bool:
    """Whether the asker speaks as "I" and "we" at once, or a negation doubles."""
    return (first_person(text) and re.search(r"\b(?:we|us)\b", text) is not None and "Do we" not in text) or re.search(
        r"\bnot not\b|\bI is\b|\bI are\b", text
    ) is not None


def _key(question: str) -> str:
    return re.sub(r"\W+", " ", question.lower()).strip()
