"""The values that a sentence sets: numbers with their units, amounts of money, dates, times of day, and how often something is done."""

import re
from collections.abc import Callable

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
_NTH = {
    name: number
    for number, name in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"), start=1
    )
}
_WORD_NUMBER = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_DIGITS = r"\d{1,3}(?:[ ,.]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_UNITS = {  # unit -> what it is counted in, and how many
    "second": ("second", 1), "sekunde": ("second", 1), "minute": ("second", 60), "min": ("second", 60), "hour": ("second", 3600),
    "stunde": ("second", 3600), "day": ("day", 1), "night": ("day", 1), "tag": ("day", 1), "week": ("day", 7), "woche": ("day", 7),
    "month": ("month", 1), "monat": ("month", 1), "quarter": ("month", 3), "year": ("month", 12), "jahr": ("month", 12),
    "euro": ("eur", 1), "eur": ("eur", 1), "€": ("eur", 1),
    "dollar": ("usd", 1), "usd": ("usd", 1), "$": ("usd", 1), "pound": ("gbp", 1), "gbp": ("gbp", 1), "£": ("gbp", 1), "chf": ("chf", 1),
    "%": ("percent", 1), "percent": ("percent", 1), "prozent": ("percent", 1), "mile": ("mile", 1), "km": ("km", 1), "kilometer": ("km", 1),
    "kilometre": ("km", 1), "kg": ("kg", 1), "mb": ("mb", 1), "gb": ("mb", 1000), "tb": ("mb", 1_000_000), "°c": ("°c", 1),
}  # fmt: skip
_MONTHS = {name: number for number, name in enumerate(re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec"), start=1)}
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?"
    r"|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_OFTEN = re.compile(  # every six months, once a year; not: every day of the week
    rf"""\b(?:every|once\s(?:per|an?|every|each)|(?P<twice>twice\s(?:per|an?)))\s(?:(?P<many>{_WORD_NUMBER}|\d{{1,3}})\s)?
        (?P<unit>day|week|month|quarter|year)s?\b(?!\sof\b)
    | \b(?P<adverb>daily|weekly|monthly|quarterly|yearly|annually)(?=\s*(?:[.,;:)]|$))""",
    re.IGNORECASE | re.VERBOSE,
)
_ADVERBS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year", "annually": "year"}
_TWICE = re.compile(r"\btwice\b(?! (?:an?|per|every|as)\b)", re.IGNORECASE)
_PLACE = re.compile(  # the third day, day four
    rf"""\b(?P<nth>{"|".join(_NTH)}|\d{{1,3}}(?=st|nd|rd|th))(?:st|nd|rd|th)?\s(?P<what1>day|week|month|year)\b
    | \b(?P<what2>day|week|month|year)\s(?P<number>{_WORD_NUMBER}|\d{{1,2}})\b""",
    re.IGNORECASE | re.VERBOSE,
)
_RANGE = re.compile(
    rf"(?<![\w:.,/-])(?:{_WORD_NUMBER}|\d{{1,4}})(?:\s?[–-]\s?|\s(?:to|bis)\s)(?=(?:{_WORD_NUMBER}|\d{{1,4}})\b(?![:/-]\d))", re.IGNORECASE
)
_VALUE = re.compile(
    rf"""
      (?P<iso>\b(?:19|20)\d\d-\d\d-\d\d\b)
    | \b(?P<dayfirst>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<month1>{_MONTH})\b\.?(?:,?\s(?P<year1>(?:19|20)\d\d)\b)?
    | \b(?P<month2>{_MONTH})\b\.?\s(?P<daylast>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s(?P<year2>(?:19|20)\d\d)\b)?
    | \b(?P<hour>\d{{1,2}})(?:[:.](?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.? | \b(?P<hour24>[01]?\d|2[0-3]):(?P<minute24>[0-5]\d)\b
    | (?P<sign>[€$£]|\b(?:EUR|USD|GBP|CHF)\b)\s?(?P<money>{_DIGITS})(?P<scale>\s?(?:k|m|million|thousand)\b)?
    | (?<![\w.#/\[-])(?:(?P<word>{_WORD_NUMBER})\b(?:\s\(\d+\))? | (?P<number>{_DIGITS})(?![.,]?\d|\.[\w*]))
      \+?[\s-]?(?P<unit>%|€|(?:(?:business|working|calendar|full|paid|consecutive|additional|extra|more|vacation|holiday|leave)[\s-])*(?:[^\W\d_]{{1,20}}|°C))?
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TELLING = frozenset(("every", "once", "twice", *_ADVERBS, *_NTH, *_NUMBERS))  # without one of them and without a digit there is no value
_DIGIT, _WORD = re.compile(r"\d"), re.compile(r"\w+")
_KIND = re.compile(r"\b(?:business|working)\b", re.IGNORECASE)  # of days
_MONEY = frozenset({"eur", "usd", "gbp", "chf"})
_PER = r"(?:per|an?|each|every|/)\s?(?:calendar\s)?"
_PER_ALONE = re.compile(r"\s?(?:per|/)\s?(?:calendar\s)?([^\W\d_]{3,20})", re.IGNORECASE)
_EACH = re.compile(rf"\s?{_PER}([^\W\d_]{{3,20}})", re.IGNORECASE)
_EACH_TIME = re.compile(rf"\b{_PER}(hour|day|night|week|month|quarter|year)\b", re.IGNORECASE)
_ADJECTIVE = re.compile(r"\b(daily|weekly|monthly|quarterly|yearly)\b", re.IGNORECASE)  # the monthly fee is 40 euros
_NUMBERED = re.compile(
    r"\b(?:section|topic|step|chapter|version|figure|table|level|page|item|article|phase|line|part|no\.?|number|form|room|tier|v|priority"
    r"|class|category|grade|zone|group|option|appendix|annex|rule|question)\s*$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAMED = re.compile(r"\b[A-Z][A-Za-z]*[\s-]$")  # Delta 700 is a name


def values(text: str) -> tuple[list[Value], str]:
    """The values of a sentence, and the sentence without them; of a range, 3 to 5 days, only the end."""
    if not _DIGIT.search(text) and _TELLING.isdisjoint(_WORD.findall(text.lower())):  # most sentences
        return [], text
    found: list[Value] = []
    text = _without(_OFTEN, _often, _without(_PLACE, _place, text, found), found)
    text = _RANGE.sub(" ", _TWICE.sub("two times", text))
    rest, last = [], 0
    for match in _VALUE.finditer(text):
        if (value := _value(match)) is not None:
            found.append(value[0])
            rest += [text[last : match.start()] + "|", _KIND.sub(" ", (match["unit"] or "").rpartition(" ")[0])]
            last = value[1]
    if any(unit.partition("/")[0] in _MONEY for unit, _ in found):  # paid once a year: no rule of its own
        found = [value for value in found if not value[0].startswith("every ")]
    return found, " ".join([*rest, text[last:]])


def _without(pattern: re.Pattern[str], value: Callable[[re.Match[str]], Value], text: str, found: list[Value]) -> str:
    """The text without what the pattern matches, whose values are added to those that were found."""
    matches = [value(match) for match in pattern.finditer(text)]
    found += matches
    return pattern.sub(" ", text) if matches else text


def _often(match: re.Match[str]) -> Value:
    """How many days or months lie between one time and the next."""
    unit, times = _UNITS[(match["unit"] or _ADVERBS[match["adverb"].lower()]).lower()]
    return f"every {unit}", times * _number(match["many"] or "1") / (2 if match["twice"] else 1)


def _place(match: re.Match[str]) -> Value:
    """Which day it is, counted from something."""
    counted = match["number"] or match["nth"]
    return f"nth {(match['what1'] or match['what2']).lower()}", float(_NTH.get(counted.lower(), 0) or _number(counted))


def _number(text: str) -> float:
    return float(_NUMBERS.get(text.lower(), 0) or amount(text))


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
    adjective = _ADJECTIVE.search(match.string)
    rate = each.group(1) if each else _ADVERBS[adjective.group(1).lower()] if adjective else ""
    return f"{unit}/{stem(rate.lower())}" if rate else unit


def _counted(match: re.Match[str]) -> tuple[Value, int] | None:
    number = float(_NUMBERS[match["word"].lower()]) if match["word"] else amount(match["number"])
    noun = re.split(r"[\s-]", match["unit"] or "")[-1].lower()
    singular = noun.removesuffix("s") if noun not in _UNITS else noun
    for name in (noun, singular, noun.removesuffix("e"), noun.removesuffix("en"), noun.removesuffix("n")):
        if name in _UNITS:
            unit, times = _UNITS[name]
            unit = _rate(match, unit) if unit in _MONEY else _span_rate(match, unit)
            return (unit, number * times), match.end()
    if match["word"] and number < 2:  # "one of" counts nothing
        return None
    is_bare = not noun or noun in FRAME
    if is_bare and _YEAR.fullmatch(match["number"] or ""):
        return None
    before = match.string[: match.start()]
    if _NUMBERED.search(before) or ((is_bare or number >= 100) and _NAMED.search(before)):
        return None
    if noun == "times":
        return ("count times", number), match.end()
    end = match.start("unit") if match["unit"] else match.end()
    return (f"count {stem(noun)}" if not is_bare else "count", number), end


def _span_rate(match: re.Match[str], unit: str) -> str:
    """Three days a week are no span of three days."""
    each = _PER_ALONE.match(match.string, match.end()) or _EACH_TIME.search(match.string, match.end())
    return f"{unit}/{stem(each.group(1).lower())}" if each and unit in ("second", "day", "month") else unit


def amount(text: str) -> float:
    """Return a number written in English or in German: 1,500.00 and 1.500,00 are the same."""
    first, *groups = re.split(r"[ .,]", text)
    if groups and all(len(group) == 3 for group in groups[:-1]) and len(groups[-1]) == 3:
        return float("".join((first, *groups)))
    return float(f"{''.join((first, *groups[:-1]))}.{groups[-1]}") if groups else float(first)
