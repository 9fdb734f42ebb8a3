"""The front matter of a page: its keys in YAML between dashes, or in TOML between plus signs, above the text.

Broken front matter costs no text of the page: the plain `key: value` lines are taken, and a remark says what is wrong.
"""

import re
import tomllib
from datetime import date, datetime, time
from typing import Any

import yaml
from pydantic import JsonValue

from schemas.records import Remark

_OPENING = re.compile(r"---[ \t]*\n")
_CLOSING = re.compile(r"(?:---|\.\.\.)[ \t]*(?:\n|$)")
_YAML = re.compile(
    r"(?:(?!---[ \t]*$|\.\.\.[ \t]*$)(?:[\w\"'][^\n:]{0,100}:(?=\s)|[ \t]+\S|-(?=\s)|#|[ \t]*$|[\]}])[^\n]*(?:\n|\Z))*+", re.MULTILINE
)
_UNCLOSED = re.compile(r"(?:(?:[a-z][\w-]*:(?=[ \t\n])|[ \t]+\S|-(?=[ \t]))[^\n]*(?:\n|\Z))++")
_KEY = re.compile(r"([\w-]+):[ \t]*(.*)")
_TOML = re.compile(r"\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML_LINES = re.compile(r"\+\+\+[ \t]*\n((?:[ \t]*(?:[\w.\"'-]{1,100}[ \t]*=|\[)[^\n]*(?:\n|\Z))++)")
_TOML_CLOSING = re.compile(r"\+\+\+[ \t]*(?:\n|\Z)")
_TOML_KEY = re.compile(r"[ \t]*([\w-]+)[ \t]*=[ \t]*(.*)")

Found = tuple[str, dict[str, JsonValue], tuple[Remark, ...]]


def front_matter(text: str) -> Found:
    """Return the text below the front matter, its keys, and a remark if it is invalid or never closed."""
    text = text.lstrip("\n")
    if text.startswith("+++"):
        return _in_toml(text)
    opening = _OPENING.match(text)
    if opening is None:
        return text, {}, ()
    run = _YAML.match(text, opening.end())
    end = run.end() if run else opening.end()
    if closing := _CLOSING.match(text, end):
        keys, is_valid = _yaml(text[opening.end() : end])
        return text[closing.end() :], keys, () if is_valid else _remark("is not valid YAML; only its plain lines were read")
    if unclosed := _UNCLOSED.match(text, opening.end()):
        keys, _ = _yaml(unclosed.group())
        return text[unclosed.end() :], keys, _remark("is never closed; the text begins below its last key")
    return text, {}, ()  # a rule, not front matter


def _remark(problem: str) -> tuple[Remark, ...]:
    return (Remark(code="front_matter", message=f"the front matter {problem}"),)


def _yaml(source: str) -> tuple[dict[str, JsonValue], bool]:
    """The keys, and whether they are valid."""
    try:
        if not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source, Loader=yaml.BaseLoader)):
            loaded = yaml.load(source, Loader=yaml.BaseLoader)  # noqa: S506 - makes only strings, lists and mappings
            if isinstance(loaded, dict):
                return {str(key): value for key, value in loaded.items()}, True
            if not source.strip():
                return {}, True
    except (yaml.YAMLError, RecursionError, ValueError):
        pass
    return {match.group(1): match.group(2).strip("\"' ") for match in map(_KEY.match, source.split("\n")) if match}, False


def _in_toml(text: str) -> Found:
    if match := _TOML.match(text):
        try:
            return text[match.end() :], {key: _plain(value) for key, value in tomllib.loads(match[1]).items()}, ()
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            pass
    lines = _TOML_LINES.match(text)
    if lines is None:
        return text, {}, ()  # a line of plus signs
    closing = _TOML_CLOSING.match(text, lines.end())
    problem = "is not valid TOML; only its plain lines were read" if closing else "is never closed; the text begins below its last key"
    return text[closing.end() if closing else lines.end() :], _toml_keys(lines[1]), _remark(problem)


def _toml_keys(source: str) -> dict[str, JsonValue]:
    return {match[1]: match[2].strip("\"' ") for match in map(_TOML_KEY.match, source.split("\n")) if match}


def _plain(value: Any) -> JsonValue:
    """A value of TOML as JSON has it; dates and numbers as words, like those of YAML."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, (date, datetime, time)) else str(value).lower() if isinstance(value, bool) else str(value)
