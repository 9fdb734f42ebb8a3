"""What can be said about an item without asking anybody: the words that the checks of all tasks are made of."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from schemas.shown import cleaned

if TYPE_CHECKING:
    from generators.alpaca.asks import Ask, Material, Passage

_SAME = str.maketrans(
    dict.fromkeys("‘’‚‛´`", "'")
    | dict.fromkeys("“”„‟«»", '"')
    | dict.fromkeys("–—‑−", "-")
    | {"‹": "<", "›": ">"}
    | dict.fromkeys("*_\\\u00ad\u200b\u200c\u200d\u2060\ufeff")
)
_LINK = re.compile(r"https?://[^\s<>()\"'\]]+|\bwww\.[^\s<>()\"'\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_NUMBER = re.compile(r"\d(?:[\d.,:'\u00a0\u202f]*\d)?")
_NO_CENTS = re.compile(r"(?<=\d)[:.,]00$")  # 15:00 is 3 pm or 15, 289.00 is 289
_NO_DIGIT = re.compile(r"\D")
_IN_WORDS = "12"
_MARK = re.compile(r"^[ \t]*(?:\(?\d{1,2}[.)]|step \d{1,2}[.:])[ \t]+", re.IGNORECASE | re.MULTILINE)
_STEP = re.compile(r"^[ \t]*(\d{1,2})[.)][ \t]+\S", re.MULTILINE)
_WORD = re.compile(r"\w+")
_TEXT = r"(?:passage|text|excerpt|snippet|paragraph|article|document|section|context)s?"
_POINTS = re.compile(
    rf"""\b(?:according\ to\ (?:the|this|that)\ {_TEXT}
      | (?:in|from|by|of)\ (?:this|the\ (?:above|given|provided|following))\ {_TEXT}
      | (?:in|from|by)\ the\ (?:passage|excerpt|snippet|paragraph|text)
      | the\ (?:passage|excerpt|snippet|text)\ (?:says?|states?|mentions?|describes?|explains?)
      | (?:the|this)\ (?:document|section|paragraph)\ (?:says?|states?|mentions?)
      | (?:mentioned|described|stated|listed|shown)\ (?:above|below)
      | laut\ (?:dem\ )?(?:Text|Abschnitt|Auszug) | d'après\ le\ (?:texte|passage) | según\ el\ (?:texto|pasaje)
    )\b(?!\ (?:editor|field|message|box|file)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_NEAR = 0.8  # share of a quote's word triples that must stand in the passage; the builder locates it, or drops it
_SHINGLE = 3


@lru_cache(maxsize=4096)
def normal(text: str) -> str:
    """Return `text` without what copying changes: case, spacing, emphasis, kinds of quotes and dashes."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_SAME)).casefold().split())


def words(text: str) -> list[str]:
    """Return the words of `text` in normal form."""
    return _WORD.findall(normal(text))


@lru_cache(maxsize=512)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    found = words(text)
    return frozenset(tuple(found[place : place + _SHINGLE]) for place in range(max(1, len(found) - _SHINGLE + 1)))


def contains(text: str, quote: str) -> bool:
    """Tell whether `text` reads `quote`, but for what copying changes."""
    return normal(quote) in normal(text)


def share(quote: str, text: str) -> float:
    """Return which share of the word triples of `quote` stands in `text`."""
    mine = _shingles(quote)
    return len(mine & _shingles(text)) / len(mine)


def stands_in(text: str, quote: str) -> bool:
    """Tell whether `text`, or what is shown of it, reads `quote`, or so nearly that a fuzzy search can find the place."""
    return _stands_in(text, quote) or _stands_in(cleaned(text), quote)


def _stands_in(text: str, quote: str) -> bool:
    return contains(text, quote) or (len(words(quote)) > _SHINGLE and share(quote, text) >= _NEAR)


@lru_cache(maxsize=512)
def numbers(text: str) -> frozenset[str]:
    """Return the numbers above twelve, without separators: smaller ones may stand in words. Those of list items do not count."""
    found = _NUMBER.findall(_MARK.sub("", text))
    digits = (number if number.isdigit() else _NO_DIGIT.sub("", _NO_CENTS.sub("", number)) for number in found)
    return frozenset(number for number in digits if (len(number), number) > (len(_IN_WORDS), _IN_WORDS))


def new_numbers(text: str, *sources: str) -> list[str]:
    """Return the numbers of `text` that no source has."""
    return sorted(numbers(text).difference(*(numbers(source) for source in sources)))


def steps(text: str) -> list[int]:
    """Return the numbers at the beginnings of the lines of a numbered list."""
    return [int(number) for number in _STEP.findall(text)]


def token_f1(left: str, right: str) -> float:
    """Return the F1 of the words that two texts share (as in SQuAD, Rajpurkar et al. 1606.05250)."""
    ours, theirs = _bag(left), _bag(right)
    common = (ours & theirs).total()
    return 2 * common / (ours.total() + theirs.total()) if common else float(ours == theirs)


@lru_cache(maxsize=4096)
def _bag(text: str) -> Counter[str]:
    return Counter(words(text))


def points_to_text(question: str) -> str:
    """Return the words of `question` that point to a text which its reader does not see, or an empty string."""
    found = _POINTS.search(question)
    return found.group() if found else ""


def strings(value: Any) -> Iterator[str]:
    """Yield every string inside a JSON value; keys do not count."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for inner in value.values() for text in strings(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in strings(inner))


def questions(item: Mapping[str, Any]) -> list[str]:
    """Return the wordings of an item, each once."""
    found = item.get("wordings") or [item.get("instruction", "")]
    return list({normal(text): text.strip() for text in reversed(found)}.values())[::-1]


def exchanges(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the exchanges of a conversation, or an empty list."""
    turns = item.get("turns")
    return turns if isinstance(turns, list) and all(isinstance(turn, Mapping) for turn in turns) else []


def quotes(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the quotes of an item, those of its last exchange first."""
    found = list(item.get("quotes") or ())
    for turn in reversed(exchanges(item)):
        found += turn.get("quotes") or ()
    return tuple(dict.fromkeys(quote.strip() for quote in found))


def grounds(ask: "Ask") -> "tuple[Passage, ...]":
    """Return the passages that quotes may come from: distractors and older versions prove nothing."""
    return ask.passages if ask.task.needs == "two_passages" else ask.passages[:1]


def source_text(ask: "Ask") -> str:
    """Return all that the model was shown to write from: passages with titles and headings, facts and seeds."""
    shown = [part for passage in ask.passages for part in (passage.document.title, *passage.chunk.heading_path, passage.chunk.text)]
    seeds = [part for seed in ask.seeds for part in (seed.instruction, seed.input, seed.output)]
    return "\n".join([*shown, *seeds, *(fact.statement for fact in ask.facts)])


def item_problem(item: Mapping[str, Any], material: "Material") -> str:
    """Return what is wrong with an item whatever its task is: stray quotes, links from nowhere, questions that lean on a text."""
    return _quote_problem(item, material) or _link_problem(item, material) or _question_problem(item, material)


def _quote_problem(item: Mapping[str, Any], material: "Material") -> str:
    if material.ask.task.grounding != "quoted" or material.ask.task.needs == "rule_facts":  # those are not the model's quotes
        return ""
    texts = [passage.chunk.text for passage in grounds(material.ask)]
    for quote in quotes(item):
        if not any(stands_in(text, quote) for text in texts):
            return f"quotes: {shorten(quote)} is not in the passage; copy it character by character"
    return ""


def _link_problem(item: Mapping[str, Any], material: "Material") -> str:
    found = [link.rstrip(".,;:!?") for text in strings(dict(item)) if _may_link(text) for link in _LINK.findall(text)]
    if not found:
        return ""
    known = source_text(material.ask).casefold()
    strange = next((link for link in found if link.casefold() not in known), "")
    return f"{shorten(strange)} is an address that the passage does not give; leave it out" if strange else ""


def _may_link(text: str) -> bool:
    return "@" in text or "://" in text or "www." in text.casefold()


def _question_problem(item: Mapping[str, Any], material: "Material") -> str:
    if material.ask.task.input != "none":
        return ""
    for question in [*(questions(item) if not exchanges(item) else ()), *(str(turn.get("user")) for turn in exchanges(item))]:
        if pointer := points_to_text(question):
            return f"the question says {pointer!r}, but its reader sees no text; name the subject instead"
    answer = item.get("output")
    for said in [answer, *(turn.get("assistant") for turn in exchanges(item))]:
        if material.ask.task.grounding == "quoted" and isinstance(said, str) and (pointer := points_to_text(said)):
            return f"the answer says {pointer!r}; tell the fact as your own knowledge"
    if isinstance(answer, str) and normal(answer) in {normal(question) for question in questions(item)}:
        return "the answer repeats the question"
    return ""


def shorten(text: str, limit: int = 60) -> str:
    """Return `text` as one quoted line of at most `limit` characters."""
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 3] + "...")
