"""Base against tuned on held-out pairs: the same prompts, greedy answers, loss on the references; every answer is kept."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import EvaluateSection
from trainer.generate import generate
from trainer.loss import row_losses
from trainer.machine import prepare
from trainer.metrics import SCORES
from trainer.model import end_tokens, load, load_tokenizer
from trainer.rows import Row, pair_rows
from trainer.templates import Template, choose_template

Progress = Callable[[int, int, dict[str, float]], None]
_MANY, _FEW, _SMALL = 128, 32, 50_000_000  # questions at once below and above so many parameters; measured: a third less time at 1M


def evaluate(
    sets: Mapping[str, Sequence[Pair]],
    *,
    models: Mapping[str, Path | str],
    section: EvaluateSection,
    progress: Progress,
    unions: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Score every model on every set, overall and per task; return the tables and all answers side by side.

    Args:
        sets: held-out pairs by the name of the set, no pair in two of them.
        models: folders (or names) by the name in the report, the tuned one last: its template is used for all.
        section: how many questions, how long the answers may be, how many at once.
        progress: told after each batch how many answers there are of how many.
        unions: names of sets that are also reported together, by the name of their union.

    Raises:
        InputError: there is no held-out pair or no model.
    """
    prepare()
    chosen = {name: _limited(pairs, section.limit) for name, pairs in sets.items() if pairs}
    asked = [(name, pair) for name, pairs in chosen.items() for pair in pairs]
    if not asked or not models:
        raise InputError("there is nothing to evaluate: no held-out pair or no model")
    shared = choose_template(load_tokenizer(list(models.values())[-1]))
    pairs = [pair for _, pair in asked]
    most = _longest(pairs, shared, section)
    answers: dict[str, list[dict[str, Any]]] = {}
    for number, (name, folder) in enumerate(models.items()):
        told = partial(_tell, progress, number * len(pairs), len(models) * len(pairs))
        answers[name] = _answers(folder, pairs, shared, section=section, most=most, told=told)
    members = {**(unions or {}), **{name: (name,) for name in chosen}}
    places = {name: [index for index, (of, _) in enumerate(asked) if of in parts] for name, parts in members.items()}
    tables = {name: _tables(own, pairs, answers) for name, own in places.items() if own}
    rows = [_row(name, pair, {model: given[index] for model, given in answers.items()}) for index, (name, pair) in enumerate(asked)]
    return {"template": shared.name, "max_new_tokens": most, "notices": _notices(pairs, shared, most), "sets": tables}, rows


def _tell(progress: Progress, before: int, total: int, count: int) -> None:
    progress(before + count, total, {})


def _limited(pairs: Sequence[Pair], limit: int | None) -> list[Pair]:
    """Take at most `limit` pairs, evenly spread."""
    if limit is None or len(pairs) <= limit:
        return list(pairs)
    return [pairs[index * len(pairs) // limit] for index in range(limit)]


def _longest(pairs: Sequence[Pair], template: Template, section: EvaluateSection) -> int:
    if section.max_new_tokens != "auto":
        return section.max_new_tokens
    return math.ceil(1.2 * max(map(len, template.completions([pair.output for pair in pairs]))))


def _notices(pairs: Sequence[Pair], template: Template, most: int) -> list[str]:
    """Say where a limit cuts answers, so that they could not have ended by themselves."""
    lengths = [len(ids) for ids in template.completions([pair.output for pair in pairs])]
    if most >= max(lengths):
        return []
    cut = sum(length > most for length in lengths)
    limit = f"evaluate.max_new_tokens {most} is less than the {max(lengths)} tokens of the longest expected answer"
    return [f"{limit}: {cut} of {len(pairs)} answers are cut there and count as not stopped; set it to auto"]


def _at_once(model: Any, section: EvaluateSection) -> int:
    """Return how many questions share a batch; of a small model, steps cost more than tokens do."""
    if section.batch_size != "auto":
        return section.batch_size
    return _MANY if model.num_parameters() < _SMALL else _FEW


def _answers(  # noqa: PLR0913 - what all models share, in one call
    folder: Path | str, pairs: Sequence[Pair], template: Template, *, section: EvaluateSection, most: int, told: Callable[[int], None]
) -> list[dict[str, Any]]:
    model, _ = load(folder)
    rows = pair_rows(pairs, template)
    losses = row_losses(model, rows)
    generated = generate(
        model,
        template.pair_prompts(pairs),
        ends=end_tokens(model, template),
        max_new_tokens=most,
        batch_size=_at_once(model, section),
        progress=told,
    )
    texts = [template.decode(answer.tokens) for answer in generated]
    return [
        {"answer": text, "stopped": answer.stopped, **_scores(text, pair, row, loss)}
        for text, answer, pair, row, loss in zip(texts, generated, pairs, rows, losses, strict=True)
    ]


def _scores(text: str, pair: Pair, row: Row, loss: float) -> dict[str, float]:
    return {"loss": loss, "tokens": row.trained, **{name: score(text, pair.output) for name, score in SCORES.items()}}


def _tables(places: list[int], pairs: Sequence[Pair], answers: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    tasks = sorted({pairs[index].task for index in places})
    return {
        "n": len(places),
        "overall": _table(places, answers),
        "tasks": {
            task: {"n": len(own), **_table(own, answers)}
            for task in tasks
            if (own := [index for index in places if pairs[index].task == task])
        },
    }


def _table(places: list[int], answers: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    return {model: _figures([given[index] for index in places]) for model, given in answers.items()}


def _figures(answers: list[dict[str, Any]]) -> dict[str, float]:
    loss = sum(answer["loss"] for answer in answers) / sum(answer["tokens"] for answer in answers)
    means = {name: fmean(answer[name] for answer in answers) for name in SCORES}
    return {"loss": loss, "perplexity": math.exp(min(loss, 700.0)), **means, "stop_rate": fmean(answer["stopped"] for answer in answers)}


def _row(name: str, pair: Pair, given: dict[str, dict[str, Any]]) -> dict[str, Any]:
    answers = {model: answer["answer"] for model, answer in given.items()}
    scores = {model: {key: value for key, value in answer.items() if key != "answer"} for model, answer in given.items()}
    history = [turn.model_dump() for turn in pair.history]
    asked = {"history": history, "question": pair.instruction, "input": pair.input, "reference": pair.output}
    return {"pair_id": pair.id, "set": name, "task": pair.task, "form": pair.form, **asked, **answers, "scores": scores}
