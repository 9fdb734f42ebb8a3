"""The schema that an endpoint is sent: without the keywords that endpoints differ on. The whole one is always enforced by us."""

from typing import Any

_LOCAL_KEYWORDS = frozenset({
    "$schema", "$id", "$comment", "title", "minLength", "maxLength", "pattern", "format", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "default", "examples", "deprecated", "readOnly", "writeOnly",
})  # fmt: skip
_NAMES = frozenset({"properties", "$defs", "definitions", "patternProperties"})  # their keys are names of the user, not keywords
_VALUES = frozenset({"enum", "const", "required"})
_NOT_STRICT = frozenset({
    "oneOf", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties", "propertyNames",
    "unevaluatedProperties", "unevaluatedItems", "contains", "prefixItems",
})  # fmt: skip


def wire_schema(schema: Any) -> Any:
    """Return the schema without the keywords that endpoints differ on."""
    if isinstance(schema, list):
        return [wire_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    wire = {key: _wire_value(key, value) for key, value in schema.items() if key not in _LOCAL_KEYWORDS}
    if "const" in wire:
        wire["enum"] = [wire.pop("const")]  # not every endpoint knows const
    return wire


def _wire_value(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if key in _NAMES and isinstance(value, dict):
        return {name: wire_schema(part) for name, part in value.items()}
    return wire_schema(value)


def is_strict(schema: Any) -> bool:
    """Whether a schema keeps the rules of OpenAI's strict mode: closed objects whose properties are all required."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties", {})
    types = schema.get("type", ())
    is_object = "properties" in schema or types == "object" or "object" in types
    if is_object and (schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties)):
        return False
    if not schema or _NOT_STRICT & schema.keys():
        return False
    return all(_is_strict_value(key, value) for key, value in schema.items())


def _is_strict_value(key: str, value: Any) -> bool:
    if key in _VALUES:
        return True
    return is_strict(list(value.values())) if key in _NAMES and isinstance(value, dict) else is_strict(value)
