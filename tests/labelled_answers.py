"""Answers whose faults are known: sentences of the sample company as they stand, reworded, or made wrong in one way.

Each answer rests on one sentence (or two) of a document, which is its evidence. What is changed is looked up in the document first, so
that a "wrong number" is one that its section does not have and a "foreign name" one that its document does not have.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from builder.curation.ground import verdict_on
from builder.curation.ground_signs import SIGNS
from schemas.records import Document, Evidence, Pair, Provenance

GOALS = {"wrong number": 0.95, "foreign name": 0.95, "negated": 0.95}  # of the wrong ones, the share that must be found
MOST_FALSE_ALARMS = 0.03
EXTRACTIVE = ("verbatim", "joined", "reformatted", "part")
RIGHT = ("verbatim", "reworded", "joined", "reformatted", "part")
WRONG = (
    "wrong number",
    "wrong unit",
    "foreign name",
    "foreign opening",
    "negated",
    "invented sentence",
    "swapped number",
    "swapped name",
    "swapped roles",
)
_SENTENCE = re.compile(r"(?:(?<=[.!?] )|(?<=\n\n)|(?<=\n- )|(?<=\n\* ))[A-Z][^\n|#*`]{40,260}?[.](?=\s|\Z)")
_NUMBER = re.compile(r"(?<![\w.,:/-])(\d{1,3}(?:,\d{3})+|\d{1,4})(?![\w:/-]|[.,]\d)")
_WORD_NUMBER = re.compile(r"\b(two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty)\b(?! of\b)")
_NAME = re.compile(r"(?<=[a-z,] )([A-Z][a-z]{2,})\b(?!['’-])")
_UNIT = re.compile(r"(?<=\d )(minutes|hours|days|weeks|months|years|metres|euros)\b")
_MODAL = re.compile(r"\b(must|may|can|should|will|is|are|has to|have to)\b(?! (?:not|never|no)\b)")
_UNDONE = (("cannot", "can"), (" must not ", " must "), (" may not ", " may "), (" should not ", " should "), (" is not ", " is "),
           (" are not ", " are "), ("do not ", ""), ("does not ", ""), (" never ", " always "), (" without ", " with "))  # fmt: skip
_SYNONYMS = {"must": "has to", "need": "require", "buy": "purchase", "help": "assist", "about": "roughly", "get": "obtain",
             "within": "inside of", "tell": "inform", "ask": "consult", "use": "employ", "start": "begin", "show": "display",
             "want": "wish", "also": "as well", "usually": "as a rule", "because": "since", "before": "prior to", "if": "in case"}  # fmt: skip
_SPELLED = {
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
    "10": "ten",
    "12": "twelve",
    "15": "fifteen",
    "20": "twenty",
}
_DIGITS = {spelled: number for number, spelled in _SPELLED.items()}
_COUNTS = re.findall(r"\w+", "two three four five six seven eight nine ten twelve fifteen twenty")


class Answer(NamedTuple):
    """One answer, as a pair, and what is wrong with it."""

    kind: str
    pair: Pair


class _Place(NamedTuple):
    document: Document
    start: int
    text: str
    section: str
    foreign: tuple[str, ...]  # names of other documents
    opens_with_name: bool


def company(folder: Path) -> dict[str, Document]:
    """Read the Markdown files below a folder."""
    paths = sorted(folder.rglob("*.md"))
    made = [
        Document.of(path=path.name, title=path.stem, format="markdown", text=path.read_text(encoding="utf-8"), raw=path.read_bytes())
        for path in paths
    ]
    return {document.id: document for document in made}


def labelled(documents: dict[str, Document], *, seed: int, most: int) -> list[Answer]:
    """Make at most `most` answers of each kind."""
    draw = random.Random(seed)
    places = list(_places(documents))
    draw.shuffle(places)
    made: dict[str, list[Answer]] = {kind: [] for kind in (*RIGHT, *WRONG)}
    for place in places:
        if all(len(answers) >= most for answers in made.values()):
            break
        for kind, output in _answers(place, places, draw):
            if len(made[kind]) < most and output != place.text:
                made[kind].append(Answer(kind, _pair(place, kind, output)))
        if len(made["verbatim"]) < most:
            made["verbatim"].append(Answer("verbatim", _pair(place, "verbatim", place.text)))
    return [answer for answers in made.values() for answer in answers]


def figures(answers: list[Answer], documents: dict[str, Document]) -> dict[str, dict[str, float]]:
    """For each kind of answer: how many there are, the mean support, the share with each sign, with any, and that would be dropped."""
    table: dict[str, dict[str, float]] = {}
    for kind in dict.fromkeys(answer.kind for answer in answers):
        verdicts = [verdict_on(answer.pair, documents, thin=0.6) for answer in answers if answer.kind == kind]
        signs = Counter(sign.flag for verdict in verdicts for sign in verdict.signs)
        count = len(verdicts)
        table[kind] = {
            "answers": count,
            "support": sum(verdict.support for verdict in verdicts) / count,
            "any": sum(bool(verdict.signs) for verdict in verdicts) / count,
            "dropped": sum(any(sign.sure for sign in verdict.signs) for verdict in verdicts) / count,
            **{flag: signs[flag] / count for flag in SIGNS},
        }
    return table


def false_alarms(table: dict[str, dict[str, float]]) -> float:
    """The share of the right extractive answers that have any sign."""
    rows = [table[kind] for kind in EXTRACTIVE]
    return sum(row["any"] * row["answers"] for row in rows) / sum(row["answers"] for row in rows)


def _places(documents: dict[str, Document]) -> Iterator[_Place]:
    names = frozenset(name for document in documents.values() for name in _NAME.findall(document.text))
    for document in documents.values():
        lower = document.text.lower()
        foreign = tuple(sorted(name for name in names if name.lower() not in lower))
        for match in _SENTENCE.finditer(document.text):
            before = document.text.rfind("\n#", 0, match.start())
            after = document.text.find("\n#", match.end())
            yield _Place(
                document,
                match.start(),
                match.group(),
                document.text[max(before, 0) : after if after > 0 else None],
                foreign,
                match.group().split()[0] in names,
            )


def _answers(place: _Place, places: list[_Place], draw: random.Random) -> Iterator[tuple[str, str]]:
    text = place.text
    yield "reworded", _reworded(text, draw)
    yield from _joined(place)
    yield "reformatted", _NUMBER.sub(lambda match: _SPELLED.get(match[1], match[1].replace(",", "") if "," in match[1] else match[1]), text)
    yield "part", f"{text.rpartition(', ')[0]}." if len(text.rpartition(", ")[0].split()) > 6 else text
    yield "wrong number", _wrong_number(place, draw)
    yield (
        "wrong unit",
        _UNIT.sub(
            lambda match: draw.choice(
                [unit for unit in ("minutes", "hours", "weeks", "metres") if unit not in place.section] or [match[0]]
            ),
            text,
            count=1,
        ),
    )
    yield "foreign name", _renamed(place, place.foreign, draw)
    yield "foreign opening", f"{draw.choice(place.foreign)} {text.split(' ', 1)[1]}" if place.opens_with_name and place.foreign else text
    yield "negated", _negated(text)
    other = draw.choice(places)
    yield "invented sentence", f"{text} {other.text}" if other.document is not place.document else text
    yield "swapped number", _far_number(place, draw)
    yield "swapped name", _renamed(place, sorted(set(_NAME.findall(place.section)) - set(_NAME.findall(text))), draw)
    yield "swapped roles", _swapped(text)


def _pair(place: _Place, kind: str, output: str) -> Pair:
    evidence = [Evidence.of(place.document, place.start, place.start + len(place.text))]
    if kind == "joined":
        following = output[len(place.text) + 1 :]
        start = place.document.text.index(following)
        evidence.append(Evidence.of(place.document, start, start + len(following)))
    return Pair(
        id=f"{kind}-{place.document.id}-{place.start}",
        task="question_answering",
        instruction="What do we know?",
        output=output,
        evidence=tuple(evidence),
        provenance=Provenance(document_id=place.document.id, chunk_id="chunk", generator="test"),
        group=f"{place.document.id}-{place.start}",
        form="plain",
    )


def _reworded(text: str, draw: random.Random) -> str:
    words = [_SYNONYMS.get(word, word) if draw.random() < 0.7 else word for word in text.split(" ")]
    return draw.choice(["In short, ", "Yes. ", "According to the rules, ", ""]) + " ".join(words)


def _joined(place: _Place) -> Iterator[tuple[str, str]]:
    following = [match.group() for match in _SENTENCE.finditer(place.section) if match.group() != place.text]
    if following:
        yield "joined", f"{place.text} {following[0]}"


def _wrong_number(place: _Place, draw: random.Random) -> str:
    if match := _NUMBER.search(place.text):
        number = int(match[1].replace(",", ""))
        wrong = [new for new in (number + 1, number * 2, number * 10, number + 7, max(number - 2, 1), number // 2 + 1) if new != number]
        wrong = [f"{new:,}" if "," in match[1] else str(new) for new in wrong]
        wrong = [new for new in wrong if not _has(place.section, new)]
        return f"{place.text[: match.start()]}{draw.choice(wrong)}{place.text[match.end() :]}" if wrong else place.text
    if match := _WORD_NUMBER.search(place.text):
        wrong = [word for word in _COUNTS if not _has(place.section, _DIGITS.get(word, word))]
        return f"{place.text[: match.start()]}{draw.choice(wrong)}{place.text[match.end() :]}" if wrong else place.text
    return place.text


def _has(section: str, number: str) -> bool:
    """Whether a section has a number in digits or in words."""
    plain = number.replace(",", "")
    return re.search(rf"\b(?:{plain}|{_SPELLED.get(plain, plain)})\b", section.replace(",", ""), re.IGNORECASE) is not None


def _far_number(place: _Place, draw: random.Random) -> str:
    match = _NUMBER.search(place.text)
    others = sorted(set(_NUMBER.findall(place.section)) - set(_NUMBER.findall(place.text)))
    return f"{place.text[: match.start()]}{draw.choice(others)}{place.text[match.end() :]}" if match and others else place.text


def _renamed(place: _Place, names: Sequence[str], draw: random.Random) -> str:
    match = _NAME.search(place.text)
    return f"{place.text[: match.start()]}{draw.choice(names)}{place.text[match.end() :]}" if match and names else place.text


def _negated(text: str) -> str:
    for old, new in _UNDONE:
        if old in text:
            return text.replace(old, new, 1)
    lower = text[:1].lower() + text[1:]
    if _MODAL.search(text):
        return _MODAL.sub(lambda match: f"{match[0]} not", text, count=1)
    return f"Do not {lower}" if re.match(r"(?:Ask|Call|Tell|Send|Use|Keep|Write|Book|Open|Put|Report|Check|Bring|Leave) ", text) else text


def _swapped(text: str) -> str:
    """Put two names, or a subject and an object, in each other's place."""
    found = list(_NAME.finditer(text))
    if len(found) < 2 or found[0][1] == found[-1][1]:
        return text
    one, other = found[0], found[-1]
    return f"{text[: one.start()]}{other[1]}{text[one.end() : other.start()]}{one[1]}{text[other.end() :]}"
