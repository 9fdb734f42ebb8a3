"""Tables, a cell at a time: the row's key and the column's role make the question, the cell answers."""

import re
from collections.abc import Iterator

from generators.extractive.english import NUMBER, article, flip, plural
from generators.extractive.facts import Context, Fact
from generators.extractive.page import Cell, Section, TablePart

_PROPERTY = frozenset("property feature characteristic item attribute specification parameter detail quantity field".split())
_USE = re.compile(r"^(?:used for|use|what we use it for|purpose|used to)$", re.IGNORECASE)
_MEANING = re.compile(r"^(?:meaning|what it means|description|explanation|definition)\b", re.IGNORECASE)
_ACTION = re.compile(r"^(?:what to do|action|remedy|solution|fix|response|what you do)$", re.IGNORECASE)
_HOW_YOU = re.compile(r"^how (?:you|to) (?P<verb>\w+) it$", re.IGNORECASE)
_ASK = re.compile(r"^(?:ask (?:about|for|them about|him about|her about)|responsible for|topics?|contact for|talk to them about)$", re.IGNORECASE)
_GENERIC_KEYS = frozenset("name title kind type code part term property feature item".split())
_CODE = re.compile(r"^[A-Z]{1,3}-?\d{1,4}$")


def tables(section: Section, context: Context) -> Iterator[Fact]:
    """The facts of the section's tables, at most three cells of a row and fifteen rows of a table."""
    for table in section.tables():
        header = [cell.text for cell in table.header]
        if not all(header) or len(header) < 2 or len({row[0].text for row in table.rows if row}) < len(table.rows):
            continue
        for row in table.rows[:15]:
            if len(row) == len(header) and _plain(row[0].text):
                yield from list(_row(table, row, section, context))[:3]


def _plain(text: str) -> bool:
    return bool(text) and len(text.split()) <= 8 and not re.search(r"[{}<>|]|https?:", text)


def _row(table: TablePart, row: tuple[Cell, ...], section: Section, context: Context) -> Iterator[Fact]:
    first = table.header[0].text
    for head, cell in zip(table.header[1:], row[1:], strict=True):
        if not cell.text or cell.text.strip(" -–—.") == "" or cell.text.lower() in {"n/a", "none", "yes", "no"} or len(cell.text.split()) > 60:
            continue
        found = _cell(first, row[0].text, head.text, cell.text, (section, context))
        if found:
            family, slots = found
            yield Fact.of(family, slots, cell.text, (row[0].span[0], row[0].span[1]), cell.span)


def _cell(first: str, raw_key: str, head: str, value: str, place: tuple[Section, Context]) -> tuple[str, dict[str, str]] | None:
    section, context = place
    if _CODE.match(raw_key):
        return _code(raw_key, head, context)
    key = _key(first, raw_key, context)
    if first.lower() in _PROPERTY:
        return _property(raw_key, head, section, context)
    if _USE.match(head):
        return "table_use", {"k": key}
    if _MEANING.match(head):
        return "define", {"x": key, "X": key}
    how = _HOW_YOU.match(head)
    if how:
        return "howto", {"vp": f"{how.group('verb')} {article(key)}"}
    if head.lower() == "role" or (head.lower() in {"position", "job"} and raw_key.istitle()):
        return "table_role", {"k": raw_key}
    if _ASK.match(head):
        return "table_ask", {"k": raw_key}
    return _attribute(key, head, value, context)


def _attribute(key: str, head: str, value: str, context: Context) -> tuple[str, dict[str, str]] | None:
    column = context.lexicon.lower_first(head) if not head.isupper() else head
    if re.search(r"\b(?:it|you|they|who|what|when|how|where|which|notes?|comments?|example|examples)\b", column, re.IGNORECASE) or column.endswith("?") or len(column.split()) > 4:
        return None
    if plural(column.split()[-1]) and re.fullmatch(r"[\d,.]+", value):
        return "table_count", {"k": article(key), "col": column}
    be = "are" if plural(column.split()[-1]) else "is"
    return "table_attribute", {"k": article(key), "col": column, "be": be}


def _code(code: str, head: str, context: Context) -> tuple[str, dict[str, str]] | None:
    on = f" on the {context.product}" if context.product else ""
    device = f"the {context.product}" if context.product else "the device"
    if _MEANING.match(head):
        return "table_code", {"k": code, "on": on, "device": device}
    if _ACTION.match(head):
        return "table_fix", {"k": code, "on": on, "device": device}
    return None


def _property(name: str, head: str, section: Section, context: Context) -> tuple[str, dict[str, str]] | None:
    thing = f"the {context.product}" if context.product else ""
    if not thing and head.lower() not in {"value", "details", "detail"}:
        thing = article(context.lexicon.lower_first(head))
    if not thing:
        thing = article(context.lexicon.heading_case(section.heading))
    column = context.lexicon.lower_first(name)
    if re.match(rf"{NUMBER}\b", column) or "(" in column:
        column = re.sub(r"\s*\([^()]*\)", "", column)
    be = "are" if plural(column.split()[-1]) or " and " in column else "is"
    return "table_attribute", {"k": thing, "col": column, "be": be}


def _key(first: str, raw_key: str, context: Context) -> str:
    """The row's key as a noun phrase: with the column's noun behind it unless it is a name or holds it."""
    key = re.sub(r"\s*\([^()]*\)", "", raw_key).strip()
    key = re.sub(r",.*$", "", key) if key.count(",") == 1 else key
    noun = first.lower().split()[-1]
    words = [word.lower() for word in key.split()]
    if context.lexicon.is_proper(key.split()[0]) or len(first.split()) > 2 or noun in _GENERIC_KEYS | frozenset(words) or any(noun.rstrip("s") in word for word in words) or plural(words[-1]) or re.search(r"\b(?:and|or|of|on|for|in)\b", key):
        return flip(context.lexicon.lower_first(key))
    return f"{flip(context.lexicon.lower_first(key))} {noun}"
