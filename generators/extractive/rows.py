"""How a table names its rows: the words of a row's first cell as a noun phrase that is understood without the table."""

import re
from collections import Counter
from itertools import pairwise

from generators.extractive.english import article, flip, gerund_base, lemma, plural
from generators.extractive.facts import Context
from generators.extractive.page import Cell, Section, TablePart
from generators.extractive.words import words

_IDENTIFIER = re.compile(r"^(?P<noun>.+?) (?:number|no|id|code|key)$", re.IGNORECASE)
_NAMELESS = frozenset({"name", "title", "item"})
_DUMMY = re.compile(r"(?:headers?|columns?|col|fields?|heading|merged cell|cells?) ?[\d.]*(?:[\dA-Z](?: [\d.]+)?)?$", re.IGNORECASE)
_BOX = re.compile(r"[□☐☑☒✓✔•▪?] ")
_PLACEHOLDER = re.compile(
    r"(?:[@%] ?\w[\w ]*|\[.*\]|<.*>|\{.*\}|\.{3}|…|[xX]{2,}|[_-]{2,}|\?+|tb[acd]|"
    r"to be (?:determined|announced|confirmed|decided)|lorem ipsum.*)$",
    re.IGNORECASE,
)
_NOTHING_SHOWN = re.compile(
    r"(?:(?:view|see|open|download|click|show|watch|enlarge)\b.{0,30}|(?:link|image|photo|picture|png|jpe?g|pdf|thumbnail)"
    r"|no (?:[\w-]+ )?(?:available|yet|image|photo|picture|information|data)(?: (?:yet|available))?)\.?$",
    re.IGNORECASE,
)  # what stands for a picture or a link
_PICTURES = re.compile(r"(?:image|photo|picture|icon|logo|thumbnail|screenshot|link|url|video|download)s?$", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:of|on|for|in|at|to|from|with)\b")
_LONGEST_HEAD, _LONGEST_KEY = 8, 10  # words


def holds_data(table: TablePart) -> bool:
    """Whether `table` is one of things and what holds for them, and no layout of prose, check boxes or a quotation; nor a dummy."""
    heads = [cell.text for cell in table.header if cell.text]
    keys = [row[0].text for row in table.rows if row and row[0].text]
    cells = [cell.text for row in table.rows for cell in row if cell.text]
    if (heads and all(map(_DUMMY.match, heads))) or any(len(head.split()) > _LONGEST_HEAD for head in heads) or not keys:
        return False
    prose = sum(len(key.split()) > _LONGEST_KEY for key in keys) * 3 > len(keys)
    return not (prose or _runs_on(keys) or sum(_BOX.match(cell) is not None for cell in cells) > 1)


def _runs_on(keys: list[str]) -> bool:
    """Whether the first cells are the lines of one text: more than one goes on in small letters where the one before did not end."""
    small = [one for one in keys if one[0].islower()]
    broken = sum(
        after[0].islower() and len(before.split()) >= 3 and re.search(r"\w$", before) is not None for before, after in pairwise(keys)
    )
    return len(small) < len(keys) and broken > 1


def filled(table: TablePart) -> list[tuple[Cell, ...]]:
    """The rows of `table` that stand alone: not parted over several rows by merged cells, and no template to fill in."""
    below = [*table.rows[1:], ()]
    return [
        row
        for row, after in zip(table.rows, below, strict=True)
        if row and row[0].text and not (after and not after[0].text) and not any(_PLACEHOLDER.match(cell.text) for cell in row if cell.text)
    ]


def shows(head: str, value: str) -> bool:
    """Whether a cell says something, and does not only link to it or stand for a picture."""
    return not (_PICTURES.search(head) or _NOTHING_SHOWN.match(value))


def named_once(table: TablePart) -> list[tuple[Cell, ...]]:
    """The filled rows whose first cell no other row has; none if those are not most rows."""
    keys = Counter(row[0].text for row in table.rows if row)
    rows = [row for row in filled(table) if keys[row[0].text] == 1]
    return rows if len(rows) * 2 > len(table.rows) else []


def noun_of(header: list[str], section: Section, context: Context) -> str:
    """What the rows are where the first column only says "Name": the plural noun of the page or of a heading ("classes"), singular."""
    if header[0].lower() not in _NAMELESS or any(head.lower() in words("of_persons") for head in header):
        return ""
    for heading in filter(None, [context.title, *section.path]):
        last = heading.rsplit(maxsplit=1)[-1].lower()
        if plural(last) and " and " not in heading and not context.lexicon.is_proper(last):
            return lemma(last, "NOUN")
    return ""


def row_name(first: str, raw: str, noun: str, context: Context) -> str:
    """The row's name `raw` as a noun phrase, by the heading `first` of its column or the `noun` of `noun_of`."""
    return _called(raw, noun) if noun else _key(first, raw, context)


def titled(key: str) -> bool:
    """Whether most words of `key` are capitalised, as in a title."""
    parts = key.split()
    return sum(part[0].isupper() for part in parts) * 2 > len(parts)


def _called(raw: str, noun: str) -> str:
    """A thing with a name of its own: "the Rota 101 class", "the class “How we talk to customers”"."""
    name = re.sub(r"\s*\([^()]*\)", "", raw).strip()
    if noun in name.lower() or name.lower().endswith(tuple(words("documents"))):
        return f"the {name}"
    return f'the {noun} "{name}"' if len(name.split()) > 3 or ":" in name else f"the {name} {noun}"


def _key(first: str, raw: str, context: Context) -> str:
    """With the column's noun behind it unless it is a name or holds it."""
    key = re.sub(r"\s*\([^()]*\)", "", raw).strip()
    key = re.sub(r",.*$", "", key) if key.count(",") == 1 else key
    identifier = _IDENTIFIER.match(first)
    if identifier or re.fullmatch(r"[\d.]+", key):
        return f"{(identifier.group('noun') if identifier else first).lower()} {key}"
    noun, parts = first.lower().rsplit(maxsplit=1)[-1], key.lower().split()
    return _written(key, parts, noun, context) or _thing(key, parts, first, context)


def _written(key: str, parts: list[str], noun: str, context: Context) -> str:
    """A key with a name of its own, "the Boat Guide", or that is what something is given for: "the allowance for a desk at home"."""
    if titled(key) and parts[-1] in words("documents") | words("written") and gerund_base(parts[0]) is None:
        return f"the {key}"
    if noun in words("entitlements") and noun not in parts and _PREPOSITION.search(key) and re.match(r"\S+ [a-z]", key):
        whole = article(flip(context.lexicon.lower_first(key)))
        return f"{noun} for {whole}" if noun in words("mass") else f"the {noun} for {whole}"
    if _is_title(key, parts, noun):
        return f'the {noun} "{key}"' if noun not in words("generic_keys") else f'"{key}"'
    return ""


def _thing(key: str, parts: list[str], first: str, context: Context) -> str:
    """A key as a noun phrase with the noun of its column behind it, where it needs one."""
    noun = first.lower().rsplit(maxsplit=1)[-1]
    known = words("persons") | words("generic_keys") | frozenset(parts)
    if parts and parts[0] not in context.lexicon.lowered and len(first.split()) < 3 and noun not in known:
        return f"the {key} {noun}"
    lowered = flip(context.lexicon.lower_first(key))
    if len(first.split()) > 2 or noun in words("generic_keys") | frozenset(parts) or _whole(key, parts, noun, context):
        return key if noun in words("persons") else article(lowered)
    return f"the {lowered} {noun}"


def _is_title(key: str, parts: list[str], noun: str) -> bool:
    """Whether the key is the title of something that it does not name itself: "Reopening an existing plan"."""
    acts = len(parts) > 2 and gerund_base(parts[0]) is not None
    named = any(noun.rstrip("s") in part for part in parts) or noun in words("persons")
    return not named and (acts or (len(parts) > 3 and titled(key)))


def _whole(key: str, parts: list[str], noun: str, context: Context) -> bool:
    """Whether the key needs no noun behind it."""
    name = context.lexicon.is_proper(key.split(maxsplit=1)[0]) and ((noun in words("persons") and noun != "office") or not key[0].isupper())
    holds = any(noun.rstrip("s") in part for part in parts) or plural(parts[-1])
    return name or holds or len(parts) > 3 or re.search(r"\b(?:and|or|of|on|for|in)\b", key) is not None
