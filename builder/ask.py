"""The generate step for a language model: what of the recipe the Alpaca step needs, and which drafts count as accepted."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.rouge import normalised, rouge_l, words
from builder.validate import validate
from schemas.errors import RecipeError
from schemas.recipe import Recipe
from schemas.records import Chunk, Document, Draft, Pair, content_id

if TYPE_CHECKING:
    from builder.step import Step
    from generators.alpaca.asks import Style
    from generators.alpaca.generate import Plan
    from generators.alpaca.tasks import Task

SELF_INSTRUCT, MOST_ALIKE = "self_instruct", 0.7
PER_PAIR = 4  # accepted drafts for each pair of curate.target, unless the recipe says otherwise: curation needs a choice


def reads(recipe: Recipe, root: Path) -> dict[str, Any]:
    """Return everything of the recipe and its files that decides which drafts come out; not how fast, nor from where.

    Raises:
        RecipeError: a file that the recipe names cannot be read.
    """
    from generators.alpaca.tasks import tasks_hash

    section = recipe.generate
    endpoint = recipe.endpoint
    asking = endpoint.model_dump(mode="json", include={"model", "temperature", "max_tokens", "parameters", "repair"})
    return {
        **section.model_dump(mode="json", exclude={"existing", "extraction_schema", "inside", "seeds"}),
        **asking,
        "target": target(recipe),
        "budget": recipe.budget.model_dump(mode="json"),
        "model_file": file_stamp(root / endpoint.model_file) if section.generator == "local" and endpoint.model_file else None,
        "replay": content(root / endpoint.replay, "endpoint.replay") if endpoint.replay else None,
        "tasks": tasks_hash(section.tasks, root=root),
        "extraction_schema": extraction_schema(recipe, root),
        "seeds": content(root / section.seeds, "generate.seeds") if section.seeds else None,
        "max_words": recipe.curate.max_words,
        "pair_schema": content(root / recipe.curate.pair_schema, "curate.pair_schema") if recipe.curate.pair_schema else None,
    }


def target(recipe: Recipe) -> int:
    """Return how many accepted drafts are wanted."""
    wanted = recipe.generate.target
    return PER_PAIR * recipe.curate.target if wanted == "auto" else wanted


def needs_rules(recipe: Recipe, root: Path) -> bool:
    """Tell whether a task of the recipe needs what the rules find.

    Raises:
        RecipeError: a task cannot be used.
    """
    from generators.alpaca.tasks import load_tasks

    return _any_needs_rules(load_tasks(recipe.generate.tasks, root=root))


def _any_needs_rules(tasks: "Iterable[Task]") -> bool:
    from generators.alpaca.rule_facts import NEED

    return any(task.needs == NEED for task in tasks)


def rule_facts(step: "Step") -> dict[str, tuple[Draft, ...]]:
    """Return the facts that the rules find, of the families that are on, by chunk id."""
    from builder.generate_stage import extracted
    from builder.grades import but_switched_off, read_grades, standings
    from generators.alpaca.rule_facts import by_section
    from generators.extractive.lexicon import lexicon

    documents = step.documents()
    found = extracted(step, documents, step.chunks(), lexicon(documents))
    kept = but_switched_off(found, standings(step.recipe, read_grades(step.work.folder)), Counter())
    return by_section(record for record in kept if isinstance(record, Draft))


def plan_of(
    recipe: Recipe, root: Path, *, limit: int | None = None, rule_facts: "Callable[[], Mapping[str, tuple[Draft, ...]]]" = dict
) -> "Plan":
    """Return how the asking is spread.

    Args:
        recipe: says what is asked for.
        root: the folder that its paths are relative to.
        limit: the number of asks of a pilot.
        rule_facts: returns what the rules find, where a task needs it.

    Raises:
        RecipeError: a task or the file of seeds cannot be used.
    """
    from generators.alpaca.folders import read_seeds
    from generators.alpaca.generate import Plan
    from generators.alpaca.tasks import load_tasks

    section = recipe.generate
    tasks = load_tasks(section.tasks, root=root)
    return Plan(
        tasks=tasks,
        target=target(recipe),
        items_per_request=section.items_per_request,
        distractors=section.distractors,
        facts=section.facts,
        seeds=read_seeds(root / section.seeds) if section.seeds else (),
        rule_facts=rule_facts() if _any_needs_rules(tasks) else {},
        limit=limit,
    )


def style_of(recipe: Recipe, root: Path) -> "Style":
    """Return what is the same for every request of a run."""
    from generators.alpaca.asks import Style

    section = recipe.generate
    endpoint = recipe.endpoint
    served = endpoint.model_file.stem if section.generator == "local" and endpoint.model_file else endpoint.model
    return Style(
        company=recipe.company,
        voice=section.voice,
        language=section.language,
        wordings=section.wordings,
        samples=section.samples,
        labels=section.labels,
        extraction_schema=extraction_schema(recipe, root),
        model=served,
        temperature=endpoint.temperature,
        max_tokens=endpoint.max_tokens,
        parameters=endpoint.parameters,
        repair=endpoint.repair,
    )


def extraction_schema(recipe: Recipe, root: Path) -> dict[str, Any] | None:
    """Return the user's schema of what is extracted.

    Raises:
        RecipeError: it cannot be read, or is no JSON Schema.
    """
    from schemas.checks import user_schema

    return user_schema(root / recipe.generate.extraction_schema) if recipe.generate.extraction_schema else None


def accepting(recipe: Recipe, root: Path, *, documents: list[Document], chunks: list[Chunk]) -> Callable[[Draft], bool]:
    """Return what tells, draft by draft in their order, whether one makes a pair and asks something new."""
    from schemas.checks import user_schema

    section = recipe.curate
    schema = user_schema(root / section.pair_schema) if section.pair_schema else None
    by_id, chunks_by_id = {document.id: document for document in documents}, {chunk.id: chunk for chunk in chunks}
    seen: set[str] = set()
    novel = _Novel()

    def accept(draft: Draft) -> bool:
        turns = " ".join([*(turn.content for turn in draft.history), draft.instruction])
        question = content_id("question", normalised(turns), normalised(draft.input))
        if question in seen:
            return False
        (record,) = validate([draft], documents=by_id, chunks=chunks_by_id, max_words=section.max_words, extra_schema=schema)
        if not isinstance(record, Pair) or (draft.task == SELF_INSTRUCT and not novel.is_new(draft.instruction)):
            return False
        seen.add(question)
        if SELF_INSTRUCT in recipe.generate.tasks:
            novel.add(draft.instruction)
        return True

    return accept


class _Novel:
    """The filter of Self-Instruct (Wang et al. 2022): a question whose ROUGE-L with an accepted one is above 0.7 is not new."""

    def __init__(self) -> None:
        self._accepted: list[list[str]] = []

    def is_new(self, question: str) -> bool:
        """Tell whether the question is far enough from all that were accepted."""
        asked = words(question)
        near = (other for other in self._accepted if 2 * min(len(asked), len(other)) > MOST_ALIKE * (len(asked) + len(other)))
        return not any(rouge_l(asked, other) > MOST_ALIKE for other in near)

    def add(self, question: str) -> None:
        """Note an accepted question."""
        self._accepted.append(words(question))


def file_stamp(path: Path) -> list[str | int]:
    """Return name, size and time of a large file (hashing gigabytes at every run would be slow)."""
    return [path.name, path.stat().st_size, path.stat().st_mtime_ns] if path.is_file() else [path.name]


def content(path: Path, name: str) -> str:
    """Return the hash of a file that the recipe names as `name`.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecipeError(f"{name}: {path}: {(error.strerror or 'cannot be read').lower()}; give the path of a file") from None
