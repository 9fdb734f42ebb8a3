"""The one JSON object in a model's words: taken as it is, else out of what stands around it, else mended by json_repair.

What was done is flagged; two objects, or a list in place of one, are refused, because keeping one of them would lose the other.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

UNWRAPPED, REPAIRED = "unwrapped", "repaired"
LONGEST_REPAIR = 200_000  # characters; repairing is slow
EDGES = "\ufeff\0 \t\r\n"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_START = re.compile(r"\{\s*[\"']")  # an object, as opposed to braces in prose
_UNQUOTED_START = re.compile(r"\{\s*(?:\w+\s*:|//|/\*)")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_COMMENT = r"//[^\n]*|/\*.*?\*/"
_DOUBLE = re.compile(_STRING + "|" + _COMMENT + r"|[{}\[\],]|\b(?:NaN|Infinity)\b", re.DOTALL)
_SINGLE = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?\Z)|" + _DOUBLE.pattern, re.DOTALL)
_LITTER = re.compile(f"({_STRING})|{_COMMENT}" + r"|,(?=\s*[}\]])", re.DOTALL)  # comments and trailing commas
_CLOSING = {"{": "}", "[": "]"}


@dataclass(frozen=True)
class Found:
    """A JSON object, and what was done to read it.

    With `cut`, the text ended inside of an element of a list, which is the last one: only what came of it, no whole element.
    """

    value: dict[str, Any]
    flags: tuple[str, ...] = ()
    cut: bool = False


def _no_constant(name: str) -> NoReturn:
    raise _NotJsonError(f"{name} is not JSON; use a number, a string or null")


class _NotJsonError(ValueError):
    """What must not be mended, because any mending would be a guess at a value."""


_STRICT = json.JSONDecoder(parse_constant=_no_constant)
_LENIENT = json.JSONDecoder(parse_constant=_no_constant, strict=False)  # takes line breaks inside of strings


def read_json(text: str) -> Found:
    """Return the JSON object in a text.

    Raises:
        ValueError: there is none, there are two, or it is a list; in words for the model.
    """
    bare = text.strip(EDGES)
    try:
        return Found(_object(_STRICT.decode(bare)))
    except _NotJsonError:
        raise
    except json.JSONDecodeError as error:
        problem = f"it is not valid JSON: {error}"
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    for thoughtless in _without_thoughts(bare):
        if (found := _search(thoughtless, bare)) is not None:
            return found
    raise ValueError(problem if "{" in bare else "it holds no JSON object")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        kind = "list" if isinstance(value, list) else "single value"
        raise _NotJsonError(f"it is a JSON {kind}, not an object")
    return neutral(value)


def _without_thoughts(text: str) -> Iterator[str]:
    """Yield the text after the model's thoughts, which may hold braces, and may hold the end of thoughts as words; last the whole."""
    for thoughtless in dict.fromkeys((text.rpartition("</think>")[2], text.partition("</think>")[2], text)):
        if _start(thoughtless) is not None:
            yield thoughtless


def _start(text: str) -> int | None:
    found = _UNQUOTED_START.match(text.lstrip(EDGES)) and text.index("{")
    if found is None:
        quoted = _START.search(text) or _UNQUOTED_START.search(text)
        found = quoted.start() if quoted else None
    return found


def _search(text: str, whole: str) -> Found | None:
    """Return the only object in a text, mended if need be, or None when it cannot be."""
    start = _start(text) or 0
    if text[:start].rstrip().endswith("["):
        raise ValueError("it is a JSON list, not an object")
    try:
        value, end = _LENIENT.raw_decode(text, start)
        mended = cut = False
    except json.JSONDecodeError:
        end, kept, closing = _extent(text, start)
        value, cut = _mended(text[start:end], kept - start, closing)
        mended = True
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        return None
    if _START.search(text, end):
        raise ValueError("it holds two JSON objects; one is wanted")
    outside = end - start < len(whole)
    flags = ((UNWRAPPED,) if outside else ()) + ((REPAIRED,) if mended or not outside else ())
    return Found(neutral(value), flags, cut)


def _extent(text: str, start: int) -> tuple[int, int, str]:
    """Return where the object that starts there ends, up to where it is whole, and what closes it there ("": it ends there)."""
    tokens = _SINGLE if text[start + 1 :].lstrip().startswith("'") else _DOUBLE
    stack: list[str] = []
    kept, closing = start + 1, "}"
    for token in tokens.finditer(text, start):
        word = token[0]
        if word in {"NaN", "Infinity"}:
            _no_constant(word)
        if word in _CLOSING:
            stack.append(_CLOSING[word])
        elif word in {"}", "]"}:
            stack.pop()
            if not stack:
                return token.end(), token.end(), ""
        elif token.end() == len(text) and (len(word) == 1 or word[-1] != word[0]):
            break  # inside of a string
        if stack == ["}", "]"] or (stack == ["}"] and word in {"]", "}", ","}):
            kept, closing = token.end() - (word == ","), "".join(reversed(stack))
    return len(text), kept, closing


def _mended(text: str, kept: int, closing: str) -> tuple[object, bool]:
    """Return the value of a text that is not quite JSON, and whether its last element is unfinished."""
    head, rest = text[:kept].rstrip(), text[kept:].strip(", \t\r\n`")
    cut = closing == "]}" and bool(rest)
    unfinished = ("" if head.endswith("[") else ",") + json.dumps(rest) if cut else ""
    try:
        return _LENIENT.decode(_LITTER.sub(r"\1", _LITTER.sub(r"\1", head + unfinished + closing))), cut
    except (json.JSONDecodeError, RecursionError):
        return _guessed(text), bool(closing)


def _guessed(text: str) -> object:
    """Return what json_repair makes of a text; last, because it may take words of a string for keys."""
    if len(text) > LONGEST_REPAIR:
        raise ValueError("it is not valid JSON, and too long to mend")
    import json_repair

    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None


def neutral(value: Any) -> Any:
    """Return a JSON value with every text in it clean."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [neutral(part) for part in value]
    return {clean(name): neutral(part) for name, part in value.items()} if isinstance(value, dict) else value


def clean(text: str) -> str:
    """Return a text without what is valid in JSON and in no file: half surrogate pairs and control characters."""
    if text.isprintable():
        return text
    return _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", text.strip("\ufeff\0")))
