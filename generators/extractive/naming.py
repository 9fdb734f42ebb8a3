"""What a section is about, said so that it is understood without the page: its heading, if need be with what stands above it."""

import re

from generators.extractive.english import PREPOSITIONS, article, gerund_base, inflect, plural, stem, stems
from generators.extractive.facts import Context
from generators.extractive.lexicon import heading_key
from generators.extractive.page import Section
from generators.extractive.parents import DUMMY, UNTITLED, above, doing, generic, says_little
from generators.extractive.spoken import Name, everyday_only, spoken, telling
from generators.extractive.topics import articled, core_of, topic_of
from generators.extractive.words import words

_QUOTED = re.compile(r"[\"“](?P<said>[^\"”]+)[\"”] (?P<noun>error|message|warning|prompt|alert|status|screen)(?: message)?", re.IGNORECASE)
_STATE = re.compile(
    r"(?P<thing>[a-z][\w-]*(?: [\w-]+){0,2}) (?P<state>\w+(?:able|ible|ful|less)|missing|broken|lost|slow|empty|dead|stuck|locked)"
)
_PROBLEM = re.compile(
    r"(?:lost|stolen|missing|broken|damaged|forgotten|failed)\b"
    r"|(?:(?!\b(?:for|of|in|to|on|with|at)\b).)*\b(?:issues?|problems?|errors?|troubles?|failures?|faults?|outages?|emergenc(?:y|ies)|"
    r"accidents?|injur(?:y|ies))(?= (?:for|of|in|to|on|with|at)\b|$)",
    re.IGNORECASE,
)
_POINTS = re.compile(r"\b(?:of|for|in|with|on|to) (?:the|this|that) [a-z]+$")
_BARE = re.compile(r"the [a-z]+")
_OTHER = re.compile(r"(?:other|additional|more|further|miscellaneous|related|special|general)\b", re.IGNORECASE)
_ENTITLED = re.compile(r"(?:welcome|introduction|guide) to \w", re.IGNORECASE)
_PHRASE_ENDS = (
    r"(?=[.,;:!?()]|$| \(| (?:is|are|was|will|must|can|may|should|has|allows?|and|or|to|for|of|in|on|at|by|with|that|which|if|when|as)\b)"
)
_METADATA = re.compile(r"(?::.*){2}|\d{4}-\d\d|[{}<>\[\]]")  # a line of labels, or a template's title
_JOINTS = ("for", "of", "to", "on", "none")
_LONG = 60  # words of a section that may be asked about under the company's name
_OFTEN = 2  # mentions that show a noun to be what a section is about
_SHORT = 3  # words of a parent that may be the object of a bare gerund


def name_of(section: Section, context: Context) -> Name | None:
    """The name of what `section` is about, or None where its heading says too little or too much."""
    heading = core_of(section.heading)
    if not heading or re.search(r"[{}\[\]|<>?]| [—–] ", heading):
        return None
    quoted = _QUOTED.fullmatch(heading)
    if quoted:
        return Name("problem", f'the "{quoted.group("said")}" {quoted.group("noun").lower()}')
    if generic(heading):
        return _framed(heading.lower(), above(section, context))
    if says_little(heading):
        return _part_of_report(heading, section, context)
    return spoken(heading, context) or _topical(heading, section, context)


def _topical(heading: str, section: Section, context: Context) -> Name | None:
    topic = topic_of(heading, context)
    if topic.kind == "howto":
        full = _shortened(topic.words, section, context)
        return Name("topic", doing(topic.words) + (f" for the {full}" if full else ""), doing(topic.words), does=True)
    noun = _cased(topic.noun, section, context) if topic.kind == "topic" else ""
    whole = _whole(noun, section, context) if noun else ""
    if noun and not whole:
        return _in_page(noun, section, context)
    if not whole or (whole == context.company and len(section.prose().split()) < _LONG):
        return None
    state = _STATE.fullmatch(whole)
    if state:
        return Name("problem", f"a {state.group('thing')} that is {state.group('state')}")
    return _problem(whole, section) if _PROBLEM.match(whole) and not _doing(whole) else _thing(whole, section, context)


def _doing(noun: str) -> bool:
    return noun.split(maxsplit=1)[0].endswith("ing")


def _problem(noun: str, section: Section) -> Name | None:
    return Name("problem", _said(noun, section, problem=True), noun) if " " in noun else None


def _thing(noun: str, section: Section, context: Context) -> Name | None:
    """A noun phrase, with what stands above it where its section only tells of it together with that."""
    said, full = _said(noun, section, problem=False), _shortened(noun, section, context)
    if (" " not in noun and _PROBLEM.match(noun)) or noun.rsplit(maxsplit=1)[-1] in PREPOSITIONS:
        return None
    if full:
        return Name("topic", f"{said} for the {full}", noun)
    document = _document(noun, section, context)
    if not document and _bare(noun, section, context):
        return _beside(said, noun, section, context)
    return Name("topic", said, noun, document=document)


def _beside(said: str, noun: str, section: Section, context: Context) -> Name:
    """A heading that its section hardly tells of: with the doing of its page, else alone if it names things, else as its page says it."""
    document, done = _page(section, context), done_above(section, context)
    if not document.startswith('"'):
        return Name("topic", said, noun, document=document)
    if done and not stems(noun) <= stems(done):
        return Name("topic", f"{said} when {done}", noun)
    proper = any(map(context.lexicon.is_proper, [word for word in noun.split() if word[0].isalpha()]))
    bound = everyday_only(noun) or noun.split(maxsplit=1)[0] in words("compound_gerunds")  # "continuing work"
    things = (" " in noun and telling(noun) and not bound) or (noun.islower() and plural(noun))
    return Name("topic", said, noun, document=document if proper or not things or _POINTS.search(noun) else "")


def done_above(section: Section, context: Context) -> str:
    """What the title of the page says is done, in the asker's words: "Moving your office" is "moving my office"; empty if nothing."""
    title = _title(section, context)
    topic, lowered = topic_of(title, context), context.lexicon.heading_case(title)
    if topic.kind == "howto":
        return doing(topic.words)
    first, _, rest = lowered.partition(" ")
    return lowered if gerund_base(first) and rest.endswith("ly") and " " not in rest else ""


def _shortened(noun: str, section: Section, context: Context) -> str:
    """The name in the headings above that the section only says in short ("the Lab"), unless `noun` holds it."""
    above_it, prose = " / ".join([context.title, *section.path[:-1]]), section.prose()
    for name in sorted(context.lexicon.names):
        last = name.rsplit(maxsplit=1)[-1]
        short = re.search(rf"(?<=[a-z,] )the {re.escape(last)}\b(?! [A-Z])", prose)
        if name in above_it and " " in name and short and name not in prose and last.lower() not in noun.lower():
            return name
    return ""


def _said(noun: str, section: Section, *, problem: bool) -> str:
    """`noun` with the article that it has in its section, or else the one that its head needs."""
    singular = not plural(noun.rsplit(maxsplit=1)[-1])
    if singular and re.search(rf"\b(?:the|an?) {re.escape(noun)}{_PHRASE_ENDS}", section.prose(), re.IGNORECASE):
        return f"the {noun}"
    named = re.findall(rf"\b([Tt]he )?{re.escape(noun)}\b", section.prose()) if singular and noun[0].isupper() else []
    if len(named) >= _OFTEN and all(named):
        return f"the {noun}"
    if problem and singular and articled(noun) != noun:
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    return noun if gerund_base(noun.split(maxsplit=1)[0]) else articled(noun)


def _cased(noun: str, section: Section, context: Context) -> str:
    """The heading as its section writes it inside a sentence ("Self Service"), else with only those capitals that its words need."""
    found = re.search(rf"(?<=[a-z,’'] ){re.escape(noun)}\b", section.prose(), re.IGNORECASE)
    if found and not found.group().isupper():
        return found.group()
    if noun in context.lexicon.names or noun == noun.lower() or " " not in noun or re.search(r"\([A-Z]{2,}\)", noun):
        return noun
    named = {word for name in context.lexicon.names if name in noun for word in name.split()}
    small = (context.lexicon.lowered | words("mass") | words("common")) - {word.lower() for word in named}
    return re.sub(
        r"\b[A-Z][a-z]+(?:-[A-Z][a-z]+)*\b", lambda word: word.group().lower() if word.group().lower() in small else word.group(), noun
    )


def _framed(generic: str, parent: str) -> Name | None:
    """A generic heading with its parent: "eligibility for paid parental leave"."""
    joint = next((joint for joint in _JOINTS if generic in words(f"frame_{joint}")), None)
    if joint is None or not parent:
        return None
    noun = parent if joint == "none" else f"{article(generic)} {joint} {parent}"
    return Name("topic", noun, noun)


def _part_of_report(heading: str, section: Section, context: Context) -> Name | None:
    """A part that any report has, asked about with the report: "the root cause" in "Server outage of May"."""
    topic = topic_of(heading, context)
    if topic.kind != "topic" or heading_key(section.heading) in context.lexicon.repeated or DUMMY.search(heading):
        return None
    return _in_page(topic.noun, section, context)


def _whole(noun: str, section: Section, context: Context) -> str:
    """The noun phrase of a heading, made whole by what stands above it where it is too bare; empty if that does not help."""
    parent = above(section, context)
    bare = re.sub(r"^(?:the|an?|my) ", "", parent)
    parents = frozenset(heading_key(heading) for heading in section.path[:-1])
    key = heading_key(section.heading)
    if noun.lower() == bare.lower() and key not in parents:
        return ""
    shares = bool(stems(noun) & stems(bare))
    said = _compound(noun, bare, section, context) if bare and not shares else ""
    if said or key in context.lexicon.repeated - parents or _OTHER.match(noun):
        return said
    return _enough(noun, parent, section, context, shares=shares)


def _enough(noun: str, parent: str, section: Section, context: Context, *, shares: bool) -> str:
    """`noun` if it says enough alone, else with `parent`, or nothing if that fails."""
    proper = context.lexicon.is_proper(noun.rsplit(maxsplit=1)[-1])
    single = " " not in noun and not proper
    alone = _alone(noun, section, context) if single else noun if telling(noun) or proper else ""
    roots = stems(noun)
    mentions = sum(stem(word) in roots for word in re.findall(r"[A-Za-z][\w-]{2,}", section.prose()))
    if _BARE.fullmatch(noun) or (not mentions and noun.rsplit(maxsplit=1)[-1].lower() in words("people")):
        return ""
    if single and parent and not shares and _act(noun) and len(parent.split()) <= _SHORT:
        return f"{noun} {parent}"
    vague = single and alone in {"", noun} and (not alone or plural(noun)) and mentions < _OFTEN
    if shares or not (_POINTS.search(noun) or vague):
        return alone
    tied = f"{noun} in connection with {parent}" if context.product and (alone or plural(noun)) else ""  # else its page is named instead
    return tied if parent else alone


def _alone(noun: str, section: Section, context: Context) -> str:
    """A heading of one common noun: plural if the document also says it so ("laptops"), bare if it has no plural."""
    if noun.lower() in words("common") | words("generic"):
        return ""
    if plural(noun) or article(noun) == noun:
        return noun
    many = inflect(noun, "NNS")
    titled = section.level == 1 and re.search(rf"\b(?:an?|the|your|our|this|each|every) {re.escape(noun)}\b", section.prose()) is not None
    return many if many != noun and (titled or many in context.lexicon.lowered) else ""


def _act(noun: str) -> bool:
    """Whether a heading of one word is an act that lacks its object: "scheduling" under "One on ones"."""
    return gerund_base(noun) is not None and noun not in words("compound_gerunds") | words("mass")


def _compound(noun: str, parent: str, section: Section, context: Context) -> str:
    """The heading and its parent as one name, if the section itself uses it: "dental insurance"."""
    head = parent.rsplit(maxsplit=1)[-1]
    names = (f"{noun} {parent}", f"{noun} {head}", f"{parent} {noun}")
    return next((_cased(name, section, context) for name in names if name.lower() in section.prose().lower()), "")


def _bare(noun: str, section: Section, context: Context) -> bool:
    """Whether a heading alone does not tell what its section says: a name that the section does not tell of, or words of every page."""
    prose = section.prose()
    if section.level == 1 or context.product or stems(noun) & stems(above(section, context)):
        return False
    told = [word for word in noun.split() if word[0].isalpha()]
    if " " not in noun and " " not in context.title and stems(context.title) and stems(context.title) <= stems(prose):
        return True  # "hunting" of a page on ducks
    if any(map(context.lexicon.is_proper, told)):
        return (
            all(word[0].isupper() for word in told)
            and not noun.isupper()
            and re.match(rf"(?:(?:The|Our|An?) )?(?:\w+ )?{re.escape(noun)}\b", prose) is None
        )
    rare = stems(noun) & context.lexicon.rare
    return not rare and (noun.isalpha() or re.search(rf"\b{re.escape(noun.removesuffix('s'))}", prose, re.IGNORECASE) is None)


def _in_page(noun: str, section: Section, context: Context) -> Name | None:
    """A heading that says too little alone, asked about as what its page says; not a qualifier ("Military"), persons or the page itself."""
    head = noun.rsplit(maxsplit=1)[-1].lower()
    people = head in words("people") and not any(map(context.lexicon.is_proper, noun.split()))
    tells = (" " in noun or plural(head)) and not people and section.level > 1 and not context.product
    document = _page(section, context) if tells else ""
    said = noun if noun.split(maxsplit=1)[0].endswith("ing") else articled(noun)
    return Name("topic", said, noun, document=document) if document else None


def _page(section: Section, context: Context) -> str:
    """The title of the page or the heading above as it is said in a question; empty where neither names something."""
    core = _title(section, context)
    named = core.rsplit(maxsplit=1)[-1:] and core.rsplit(maxsplit=1)[-1].lower() in words("documents")
    return articled(context.lexicon.heading_case(core)) if named else f'"{core}"' if core else ""


def _title(section: Section, context: Context) -> str:
    """The title of the page, else the heading above, if it names something."""
    for heading in (context.title, *reversed(section.path[:-1])):
        core = core_of(heading)
        untitled = UNTITLED.search(core) and not _ENTITLED.match(core)
        unfit = not core or _METADATA.search(core) or core.endswith("?") or core.isupper() or says_little(core) or untitled
        if not unfit and stems(core) - stems(section.heading):
            return core
    return ""


def _document(noun: str, section: Section, context: Context) -> str:
    """The title above a section if it is the name of a document that says things: "the travel policy"."""
    parent = above(section, context) if section.level == 2 and section.path[0] == context.title else ""
    named = len(parent.split()) > 2 and parent.rsplit(maxsplit=1)[-1].lower() in words("documents")
    return parent if named and not stems(noun) & stems(core_of(context.title)) else ""
