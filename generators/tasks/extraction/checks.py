"""Extraction copies: every text stands in the passage unless the schema sets its form, and something was found."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from generators.alpaca.asks import Material
from generators.alpaca.checks import normal, shorten, strings, words

_ISO = re.compile(r"\d{4}-\d\d(?:-\d\d)?(?:T[\d:.Z+-]*)?")  # a date or time in the form that schemas ask for


def problem(item: dict[str, Any], material: Material) -> str:
    """Return what is wrong with an extracted object, or an empty string."""
    passage = normal(material.ask.passages[0].chunk.text)
    values = [text for text in strings(item["output"]) if text.strip()]
    strange = next((text for text in values if normal(text) not in passage and not _set_by(material.style.extraction_schema, text)), None)
    if strange is not None:
        return f"output: {shorten(strange)} is not in the passage; copy it character by character"
    if not values and not _has_value(item["output"]):
        return "output: it holds nothing; leave the item out"
    asked = set(words(item["instruction"].replace("_", " ")))
    fields = item["output"] if isinstance(item["output"], dict) else {}
    unnamed = next((field for field in fields if not set(words(field.replace("_", " "))) <= asked), "")
    return f"instruction: it does not name the field {unnamed}" if unnamed else ""


def _set_by(schema: Any, text: str) -> bool:
    """Tell whether a schema of the user gives a text its form, as one of its own values or as a date: no passage needs to say it so."""
    return schema is not None and (text in _listed(schema) or _ISO.fullmatch(text) is not None)


def _listed(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        yield from strings([schema.get("enum"), schema.get("const")])
    inner = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ()
    for part in inner:
        yield from _listed(part)


def _has_value(value: Any) -> bool:
    """Whether there is any number or truth value, at any depth: these cannot be compared with the passage as text."""
    if isinstance(value, dict | list):
        return any(_has_value(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float)
