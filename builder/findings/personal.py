"""Personal data: e-mail addresses, telephone numbers, payment cards, bank accounts, numbers of people, addresses of machines.

Whatever has a check digit must pass it, and a bare row of digits counts only next to a word that says what it is.
"""

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from schemas.findings import Rule

Found = tuple[Rule, str, int, int]
Digits = Callable[[str], bool]

_EMAIL = re.compile(r"(?<![\w.+@/-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}([A-Za-z]{2,24})(?![\w-])")
_NO_EMAIL = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css", "local"})
_PHONE = re.compile(r"(?<![\w.,/=#&%+-])(?:\+|00)?\(?\d[\d\s()./\u2010-\u2015-]{5,24}\d(?![\w%/=]|[.,-]\d)")
_AMERICAN = re.compile(r"(?:1[ .-])?(?:\([2-9]\d\d\)\s{0,9}|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}")
_CALLED = re.compile(
    r"\b(?:tele?(?:phone|fon)?|ph(?:one)?|fax|mobile?|cell|handy|call|dial|hotline|rufnummer|tél|teléfono|whatsapp|sms|text)\b",
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_CARD_BRANDS = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|3(?:0[0-5]|[68]\d)\d{11}"
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_IBAN_LENGTHS = {
    country: int(entry[:2])
    for entry in re.findall(
        r"\S+",
        "15:NO 16:BE 18:DK,FI,NL,FO,GL 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,XK 21:CH,HR,LI,LV 22:BG,BH,DE,GB,GE,IE,ME,RS 23:AE,GI,IL "
        "24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VA 25:PT 26:IS,TR 27:FR,GR,IT,MC,SM 28:AL,AZ,CY,DO,HU,LB,PL 29:BR,QA,UA 30:JO,KW,MU 31:MT",
    )
    for country in entry[3:].split(",")
}
_IPV4 = re.compile(r"(?<![\w.+-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])")
_NO_ADDRESS = re.compile(r"\b(?:v|ver|version|release|section|chapter|clause|rev|firmware)\.?\s*$", re.IGNORECASE)
_NEAR = 40  # characters before a number in which a word says what it is


def personal(text: str) -> Iterator[Found]:
    """Yield the rule, the name and the span of what is personal, in the order of the text, none within another."""
    found = [*_emails(text), *_accounts(text), *_people(text), *_machines(text)]
    is_free = apart_from((start, end) for _, _, start, end in found)
    found += [one for one in _phones(text) if is_free(one[2], one[3])]
    last = -1
    for rule, name, start, end in sorted(found, key=lambda one: (one[2], -one[3])):
        if start >= last:
            yield rule, name, start, end
            last = end


def apart_from(spans: Iterable[tuple[int, int]]) -> Callable[[int, int], bool]:
    """Return what tells of a start and an end whether none of the spans overlaps them; a list of contacts has many of both."""
    ordered = sorted(spans)
    starts = [start for start, _ in ordered]
    reach = [*accumulate((end for _, end in ordered), max)]

    def is_free(start: int, end: int) -> bool:
        before = bisect_left(starts, end)
        return not before or reach[before - 1] <= start

    return is_free


def _emails(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        if match.group(1).lower() not in _NO_EMAIL and not match.group().startswith("git@"):
            yield "email", "e-mail address", *match.span()


def _phones(text: str) -> Iterator[Found]:
    for match in _PHONE.finditer(text):
        number = match.group() if _AMERICAN.fullmatch(match.group()) else match.group().split("\n")[0].rstrip(" ()./-")
        end = match.start() + len(number)
        if _is_phone(number, called=bool(_CALLED.search(text, max(0, match.start() - _NEAR), match.start()))):
            yield "phone", "telephone number", match.start(), end


def _is_phone(number: str, *, called: bool) -> bool:
    """Whether it can be dialled: with its country, in American grouping, or after a word such as phone."""
    digits = sum(map(str.isdigit, number))
    if not 7 <= digits <= 15 or number.count("(") != number.count(")"):
        return False
    if number.startswith(("+", "00")):
        import phonenumbers

        try:
            return phonenumbers.is_possible_number(phonenumbers.parse("+" + number.lstrip("+0")))
        except phonenumbers.NumberParseException:
            return False
    return bool(_AMERICAN.fullmatch(number)) or (
        called and not re.fullmatch(r"\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4}", number)
    )


def _accounts(text: str) -> Iterator[Found]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _CARD_BRANDS.fullmatch(digits) and len(set(digits)) > 1 and luhn(digits):
            yield "payment_card", "payment card", *match.span()
    for match in _IBAN.finditer(text):
        if (length := iban_length(match.group())) and iban(match.group()[:length]):
            yield "iban", "bank account (IBAN)", match.start(), match.start() + length


def luhn(digits: str) -> bool:
    """Tell whether the check digit of a card number is right."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def iban_length(text: str) -> int:
    """Return how many characters of `text` an IBAN of its country takes, spaces included; 0 if it is none."""
    want = _IBAN_LENGTHS.get(text[:2], 0)
    for place, character in enumerate(text, start=1):
        want -= character != " "
        if want == 0:
            return place
    return 0


def iban(text: str) -> bool:
    """Tell whether the check digits of an IBAN are right (ISO 7064, mod 97)."""
    plain = text.replace(" ", "")
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def _people(text: str) -> Iterator[Found]:
    for name, pattern, word, check in _IDS:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - _NEAR) : match.start()]
            if (word is None or word.search(before)) and check(re.sub(r"[ .-]", "", match.group())):
                yield "national_id", name, *match.span()


def steuer_id(digits: str) -> bool:
    """Tell whether it is a German tax number: one digit two or three times among the first ten, check digit of ISO 7064 mod 11,10."""
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    if digits[0] == "0" or counts[-1] not in (2, 3) or counts[:-1] != [1] * (len(counts) - 1):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product - 1) % 10 + 1) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def _french(digits: str) -> bool:
    return (int(digits[:13]) + int(digits[13:])) % 97 == 0


def _swiss(digits: str) -> bool:
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


def _dutch(digits: str) -> bool:
    return (sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=False)) - int(digits[8])) % 11 == 0


def _spanish(number: str) -> bool:
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1]


def _always(_digits: str) -> bool:
    return True


_IDS: tuple[tuple[str, re.Pattern[str], re.Pattern[str] | None, Digits], ...] = (
    ("social security number", re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"), None, _always),
    (
        "German tax number",
        re.compile(r"(?<!\w)\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\w)"),
        re.compile(r"steuer|idnr|tax|tin\b", re.IGNORECASE),
        steuer_id,
    ),
    (
        "national insurance number",
        re.compile(r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[ABCEGHJ-PR-TW-Z][ABCEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]\b"),
        None,
        _always,
    ),
    (
        "French social security number",
        re.compile(r"(?<!\w)[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d\d ?\d{3} ?\d{3} ?\d\d(?!\w)"),
        None,
        _french,
    ),
    ("Swiss insurance number", re.compile(r"(?<![\w.])756\.\d{4}\.\d{4}\.\d\d(?![\w.])"), None, _swiss),
    ("Italian tax code", re.compile(r"\b[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]\b"), None, _always),
    ("Spanish identity number", re.compile(r"\b[XYZ\d]\d{7}-?[A-Z]\b"), re.compile(r"\b(?:dni|nie|nif)\b", re.IGNORECASE), _spanish),
    ("Dutch service number", re.compile(r"(?<![\w.])\d{9}(?![\w.])"), re.compile(r"\bbsn\b|burgerservice", re.IGNORECASE), _dutch),
    (
        "Canadian insurance number",
        re.compile(r"(?<![\w.-])\d{3}[ -]\d{3}[ -]\d{3}(?![\w-])"),
        re.compile(r"\bSIN\b|social insurance"),
        luhn,
    ),
)


def _machines(text: str) -> Iterator[Found]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if _is_address(match.group()) and not _NO_ADDRESS.search(text, max(0, match.start() - 12), match.start()):
                yield "ip_address", "IP address", *match.span()


def _is_address(text: str) -> bool:
    """Whether it names a machine: no mask, no loopback, no number of a section such as 2.1.3.4, no time of day."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or text.startswith(("255.", "0.")):
        return False
    return any(len(part) > 1 for part in text.split(".")) if address.version == 4 else ("::" in text or text.count(":") == 7)
