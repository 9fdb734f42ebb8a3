"""The recipe as a file: read with overrides and errors that name the key, written with its own comments."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from builder.store import write_text
from schemas.errors import RecipeError
from schemas.recipe import Recipe

M = TypeVar("M", bound=BaseModel)

HEADER = """\
# A kilopair recipe: one run from a folder of documents to a tuned, evaluated model.
# Every key is optional; the values below are the defaults unless you changed them.
# Override any of them on the command line: kilopair run recipe.yaml --set curate.target=500
"""


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `overrides` are `section.field=value` with YAML values and win over the file.

    Raises:
        RecipeError: no such file, no YAML, an unknown key (names the nearest known one) or a wrong value.
    """
    return load(Recipe, path, overrides)


def load(model: type[M], path: Path | None, overrides: Sequence[str] = ()) -> M:
    """Read settings of any kind, or their defaults if there is no file, as `load_recipe` does."""
    values = _read_yaml(path) if path else {}
    for override in overrides:
        _override(values, override)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise RecipeError("; ".join(_explain(path.name if path else "--set", error, model))) from None


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe with every field, its value and its description as a comment."""
    write_text(path, HEADER + "\n".join(_lines(recipe, "")) + "\n")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; write one with kilopair init") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise RecipeError(
            f"{place}: not valid YAML: {getattr(error, 'problem', None) or 'unreadable'}; check indentation and quotes"
        ) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise RecipeError(f"{path.name}: a recipe is a list of keys and values, not a {type(values).__name__}; see kilopair init")
    return values


def _override(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise RecipeError(f"--set {override}: write it as section.field=value, for example curate.target=500")
    *sections, field = name.strip().split(".")
    place = values
    for section in sections:
        inner = place.setdefault(section, {})
        if inner is None:
            inner = place[section] = {}
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {override}: {section} is a value, not a section")
        place = inner
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    place[field] = text if isinstance(value, dict) and not text.lstrip().startswith("{") else value  # a name may hold ": "


def _explain(name: str, error: ValidationError, recipe: type[BaseModel]) -> Iterator[str]:
    messages: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = [
            str(part)
            for part in problem["loc"]
            if not str(part).startswith(("function-", "literal", "constrained", "int", "float", "tuple["))
        ]
        key = ".".join(place)
        if problem["type"] == "extra_forbidden":
            known = _known_keys(place[:-1], recipe)
            near = difflib.get_close_matches(place[-1], [option.rsplit(".", 1)[-1] for option in known], n=1, cutoff=0.5)
            full = ".".join([*place[:-1], near[0]]) if near else None
            advice = f"did you mean {full}?" if full else f"known keys: {', '.join(known)}"
            messages.setdefault(key, []).append(f"unknown key; {advice}")
        elif problem["type"] == "model_type":
            messages.setdefault(key, []).append("is a section with keys of its own, not a value")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            messages.setdefault(key or "recipe", []).append(f"{message[:1].lower()}{message[1:]}")
    for key, parts in messages.items():
        yield f"{name}: {key}: {' or '.join(parts)}"


def _known_keys(place: Sequence[str], recipe: type[BaseModel]) -> list[str]:
    model: type[BaseModel] = recipe
    for part in place:
        annotation = model.model_fields[part].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return [".".join([*place, field]) for field in model.model_fields]


def _lines(section: BaseModel, indent: str) -> Iterator[str]:
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield ""
            yield f"# {(type(value).__doc__ or '').strip()}"
            yield f"{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}# {info.description}{_choices(info)}"
            yield f"{indent}{name}: {_yaml(value)}"


def _choices(info: FieldInfo) -> str:
    options = [option for option in get_args(info.annotation) if isinstance(option, str)]
    missing = [option for option in options if option not in (info.description or "")]
    return f" ({' or '.join(options)})" if missing else ""


def _yaml(value: Any) -> str:
    plain = to_jsonable_python(value)  # of whatever a recipe may hold: paths, and tuples of paths or records
    return yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("\n").removesuffix("\n...")
