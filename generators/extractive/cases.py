"""Rules that hold for some people only, or that tell one side of a case: which, the heading says and the question must say too."""

from generators.extractive.english import adjective, first_person, lemma, names_people, participle, plural, stems
from generators.extractive.facts import Fact
from generators.extractive.page import Section
from generators.extractive.scope import Scope, roots

_FEW = 3  # words of a heading that names people
_PERSONAL = ("if_", "duty", "permit", "advice", "forbid", "free")


def role_of(fact: Fact, section: Section) -> str:
    """Who the asker has to be for the rule to hold, "a new hire" under "New hires"; empty if anybody or if the question tells."""
    parts = section.heading.lower().split()
    qualified = 1 < len(parts) <= _FEW and all(adjective(word) or participle(word) for word in parts[:-1])
    if not qualified or not (plural(parts[-1]) and names_people(parts[-1])):
        return ""
    personal = fact.family.startswith(_PERSONAL) and (first_person(fact.said) or fact.slot("vp"))
    if not personal or stems(section.heading) & stems(fact.said):
        return ""
    one = " ".join([*parts[:-1], lemma(parts[-1], "NOUN")])
    return f"{'an' if one[0] in 'aeiou' else 'a'} {one}"


def one_side(fact: Fact, section: Section, scope: Scope) -> bool:
    """Whether the answer tells of a case only what its heading is about: under "Parking", what to do about it after a move."""
    if not fact.family.startswith("if_") or not scope.words or scope.joint == "when":
        return False
    own, case = roots(section.heading), roots(fact.slot("c"))
    return bool(own & roots(scope.words)) and not own & case and bool(own & (roots(fact.answer) - case))
