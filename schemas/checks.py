"""Records checked against JSON Schema where they cross a boundary, with problems told in one plain line.

The pydantic models are the source; `python -m schemas.checks` writes the JSON Schema (2020-12) files of `schemas/json`
from them. jsonschema is imported only when something is checked.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from schemas.errors import RecipeError
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Draft, Dropped, Pair

if TYPE_CHECKING:
    from jsonschema.exceptions import SchemaError
    from jsonschema.exceptions import ValidationError as JsonError
    from jsonschema.protocols import Validator
    from referencing import Resource

MODELS: dict[str, type[pydantic.BaseModel]] = {model.__name__: model for model in (Document, Chunk, Draft, Pair, Dropped, Recipe)}
FOLDER = Path(__file__).parent / "json"
_KINDS = {
    "object": "an object", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "null",
}  # fmt: skip
_LIMITS = {
    "minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above", "exclusiveMaximum": "below",
    "multipleOf": "a multiple of", "format": "written as", "pattern": "text that matches",
}  # fmt: skip


def json_schema(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `model`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(mode="validation")}


def check(record: Mapping[str, Any], name: str) -> str | None:
    """Return what is wrong with a record of the model `name` as one line that names the field, or None."""
    return _first_problem(_validator_of(name), record)


def check_extra(extra: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with `extra` by the user's own schema (from `user_schema`), or None."""
    return _first_problem(_user_validator(json.dumps(schema, sort_keys=True)), extra, "extra")


def user_schema(path: Path) -> dict[str, Any]:
    """Return the user's JSON Schema of the field `extra`, checked; its own `$schema` is honoured, 2020-12 is the default.

    Raises:
        RecipeError: the file is missing, is no JSON, is no valid schema, or refers outside itself.
    """
    from jsonschema.exceptions import SchemaError
    from referencing.exceptions import Unresolvable

    schema = _read_schema(path)
    try:
        _user_validator(json.dumps(schema, sort_keys=True)).check_schema(schema)
        for reference in _unresolved(schema):
            raise RecipeError(f"{path}: refers to {reference}, which is not inside the file; put it under $defs")
    except SchemaError as error:
        raise RecipeError(f"{path}: not a valid JSON Schema: {explain(error)}") from None
    except Unresolvable as error:
        raise RecipeError(f"{path}: refers to {error.ref}, which cannot be found; put it under $defs") from None
    return schema


def explain(error: "pydantic.ValidationError | JsonError | SchemaError") -> str:
    """Return one line that names the field and what is wrong with it, for people and for a model's repair prompt alike."""
    if not isinstance(error, pydantic.ValidationError):
        return _explain_json(error)
    first, *more = error.errors(include_url=False, include_context=False)
    message = {"missing": "is missing", "extra_forbidden": "is not a known field"}.get(
        first["type"], first["msg"].removeprefix("Value error, ")
    )
    line = f"{_place(first['loc'])}: {message[:1].lower()}{message[1:]}"
    return _one_line(line) + (f" (and {len(more)} more)" if more else "")


def write_schemas(folder: Path = FOLDER) -> list[Path]:
    """Write the schema file of every model; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name.lower()}.schema.json" for name in MODELS]
    for path, model in zip(paths, MODELS.values(), strict=True):
        path.write_text(json.dumps(json_schema(model), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return paths


@cache
def _validator_of(name: str) -> "Validator":
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json_schema(MODELS[name]))


@lru_cache(maxsize=8)
def _user_validator(canonical: str) -> "Validator":
    from jsonschema import Draft202012Validator, validators
    from jsonschema_specifications import REGISTRY

    schema = json.loads(canonical)
    kind = validators.validator_for(schema, default=Draft202012Validator)
    return kind(schema, registry=REGISTRY, format_checker=kind.FORMAT_CHECKER)  # this registry never asks the network


def _read_schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; curate.pair_schema names a JSON Schema file of your own") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({_one_line(str(error))})") from None
    except json.JSONDecodeError as error:
        raise RecipeError(f"{path}:{error.lineno}: not valid JSON: {error.msg.lower()}") from None
    if not isinstance(schema, dict):
        raise RecipeError(f"{path}: a JSON Schema is an object in braces, not {_kind(schema)}")
    return schema


def _unresolved(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the references that do not resolve inside the schema, so that they are found before the first pair is paid for."""
    from jsonschema_specifications import REGISTRY
    from referencing import Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root = Resource.from_contents(schema, default_specification=DRAFT202012)

    def walk(resource: "Resource[Any]", place: Any) -> Iterator[str]:
        reference = resource.contents.get("$ref") if isinstance(resource.contents, dict) else None
        if isinstance(reference, str):
            try:
                place.lookup(reference)
            except Unresolvable:
                yield reference
        for inner in resource.subresources():
            yield from walk(inner, place.in_subresource(inner))

    yield from walk(root, REGISTRY.resolver_with_root(root))


def _first_problem(validator: "Validator", record: Mapping[str, Any], *place: str) -> str | None:
    from jsonschema.exceptions import best_match

    error = best_match(validator.iter_errors(record))
    return None if error is None else _explain_json(error, *place)


def _explain_json(error: "JsonError | SchemaError", *place: str) -> str:
    return _one_line(f"{_place([*place, *error.absolute_path])}: {_wrong(error)}")


def _wrong(error: Any) -> str:
    value, found = error.validator_value, error.instance
    match error.validator:
        case "required":
            line = f"{', '.join(name for name in value if name not in found)} is missing"
        case "additionalProperties" if isinstance(found, dict):
            line = f"{', '.join(sorted(found.keys() - error.schema.get('properties', {}).keys()))} is not a known field"
        case "type":
            kinds = [value] if isinstance(value, str) else value
            line = f"must be {' or '.join(_KINDS.get(kind, kind) for kind in kinds)}, not {_kind(found)}"
        case "enum" | "const":
            line = f"must be {' or '.join(map(_shown, value if error.validator == 'enum' else [value]))}, is {_shown(found)}"
        case "minLength" | "minItems" | "minProperties" if value == 1:
            line = "must not be empty"
        case "minLength" | "maxLength":
            bound = "at least" if error.validator == "minLength" else "at most"
            line = f"must have {bound} {value} characters, has {len(found)}"
        case limit if limit in _LIMITS:
            line = f"must be {_LIMITS[limit]} {value}, is {_shown(found)}"
        case _:
            line = error.message
    return line


def _kind(value: object) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    return _KINDS[names[type(value)]] if type(value) in names else type(value).__name__


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _place(path: Any) -> str:
    return ".".join(str(part) for part in path) or "the record"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:297]}..."


if __name__ == "__main__":
    for written in write_schemas():
        print(written)
