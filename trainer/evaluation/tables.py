"""The tables of an evaluation: means by set, system and task, and what only several answers together show."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from schemas.records import Pair
from trainer.evaluation.labels import confusion
from trainer.evaluation.refusals import should_abstain
from trainer.metrics import normalize

Scores = Mapping[str, Any]
Answers = Mapping[str, Sequence[Scores]]  # by system: what it answered to every pair, in order, with its scores
MEANS = (
    "exact_match", "token_f1", "rouge_l", "figures_right", "format_right", "label_right", "refusal_right", "answered", "length_ratio",
)  # fmt: skip


def tables(places: Sequence[int], pairs: Sequence[Pair], answers: Answers) -> dict[str, Any]:
    """Return the means over these places of all pairs, overall and by task."""
    tasks = sorted({pairs[place].task for place in places})
    own = {task: [place for place in places if pairs[place].task == task] for task in tasks}
    return {
        "n": len(places),
        "overall": _table(places, pairs, answers),
        "tasks": {task: {"n": len(own[task]), **_table(own[task], pairs, answers)} for task in tasks},
    }


def _table(places: Sequence[int], pairs: Sequence[Pair], answers: Answers) -> dict[str, dict[str, float]]:
    return {system: _figures(places, pairs, given) for system, given in answers.items()}


def _figures(places: Sequence[int], pairs: Sequence[Pair], given: Sequence[Scores]) -> dict[str, float]:
    chosen = [given[place] for place in places]
    found: dict[str, float] = {}
    if all("loss" in one for one in chosen):
        loss = sum(one["loss"] for one in chosen) / sum(one["tokens"] for one in chosen)
        found |= {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
    for name in MEANS:
        if values := [one[name] for one in chosen if name in one]:
            found[name] = fmean(values)
    found["stop_rate"] = fmean(bool(one["stopped"]) for one in chosen)
    found |= _refusals([one for one in chosen if "refusal_right" in one or "answered" in one])
    agreement = agreements(places, pairs, given)
    return found | ({"consistency": fmean(agreement.values())} if agreement else {})


def _refusals(chosen: Sequence[Scores]) -> dict[str, float]:
    """Return how many of the abstentions were called for; how many of those called for were made is refusal_right."""
    rightly = sum(one.get("refusal_right", 0) for one in chosen)
    wrongly = sum(1 - one["answered"] for one in chosen if "answered" in one and one["answer"].strip())  # silence is no abstention
    return {"refusal_precision": rightly / (rightly + wrongly)} if rightly + wrongly else {}


def agreements(places: Sequence[int], pairs: Sequence[Pair], given: Sequence[Scores]) -> dict[int, float]:
    """Return for each question in several wordings, by its first place, whether all its answers agree: 1, else 0, as for silence."""
    wordings: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place in places:
        if not should_abstain(pairs[place]):
            wordings[pairs[place].group, normalize(pairs[place].output)].append(place)
    several = [own for own in wordings.values() if len(own) > 1]
    return {own[0]: float(_is_one({normalize(given[place]["answer"]) for place in own})) for own in several}


def _is_one(said: set[str]) -> bool:
    return len(said) == 1 and "" not in said


def confusions(places: Sequence[int], pairs: Sequence[Pair], answers: Answers, labels: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return by classification task the confusion matrix of every system."""
    found: dict[str, Any] = {}
    for task, names in labels.items():
        if own := [place for place in places if pairs[place].task == task]:
            rows = {system: [(pairs[place].output, given[place]["answer"]) for place in own] for system, given in answers.items()}
            found[task] = [confusion(told, names, system) for system, told in rows.items()]
    return found
