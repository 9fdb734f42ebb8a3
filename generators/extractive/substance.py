"""What the text of a section holds: something to tell, orders, rules, or the entries of a list."""

import re

from generators.extractive.answers import Answer, of_page, unfinished
from generators.extractive.english import gerund_base, plural, stems
from generators.extractive.facts import Context
from generators.extractive.page import CodePart, Section, Sentence, TablePart
from generators.extractive.parents import says_little
from generators.extractive.parsing import parse

_NORMS = re.compile(
    r"\b(?:must|may not|cannot|can only|required?|requires|requirements?|limit(?:ed)?|allowed|not permitted|up to|at least|at most|within|"
    r"has to|have to|needs? to|entitled|eligible|approval|approved|no more than|no later than|forfeit(?:ed)?|should(?: not)?)\b"
)
_ORDERS = re.compile(
    r"(?:^|[,;] |-- ?)(?:please )?(?:contact|e-?mail|call|reach out|ask|write|check|try|request|report|tell|inform|submit|send)\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:I|we|our|us)\b")
_DEMONSTRATIVE = re.compile(r"\b(?:these|those)\b(?! (?:who|that|of|with|in)\b)(?! \w+(?: \w+)?:$)|\bsuch\b(?! as\b)")
_INTRODUCES = re.compile(
    r"\b(?:following|these|below|here|there (?:are|is)|there[’']s|steps?|parts?|tools?|sections?|pages?|tips?|(?:set|number|list) of)\b",
    re.IGNORECASE,
)
_COUNTS = re.compile(r"\b(?:two|three|four|five|six|several|\d) (?:[\w-]+ ){0,2}(?:steps|parts|sections|stages|pages|guides)\b")
_TEASES = re.compile(
    r"^(?:This|That) (?:is|was) (?:how|what|where|why|when)\b|^(?:These|Those|Here|There|Below) (?:are|is)\b(?! no\b)|^Now it[’']?s? |"
    r"\b(?:these|those|following|additional|further|more) (?:[\w-]+ )?(?:guidelines|guidance|steps|rules|tips|practices|principles|"
    r"constraints|instructions|pages|sections|parts)\b(?! (?:of|in)\b)|\b(?:an?|the) (?:[\w-]+ ){0,2}(?:set|number|list|series) of\b|"
    r"^(?:Let[’']s|We[’']ll|This (?:step|process|part))\b|\b(?:two|three|four|five|six|seven|several|a few) (?:[\w-]+ )?(?:ways|steps|"
    r"parts|channels|options|kinds|types|stages|phases|things|rules|principles|categories|groups|tools|methods|reasons)\b",
)
_ANNOUNCES = re.compile(
    r"\b(?:consider|follow|see|use|read|try) (?:these|those|the following)\b|\byou (?:will|can|may) (?:also )?find (?:here|below)\b",
    re.IGNORECASE,
)
_GREETS = re.compile(r"\b(?:pleased|glad|happy|delighted|excited|thrilled) (?:to have|to welcome|that) you\b|\bwelcome to\b", re.IGNORECASE)
_IMPRINT = re.compile(
    r"(?:(?:document )?(?:owner|author|version|status|date|contact)s?:|(?:in force|valid|effective) (?:from|since)\b|"
    r"last (?:updated|changed|reviewed)\b)",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"(?:[-*] ?)?(?:May|Must|Can|Is|Are|Will|Should)\b|\*|(?:We|You) (?:also|therefore|then)\b|(?:For (?:example|instance)|"
    r"However|Also|In (?:addition|short|contrast|that case)|Additionally|Similarly|Otherwise|Therefore|Moreover|Furthermore|Likewise|"
    r"Conversely|Finally|Next|Then|Afterwards)\b|[^.!?]+\b(?:as well|too)[.,]"
)
_ENTRY = re.compile(r"[^.:–—]{2,40}(?::| [–—-]) |(?:\S+ ){0,6}\S+$")
_ENTRY_WORDS = 8  # at most, of an item that only names something
_OPENING = 10  # words of an answer that may not lean on what stands before it
_FEWEST = 3  # items of a list that is asked for as such
# least words of an answer: of a section; of one that leads to others if it defines something, and else; of such without its opening
_FEW, _DEFINES, _LEADING, _AFTER_OPENING = 12, 15, 30, 50


def tells(section: Section, answer: Answer, context: Context) -> bool:
    """Whether `answer` is more than a label, a lead-in, loose entries or a table."""
    loose = any(part.lead is None and not _told(part.items, context) for part in answer.lists)
    asks = sum(line.endswith("?") for line in answer.text.split("\n")) > 1
    cells = [cell for part in section.parts if isinstance(part, TablePart) for row in part.rows for cell in (*row, *part.header)]
    tabled = sum(len(cell.text.split()) for cell in cells) * 2 > answer.size
    return (
        answer.size >= _least(section, answer)
        and not (loose or asks or tabled or unfinished(answer) or _printed(section, answer))
        and _opens_well(section, answer)
    )


def complete(section: Section, answer: Answer) -> bool:
    """Whether `answer` holds what it announces: all of the section and its parts, or else sentences that need nothing of the rest."""
    if not answer.lists and answer.sentences and _ANNOUNCES.search(answer.sentences[-1].text):
        return False
    if section.children and any(
        _ANNOUNCES.search(one.text) or (section.level == 1 and (of_page(one.text) or _IMPRINT.match(one.text))) for one in answer.sentences
    ):
        return False
    size, body = len(section.prose().split()), section.body_spans()
    told = not section.children or not body or answer.spans[-1][1] > body[-1][1]  # what its parts say too
    if told and answer.whole and not section.left_out and answer.size == size:
        return True
    if not answer.whole and answer.size * 9 < size * 5:
        return False
    if not (answer.whole or answer.size == size or says_little(section.heading) or stems(section.heading) & stems(answer.text)):
        return False  # what the heading names comes later
    told_all = [sentence.text for sentence in answer.sentences]
    said = told_all if section.children and not told else [*told_all[:1], *told_all[-1:]]
    return not any(_TEASES.search(text) for text in said if not text.endswith(":"))


def _printed(section: Section, answer: Answer) -> bool:
    """Whether `answer` is mostly a block printed as it stands, such as a receipt, or a form: lines or a lead without a sentence's end."""
    coded = sum(len(part.text.split()) for part in section.parts if isinstance(part, CodePart))
    lines = [line for line in answer.text.split("\n") if not re.match(r" *(?:-|\d+\.) ", line)]
    ended = sum(re.search(r"[.!?:;)”\"’]$", line) is not None for line in lines)
    return coded * 2 > answer.size or (len(lines) > 1 and ended * 2 < len(lines))


def _least(section: Section, answer: Answer) -> int:
    first, prose = answer.sentences[0].text if answer.sentences else "", section.prose()
    opened = not prose.startswith(answer.text.split("\n")[0])
    if not section.children and section.level > 1:
        return _LEADING if opened else _FEW
    defines = answer.text == prose and stems(section.heading) & stems(first) and not _INTRODUCES.search(prose)
    return _DEFINES if defines else _AFTER_OPENING if opened else _LEADING


def _opens_well(section: Section, answer: Answer) -> bool:
    first = answer.sentences[0].text if answer.sentences else ""
    if section.level == 1 and _GREETS.search(first):
        return False
    if _BROKEN.match(answer.text) or _DEMONSTRATIVE.search(" ".join(first.split()[:_OPENING])) or first.endswith("?"):
        return False
    return not (section.children and _COUNTS.search(first)) and re.search(r"[.!?;:]", answer.text) is not None


def _told(items: tuple[str, ...], context: Context) -> bool:
    """Whether the items of a list say something without a sentence that leads them in."""
    return sum(_says(item, context) for item in items) * 2 > len(items)


def _says(item: str, context: Context) -> bool:
    size = len(item.split())
    return size > _ENTRY_WORDS or (size * 2 > _ENTRY_WORDS and (item.endswith(".") or parse(item, context.lexicon) is not None))


def enumerates(noun: str, answer: Answer) -> bool:
    """Whether `answer` is a list of the things that the plural `noun` names."""
    parts = noun.split()
    head = next((place for place, word in enumerate(parts, 1) if plural(word)), 0)
    things = head == len(parts) <= _FEWEST and not gerund_base(parts[0]) and parts[0][0].islower()
    one = answer.lists[0] if len(answer.lists) == 1 else None
    if not things or one is None or one.numbered or len(one.items) < _FEWEST:
        return False
    return all(map(_ENTRY.match, one.items)) and len(one.text().split()) * 4 > answer.size * 3


def rules(answer: Answer) -> bool:
    """Whether `answer` mostly says what must, may or need not be."""
    norms = len(_NORMS.findall(answer.text))
    return norms >= 2 and norms * 22 >= answer.size


def directs(answer: Answer, context: Context) -> bool:
    """Whether `answer` tells the reader what to do."""
    items = [item for part in answer.lists for item in part.items]
    listed = any(_OWN.search(item) is None and parse(item, context.lexicon) is not None for item in items)
    return listed or any(_orders(sentence, context) for sentence in answer.sentences)


def _orders(sentence: Sentence, context: Context) -> bool:
    clause = parse(sentence.text, context.lexicon)
    bids = clause is not None and (clause.imperative or clause.subject == "I" or clause.aux in {"must", "should"})
    return bids or _ORDERS.search(sentence.text) is not None
