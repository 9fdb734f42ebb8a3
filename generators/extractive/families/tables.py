"""Tables, a cell at a time: the row's key and the column's role make the question, the cell answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from generators.extractive.english import article, inflect, known_verb, lemma, plural, stems
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Cell, Section, TablePart
from generators.extractive.parents import says_little
from generators.extractive.rows import holds_data, named_once, noun_of, row_name, shows, titled
from generators.extractive.words import words

_USE = re.compile(r"^(?:used for|use|what we use it for|used to)$", re.IGNORECASE)
_EVERY = re.compile(r"^(?P<verb>\w+) every$", re.IGNORECASE)
_MEANING = re.compile(r"^(?:meaning|what it means|description|explanation|definition)\b", re.IGNORECASE)
_ACTION = re.compile(r"^(?:what to do|action|remedy|solution|fix|response|what you do)$", re.IGNORECASE)
_CAUSE = re.compile(r"\b(?:condition|cause|reason|problem|noticed|detected|meaning)\b", re.IGNORECASE)  # of a code
_CURE = re.compile(r"\b(?:action|remedy|cure|solution|help)\b", re.IGNORECASE)
_HOW_YOU = re.compile(r"^how (?:you|to) (?P<verb>\w+) it$", re.IGNORECASE)
_ASK = re.compile(
    r"^(?:ask (?:about|for|them about|him about|her about)|responsible for|topics?|contact for|talk to them about)$", re.IGNORECASE
)
_PLACES = frozenset({"office", "location", "site", "city", "country", "building", "floor"})
_PERSONS = re.compile(r"[A-Z][\w’'-]+ [A-Z][\w’'-]+(?:, [A-Z][\w’'-]+ [A-Z][\w’'-]+)*$")
_ACTS = re.compile(r"(?:ers?|ors?|wardens?|leads?|heads?|contacts?)$")
_DATES = frozenset({"date", "day", "due date", "deadline"})
_NOT_A_COLUMN = re.compile(r"\d|\b(?:it|you|they|who|what|when|how|where|which|notes?|comments?|examples?)\b|\?$", re.IGNORECASE)
_REQUIRED = re.compile(r"(?:required|recommended|optional|mandatory|voluntary|compulsory)\b", re.IGNORECASE)
_RESOURCES = re.compile(
    r"^(?:(?:additional |further )?resources?|links?|materials?|documentation|(?:learn|read) more|more information|where to read more)$",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"^(?:log[- ]?in|sign[- ]?(?:in|on))\b|\b(?:log[- ]?in|sign[- ]?on)$")
_DAY = re.compile(
    r"(?:(?:first|second|third|fourth|last) )?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day\b.*|(?:jan|febr)uary|march|april|may|june|july|"
    r"august|(?:septem|octo|novem|decem)ber)(?: \d{1,2}(?:, \d{4})?| in \w+)?$|\d{1,2}\.? \w+(?: \d{4})?$|\d{4}-\d\d-\d\d$",
    re.IGNORECASE,
)
_QUALITY = re.compile(r"(?:known|\w{3,}ed|seen|found|best|very|mostly|often|also)\b", re.IGNORECASE)  # it says how something is, not what
_CODE = re.compile(r"^[A-Z]{1,3}-?\d{1,4}$")
_AMOUNT = re.compile(r"(?:up to |at most )?[\d,.]+|unlimited|no limit", re.IGNORECASE)
_LIMITING = re.compile(
    r"(?:conditions?|notes?|remarks?|comments?|restrictions?|exceptions?|requirements?|eligibility|how often|frequency)$", re.IGNORECASE
)
_MEASURED = frozenset({"table_attribute", "table_count"})
_DIGIT = re.compile(r"\d")
_BARE_NUMBER = re.compile(r"[\d,.]+")
_CURRENCY = re.compile(r"\b(price|cost|amount|fee) \(?(eur|usd|gbp|chf)\)?$", re.IGNORECASE)
_RANGED = re.compile(r"(?:up to|over|above|below|under|more than|less than|from|between)\b", re.IGNORECASE)
_RANGE = re.compile(r"-?\d[\d,.]* to \d")
_HAS_RANGE = re.compile(r"range|temperature|pressure|speed|diameter|size|depth|interval|time")
_SPAN = re.compile(r"(?P<start>.*\d(?= ?[-–—])|.*\w(?= [-–—] )) ?[-–—] ?(?P<end>[A-Za-z]{3}.*|\d{1,2},? .*)$")  # "Oct 23 - Nov 7, 2025"
_OF_DATES = re.compile(r"^(?P<matter>.+?) (?:important |key )?(?:dates|calendar|schedule|timeline|milestones|deadlines)$", re.IGNORECASE)
_MEASURES = frozenset(
    {"capacity", "length", "width", "height", "depth", "weight", "size", "volume", "distance", "duration", "speed", "power"}
)
_ORDINALS = frozenset({"first", "next", "second", "last", "final"})
_DURATION = re.compile(r"(?:within )?\d+ (?:working )?(?:minute|hour|day|week|month)s?\b")
_LONGEST, _SHORT, _NAME = 60, 12, 3  # words of a cell, of one that limits another, and of a mere name
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
    for table in filter(holds_data, section.tables()):
        header = [re.sub(r"\(s\)$", "s", cell.text.replace("_", " ").strip()) for cell in table.header]
        if not any(header):
            yield from _events(table, context)
        if len(header) < 2 or not all(header):
            continue
        cells = 3 if len(table.rows) <= 12 else 2
        noun = noun_of(header, section, context)
        for number, row in enumerate(named_once(table)[:20]):
            if len(row) == len(header) and _plain(row[0].text):
                found = list(_row(header, row, noun, section, context))
                first = number % len(found) if found else 0
                yield from (found[first:] + found[:first])[:cells]


def _events(table: TablePart, context: Context) -> Iterator[Fact]:
    """The days of a table without header that names an event and its day in each row."""
    rows = [row for row in table.rows if len(row) == 2 and _plain(row[0].text) and _DAY.match(row[1].text)]
    if len(rows) * 2 > len(table.rows):
        for name, day in rows:
            event = name.text if titled(name.text) else context.lexicon.lower_first(name.text)
            if " and " not in event:
                yield Fact.of("table_event", {"k": f"the {event}" if " of " in event else event}, day.text, name.span, day.span)


def _plain(text: str) -> bool:
    core = re.sub(r"\([^()]*\)", "", text).strip()
    return bool(core) and len(text.split()) <= 8 and not _RANGED.match(core) and not re.search(r"[{}<>|]|https?:", text)


def _row(header: list[str], row: tuple[Cell, ...], noun: str, section: Section, context: Context) -> Iterator[Fact]:
    raw = row[0].text
    key = row_name(header[0], raw, noun, context)
    limits = _limits(header, row)
    for head, cell in zip(header[1:], row[1:], strict=True):
        told = re.search(r"\w", cell.text) and cell.text.lower() not in _NO_ANSWER and len(cell.text.split()) <= _LONGEST
        if not (told and shows(head, cell.text)):
            continue
        place = _Place(header[0].lower(), raw, key, head, cell.text)
        asked = None if cell in limits else _asked(place, section, context)
        if asked and asked[0] in {"table_use", "table_resources"} and _repeats(raw, cell.text, context):
            continue
        if asked:
            measured = cell is row[1] and asked[0] in _MEASURED and _DIGIT.search(cell.text)
            cells = [cell, *limits] if measured else [cell]
            answer = "; ".join(one.text for one in cells)
            yield Fact.of(asked[0], asked[1], answer, row[0].span, *(one.span for one in cells))
        if asked and asked[0] == "table_ask" and len(cell.text.split()) <= 6 and cell.text.count(",") < 2:
            matter = context.lexicon.lower_first(cell.text.replace(", ", " or "))
            yield Fact.of("contact", {"x": matter}, raw, row[0].span, cell.span)


def _limits(header: list[str], row: tuple[Cell, ...]) -> list[Cell]:
    """The cells that say when the figure in the second cell of a row holds, as its "Condition" and "How often" do."""
    if not _DIGIT.search(row[1].text):
        return []
    return [
        cell
        for head, cell in zip(header[1:], row[1:], strict=True)
        if _LIMITING.match(head) and cell.text.lower() not in _NO_ANSWER and 0 < len(cell.text.split()) <= _SHORT and shows(head, cell.text)
    ]


def _asked(place: _Place, section: Section, context: Context) -> _Question | None:
    if _CODE.match(place.raw):
        return _code(place, context)
    if place.first in _DATES:
        return _date(place, section, context)
    if place.first in words("property"):
        return _property(place, section, context)
    return _plain_role(place) or _attribute(place, context)


def _repeats(raw: str, value: str, context: Context) -> bool:
    """Whether a cell of some words says but what the row's name says: "Slides of the safety class" for the class "Safety"."""
    told, named = stems(value), stems(raw)
    return bool(told & named) and len(told) > 1 and len(told - named - stems(context.title)) < 2


def _date(place: _Place, section: Section, context: Context) -> _Question:
    """What a day or a span of days holds, with the matter of which the heading says that it has dates."""
    span = _SPAN.match(place.raw)
    on = f"between {span.group('start')} and {span.group('end')}" if span else f"on {place.raw}"
    found = next(filter(None, map(_OF_DATES.match, (section.heading, context.title))), None)
    matter = context.lexicon.heading_case(found.group("matter")) if found else ""
    if not matter:
        return "table_date", {"k": place.raw, "on": on, "day": place.raw}
    of = f"in the {matter} calendar"
    return "table_date", {"k": f"{place.raw} {of}", "on": f"{on} {of}", "date": place.raw, "matter": matter}


def _plain_role(place: _Place) -> _Question | None:
    """Columns whose heading decides."""
    head = place.head.lower()
    own = head == re.sub(r" (?:number|id|code)$", "", place.first)
    roles = (
        ("table_use", place.key, _USE.match(head)),
        ("describe", place.key, (_MEANING.match(head) or own) and not _QUALITY.match(place.value)),
        ("table_role", place.raw, head == "role" or (head in {"position", "job"} and place.raw.istitle())),
        ("table_required", place.key, _REQUIRED.match(place.value)),
        ("table_resources", place.key, _RESOURCES.match(head)),
        ("table_login", place.raw, _LOGIN.search(head)),
        ("table_ask", place.raw, _ASK.match(head)),
    )
    family, key = next(((family, key) for family, key, fits in roles if fits), ("", ""))
    about = key if family == "describe" and not own else ""
    told = key if len(place.value.split()) > _NAME else ""  # "Gasket set" describes nothing
    return (family, {"k": key, "about": about, "told": told if family == "describe" else ""}) if family else _verbal(place, head)


def _verbal(place: _Place, head: str) -> _Question | None:
    """Columns headed by a verb: "replace every", "fits", "how you receive it"."""
    every, how = _EVERY.match(head), _HOW_YOU.match(head)
    if every and known_verb(every.group("verb")):
        verb = inflect(every.group("verb"), "VBN")
        return "often", {"inv": f"must {place.key} be {verb}", "plain": f"{place.key} must be {verb}"}
    if head in {"fits", "covers", "includes", "measures"}:
        return "what", {"inv": f"does {place.key} {lemma(head)}", "plain": f"{place.key} {head}"}
    thing = place.key if place.first in place.key or place.first in words("generic_keys") else f"the {place.first} for {place.key}"
    return ("table_how", {"vp": f"{how.group('verb')} {thing}"}) if how else None


def _attribute(place: _Place, context: Context) -> _Question | None:
    column = place.head if place.head.isupper() else context.lexicon.lower_first(place.head)
    column = _CURRENCY.sub(lambda match: f"{match.group(1)} in {match.group(2).upper()}", column)
    parts = column.split()
    if parts[0].lower() in words("verbal") or parts[-1].endswith("ed") or _NOT_A_COLUMN.search(column) or len(parts) > 4:
        return None
    if _BARE_NUMBER.fullmatch(place.value) and parts[-1].lower() in _MEASURES:
        return None  # of what unit?
    told, sender = next(((told, rest) for told, by, rest in [column.partition(" from ")] if by), (column, ""))
    answered = parts[0] in _ORDINALS and known_verb(told.split()[-1]) and _DURATION.match(place.value)  # "First reply": "3 working days"
    if answered:
        column = f"time to the {told} from {sender}" if sender else f"{told} time"
    for_it = parts[-1] in words("for") and " for " not in place.key
    slots = {"k": place.key, "col": column, "be": _be(column), "of": "for" if answered or for_it else "of"}
    if plural(parts[-1]) and _AMOUNT.fullmatch(place.value):
        return "table_count", slots
    if column in _PLACES:
        return "table_place", slots
    if _ACTS.search(column) and _PERSONS.match(place.value):
        return "table_who", slots
    return "table_has" if column.lower() in words("mass") or plural(parts[-1]) else "table_attribute", slots


def _be(column: str) -> str:
    return "are" if plural(column.rsplit(maxsplit=1)[-1]) or " and " in column else "is"


def _code(place: _Place, context: Context) -> _Question | None:
    on = f" on the {context.product}" if context.product else ""
    slots = {"k": place.raw, "code": f"{place.raw}{on}", "device": f"the {context.product}" if context.product else ""}
    if _MEANING.match(place.head) or _CAUSE.search(place.head):
        return "table_code", slots
    return ("table_fix", slots) if _ACTION.match(place.head) or _CURE.search(place.head) else None


def _property(place: _Place, section: Section, context: Context) -> _Question | None:
    """A property of the product, of the thing that heads the column, or of the section's topic."""
    thing = context.product
    if not thing:
        named = place.head.lower() not in {"value", "details", "detail"}
        thing = context.lexicon.lower_first(place.head) if named else context.lexicon.heading_case(section.heading)
    column = re.sub(r"\s*\([^()]*\)", "", context.lexicon.lower_first(place.raw))
    if not thing or not column or (not context.product and says_little(thing)):
        return None
    if _RANGE.match(place.value) and not _HAS_RANGE.search(column):
        column += " range"
    slots = {"k": f"the {thing}" if context.product else article(thing), "col": column, "be": _be(column), "of": "of"}
    return "table_has" if plural(column.rsplit(maxsplit=1)[-1]) and " and " not in column else "table_attribute", slots
