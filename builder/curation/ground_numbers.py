"""Numbers, dates, times and amounts of a text in normal form, so that "1,500 EUR", "EUR 1.500,00" and "fifteen hundred euros" are one.

A document and an answer write the same value in different ways, and `figures` reads all of them as one. Most words are settled by a look
into a set; one regular expression reads what begins a value, so the cost is linear in the length of the text.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from builder.findings.values import amount

Date = tuple[int, int, int]  # year (0 where none is said), month, day
_SMALL = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_GERMAN = re.findall(r"\w+", "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf")
_ORDINALS = re.findall(r"\w+", "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
_WORDS = (
    {word: number for number, word in enumerate(_SMALL)}
    | {word: number for number, word in enumerate(_GERMAN)}
    | {word: ten for ten, word in zip(range(20, 100, 10), _TENS, strict=True)}
    | {"dozen": 12, "once": 1, "twice": 2, "zwanzig": 20, "dreißig": 30, "half": 0.5, "both": 2}
)
_NTH = {word: number for number, word in enumerate(_ORDINALS, start=1)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "k": 1_000, "m": 1_000_000, "bn": 10**9}
UNITS = {  # unit -> what it is counted in, and how many of that it is
    "second": ("time", 1), "sec": ("time", 1), "minute": ("time", 60), "min": ("time", 60), "hour": ("time", 3600), "hr": ("time", 3600),
    "day": ("time", 86_400), "night": ("time", 86_400), "week": ("time", 604_800), "month": ("months", 1), "quarter": ("months", 3),
    "year": ("months", 12), "%": ("percent", 1), "percent": ("percent", 1), "€": ("eur", 1), "eur": ("eur", 1), "euro": ("eur", 1),
    "$": ("usd", 1), "usd": ("usd", 1), "dollar": ("usd", 1), "£": ("gbp", 1), "gbp": ("gbp", 1), "pound": ("gbp", 1),
    "chf": ("chf", 1), "mm": ("metre", 0.001), "cm": ("metre", 0.01), "metre": ("metre", 1), "meter": ("metre", 1), "km": ("metre", 1000),
    "kilometre": ("metre", 1000), "kilometer": ("metre", 1000), "mile": ("mile", 1), "g": ("gram", 1), "gram": ("gram", 1),
    "kg": ("gram", 1000), "ml": ("litre", 0.001), "litre": ("litre", 1), "liter": ("litre", 1), "kb": ("byte", 0.001), "mb": ("byte", 1),
    "gb": ("byte", 1000), "tb": ("byte", 1_000_000), "°c": ("°c", 1), "°f": ("°f", 1), "volt": ("volt", 1), "watt": ("watt", 1),
}  # fmt: skip
UNITS |= {f"{name}s": unit for name, unit in UNITS.items() if len(name) > 1 and name.isascii() and name.isalpha()}
_MONTHS = {name: number for number, name in enumerate(re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec"), start=1)}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)\b"
)
_DIGITS = r"\d{1,3}(?:[,.\u00a0\u202f ]\d{3})+(?:[.,]\d{1,2})?(?![\d])|\d+(?:[.,]\d+)*"
_WORD = "|".join(sorted([*_WORDS, *("hundred", "thousand", "million", "billion")], key=len, reverse=True))
_FIGURE = re.compile(
    rf"""
      (?<![\w.])(?P<year>(?:19|20)\d\d)[-/.](?P<month>[01]?\d)[-/.](?P<day>[0-3]?\d)(?![\d])
    | (?<![\w.])(?P<one>\d{{1,2}})(?P<mark>[./])(?P<two>\d{{1,2}})(?P=mark)(?P<late>(?:19|20)?\d\d)(?![\d/]|\.\d)
    | \b(?P<day1>[0-3]?\d)(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<month1>{_MONTH})\.?(?:,?\s(?P<year1>(?:19|20)\d\d)\b)?
    | \b(?P<month2>{_MONTH})\.?\s(?P<day2>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:|\.\d)(?:,?\s(?P<year2>(?:19|20)\d\d)\b)?
    | \b(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.?
    | \b(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)\b
    | \b(?P<noon>noon|midday|midnight)\b
    | (?P<version>\b[vV]?\d+(?:\.\d+){{2,}}\b)
    | \b(?P<nth>{"|".join(_NTH)}|\d{{1,3}}(?=(?:st|nd|rd|th)\b))
    | (?:(?P<sign>[€$£]|\b(?:EUR|USD|GBP|CHF))[ \u00a0]?)?
      (?:(?P<digits>(?:(?<![\w.,/-])[-−])?(?:{_DIGITS}))|\b(?P<words>(?:{_WORD})(?:(?:[ -]|\sand\s)(?:{_WORD}))*)\b)
      (?:\s?(?P<scale>hundred|thousand|million|billion|k|m|bn)\b(?![²³]))?
      (?:[\s\u00a0-]?(?P<kind>(?:(?:business|working|calendar|full|consecutive|additional)[\s-])*)(?P<unit>%|€|\$|£|°[CF]|[^\W\d_]+))?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_START = re.compile(r"(?:(?<![\w.,/-])[-−])?\d[\d.,]*|[€$£]|[^\W\d_]\w*")  # where a value may begin; MW1023 is a name
_STARTS = frozenset((*_WORDS, *_SCALES, *_NTH, "noon", "midday", "midnight", "eur", "usd", "gbp", "chf", "v"))
_OPENINGS = frozenset((*_MONTHS, "eur", "usd", "gbp", "chf"))  # of words that begin a value: March, EUR190
_BEFORE_ONE = re.compile(r"\b(?:no|which|this|that|any|every|some|each|at)[ -]$", re.IGNORECASE)  # "one" that counts nothing
_BEFORE_NTH = re.compile(r"\b(?:the|a|an|your|his|her|its|our|their|my|each|every|after|on|in)\s$", re.IGNORECASE)  # the first day
_AFTER_ONE = re.compile(r"\s(?:of|another|or more|who|that|day)\b", re.IGNORECASE)
_MARK = re.compile(r"[ \t]*(?:\(?\d{1,2}[.)]|step \d{1,2}[.:])[ \t]", re.IGNORECASE)  # the number of an item of a list
_INDENTED = 20  # characters before the number of an item


@dataclass(frozen=True, slots=True)
class Figure:
    """One value: as it is written, where, as a number (dates and times of day apart), and its unit in base units."""

    written: str
    start: int
    number: float | None = None
    unit: str = ""
    date: Date | None = None
    minutes: int | None = None
    version: str = ""

    @property
    def amount(self) -> tuple[str, float] | None:
        """What it measures and how much, in base units: ("time", 86400.0) for a day."""
        if self.unit not in UNITS or self.number is None:
            return None
        base, times = UNITS[self.unit]
        return base, round(self.number * times, 6)


def figures(text: str) -> list[Figure]:
    """Return the values of a text, in order. "One" that counts nothing and the numbers of list items are none."""
    found: list[Figure] = []
    last = 0
    for start in _START.finditer(text):
        if start.start() < last or not _may_start(start.group()) or _counts_nothing(text, start):
            continue
        if match := _FIGURE.match(text, start.start()):
            last = match.end()
            if (figure := _figure(match)) is not None:
                found.append(figure)
    return found


def _may_start(token: str) -> bool:
    """Tell whether a value may begin with the token; most words of a text are settled here."""
    lower = token.lower()
    return not lower[0].isalpha() or lower in _STARTS or lower[:3] in _OPENINGS or (lower[0] == "v" and lower[1:].isdigit())


def _counts_nothing(text: str, start: re.Match[str]) -> bool:
    """Tell whether a token is the number of a list item, a "one" that stands for somebody, or a "first" that only says in which order."""
    place = start.start()
    if start.group()[0].isdigit():
        line = text.rfind("\n", 0, place) + 1
        return place - line < _INDENTED and (mark := _MARK.match(text, line)) is not None and place < mark.end()
    word = start.group().lower()
    if word in _NTH:
        return _BEFORE_NTH.search(text, max(0, place - 10), place) is None
    if word == "half":
        return text.startswith(" past", start.end())
    if word not in ("one", "once"):
        return False
    return bool(_BEFORE_ONE.search(text, max(0, place - 8), place) or _AFTER_ONE.match(text, start.end()))


def _figure(match: re.Match[str]) -> Figure | None:
    written, start = match.group().strip(), match.start()
    kind = match.lastgroup or ""
    if kind in ("month", "day", "late", "month1", "year1", "day2", "year2"):
        return Figure(written, start, date=_date(match))
    if match["hour"] or match["hour24"] or match["noon"]:
        return Figure(written, start, minutes=_minutes(match))
    if match["version"]:
        return Figure(written, start, version=match["version"].lower().lstrip("v"))
    if match["nth"]:
        return Figure(written, start, number=float(_NTH.get(match["nth"].lower(), 0) or match["nth"]))
    return _number(match)


def _date(match: re.Match[str]) -> Date:
    if match["year"]:
        return int(match["year"]), int(match["month"]), int(match["day"])
    if match["one"]:  # day first, as outside America; `_same_date` also takes it the other way round
        late = int(match["late"])
        return late if late > 99 else 2000 + late, int(match["two"]), int(match["one"])
    named = match["month1"] or match["month2"]
    return int(match["year1"] or match["year2"] or 0), _MONTHS[named[:3].lower()], int(match["day1"] or match["day2"])


def _minutes(match: re.Match[str]) -> int:
    if match["noon"]:
        return 0 if match["noon"].lower() == "midnight" else 720
    if match["half"]:
        return (int(match["hour"]) % 12 + 12 * (match["half"].lower() == "p")) * 60 + int(match["minute"] or 0)
    return int(match["hour24"]) * 60 + int(match["minute24"])


def _number(match: re.Match[str]) -> Figure | None:
    words = (match["words"] or "").lower()
    number = _spoken(words) if words else _amount(match["digits"])
    unit = (match["sign"] or match["unit"] or "").lower()
    if words == "one" and unit not in UNITS:  # somebody, not a count
        return None
    scale = (match["scale"] or "").lower()
    number *= _SCALES[scale] if scale and (len(scale) > 1 or match["sign"]) else 1
    written = match.group() if unit in UNITS or not match["unit"] else match.string[match.start() : match.start("unit")]
    return Figure(written.strip(" -\n"), match.start(), number=number, unit=unit)


def _amount(digits: str) -> float:
    sign = -1 if digits[0] in "-−" else 1
    return sign * amount(digits.lstrip("-−").replace("\u00a0", " ").replace("\u202f", " "))


@lru_cache(maxsize=1024)
def _spoken(words: str) -> float:
    total = current = 0.0
    for word in re.findall(r"[^\W\d_]+", words):
        if word == "and":
            continue
        if word in _SCALES:
            current = (current or 1) * _SCALES[word]
            total, current = (total + current, 0.0) if _SCALES[word] > 100 else (total, current)
        else:
            current += _WORDS[word]
    return total + current
