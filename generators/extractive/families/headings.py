"""What headings ask: questions with their answers (FAQ), how-to headings, procedures, and noun topics with their rules."""

import re
from collections.abc import Iterator

from generators.extractive.clauses import parse
from generators.extractive.english import capital, flip, inflect, known_verb, tokens
from generators.extractive.facts import Context, Fact
from generators.extractive.page import ListPart, Paragraph, Section
from generators.extractive.topics import Topic

_NORMS = re.compile(
    r"\b(?:must|may not|cannot|can|required?|limit|allowed|up to|at least|at most|within|should|need|entitled|eligible|receive)\b"
)
_PROCESS = re.compile(
    r"\b(?:leave|bonus|allowance|plan|time|process|probation|review|transfer|insurance|contribution|pension|duty|warranty|program|reimbursement|support|update|backup|release|balance|sabbatical|escalation|credit|cycle)s?$",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:please |follow|complete|proceed|work through|take|use|do|you|here|these|the (?:steps|procedure)|in this order|as follows|the following).*)",
    re.IGNORECASE,
)
_IN_ORDER = re.compile(
    r"^(?P<vp>[A-Z]\w+ .{3,60}?) (?:in (?:this|the following) order|as follows|like this|in these steps|with these steps)(?:,[^:]*)?:$"
)
_TO_LEAD = re.compile(r"^To (?P<vp>[a-z]+ [^,:]{3,60}?)(?:, .{0,60})?:$")


def questions(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The question that the heading asks, answered by its section."""
    _ = context
    answer = re.sub(r"^A: ?", "", section.prose()).strip()
    if topic.kind != "question" or section.tables() or not 3 <= len(answer.split()) <= 180 or answer.endswith((":", "?")):
        return
    question = flip(topic.words)
    slots = {"q": question, "ql": _lower(question, context), **_rewritten(question)}
    yield Fact.of(_question_family(slots), slots, answer, *section.body_spans())


def _lower(question: str, context: Context) -> str:
    return context.lexicon.lower_first(question) if not re.match(r"(?:I|My)\b", question) else question.replace("My ", "my ", 1)


def _question_family(slots: dict[str, str]) -> str:
    for slot, family in (("vp_how", "faq_how"), ("vp_can", "faq_can"), ("vp_must", "faq_must"), ("x", "faq_what"), ("plain", "faq_wh")):
        if slot in slots:
            return family
    return "faq"


def _rewritten(question: str) -> dict[str, str]:
    plain = question.rstrip("?")
    for name, pattern in (
        ("vp_how", r"How (?:do|can|should|would) I (\w+ .+)"),
        ("vp_can", r"(?:Can|May) I (\w+ .+)"),
        ("vp_must", r"(?:Do I (?:need|have) to|Must I) (\w+ .+)"),
        ("x", r"What (?:is|are) ((?!in |on |at |not |to |for |under |inside )(?:an? |the )?[\w’' -]+)"),
    ):
        match = re.fullmatch(pattern, plain)
        if match and not (name == "x" and len(match.group(1).split()) > 6):
            return {name: match.group(1)}
    match = re.fullmatch(
        r"(?P<wh>(?:How (?:many|much|long|often|far|soon|close|quickly|big)|What|Which|When|Where|Why)\b(?:(?! (?:do|does|can|must|should) ).)*) (?P<aux>do|does|can|must|should) (?P<rest>.+)",
        plain,
    )
    statement = _statement(match.group("aux"), match.group("rest")) if match else None
    return {"plain": f"{match.group('wh')[0].lower()}{match.group('wh')[1:]} {statement}"} if match and statement else {}


def _statement(aux: str, rest: str) -> str | None:
    """Undo the inversion after `aux`: "the battery last" -> "the battery lasts"."""
    found = tokens(rest)
    for index in range(1, min(len(found), 12)):
        word, start, end = found[index]
        if known_verb(word) and found[index - 1][0].lower() not in {"the", "a", "an", "my", "of", "to", "one", "in"} and word.islower():
            subject, after = rest[:start].strip(), rest[end:].strip()
            verb = inflect(word, "VBZ") if aux == "does" else (word if aux == "do" else f"{aux} {word}")
            return f"{subject} {verb} {after}".strip()
    return None


def procedures(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """The steps of a section: its one numbered list, else its whole text if the heading says how to do something."""
    numbered = [part for part in section.lists() if part.numbered]
    listed = numbered[0] if len(numbered) == 1 and len(numbered[0].items) > 1 and _complete(numbered[0]) else None
    phrase = _lead_phrase(listed, context) if listed else None
    if listed and (phrase or topic.kind == "howto") and _imperatives(listed, context):
        yield Fact.of("howto_steps", {"vp": phrase or topic.words}, listed.text(), listed.span, task="how_to")
        return
    if topic.kind != "howto" or section.tables() or numbered or (section.level == 1 and section.children):
        return
    answer = section.prose()
    sentences = list(section.sentences())
    instructs = [
        sentence
        for sentence in sentences
        if (clause := parse(sentence.text, context.lexicon))
        and (clause.imperative or clause.subject == "I" or clause.aux in {"must", "can"})
    ]
    if 12 <= len(answer.split()) <= 130 and not answer.endswith(":") and instructs and len(instructs) * 3 >= len(sentences):
        yield Fact.of("howto", {"vp": topic.words}, answer, *section.body_spans(), task="how_to")


def _complete(part: ListPart) -> bool:
    return not any(item.endswith((":", "?")) for item in part.items)


def _imperatives(part: ListPart, context: Context) -> bool:
    count = sum(
        ((clause := parse(item, context.lexicon)) is not None and clause.imperative) or known_verb(item.split()[0].strip(","))
        for item in part.items
    )
    return count * 2 > len(part.items)


def _lead_phrase(part: ListPart, context: Context) -> str | None:
    lead = part.lead.text if part.lead else ""
    match = _TO_LEAD.match(lead) or _IN_ORDER.match(lead)
    if match is None:
        return None
    phrase = match.group("vp")
    first = phrase.split()[0].lower()
    return flip(first + phrase[len(first) :]) if known_verb(first) and not re.search(r"\b(?:it|them|this|these)\b", phrase) else None


def noun_topics(section: Section, topic: Topic, context: Context) -> Iterator[Fact]:
    """What the handbook says on a plain noun topic, where the section is short and says rules."""
    _ = context
    answer = section.prose()
    if topic.kind != "topic" or section.tables() or section.children or not 25 <= len(answer.split()) <= 110 or answer.endswith(":"):
        return
    if (
        re.search(r"\b(?:checklist|list|table|form|forms|contents)\b", topic.noun)
        or (len(topic.noun.split()) == 1 and section.level > 2)
        or section.level == 1
    ):
        return
    if len(_NORMS.findall(answer)) < 2 or not all(
        isinstance(part, Paragraph) or part.lead for part in section.parts if not hasattr(part, "rows")
    ):
        return
    slots = {"x": topic.words, "process": topic.words if _PROCESS.search(topic.words) else "", "X": capital(topic.noun)}
    yield Fact.of("topic", slots, answer, *section.body_spans())
