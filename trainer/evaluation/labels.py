"""Classification: tasks whose responses are labels that the question names, the label that an answer gives, the confusion matrix."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.records import Pair
from trainer.metrics import normalize

OTHER = "(other)"  # what an answer gives that is no label, or more than one
_LONGEST, _MOST, _FEWEST = 6, 30, 2  # words of a label; labels of a task


def label_sets(pairs: Iterable[Pair]) -> dict[str, dict[str, str]]:
    """Return by task its labels, as normalized text with how it is written; only tasks all of whose questions name their response."""
    by_task: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_task[pair.task].append(pair)
    found: dict[str, dict[str, str]] = {}
    for task, own in by_task.items():
        labels = {normalize(pair.output): pair.output.strip() for pair in own}
        if _FEWEST <= len(labels) <= _MOST and all(map(_names_its_response, own)):
            found[task] = labels
    return found


def label_of(answer: str, labels: Iterable[str]) -> str | None:
    """Return the label that an answer is or holds as the only one; None where there is none. In "sick leave" there is no "leave"."""
    left = normalize(answer)
    holding: list[str] = []
    for label in sorted(labels, key=len, reverse=True):
        left, count = re.subn(rf"(?<!\w){re.escape(label)}(?!\w)", "|", left)
        holding += [label] if count else []
    return holding[0] if len(holding) == 1 else None


def confusion(rows: Sequence[tuple[str, str]], labels: Mapping[str, str], system: str) -> dict[str, Any]:
    """Return the matrix of (reference, answer) pairs: a row for each expected label, a column for each given one and for none."""
    names = sorted(labels)
    counts = Counter((normalize(reference), label_of(answer, labels)) for reference, answer in rows)
    shown = [labels[name] for name in names]
    matrix = [[counts[expected, given] for given in [*names, None]] for expected in names]
    return {"system": system, "labels": shown, "columns": [*shown, OTHER], "counts": matrix}


def _names_its_response(pair: Pair) -> bool:
    label = normalize(pair.output)
    return 0 < len(label.split()) <= _LONGEST and f" {label} " in f" {normalize(pair.instruction.replace('/', ' '))} "
