"""Tables, a cell at a time: the row's key and the column's role make the question, the cell answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generators.extractive.english import article, flip, inflect, known_verb, lemma, plural
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Cell, Section, TablePart
from generators.extractive.words import words

_USE = re.compile(r"^(?:used for|use|what we use it for|used to)$", re.IGNORECASE)
_EVERY = re.compile(r"^(?P<verb>\w+) every$", re.IGNORECASE)
_IDENTIFIER = re.compile(r"^(?P<noun>.+?) (?:number|no|id|code|key)$", re.IGNORECASE)
_MEANING = re.compile(r"^(?:meaning|what it means|description|explanation|definition)\b", re.IGNORECASE)
_ACTION = re.compile(r"^(?:what to do|action|remedy|solution|fix|response|what you do)$", re.IGNORECASE)
_HOW_YOU = re.compile(r"^how (?:you|to) (?P<verb>\w+) it$", re.IGNORECASE)
_ASK = re.compile(
    r"^(?:ask (?:about|for|them about|him about|her about)|responsible for|topics?|contact for|talk to them about)$", re.IGNORECASE
)
_DATES = frozenset({"date", "day", "due date", "deadline"})
_NOT_A_COLUMN = re.compile(r"\b(?:it|you|they|who|what|when|how|where|which|notes?|comments?|examples?)\b|\?$", re.IGNORECASE)
_CODE = re.compile(r"^[A-Z]{1,3}-?\d{1,4}$")
_CURRENCY = re.compile(r"\b(price|cost|amount|fee) (eur|usd|gbp|chf)$", re.IGNORECASE)
_RANGE = re.compile(r"-?\d[\d,.]* to \d")
_HAS_RANGE = re.compile(r"range|temperature|pressure|speed|diameter|size|depth|interval|time")
_NO_ANSWER = frozenset({"n/a", "none", "yes", "no"})

_Question = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class _Place:
    """A cell by its row's key (`raw` as written, `key` as a noun phrase) and its column, `first` being the key's column."""

    first: str
    raw: str
    key: str
    head: str
    value: str


def tables(section: Section, context: Context) -> Iterator[Fact]:
    """The facts of the section's tables: two or three cells of a row, starting at another column in each row."""
    for table in section.tables():
        header = [cell.text.replace("_", " ") for cell in table.header]
        if len(header) < 2 or not all(header) or not _keyed(table):
            continue
        cells = 3 if len(table.rows) <= 12 else 2
        for number, row in enumerate(table.rows[:20]):
            if len(row) == len(header) and _plain(row[0].text):
                found = list(_row(header, row, section, context))
                first = number % len(found) if found else 0
                yield from (found[first:] + found[:first])[:cells]


def _keyed(table: TablePart) -> bool:
    """Whether the first column names its rows."""
    keys = [row[0].text for row in table.rows if row]
    return len(set(keys)) == len(table.rows)


def _plain(text: str) -> bool:
    core = re.sub(r"\([^()]*\)", "", text).strip()
    return bool(core) and len(text.split()) <= 8 and not re.search(r"[{}<>|]|https?:", text)


def _row(header: list[str], row: tuple[Cell, ...], section: Section, context: Context) -> Iterator[Fact]:
    raw = row[0].text
    key = _key(header[0], raw, context)
    for head, cell in zip(header[1:], row[1:], strict=True):
        if not re.search(r"\w", cell.text) or cell.text.lower() in _NO_ANSWER or len(cell.text.split()) > 60:
            continue
        place = _Place(header[0].lower(), raw, key, head, cell.text)
        asked = _asked(place, section, context)
        if asked:
            yield Fact.of(asked[0], asked[1], cell.text, row[0].span, cell.span)
        if asked and asked[0] == "table_ask" and len(cell.text.split()) <= 6 and cell.text.count(",") < 2:
            matter = context.lexicon.lower_first(cell.text.replace(", ", " or "))
            yield Fact.of("contact", {"x": matter}, raw, row[0].span, cell.span)


def _asked(place: _Place, section: Section, context: Context) -> _Question | None:
    if _CODE.match(place.raw):
        return _code(place, context)
    if place.first in _DATES:
        return "table_date", {"k": place.raw}
    if place.first in words("property"):
        return _property(place, section, context)
    return _plain_role(place) or _attribute(place, context)


def _plain_role(place: _Place) -> _Question | None:
    """Columns whose heading decides."""
    head = place.head.lower()
    if _USE.match(head):
        return "table_use", {"k": place.key}
    if _MEANING.match(head) or head == re.sub(r" (?:number|id|code)$", "", place.first):
        return "describe", {"k": place.key}
    if head == "role" or (head in {"position", "job"} and place.raw.istitle()):
        return "table_role", {"k": place.raw}
    if _ASK.match(head):
        return "table_ask", {"k": place.raw}
    return _verbal(place, head)


def _verbal(place: _Place, head: str) -> _Question | None:
    """Columns headed by a verb: "replace every", "fits", "how you receive it"."""
    every, how = _EVERY.match(head), _HOW_YOU.match(head)
    if every and known_verb(every.group("verb")):
        verb = inflect(every.group("verb"), "VBN")
        return "often", {"inv": f"must {place.key} be {verb}", "plain": f"{place.key} must be {verb}"}
    if head in {"fits", "covers", "includes", "measures"}:
        return "what", {"inv": f"does {place.key} {lemma(head)}", "plain": f"{place.key} {head}"}
    return ("howto", {"vp": f"{how.group('verb')} {place.key}"}) if how else None


def _attribute(place: _Place, context: Context) -> _Question | None:
    column = place.head if place.head.isupper() else context.lexicon.lower_first(place.head)
    column = _CURRENCY.sub(lambda match: f"{match.group(1)} in {match.group(2).upper()}", column)
    parts = column.split()
    if parts[0].lower() in words("verbal") or _NOT_A_COLUMN.search(column) or len(parts) > 4:
        return None
    if plural(parts[-1]) and re.fullmatch(r"[\d,.]+", place.value):
        return "table_count", {"k": place.key, "col": column}
    return "table_attribute", {"k": place.key, "col": column, "be": _be(column), "of": "for" if parts[-1] in words("for") else "of"}


def _be(column: str) -> str:
    return "are" if plural(column.rsplit(maxsplit=1)[-1]) or " and " in column else "is"


def _code(place: _Place, context: Context) -> _Question | None:
    on = f" on the {context.product}" if context.product else ""
    slots = {"k": place.raw, "code": f"{place.raw}{on}", "device": f"the {context.product}" if context.product else ""}
    if _MEANING.match(place.head):
        return "table_code", slots
    return ("table_fix", slots) if _ACTION.match(place.head) else None


def _property(place: _Place, section: Section, context: Context) -> _Question | None:
    """A property of the product, of the thing that heads the column, or of the section's topic."""
    thing = context.product
    if not thing:
        named = place.head.lower() not in {"value", "details", "detail"}
        thing = context.lexicon.lower_first(place.head) if named else context.lexicon.heading_case(section.heading)
    column = re.sub(r"\s*\([^()]*\)", "", context.lexicon.lower_first(place.raw))
    if not thing or not column:
        return None
    if _RANGE.match(place.value) and not _HAS_RANGE.search(column):
        column += " range"
    return "table_attribute", {"k": f"the {thing}" if context.product else article(thing), "col": column, "be": _be(column), "of": "of"}


def _key(first: str, raw: str, context: Context) -> str:
    """The row's key as a noun phrase: with the column's noun behind it unless it is a name or holds it."""
    key = re.sub(r"\s*\([^()]*\)", "", raw).strip()
    key = re.sub(r",.*$", "", key) if key.count(",") == 1 else key
    identifier = _IDENTIFIER.match(first)
    if identifier or re.fullmatch(r"[\d.]+", key):
        return f"{(identifier.group('noun') if identifier else first).lower()} {key}"
    noun, parts = first.lower().rsplit(maxsplit=1)[-1], key.lower().split()
    known = words("persons") | words("generic_keys") | frozenset(parts)
    if parts and parts[0] not in context.lexicon.lowered and len(first.split()) < 3 and noun not in known:
        return f"the {key} {noun}"
    lowered = flip(context.lexicon.lower_first(key))
    if len(first.split()) > 2 or noun in words("generic_keys") | frozenset(parts) or _whole(key, parts, noun, context):
        return key if noun in words("persons") else article(lowered)
    return f"the {lowered} {noun}"


def _whole(key: str, parts: list[str], noun: str, context: Context) -> bool:
    """Whether the key needs no noun behind it."""
    name = context.lexicon.is_proper(key.split(maxsplit=1)[0]) and ((noun in words("persons") and noun != "office") or not key[0].isupper())
    holds = any(noun.rstrip("s") in part for part in parts) or plural(parts[-1])
    return name or holds or len(parts) > 3 or re.search(r"\b(?:and|or|of|on|for|in)\b", key) is not None
