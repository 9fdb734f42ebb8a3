"""The answers of exported files as further systems of the evaluation: what the package stage writes, and what the report reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.held_out_material import material_of
from builder.model_stages import UNIONS
from builder.step import ANSWERS, Step
from builder.store import read_json, write_json
from schemas.training import EvaluateSection

EXPORTED = "exported.json"
Row = Mapping[str, Any]
_TUNED = "tuned"


def write_exported(step: Step, folder: Path, given: Mapping[str, Sequence[Row]]) -> None:
    """Score what exported files answered and write it beside the package.

    Args:
        step: of the package.
        folder: where to write.
        given: by the form of the file its answers (`answer`, `stopped`) to the held-out questions, in the order of the evaluation.
    """
    from trainer.evaluation.scoring import Scorer

    rows, pairs = read_json(step.output("evaluate").folder / ANSWERS), step.pairs("split")
    by_id = {pair.id: pair for pair in pairs}
    asked = [(str(row["set"]), by_id[row["pair_id"]]) for row in rows]
    scorer = Scorer([pair for _, pair in asked], material_of(step, pairs))
    answers = {
        form: [{**one, **scorer.scores(pair, str(one["answer"]))} for one, (_, pair) in zip(own, asked, strict=True)]
        for form, own in given.items()
    }
    tuned = [{**row["scores"][_TUNED], "answer": row["answers"][_TUNED]} for row in rows]
    figures = _figures(asked, answers, tuned, section=step.recipe.evaluate)
    write_json(folder / EXPORTED, {**figures, "answers": {form: [*own] for form, own in answers.items()}})


def _figures(
    asked: Sequence[tuple[str, Any]], answers: Mapping[str, Sequence[Row]], tuned: Sequence[Row], *, section: EvaluateSection
) -> dict[str, Any]:
    """Return the tables of the files, and each against the saved model by the declared metric, as a family of their own."""
    from trainer.evaluation.declared import LOSS, MAIN, Wanted, design
    from trainer.evaluation.groups import members, views
    from trainer.evaluation.proof import comparisons, estimates
    from trainer.evaluation.tables import tables

    pairs, places, kinds = [pair for _, pair in asked], members(asked, UNIONS), views(asked)
    metric = "token_f1" if section.metric == LOSS else section.metric  # a server tells no loss
    wanted = [Wanted(metric, name, _TUNED, form) for form in answers for name in MAIN if name in places]
    made, _ = comparisons(wanted, places, pairs, {**answers, _TUNED: tuned}, design=design(section))
    return {
        "sets": {name: tables(own, pairs, answers) for name, own in places.items()},
        "groups": {name: tables(own, pairs, answers) for name, own in kinds.items()},
        "estimates": [one.model_dump() for one in estimates({**places, **kinds}, pairs, answers, design=design(section))],
        "comparisons": [one.model_dump() for one in made],
    }


def with_exported(step: Step, evaluation: Mapping[str, Any], answers: Sequence[Row]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an evaluation and its answers with those of the exported files, where the package stage made some."""
    packaged = step.work.outputs.get("package")
    path = packaged.folder / EXPORTED if packaged else None
    if path is None or not path.exists():
        return dict(evaluation), [dict(row) for row in answers]
    found = read_json(path)
    whole = {**evaluation, **{name: _joined(evaluation.get(name, {}), found[name]) for name in ("sets", "groups")}}
    whole |= {name: [*evaluation.get(name, ()), *found[name]] for name in ("estimates", "comparisons")}
    return whole, [
        {
            **row,
            "answers": {**row["answers"], **{form: own[place]["answer"] for form, own in found["answers"].items()}},
            "scores": {**row["scores"], **{form: own[place] for form, own in found["answers"].items()}},
        }
        for place, row in enumerate(answers)
    ]


def _joined(tables: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Put further systems into tables of the same sets."""
    return {
        name: {
            **table,
            "overall": {**table["overall"], **more.get(name, {}).get("overall", {})},
            "tasks": {task: {**row, **more.get(name, {}).get("tasks", {}).get(task, {})} for task, row in table["tasks"].items()},
        }
        for name, table in tables.items()
    }
