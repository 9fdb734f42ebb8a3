"""The values that a sentence sets: numbers with their units, amounts of money, dates and times of day."""

import re

from builder.findings.topics import FRAME, stem

Value = tuple[str, float]

_NUMBERS = {
    name: number
    for number, names in enumerate(
        re.split(
            ",",
            "zero,one/ein/eine/einen,two/zwei,three/drei,four/vier,five/fünf,six/sechs,seven/sieben,eight/acht,nine/neun,ten/zehn,"
            "eleven/elf,twelve/zwölf,thirteen,fourteen/vierzehn,fifteen,sixteen,seventeen,eighteen,nineteen,twenty/zwanzig",
        )
    )
    for name in names.split("/")
} | {"thirty": 30, "dreißig": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
_WORD_NUMBER = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_DIGITS = r"\d{1,3}(?:[ ,.]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_UNITS = {  # unit -> what it is counted in, and how many
    "second": ("second", 1), "sekunde": ("second", 1), "minute": ("second", 60), "min": ("second", 60), "hour": ("second", 3600),
    "stunde": ("second", 3600), "day": ("day", 1), "tag": ("day", 1), "week": ("day", 7), "woche": ("day", 7), "month": ("month", 1),
    "monat": ("month", 1), "year": ("month", 12), "jahr": ("month", 12), "euro": ("eur", 1), "eur": ("eur", 1), "€": ("eur", 1),
    "dollar": ("usd", 1), "usd": ("usd", 1), "$": ("usd", 1), "pound": ("gbp", 1), "gbp": ("gbp", 1), "£": ("gbp", 1), "chf": ("chf", 1),
    "%": ("percent", 1), "percent": ("percent", 1), "prozent": ("percent", 1), "mile": ("mile", 1), "km": ("km", 1), "kilometer": ("km", 1),
    "kilometre": ("km", 1), "kg": ("kg", 1), "mb": ("mb", 1), "gb": ("mb", 1000), "tb": ("mb", 1_000_000), "°c": ("°c", 1),
}  # fmt: skip
_MONTHS = {name: number for number, name in enumerate(re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec"), start=1)}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?"
    r"|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_VALUE = re.compile(
    rf"""
      (?P<iso>\b(?:19|20)\d\d-\d\d-\d\d\b)
    | \b(?P<dayfirst>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<month1>{_MONTH})\b\.?(?:,?\s(?P<year1>(?:19|20)\d\d)\b)?
    | \b(?P<month2>{_MONTH})\b\.?\s(?P<daylast>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<year2>(?:19|20)\d\d)\b)?
    | \b(?P<hour>\d{{1,2}})(?:[:.](?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.? | \b(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)\b
    | (?P<sign>[€$£]|\b(?:EUR|USD|GBP|CHF)\b)\s?(?P<money>{_DIGITS})(?P<scale>\s?(?:k|m|million|thousand)\b)?
    | \b(?:(?P<word>{_WORD_NUMBER})(?:\s\(\d+\))? | (?P<number>{_DIGITS}))
      [\s-]?(?P<unit>%|€|(?:(?:business|working|calendar|full|paid|consecutive|additional|extra|more)[\s-])*(?:[^\W\d_]{{1,20}}|°C))?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MONEY = frozenset({"eur", "usd", "gbp", "chf"})
_EACH = re.compile(r"\s?(?:per|an?|each|every|/)\s?([^\W\d_]{3,20})", re.IGNORECASE)
_EACH_TIME = re.compile(r"\b(?:per|an?|each|every)\s(hour|day|night|week|month|quarter|year)\b", re.IGNORECASE)
_NUMBERED = re.compile(
    r"\b(?:section|topic|step|chapter|version|figure|table|level|page|item|article|phase|line|part|no\.?|number|form|room|tier|v)\s*$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b[A-Z][A-Za-z]*[\s-]$")  # Delta 700 is a name


def values(text: str) -> tuple[list[Value], str]:
    """The values of a sentence, and the sentence without them."""
    found: list[Value] = []
    rest, last = [], 0
    for match in _VALUE.finditer(text):
        if (value := _value(match)) is not None:
            found.append(value[0])
            rest.append(text[last : match.start()])
            last = value[1]
    return found, " ".join([*rest, text[last:]])


def _value(match: re.Match[str]) -> tuple[Value, int] | None:
    """What a match says and where its value ends; the noun that is counted stays a word of the sentence."""
    if match["iso"]:
        return ("date", float(match["iso"].replace("-", "")[4:])), match.end()
    if month := match["month1"] or match["month2"]:
        day = int(match["dayfirst"] or match["daylast"])
        return (("date", _MONTHS[month[:3].lower()] * 100 + day), match.end()) if 1 <= day <= 31 else None
    if match["hour"] or match["hour24"]:
        hour, minute = int(match["hour"] or match["hour24"]), int(match["minute"] or match["minute24"] or 0)
        hour = hour % 12 + 12 * (match["half"].lower() == "p") if match["half"] else hour
        return ("time", hour * 60 + minute), match.end()
    if match["money"]:
        scale = {"k": 1e3, "t": 1e3, "m": 1e6}.get((match["scale"] or "").strip()[:1].lower(), 1)
        return (_rate(match, _UNITS[match["sign"].lower()][0]), amount(match["money"]) * scale), match.end()
    return _counted(match)


def _rate(match: re.Match[str], unit: str) -> str:
    """The unit of an amount of money with what it is paid for: 5 EUR a month is no other price than 60 EUR a year."""
    each = _EACH.match(match.string, match.end()) or _EACH_TIME.search(match.string)
    return f"{unit}/{stem(each.group(1).lower())}" if each else unit


def _counted(match: re.Match[str]) -> tuple[Value, int] | None:
    number = float(_NUMBERS[match["word"].lower()]) if match["word"] else amount(match["number"])
    noun = re.split(r"[\s-]", match["unit"] or "")[-1].lower()
    singular = noun.removesuffix("s") if noun not in _UNITS else noun
    for name in (noun, singular, noun.removesuffix("e"), noun.removesuffix("en"), noun.removesuffix("n")):
        if name in _UNITS:
            unit, times = _UNITS[name]
            unit = _rate(match, unit) if unit in _MONEY else unit
            return (unit, number * times), match.end()
    if match["word"] and number < 2:  # "one of" counts nothing
        return None
    is_bare = not noun or noun in FRAME
    before = match.string[: match.start()]
    if _NUMBERED.search(before) or ((is_bare or number >= 100) and _NAMED.search(before)):
        return None
    end = match.start("unit") if match["unit"] else match.end()
    return (f"count {stem(noun)}" if not is_bare else "count", number), end


def amount(text: str) -> float:
    """Return a number written in English or in German: 1,500.00 and 1.500,00 are the same."""
    first, *groups = re.split(r"[ .,]", text)
    if groups and all(len(group) == 3 for group in groups[:-1]) and len(groups[-1]) == 3:
        return float("".join((first, *groups)))
    return float(f"{''.join((first, *groups[:-1]))}.{groups[-1]}") if groups else float(first)
