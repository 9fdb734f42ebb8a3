"""Tables, a cell at a time: the row's key and the column's role make the question, the cell answers."""

import re
from collections.abc import Iterator

from generators.extractive.english import NUMBER, article, flip, inflect, known_verb, lemma, plural
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Cell, Section
from generators.extractive.words import words

_PROPERTY = words("property")
_USE = re.compile(r"^(?:used for|use|what we use it for|used to)$", re.IGNORECASE)
_EVERY = re.compile(r"^(?P<verb>\w+) every$", re.IGNORECASE)
_IDENTIFIER = re.compile(r"^(?P<noun>.+?) (?:number|no|id|code|key)$", re.IGNORECASE)
_MEANING = re.compile(r"^(?:meaning|what it means|description|explanation|definition)\b", re.IGNORECASE)
_ACTION = re.compile(r"^(?:what to do|action|remedy|solution|fix|response|what you do)$", re.IGNORECASE)
_HOW_YOU = re.compile(r"^how (?:you|to) (?P<verb>\w+) it$", re.IGNORECASE)
_ASK = re.compile(
    r"^(?:ask (?:about|for|them about|him about|her about)|responsible for|topics?|contact for|talk to them about)$", re.IGNORECASE
)
_GENERIC_KEYS = words("generic_keys")
_VERBAL = words("verbal")
_FOR = words("for")
_PERSONS = words("persons")
_CODE = re.compile(r"^[A-Z]{1,3}-?\d{1,4}$")


def tables(section: Section, context: Context) -> Iterator[Fact]:
    """The facts of the section's tables, at most three cells of a row and fifteen rows of a table."""
    for table in section.tables():
        header = [cell.text.replace("_", " ") for cell in table.header]
        if not all(header) or len(header) < 2 or len({row[0].text for row in table.rows if row}) < len(table.rows):
            continue
        for number, row in enumerate(table.rows[:20]):
            if len(row) == len(header) and _plain(row[0].text):
                found = list(_row(header, row, section, context))
                first = number % len(found) if found else 0
                yield from (found[first:] + found[:first])[: 3 if len(table.rows) <= 12 else 2]


def _plain(text: str) -> bool:
    return bool(text) and len(text.split()) <= 8 and not re.search(r"[{}<>|]|https?:", text)


def _row(header: list[str], row: tuple[Cell, ...], section: Section, context: Context) -> Iterator[Fact]:
    for head, cell in zip(header[1:], row[1:], strict=True):
        if (
            not cell.text
            or cell.text.strip(" -–—.") == ""
            or cell.text.lower() in {"n/a", "none", "yes", "no"}
            or len(cell.text.split()) > 60
        ):
            continue
        found = _cell(header[0], row[0].text, head, cell.text, (section, context))
        if found:
            family, slots = found
            yield Fact.of(family, slots, cell.text, row[0].span, cell.span)
            if family == "table_ask" and len(cell.text.split()) <= 6:
                yield Fact.of(
                    "contact",
                    {"x": context.lexicon.lower_first(cell.text.replace(", ", " or ")) if cell.text.count(",") < 2 else ""},
                    row[0].text,
                    row[0].span,
                    cell.span,
                )


def _cell(first: str, raw_key: str, head: str, value: str, place: tuple[Section, Context]) -> tuple[str, dict[str, str]] | None:
    section, context = place
    if _CODE.match(raw_key):
        return _code(raw_key, head, context)
    key = _key(first, raw_key, context)
    if first.lower() in {"date", "day", "due date", "deadline"}:
        return "table_date", {"k": raw_key}
    if first.lower() in _PROPERTY:
        return _property(raw_key, head, value, place)
    if _USE.match(head):
        return "table_use", {"k": key}
    if _MEANING.match(head):
        return "describe", {"k": key}
    every = _EVERY.match(head)
    if every and known_verb(every.group("verb")):
        return "often", {
            "inv": f"must {key} be {inflect(every.group('verb').lower(), 'VBN')}",
            "plain": f"{key} must be {inflect(every.group('verb').lower(), 'VBN')}",
        }
    if head.lower() in {"fits", "covers", "includes", "measures"}:
        base = lemma(head.lower())
        return "what", {"inv": f"does {key} {base}", "plain": f"{key} {head.lower()}"}
    if head.lower() == first.lower().removesuffix(" number").removesuffix(" id").removesuffix(" code"):
        return "describe", {"k": key}
    how = _HOW_YOU.match(head)
    if how:
        return "howto", {"vp": f"{how.group('verb')} {key}"}
    if head.lower() == "role" or (head.lower() in {"position", "job"} and raw_key.istitle()):
        return "table_role", {"k": raw_key}
    if _ASK.match(head):
        return "table_ask", {"k": raw_key}
    return _attribute(key, head, value, context)


def _attribute(key: str, head: str, value: str, context: Context) -> tuple[str, dict[str, str]] | None:
    column = context.lexicon.lower_first(head) if not head.isupper() else head
    column = re.sub(r"\b(price|cost|amount|fee) (eur|usd|gbp|chf)$", lambda match: f"{match.group(1)} in {match.group(2).upper()}", column)
    if (
        column.split()[0].lower() in _VERBAL
        or re.search(r"\b(?:it|you|they|who|what|when|how|where|which|notes?|comments?|example|examples)\b", column, re.IGNORECASE)
        or column.endswith("?")
        or len(column.split()) > 4
    ):
        return None
    if plural(column.split()[-1]) and re.fullmatch(r"[\d,.]+", value):
        return "table_count", {"k": key, "col": column}
    be = "are" if plural(column.split()[-1]) else "is"
    slots = {"k": key, "col": column, "be": be}
    return "table_attribute", slots | {"of": "for" if column.split()[-1] in _FOR else "of"}


def _code(code: str, head: str, context: Context) -> tuple[str, dict[str, str]] | None:
    on = f" on the {context.product}" if context.product else ""
    device = f"the {context.product}" if context.product else "the device"
    if _MEANING.match(head):
        return "table_code", {"k": code, "on": on, "device": device}
    if _ACTION.match(head):
        return "table_fix", {"k": code, "on": on, "device": device}
    return None


def _property(name: str, head: str, value: str, place: tuple[Section, Context]) -> tuple[str, dict[str, str]] | None:
    section, context = place
    thing = f"the {context.product}" if context.product else ""
    if not thing and head.lower() not in {"value", "details", "detail"}:
        thing = article(context.lexicon.lower_first(head))
    if not thing:
        thing = article(context.lexicon.heading_case(section.heading))
    column = context.lexicon.lower_first(name)
    if re.match(rf"{NUMBER}\b", column) or "(" in column:
        column = re.sub(r"\s*\([^()]*\)", "", column)
    be = "are" if plural(column.split()[-1]) or " and " in column else "is"
    if re.match(r"-?\d[\d,.]* to \d", value) and not re.search(
        r"range|temperature|pressure|speed|diameter|size|depth|interval|time", column
    ):
        column += " range"
    return "table_attribute", {"k": thing, "col": column, "be": be, "of": "of"}


def _key(first: str, raw_key: str, context: Context) -> str:
    """The row's key as a noun phrase: with the column's noun behind it unless it is a name or holds it."""
    key = re.sub(r"\s*\([^()]*\)", "", raw_key).strip()
    key = re.sub(r",.*$", "", key) if key.count(",") == 1 else key
    identifier = _IDENTIFIER.match(first)
    if identifier or re.fullmatch(r"[\d.]+", key):
        return f"{(identifier.group('noun') if identifier else first).lower()} {key}"
    noun = first.lower().split()[-1]
    words = [word.lower() for word in key.split()]
    if (
        words
        and words[0] not in context.lexicon.lowered
        and len(first.split()) < 3
        and noun not in _PERSONS | _GENERIC_KEYS | frozenset(words)
    ):
        return f"the {key} {noun}"
    if (
        len(words) > 3
        or len(first.split()) > 2
        or (context.lexicon.is_proper(key.split()[0])
        and ((noun in _PERSONS and noun != "office") or not key[0].isupper()))
        or noun in _GENERIC_KEYS | frozenset(words)
        or any(noun.rstrip("s") in word for word in words)
        or plural(words[-1])
        or re.search(r"\b(?:and|or|of|on|for|in)\b", key)
    ):
        return article(flip(context.lexicon.lower_first(key))) if noun not in _PERSONS else key
    return f"the {flip(context.lexicon.lower_first(key))} {noun}"
