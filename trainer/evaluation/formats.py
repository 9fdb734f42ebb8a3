"""Whether an answer keeps the format that its task asks for: JSON that parses and is valid by the task's schema."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def schema_for(reference: str, known: Mapping[str, Any] | None) -> Any | None:
    """Return the schema that an answer must keep: the task's own, else the reference's fields and types; None if it is no JSON."""
    try:
        value = json.loads(reference)
    except ValueError:
        return None
    if not isinstance(value, dict | list):
        return None
    return known if known is not None and _is_valid(value, known) else _like(value)


def keeps_format(answer: str, schema: Any) -> float:
    """Return 1.0 if the whole answer parses as JSON and is valid by the schema, else 0.0."""
    try:
        return float(_is_valid(json.loads(answer), schema))
    except (ValueError, RecursionError):
        return 0.0


def _is_valid(value: Any, schema: Any) -> bool:
    try:
        return bool(validator_for(schema)(schema).is_valid(value))
    except SchemaError:
        return False


def _like(value: Any) -> dict[str, Any]:
    """Return a schema of the value's shape: its fields, all required, and the type of each."""
    if isinstance(value, dict):
        fields = {name: {"type": _TYPES[type(inner)]} for name, inner in value.items()}
        return {"type": "object", "properties": fields, "required": list(value), "additionalProperties": False}
    kinds = sorted({_TYPES[type(inner)] for inner in value})
    return {"type": "array", "items": {"type": kinds}} if kinds else {"type": "array"}
