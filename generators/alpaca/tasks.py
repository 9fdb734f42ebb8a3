"""Tasks: a folder each, with the prompt (prompt.md), the schema of the reply (output.schema.json) and, if need be, task.yaml.

A folder of the user is a task like the shipped ones. Every item of a reply has `output`, `quotes`, and `instruction` or
`wordings` (several ways to ask the same); `input` is optional; any other field goes to `extra` of the pair.
"""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from schemas.errors import RecipeError
from schemas.records import content_id

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

LIBRARY = Path(__file__).parent.parent / "tasks"
PROMPT, SCHEMA, SETTINGS = "prompt.md", "output.schema.json", "task.yaml"
VARIABLES = frozenset({"company", "pairs", "wordings"})

_TEXT = {"type": "string", "pattern": r"\S"}
CONTRACT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "instruction": _TEXT,
        "wordings": {"type": "array", "minItems": 1, "items": _TEXT},
        "input": {"type": "string"},
        "output": {"type": ["string", "object", "array", "number", "boolean"], "pattern": r"\S"},
        "quotes": {"type": "array", "minItems": 1, "items": _TEXT},
    },
    "required": ["output", "quotes"],
    "anyOf": [{"required": ["instruction"]}, {"required": ["wordings"]}],
}
FIELDS = frozenset(CONTRACT["properties"])


@dataclass(frozen=True)
class Task:
    """A kind of pair: what is asked of the model, and the shape of what it returns."""

    name: str
    prompt: str
    schema: dict[str, Any]
    input_is_passage: bool = False

    @property
    def hash(self) -> str:
        """Hash of everything that the folder says."""
        return content_id("task", self.name, self.prompt, self.schema, self.input_is_passage)

    @cached_property
    def _checks(self) -> "tuple[Validator, ...]":
        from jsonschema import Draft202012Validator
        from referencing import Registry

        # An empty registry: a $ref to somewhere else must never be fetched.
        whole = Draft202012Validator(self.schema, registry=Registry())
        return whole.evolve(schema=self.schema["properties"]["items"]["items"]), Draft202012Validator(CONTRACT)

    def problem(self, item: Any) -> str:
        """Return in one line what is wrong with one item of a reply, or an empty string."""
        from jsonschema.exceptions import best_match

        for check in self._checks:
            error = best_match(check.iter_errors(item))
            if error is not None:
                place = ".".join(str(step) for step in error.absolute_path)
                return " ".join(f"{place}: {error.message}".removeprefix(": ").split())[:200]
        try:
            json.dumps(item, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return "it has half a surrogate pair, which is no character"
        return ""


def load_tasks(names: Iterable[str], *, root: Path) -> tuple[Task, ...]:
    """Return the tasks of those names: shipped ones, or folders relative to `root`.

    Raises:
        RecipeError: no such task or folder, or its files cannot be used.
    """
    tasks = tuple(_load(name, root) for name in names)
    if not tasks:
        raise RecipeError(f"generate.tasks: empty; name at least one of {_shipped_list()}, or a folder of your own")
    seen: set[str] = set()
    for task in tasks:
        if task.name in seen:
            raise RecipeError(f"generate.tasks: two tasks are named {task.name}; rename one folder")
        seen.add(task.name)
    return tasks


def tasks_hash(names: Iterable[str], *, root: Path) -> str:
    """Return the hash of everything that the tasks of those names say."""
    return content_id("tasks", [task.hash for task in load_tasks(names, root=root)])


def shipped_tasks() -> list[str]:
    """Return the names of the shipped tasks."""
    return sorted(path.parent.name for path in LIBRARY.glob(f"*/{PROMPT}"))


def _shipped_list() -> str:
    return ", ".join(shipped_tasks())


def _load(name: str, root: Path) -> Task:
    shipped = name in shipped_tasks()
    folder = LIBRARY / name if shipped else (root / name).resolve()
    if not folder.is_dir():
        near = difflib.get_close_matches(name, shipped_tasks(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"shipped are {_shipped_list()}; or give a folder with {PROMPT} and {SCHEMA}"
        raise RecipeError(f"generate.tasks: {name}: no such task or folder; {hint}")
    prompt = _read(folder / PROMPT, name)
    _check_prompt(prompt, name)
    schema = _read_schema(folder / SCHEMA, name)
    return Task(folder.name, prompt, schema, _input_is_passage(folder / SETTINGS, name))


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    like = f"a task is a folder with {PROMPT} and {SCHEMA}, see the shipped {_shipped_list()}"
    raise RecipeError(f"generate.tasks: {name}: {path.name} cannot be read ({problem}); {like}")


def _check_prompt(prompt: str, name: str) -> None:
    unknown = sorted(set(Template(prompt).get_identifiers()) - VARIABLES)
    if unknown:
        known = ", ".join(f"${variable}" for variable in sorted(VARIABLES))
        raise RecipeError(f"generate.tasks: {name}: {PROMPT}: ${unknown[0]} is unknown; there are {known} (write $$ for a dollar sign)")


def _read_schema(path: Path, name: str) -> dict[str, Any]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        schema = json.loads(_read(path, name))
        Draft202012Validator.check_schema(schema)
    except ValueError as error:
        problem = f"not valid JSON: {error}"
    except SchemaError as error:
        problem = f"not a JSON Schema: {error.message}"
    else:
        problem = _missing(schema)
        if not problem:
            return schema
    raise RecipeError(f"generate.tasks: {name}: {SCHEMA}: {problem}; see the shipped {_shipped_list()}")


def _missing(schema: Any) -> str:
    """Return what keeps a schema from being one of a task."""
    try:
        item = schema["properties"]["items"]["items"]
        fields, required = set(item["properties"]), set(item["required"])
    except (KeyError, TypeError):
        return 'it must describe an object with a list "items" of objects with "properties" and "required"'
    if not {"output", "quotes"} <= fields & required or not {"instruction", "wordings"} & fields & required:
        return "an item must have and require output, quotes, and instruction or wordings"
    return ""


def _input_is_passage(path: Path, name: str) -> bool:
    if not path.exists():
        return False
    import yaml

    try:
        settings = yaml.safe_load(_read(path, name))
    except yaml.YAMLError:
        settings = None
    if settings not in ({"input": "passage"}, {"input": "item"}):
        choices = "input: passage (the passage is the input of every pair) or input: item"
        raise RecipeError(f"generate.tasks: {name}: {SETTINGS}: it holds one line, {choices}")
    return settings["input"] == "passage"
