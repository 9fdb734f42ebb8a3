"""A section asked about as a whole, in the form that fits what it holds: rules, a process, a set of things, help, a statement."""

import re
from collections.abc import Iterator

from generators.extractive.answers import Answer, answer_of, answer_with_parts
from generators.extractive.facts import Context, Fact
from generators.extractive.filters import sound
from generators.extractive.naming import name_of
from generators.extractive.page import Section
from generators.extractive.spoken import Name
from generators.extractive.substance import complete, directs, enumerates, rules, tells

_PROCESS = re.compile(
    r"\b(?:leave|bonus|allowance|plan|time|process|probation|review|transfer|insurance|contribution|pension|duty|warranty|program|"
    r"reimbursement|support|update|backup|release|balance|sabbatical|escalation|credit|cycle)$",
    re.IGNORECASE,
)
_NOT_ASKED = re.compile(
    r"\b(?:examples?|templates?|checklists?|lists?|tables?|forms?|contents|resources|links$|appendix)\b|^acknowledge?ments?\b"
)
_SEVERAL = re.compile(r"\band\b|&|s$|^\w+ing\b")
_CONTACTS = re.compile(r"(?P<x>.+(?<! of)) contacts?|contacts? for (?P<y>.+)", re.IGNORECASE)
_EXAMPLES = re.compile(r"(?:the )?(?P<x>.+) examples?|examples? of (?P<y>.+)", re.IGNORECASE)
# what a generic heading with its parent asks ("the purpose of the help desk", "eligibility for a grant"), and what its answer holds then
_PARTS = (
    (re.compile(r"the purpose of (?P<x>.+)"), "what is the purpose of {x}", "what the purpose of {x} is", re.compile("")),
    (re.compile(r"eligibility for (?P<x>.+)"), "who is eligible for {x}", "who is eligible for {x}", re.compile(r"eligib|qualif|entitled")),
    (re.compile(r"(?:the )?(?P<kind>types|kinds) of (?P<x>.+s)"), *["which {kind} of {x} exist"] * 2, re.compile(":\n")),
)
# orders to those who help somebody else
_OF_OTHERS = re.compile(
    r"(?:^|[.\d] |- )(?:Ask|Tell|Call|Inform|Advise|Thank) the (?:owner|user|customer|caller|client|reporter|employee)\b", re.MULTILINE
)
_FIRST_PERSON = re.compile(r"\b(?:our|we|us|my|I|me)\b")
_LONG, _SHORT = 50, 18  # words of a how-to that do not only lead to its parts below, or to a list of links

_Question = tuple[str, dict[str, str]]


def sections(section: Section, context: Context) -> Iterator[Fact]:
    """The question about the whole of `section`, if its heading names something and its text, or that with its parts, stands alone."""
    name = name_of(section, context)
    if name is None:
        return
    for answer in filter(None, (answer_with_parts(section), answer_of(section), answer_of(section, links=True))):
        asked = _worded(name, section, answer, context) if tells(section, answer, context) and complete(section, answer) else None
        fact = Fact.of(*asked, answer.text, *answer.spans) if asked else None
        if fact and sound(fact):
            yield fact
            return


def _worded(name: Name, section: Section, answer: Answer, context: Context) -> _Question | None:
    if name.kind in {"asked", "claim", "denial"}:
        return f"topic_{name.kind}", {"plain": name.words, "inv": name.question}
    if name.kind == "saying":
        return "topic_saying", {"q": name.words}
    if name.kind == "topic":
        return _topic(name, section, answer, context)
    helps = directs(answer, context)
    if name.kind == "time":
        return "topic_time" if helps else "topic_during", {"c": name.words}
    if name.kind == "problem":
        handled = "topic_handled" if _OF_OTHERS.search(answer.text) else "topic_problem"
        return handled if helps else "topic", {"x": name.words}
    return ("topic_case", {"q": name.words}) if helps else None


def _topic(name: Name, section: Section, answer: Answer, context: Context) -> _Question | None:
    broken = not answer.whole and any(part.numbered for part in section.lists())
    parted = section.left_out or answer.size < len(section.prose().split())
    if name.does and (broken or (section.children and answer.size < _LONG) or (parted and answer.size < _SHORT)):
        return None
    if name.document:
        return "topic_document", {"x": name.words, "document": name.document}
    return _special(name, answer) or _plain(name, section, answer, context)


def _special(name: Name, answer: Answer) -> _Question | None:
    """Headings that name examples, contacts, or the things of a list."""
    for family, pattern in (("topic_example", _EXAMPLES), ("topic_contact", _CONTACTS)):
        match = pattern.fullmatch(name.noun)
        if match:
            return family, {"x": match.group("x") or match.group("y")}
    for pattern, question, plain, told in _PARTS:
        part = pattern.fullmatch(name.words)
        if part and told.search(answer.text):
            return "topic_asked", {"inv": question.format(**part.groupdict()), "plain": plain.format(**part.groupdict())}
    return ("topic_list", {"x": name.words, "things": name.noun}) if enumerates(name.noun, answer) else None


def _plain(name: Name, section: Section, answer: Answer, context: Context) -> _Question | None:
    if _NOT_ASKED.search(name.noun) and name.noun.lower() == section.heading.lower():
        return None
    process = _PROCESS.search(name.words) and not _SEVERAL.search(name.words)
    other = context.company in name.words or _FIRST_PERSON.search(name.words)
    slots = {"x": name.words, "process": name.words if process else "", "other": "" if other else name.words}
    tool = name.noun[0].isupper() and not _PROCESS.search(name.noun)
    return "topic_rules" if rules(answer) and not tool else "topic", slots
