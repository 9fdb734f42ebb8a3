"""The files of a task's folder: read, checked, and refused in words that say what to change."""

import hashlib
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generators.alpaca.asks import Material
from generators.difficulty import Difficulty
from schemas.checks import explain
from schemas.errors import RecipeError
from schemas.records import Draft, Grounding, Provenance, content_id

PROMPT, SCHEMA, SETTINGS, CHECKS, SEEDS = "prompt.md", "output.schema.json", "task.yaml", "checks.py", "seeds.jsonl"
VARIABLES = frozenset({"company", "count", "wordings", "difficulty", "voice", "language", "labels"})
Needs = Literal["passage", "distractors", "two_passages", "superseded", "nothing", "seed_tasks", "pairs", "rule_facts"]
Check = Callable[[dict[str, Any], Material], str]


class Settings(BaseModel):
    """What task.yaml may say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(default=1.0, gt=0)
    needs: Needs = "passage"
    grounding: Grounding = "quoted"
    input: Literal["passage", "item", "material", "none"] = "none"
    verify: Literal["absent"] | None = None
    labels: dict[str, str] = Field(default_factory=dict)  # when the recipe names none
    difficulty: Difficulty | Literal["harder"] | None = None  # of its pairs, where no ask sets it; harder: than the pair it starts from
    themes: tuple[str, ...] = ()  # a few of them are named in each request, so that requests without a passage differ


@dataclass(frozen=True)
class Folder:
    """A task's folder; `place` is what errors call it, `like` where they point for an example.

    Its methods raise RecipeError when a file cannot be used.
    """

    path: Path
    place: str
    like: str

    def prompt(self) -> str:
        """Return the template of the prompt."""
        prompt = self._read(PROMPT)
        unknown = sorted(set(Template(prompt).get_identifiers()) - VARIABLES)
        if unknown or not Template(prompt).is_valid():
            known = ", ".join(f"${variable}" for variable in sorted(VARIABLES))
            problem = f"${unknown[0]} is unknown" if unknown else "a $ stands alone"
            raise RecipeError(f"{self.place}: {PROMPT}: {problem}; there are {known} (write $$ for a dollar sign)")
        return prompt

    def settings(self) -> Settings:
        """Return what task.yaml says, or the defaults."""
        if not (self.path / SETTINGS).exists():
            return Settings()
        import yaml

        try:
            return Settings.model_validate(yaml.safe_load(self._read(SETTINGS)) or {})
        except yaml.YAMLError as error:
            problem = "not valid YAML: " + " ".join(str(error).split())
        except ValidationError as error:
            problem = explain(error)
        raise RecipeError(f"{self.place}: {SETTINGS}: {problem}; it may say {', '.join(Settings.model_fields)}; {self.like}")

    def schema(self, grounding: Grounding, *, is_filled: bool = False) -> dict[str, Any]:
        """Return the schema of the reply, which must have what the task's grounding needs, or (`is_filled`) a fact to take it from."""
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        try:
            schema = json.loads(self._read(SCHEMA))
            Draft202012Validator.check_schema(schema)
        except ValueError as error:
            problem = f"not valid JSON: {error}"
        except SchemaError as error:
            problem = f"not a JSON Schema: {error.message}"
        else:
            problem = _missing(schema, grounding, is_filled=is_filled)
            if not problem:
                return schema
        raise RecipeError(f"{self.place}: {SCHEMA}: {problem}; {self.like}")

    def check(self) -> Check | None:
        """Return `problem` of checks.py, loaded from its path, or None when there is no such file."""
        path = self.path / CHECKS
        if not path.exists():
            return None
        name = content_id("task", str(path)).replace("-", "_")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None, path  # the name ends in .py
        assert spec.loader is not None, path
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise RecipeError(f"{self.place}: {CHECKS} cannot be loaded: {type(error).__name__}: {error}") from error
        found: Any = getattr(module, "problem", None)
        if not callable(found):
            raise RecipeError(f"{self.place}: {CHECKS}: no function problem(item, material) -> str; {self.like}")
        return cast("Check", found)

    def hash(self) -> str:
        """Return the hash of every file in the folder."""
        files = sorted(path for path in self.path.rglob("*") if path.is_file() and not _is_debris(path.relative_to(self.path)))
        digests = [[path.relative_to(self.path).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]
        return content_id("task", self.path.name, digests)

    def _read(self, name: str) -> str:
        return _text(self.path / name, self.place, f"a task is a folder with {PROMPT} and {SCHEMA}, {self.like}")


def read_seeds(path: Path, *, place: str = "generate.seeds") -> tuple[Draft, ...]:
    """Return the seed tasks of a JSONL file with instruction, output and perhaps input; `place` is what errors call it.

    Raises:
        RecipeError: the file cannot be read, or a line is no seed task.
    """
    like = 'each line is {"instruction": "...", "input": "", "output": "..."}'
    lines = [(number, line) for number, line in enumerate(_text(path, place, like).splitlines(), start=1) if line.strip()]
    if not lines:
        raise RecipeError(f"{place}: {path.name} is empty; {like}")
    return tuple(_seed(line, f"{place}: {path.name} line {number}: no seed task; {like}") for number, line in lines)


def _seed(line: str, problem: str) -> Draft:
    try:
        value = json.loads(line)
        instruction, output, given = (str(value.get(name) or "").strip() for name in ("instruction", "output", "input"))
    except (ValueError, AttributeError):
        instruction = output = given = ""
    if not instruction or not output:
        raise RecipeError(problem)
    return Draft.of(
        task="seed",
        instruction=instruction,
        input=given,
        output=output,
        quotes=(),
        group=content_id("group", instruction),
        form="seed",
        provenance=Provenance(document_id="", chunk_id="seed-tasks", generator="seeds"),
        grounding="none",
    )


def _text(path: Path, place: str, like: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    raise RecipeError(f"{place}: {path.name} cannot be read ({problem}); {like}")


def _missing(schema: Any, grounding: Grounding, *, is_filled: bool) -> str:
    """Return what keeps a schema from being one of a task."""
    try:
        item = schema["properties"]["items"]["items"]
        fields, required = set(item["properties"]), set(item["required"])
    except (KeyError, TypeError):
        return 'it must describe an object with a list "items" of objects with "properties" and "required"'
    present = fields & required
    if is_filled:
        is_fit = {"fact", "wordings"} <= present and not {"output", "quotes", "instruction", "turns"} & fields
        return "" if is_fit else "an item must have and require fact and wordings; its answer is the fact's own"
    if "turns" in present:
        return ""
    if "output" not in present or not {"instruction", "wordings"} & present:
        return "an item must have and require output, and instruction or wordings (or turns instead of them)"
    if grounding == "quoted" and "quotes" not in present:
        return "an item must have and require quotes, because the grounding of the task is quoted"
    return ""


def _is_debris(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)
