"""Held-out pairs answered by the base, the base with help in its prompt, and the tuned model: the same questions, greedy answers.

Every answer is kept beside its reference with its scores (see `evaluation/scoring.py`); the tables, estimates and comparisons are
counted from them.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from schemas.records import Pair
from schemas.training import EvaluateSection
from trainer.evaluation.ask import Asking, noise
from trainer.evaluation.declared import LOSS, Wanted, declared, design, family
from trainer.evaluation.groups import members, views
from trainer.evaluation.help import with_help
from trainer.evaluation.material import Material
from trainer.evaluation.proof import comparisons, estimates, verdict
from trainer.evaluation.room import fitting
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.systems import System
from trainer.evaluation.tables import Answers, confusions, tables
from trainer.evenly import evenly
from trainer.machine import prepare
from trainer.model import load_tokenizer
from trainer.templates import Template, choose_template

Progress = Callable[[int, int, dict[str, float]], None]
BASE = "base"
_ANSWER = frozenset({"answer"})


def evaluate(  # noqa: PLR0913 - what is asked, who is asked, and how
    sets: Mapping[str, Sequence[Pair]],
    *,
    models: Mapping[str, Path | str],
    section: EvaluateSection,
    progress: Progress,
    unions: Mapping[str, Sequence[str]] | None = None,
    material: Material | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Score every system on every set, overall and per task; return the tables and all answers side by side.

    Args:
        sets: held-out pairs by the name of the set, no pair in two of them.
        models: folders (or names) by the name in the report, the tuned one last: its template is used for all.
        section: who is asked, how many questions, how long the answers may be, how many at once, what is compared.
        progress: told after each batch how many answers there are of how many.
        unions: names of sets that are also reported together, by the name of their union.
        material: what surrounds the pairs; with it and a model named base, that one is also asked with help, and systems are compared.

    Raises:
        InputError: there is no held-out pair or no model, or a pair is in two sets.
    """
    prepare()
    chosen = {name: evenly(pairs, section.limit) for name, pairs in sets.items() if pairs}
    asked = [(name, pair) for name, pairs in chosen.items() for pair in pairs]
    if not asked or not models:
        raise InputError("there is nothing to evaluate: no held-out pair or no model")
    _check_apart(asked)
    template = choose_template(load_tokenizer(list(models.values())[-1]))
    asked, notices = fitting(asked, template, models.values())
    if not asked:
        raise InputError(f"there is nothing to evaluate: {notices[0]}")
    pairs = [pair for _, pair in asked]
    asking = Asking(template, section, _longest(pairs, template, section))
    places = members(asked, unions or {})
    systems = [System(name, model, template.pair_prompts(pairs)) for name, model in models.items()]
    wanted: list[Wanted] = []
    stated: dict[str, Any] = {}
    known, is_compared = material or Material(), material is not None and BASE in models
    if is_compared:
        wanted = family(section, [BASE, *section.systems, *list(models)[1:]], places)
        stated = known.declare(declared(section, wanted))
        helped, missing = with_help(models[BASE], pairs, asking, known)
        systems[1:1], notices = helped, [*notices, *missing]
    total = len(systems) * len(pairs)
    given = asking.answers(systems, pairs, told=lambda count: progress(count, total, {}))
    scorer = Scorer(pairs, known)
    answers = {
        name: [{**one, **scorer.scores(pair, one["answer"])} for one, pair in zip(own, pairs, strict=True)] for name, own in given.items()
    }
    result: dict[str, Any] = {
        "template": template.name,
        "max_new_tokens": asking.most,
        "systems": {system.name: dict(system.figures) for system in systems},
        "refusals_told_apart": scorer.told_apart,
        "notices": [*_notices(pairs, template, asking.most), *notices],
        "sets": {name: tables(own, pairs, answers) for name, own in places.items()},
    }
    if is_compared:
        kinds = views(asked, known.words)
        result |= _proof(asked, answers, asking=asking, first=systems[0], wanted=wanted, places=places, kinds=kinds, scorer=scorer)
        result |= {"declared": stated, "notices": [*result["notices"], *result.pop("missing")]}
    return result, [
        _row(name, pair, {system: own[place] for system, own in answers.items()}, known) for place, (name, pair) in enumerate(asked)
    ]


def _proof(  # noqa: PLR0913 - all that was measured
    asked: Sequence[tuple[str, Pair]],
    answers: Answers,
    *,
    asking: Asking,
    first: System,
    wanted: Sequence[Wanted],
    places: Mapping[str, Sequence[int]],
    kinds: Mapping[str, Sequence[int]],
    scorer: Scorer,
) -> dict[str, Any]:
    """Return views, intervals, the declared comparisons and their verdict, and what asking the base again changes."""
    pairs, section = [pair for _, pair in asked], asking.section
    made, missing = comparisons(wanted, {**places, **kinds}, pairs, answers, design=design(section))
    metric = section.metric if section.metric != LOSS else "token_f1"
    changes = noise(
        asking.again(first), answers[first.name], metric=metric, score=lambda place, text: scorer.scores(pairs[place], text).get(metric)
    )
    return {
        "groups": {name: tables(own, pairs, answers) for name, own in kinds.items()},
        "confusion": {name: found for name, own in places.items() if (found := confusions(own, pairs, answers, scorer.labels))},
        "estimates": [one.model_dump() for one in estimates({**places, **kinds}, pairs, answers, design=design(section))],
        "comparisons": [one.model_dump() for one in made],
        "verdict": verdict(made, section.metric),
        "noise_floor": {"system": first.name, **changes},
        "missing": missing,
    }


def _check_apart(asked: Sequence[tuple[str, Pair]]) -> None:
    twice = [pair_id for pair_id, count in Counter(pair.id for _, pair in asked).items() if count > 1]
    if twice:
        raise InputError(f"{len(twice)} held-out pairs are in two sets ({', '.join(twice[:3])}); split them again")


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


def _row(name: str, pair: Pair, given: Mapping[str, Mapping[str, Any]], material: Material) -> dict[str, Any]:
    document = pair.provenance.document_id
    return {
        "pair_id": pair.id,
        "set": name,
        "task": pair.task,
        "form": pair.form,
        "group": pair.group,
        "document": material.documents.get(document, document),
        "section": list(material.sections.get(pair.provenance.chunk_id, ())),
        "grounding": pair.grounding,
        "history": [turn.model_dump() for turn in pair.history],
        "question": pair.instruction,
        "input": pair.input,
        "reference": pair.output,
        "answers": {system: one["answer"] for system, one in given.items()},
        "scores": {system: {key: score for key, score in one.items() if key not in _ANSWER} for system, one in given.items()},
    }
