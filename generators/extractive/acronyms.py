"""Acronyms that a text spells out: "Long Name (LN)" where the capitals spell what stands in the brackets."""

import re
from collections.abc import Iterator

from generators.extractive.words import words

_ACRONYM = re.compile(
    r"(?P<long>(?:[A-Z][\w’'-]+|[a-z]{1,4})(?:[ -](?:[A-Z][\w’'-]+|of|and|the|for|to|on|in|a)){1,7}) \((?P<short>[A-Z][A-Za-z&]{1,7})\)"
)


def acronyms(text: str) -> Iterator[tuple[str, str]]:
    """The (short, long) forms in `text`; plurals such as "OKRs" are left out."""
    for match in _ACRONYM.finditer(text):
        long = _spelled(match.group("long"), match.group("short"))
        if long and not match.group("short").endswith("s"):
            yield match.group("short"), long


def _spelled(long: str, short: str) -> str | None:
    """The end of `long` whose initials are `short`, small words counted or not."""
    parts = re.split(r"[ -]", long)
    letters = [letter.lower() for letter in short if letter.isalnum()]
    for start, first in enumerate(parts):
        taken = parts[start:]
        initials = [part[0].lower() for part in taken]
        content = [part[0].lower() for part in taken if part.lower() not in words("small")]
        if first[0].isupper() and first.lower() not in words("small") and letters in (initials, content):
            return long[sum(len(part) + 1 for part in parts[:start]) :]
    return None
