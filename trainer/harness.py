"""Tasks of lm-evaluation-harness, through its own package (PyPI: lm_eval, the extra `harness`), for base and tuned model.

Nothing is downloaded: tasks and their data are files of the user's, or lie in the cache of Hugging Face already.
"""

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from schemas.errors import InputError, RecipeError
from schemas.proof import Comparison, Design
from trainer.machine import prepare
from trainer.model import load
from trainer.statistics.compare import compare
from trainer.statistics.family import adjust

PACKAGE = "lm_eval"
_BATCH = 8
_SEED = 1234  # of the examples before a question: the one of lm_eval's own command


def check_harness(folder: Path | None) -> None:
    """Refuse tasks that could not be asked for want of the package or of their folder; imports nothing.

    Raises:
        RecipeError: says which.
    """
    if find_spec(PACKAGE) is None:
        raise RecipeError("evaluate.harness: needs the package lm_eval; pip install 'kilopair[harness]', or take the tasks out")
    if folder is not None and not folder.is_dir():
        raise RecipeError(f"evaluate.harness_tasks: no such folder: {folder}; give one with task files (YAML) of lm-evaluation-harness")


def load_tasks(tasks: Sequence[str], folder: Path | None) -> dict[str, Any]:
    """Return what lm_eval makes of the names: the tasks with their data; paths in the files are relative to their folder.

    Raises:
        RecipeError: a task is not known, or is not complete without a download.
    """
    with _offline(), _quiet(), contextlib.chdir(folder or Path.cwd()):
        manager_of = import_module(f"{PACKAGE}.tasks").TaskManager
        own = manager_of(include_path=str(folder), include_defaults=False) if folder else None
        known = set(own.all_tasks) if own else set()
        manager = own if own and known.issuperset(tasks) else manager_of(include_path=str(folder) if folder else None)
        for name in tasks:
            if name not in manager.all_tasks:
                raise RecipeError(f"evaluate.harness: no task is called {name}; {_offered(known)}")
        try:
            return manager.load(list(tasks))
        except Exception as error:  # noqa: BLE001 - a task may be any code of anybody's, and datasets raises many kinds when offline
            raise RecipeError(f"evaluate.harness: {', '.join(tasks)}: {_why(error)}") from None


def _offered(known: set[str]) -> str:
    if known:
        return f"evaluate.harness_tasks has {', '.join(sorted(known)[:8])}"
    return "give one that lm_eval ships, or set evaluate.harness_tasks to a folder with task files (YAML)"


def _why(error: Exception) -> str:
    said = next(iter(str(error).splitlines()), type(error).__name__)[:200]
    return (
        f"cannot be loaded without a download ({said}); put the data into a local file, and a task file that names it "
        "(dataset_path: json, dataset_kwargs: {data_files: ...}) into the folder evaluate.harness_tasks"
    )


def harness(
    models: Mapping[str, Path | str],
    tasks: dict[str, Any],
    *,
    design: Design,
    limit: int | None = None,
) -> dict[str, Any]:
    """Return the metrics of each task for both models, and paired comparisons, one family, of what is scored question by question.

    Args:
        models: the base and the tuned one, in this order.
        tasks: from `load_tasks`.
        design: how the models are compared.
        limit: most questions per task.

    Raises:
        InputError: a model cannot be loaded, or a task fails on it.
    """
    prepare()
    found = {name: _asked(folder, tasks, limit) for name, folder in models.items()}
    return {"package": f"{PACKAGE} {version(PACKAGE)}", **compared(found, design)}


def compared(found: Mapping[str, dict[str, Any]], design: Design) -> dict[str, Any]:
    """Return what lm_eval gave for base and tuned model, by task, with the comparisons."""
    names, listed = tuple(found), next(iter(found.values()))["results"]
    samples = {task: [_by_question(one.get("samples", {}).get(task, [])) for one in found.values()] for task in listed}
    made = adjust([one for task in listed for one in _compared(task, samples[task], names, design, _lower(task, found))])
    told = {task: _told(task, found, len({question for question, _ in samples[task][0]})) for task in listed}
    for one in made:
        told[one.set]["comparisons"].append(one.model_dump(mode="json"))
    return {"tasks": told, "sentence": "; ".join(one.sentence for one in made)}


def _asked(folder: Path | str, tasks: dict[str, Any], limit: int | None) -> dict[str, Any]:
    model, tokenizer = load(folder)
    for task in tasks["tasks"].values():
        task.set_fewshot_seed(_SEED)  # else every model would get other examples, drawn without a seed
    with _offline(), _quiet():
        evaluate, wrapped = import_module(f"{PACKAGE}.evaluator").evaluate, import_module(f"{PACKAGE}.models.huggingface").HFLM
        try:
            # Its own standard errors are left out: base and tuned are compared question by question.
            return evaluate(wrapped(pretrained=model, tokenizer=tokenizer, batch_size=_BATCH), tasks, limit=limit, bootstrap_iters=0)
        except Exception as error:  # noqa: BLE001 - a task may be any code of anybody's
            said = next(iter(str(error).splitlines()), "")[:200]
            raise InputError(f"evaluate.harness: lm_eval stopped at {folder}: {type(error).__name__}: {said}; correct the task") from None


def _told(task: str, found: Mapping[str, dict[str, Any]], questions: int) -> dict[str, Any]:
    names = tuple(found)
    scores = {name: _scores(one["results"][task]) for name, one in found.items()}
    metrics = {metric: {name: scores[name].get(metric) for name in names} for metric in scores[names[0]]}
    return {"n": questions, "metrics": metrics, "comparisons": []}


def _lower(task: str, found: Mapping[str, dict[str, Any]]) -> frozenset[str]:
    """Return the metrics of which less is better: told, and not compared, as what a sample has of them is not always the metric itself."""
    return frozenset(name for one in found.values() for name, up in one.get("higher_is_better", {}).get(task, {}).items() if up is False)


def _scores(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a task without their standard errors, `acc,none` as `acc`."""
    kept = {name.removesuffix(",none"): value for name, value in result.items() if "," in name and "_stderr" not in name}
    return {name: float(value) for name, value in kept.items() if isinstance(value, int | float)}


def _named(metric: str, answers: str) -> str:
    """Return a metric with the filter that its answers went through, if it was one."""
    return metric if answers == "none" else f"{metric},{answers}"


def _by_question(samples: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str], float]:
    """Return the plain scores of each question, by the names of `_scores`; a metric that needs all questions at once has none."""
    return {
        (sample["doc_id"], _named(metric, sample.get("filter", "none"))): float(sample[metric])
        for sample in samples
        for metric in sample.get("metrics", ())
        if isinstance(sample.get(metric), int | float)
    }


def _compared(
    task: str, samples: Sequence[Mapping[tuple[int, str], float]], names: Sequence[str], design: Design, lower: frozenset[str]
) -> Iterator[Comparison]:
    for metric in sorted({metric for _, metric in samples[0] if metric.partition(",")[0] not in lower}):
        both = [key for key in samples[0] if key[1] == metric and key in samples[-1]]
        if len(both) > 1:
            first, second = ([given[key] for key in both] for given in (samples[0], samples[-1]))
            yield compare(first, second, design=design, of=(metric, task, names[0], names[-1]))


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Keep the libraries of Hugging Face from the network, whatever they were told when they were imported."""
    import datasets.config
    import huggingface_hub.constants

    held = [(module, module.HF_HUB_OFFLINE) for module in (huggingface_hub.constants, datasets.config)]
    try:
        for module, _ in held:
            vars(module)["HF_HUB_OFFLINE"] = True
        yield
    finally:
        for module, before in held:
            vars(module)["HF_HUB_OFFLINE"] = before


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep lm_eval's bars and its advice from the terminal."""
    logger = logging.getLogger(PACKAGE)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
