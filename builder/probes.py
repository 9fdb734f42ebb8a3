"""What base and tuned model are asked besides the held-out questions: general text and prompts, and tasks of lm-evaluation-harness."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from builder.step import Step
from schemas.recipe import Recipe
from schemas.records import content_id
from trainer.evaluation.declared import design

Probe = Callable[[Mapping[str, str]], dict[str, Any]]


def check_probes(recipe: Recipe, root: Path) -> None:
    """Refuse tasks that could not be asked, before hours of work and not after.

    Raises:
        RecipeError: lm_eval is not installed, or a folder is missing.
    """
    if recipe.evaluate.harness:
        from trainer.harness import check_harness

        check_harness(_place(root, recipe.evaluate.harness_tasks))


def probe_reads(recipe: Recipe, root: Path) -> dict[str, Any]:
    """Return what the probes read besides the models: the content of the general text, the files of the tasks."""
    section = recipe.evaluate
    tasks = _place(root, section.harness_tasks)
    found = sorted(path for path in tasks.rglob("*") if path.is_file()) if tasks and section.harness else []
    stamps = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in found]
    return {
        "general_text": content_id("general", *(passage.text for passage in _sample(recipe, root))) if section.forgetting else None,
        "replayed": bool(recipe.train.replay) and section.forgetting,
        "harness_files": stamps,
        "harness_version": version("lm_eval") if section.harness else None,
    }


def ready(step: Step) -> Probe:
    """Return what probes the base and the tuned model, with all that can fail for want of a file loaded already.

    Raises:
        RecipeError: a task of lm-evaluation-harness is not known, or is not complete without a download.
        InputError: the general text cannot be read.
    """
    recipe, section = step.recipe, step.recipe.evaluate
    stated = design(section)
    sample = _sample(recipe, step.root) if section.forgetting else []
    tasks = _tasks(recipe, step.root) if section.harness else None

    def probe(models: Mapping[str, str]) -> dict[str, Any]:
        asked, found = {name: models[name] for name in ("base", "tuned")}, dict[str, Any]()
        if sample:
            from trainer.forgetting import forgetting

            knew = recipe.train.base != "embedded"
            found["forgetting"] = forgetting(asked, sample, design=stated, knew=knew, read=_replayed(recipe, step.root))
        if tasks:
            from trainer.harness import harness

            found["harness"] = harness(asked, tasks, design=stated, limit=section.limit)
        return found

    return probe


def _sample(recipe: Recipe, root: Path) -> list[Any]:
    from trainer.general import passages

    return passages(_place(root, recipe.evaluate.general_text))


def _tasks(recipe: Recipe, root: Path) -> dict[str, Any]:
    from trainer.harness import load_tasks

    return load_tasks(recipe.evaluate.harness, _place(root, recipe.evaluate.harness_tasks))


def _replayed(recipe: Recipe, root: Path) -> list[str]:
    """Return the general text that the training read."""
    from trainer.replay import read_general

    return read_general(_place(root, recipe.train.replay_text)) if recipe.train.replay else []


def _place(root: Path, path: Path | None) -> Path | None:
    return root / path if path is not None else None
