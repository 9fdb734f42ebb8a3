"""JSON text to values, without an exception and with a word on whatever strict JSON would not have.

Objects that say a key twice, NaN and Infinity, numbers too large and halves of characters are read, and remarked on.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from builder.readers.content import Refused, one_line
from schemas.records import Reason, Remark

_HALF = re.compile(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_LONGEST_NUMBER = 300
_NAMED = 10


@dataclass
class Oddities:
    """What was odd about the text, counted while it is parsed."""

    no_numbers: int = 0
    halves: int = 0
    twice: dict[str, None] = field(default_factory=dict)

    def remarks(self) -> Iterator[Remark]:
        """Say what was odd, and what became of it."""
        if self.no_numbers:
            yield Remark(code="not_a_number", message=f"{self.no_numbers} values are NaN, Infinity or too large; they are left empty")
        if self.twice:
            names = ", ".join([*self.twice][:_NAMED])
            yield Remark(code="duplicate_keys", message=f"an object says a key twice, and its last value counts: {names}")
        if self.halves:
            yield Remark(code="lone_surrogate", message=f"{self.halves} halves of characters (lone surrogates) are left out")


@dataclass(frozen=True)
class Held:
    """A parsed value, which may be None."""

    held: JsonValue


def parse(text: str, odd: Oddities) -> Held | Refused:
    """Return the value that `text` is, adding to `odd`, or what is wrong with it."""
    try:
        value = _decoder(odd).decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        return Refused(Reason.CORRUPT, f"not JSON: {error.msg.lower()} at {place}; correct it there, or export it again")
    except RecursionError:
        return Refused(Reason.BAD_ROWS, "its values are nested too deeply for anybody to read; export it in a flatter form")
    if "\\u" in text:
        odd.halves += len(_HALF.findall(_PAIR.sub("", text)))
    return Held(value)


def _decoder(odd: Oddities) -> json.JSONDecoder:
    def none(_: str) -> None:
        odd.no_numbers += 1

    def number(digits: str) -> float | None:
        value = float(digits)
        return value if math.isfinite(value) else none(digits)

    def whole(digits: str) -> int | None:
        return int(digits) if len(digits) <= _LONGEST_NUMBER else none(digits)

    def fields(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            odd.twice.update((one_line(key), None) for key, _ in pairs if key in seen or seen.add(key))
        return found

    return json.JSONDecoder(parse_constant=none, parse_float=number, parse_int=whole, object_pairs_hook=fields)
