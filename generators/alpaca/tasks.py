"""Tasks: a folder each, with the prompt (prompt.md), the schema of the reply (output.schema.json) and, if need be, more.

task.yaml says what the task needs and how its answers are grounded, checks.py has `problem(item, material) -> str`, and
seeds.jsonl holds tasks to start from. A folder of the user is a task like the shipped ones. An item of a reply has `output`
and `instruction` or `wordings` (several ways to ask the same), or `turns`; a grounded one has `quotes`. Any field that is
not in FIELDS goes to `extra` of the pair. A task that needs rule_facts has items with `fact` and `wordings` instead (see
`rule_facts.py`). Where a schema defines `$defs.label` or `$defs.extraction`, the labels or the extraction schema of the
recipe take their place.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from typing import Any

from generators.alpaca.asks import Material, Style
from generators.alpaca.checks import exchanges, item_problem
from generators.alpaca.folders import CHECKS, PROMPT, SCHEMA, SEEDS, Check, Folder, Needs, Settings, read_seeds
from generators.alpaca.rule_facts import NEED, Filled, empty_problem, filled
from generators.alpaca.shape import Shape
from generators.difficulty import FIELD
from generators.llm.calls import canonical
from schemas.errors import RecipeError
from schemas.records import Draft, Grounding, content_id

LIBRARY = Path(__file__).parent.parent / "tasks"
FIELDS = frozenset({"instruction", "wordings", "input", "output", "quotes", "turns"}) | {
    *("unanswered", "elsewhere"),  # open-book: the answer where the right passage is not shown; whether another answers too
    *("premise", "old_quote", "seed"),  # what only the checks of a task look at
}


@dataclass(frozen=True)
class Task:
    """A kind of pair: what is asked of the model, and what its items must be."""

    name: str
    prompt: str
    schema: dict[str, Any]
    hash: str  # of every file in the folder
    settings: Settings = field(default_factory=Settings)
    check: Check | None = field(default=None, compare=False)
    seeds: tuple[Draft, ...] = ()
    kept: dict[object, Any] = field(default_factory=dict, compare=False, repr=False)  # what is built once per style

    @property
    def weight(self) -> float:
        """How often it is asked, beside the others."""
        return self.settings.weight

    @property
    def needs(self) -> Needs:
        """What an ask must bring along."""
        return self.settings.needs

    @property
    def grounding(self) -> Grounding:
        """How its answers rest on the documents."""
        return self.settings.grounding

    @property
    def is_levelled(self) -> bool:
        """Whether its prompt takes the level of difficulty from the ask."""
        return FIELD in Template(self.prompt).get_identifiers()

    @property
    def input(self) -> str:
        """Where the input of a pair comes from: the passage, the item, all passages (material), or nowhere."""
        return self.settings.input

    def labels(self, style: Style) -> Mapping[str, str]:
        """Return the labels of the recipe, else the task's own."""
        return style.labels or self.settings.labels

    def shape(self, style: Style) -> Shape:
        """Return what replies are held to under a style."""
        bound = self.schema.get("$defs", {}).keys() & {"label", "extraction"}
        key = canonical([dict(style.labels), style.extraction_schema]) if bound else ""
        if key not in self.kept:
            self.kept[key] = Shape(_bound(self, style))
        return self.kept[key]

    def shape_problem(self, item: Any, style: Style) -> str:
        """Return in one line how an item differs from the schema, or an empty string."""
        problem = self.shape(style).problem(item)
        return problem if problem or self.needs == NEED else _contract_problem(item, quoted=self.grounding == "quoted")

    def filled(self, item: dict[str, Any], material: Material) -> Filled:
        """Return a usable item with what is not the model's to write, and what had to be left out of it."""
        return filled(item, material) if self.needs == NEED else Filled(item)

    def problem(self, item: Any, material: Material) -> str:
        """Return in one line what is wrong with one item of a reply, or an empty string."""
        if problem := self.shape_problem(item, material.style) or self._fact_problem(item, material):
            return problem
        found = self.filled(item, material)
        if problem := found.problem or item_problem(found.value, material):
            return problem
        if self.check is None:
            return ""
        try:
            return " ".join(str(self.check(found.value, material) or "").split())[:200]
        except Exception as error:  # noqa: BLE001 - code of the user: an item that it stumbles over is dropped with its words
            return f"{CHECKS} of the task failed: {type(error).__name__}: {error}"[:200]

    def _fact_problem(self, item: dict[str, Any], material: Material) -> str:
        """Return why an item cannot be filled from a fact of the rules, or an empty string."""
        return (_unicode_problem(item) or empty_problem(item, material.ask)) if self.needs == NEED else ""


def load_tasks(names: Iterable[str] | Mapping[str, float], *, root: Path) -> tuple[Task, ...]:
    """Return the tasks of those names: shipped ones, or folders relative to `root`; a mapping gives their weights.

    Raises:
        RecipeError: no such task or folder, or its files cannot be used.
    """
    weights = dict(names) if isinstance(names, Mapping) else {}
    tasks = tuple(_weighted(_load(name, root), weights.get(name)) for name in names)
    if not tasks:
        raise RecipeError(f"generate.tasks: empty; name at least one of {_shipped_list()}, or a folder of your own")
    seen: set[str] = set()
    for task in tasks:
        if task.name in seen:
            raise RecipeError(f"generate.tasks: two tasks are named {task.name}; rename one folder")
        seen.add(task.name)
    return tasks


def tasks_hash(names: Iterable[str] | Mapping[str, float], *, root: Path) -> str:
    """Return the hash of everything that the tasks of those names say, with their weights."""
    return content_id("tasks", [[task.hash, task.weight] for task in load_tasks(names, root=root)])


def shipped_tasks() -> list[str]:
    """Return the names of the shipped tasks."""
    return sorted(path.parent.name for path in LIBRARY.glob(f"*/{PROMPT}"))


def _shipped_list() -> str:
    return ", ".join(shipped_tasks())


def _weighted(task: Task, weight: float | None) -> Task:
    return task if weight is None else replace(task, settings=task.settings.model_copy(update={"weight": weight}))


def _load(name: str, root: Path) -> Task:
    shipped = name in shipped_tasks()
    path = LIBRARY / name if shipped else (root / name).resolve()
    if not path.is_dir():
        near = difflib.get_close_matches(name, shipped_tasks(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"shipped are {_shipped_list()}; or give a folder with {PROMPT} and {SCHEMA}"
        raise RecipeError(f"generate.tasks: {name}: no such task or folder; {hint}")
    folder = Folder(path, f"generate.tasks: {name}", like=f"see the shipped {_shipped_list()}")
    prompt, settings = folder.prompt(), folder.settings()
    schema = folder.schema(settings.grounding, is_filled=settings.needs == NEED)
    seeds = read_seeds(path / SEEDS, place=folder.place) if settings.needs == "seed_tasks" else ()
    return Task(path.name, prompt, schema, folder.hash(), settings=settings, check=folder.check(), seeds=seeds)


def _bound(task: Task, style: Style) -> dict[str, Any]:
    """Put the recipe's labels and extraction schema where the task's schema defines them."""
    definitions = dict(task.schema.get("$defs", {}))
    if "label" in definitions and task.labels(style):
        definitions["label"] = {"type": "string", "enum": list(task.labels(style))}
    if "extraction" in definitions and style.extraction_schema is not None:
        definitions["extraction"] = _moved(dict(style.extraction_schema))
    plain = {name: value for name, value in task.schema.items() if name != "$schema"}
    return plain | {"$defs": definitions} if definitions else plain


def _moved(schema: Any) -> Any:
    """Return a schema whose references into itself still hold under `#/$defs/extraction`."""
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value) for key, value in schema.items() if key not in {"$schema", "$id"} or not isinstance(value, str)}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = "#/$defs/extraction" + reference[1:]
    return moved


def _contract_problem(item: Any, *, quoted: bool) -> str:
    """Return what an item lacks that every task needs, whatever its schema lets pass."""
    if not isinstance(item, dict):
        return "it is not an object"
    turns = exchanges(item)
    asked: Any = [turn.get("user") for turn in turns] or item.get("wordings") or [item.get("instruction")]
    answers = [turn.get("assistant") for turn in turns] or [item.get("output")]
    if not _are(asked, str) or not all(text.strip() for text in asked):
        return "instruction: it is missing or blank"
    if any(answer is None or (isinstance(answer, str) and not answer.strip()) for answer in answers):
        return "output: it is missing or blank"
    if "input" in item and not isinstance(item["input"], str):
        return "input: it is not text"
    return _quotes_problem(item, quoted=quoted) or _unicode_problem(item)


def _are(values: Any, kind: type) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, kind) for value in values)


def _quotes_problem(item: dict[str, Any], *, quoted: bool) -> str:
    found = [item.get("quotes") or [], *(turn.get("quotes") or [] for turn in exchanges(item))]
    if not all(isinstance(quotes, list) for quotes in found):
        return "quotes: it is not a list"
    flat = [quote for quotes in found for quote in quotes]
    if any(not isinstance(quote, str) or not quote.strip() for quote in flat):
        return "quotes: one of them is blank or not text"
    return "quotes: there is none" if quoted and not flat else ""


def _unicode_problem(item: dict[str, Any]) -> str:
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "it has half a surrogate pair, which is no character"
    return ""
