"""How much there is to doubt about an item, and why, in words: whoever reviews looks at the most doubtful first.

Each sign is the chance that a person would not accept the item as it is, as far as the sign tells; signs are put together as if they
were independent (noisy or, Pearl 1988): 1 - (1 - a)(1 - b)... The weights order a queue; they are no probabilities that anybody measured.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from statistics import median
from typing import Any

from builder.hold_out import HELD_OUT
from builder.review.accepted import FLAGS

Sign = tuple[float, str]
LENGTH, CONFLICT, SUSPECT = 0.25, 0.6, 0.7
OUTLYING = 3.5  # robust z of a length, above which it is an outlier (Iglewicz and Hoaglin 1993)
LEAST = 20  # pairs of a task, below which nobody knows what is usual
_OF_FLAG = 0.3
_OF_KIND = {"fuzzy_quote": 0.35, "suspicious_source": 0.4, "repaired": 0.15, "judge/none": 0.3, "judge/disagrees": 0.35}
_MORE_WORDS = {
    "fuzzy_quote": "its quote is only nearly what the document says",
    "suspicious_source": "its source may hold instructions to a model",
    "repaired": "the model was shown a mistake and repaired it",
    "judge/none": "the judge gave no verdict on it",
    "judge/disagrees": "the judge contradicts itself about it",
}
_OF_REASON = {"conflict": CONFLICT, "judged_low": 0.5, "doubtful": 0.2}


def signs(record: Mapping[str, Any], *, reason: str = "", detail: str = "", suspect: str = "") -> list[Sign]:
    """Return what in a pair or draft, as it stands in its file, gives cause for doubt.

    Args:
        record: the fields of a `Pair` or a `Draft`.
        reason: why it left the way, if it did.
        detail: the same in words.
        suspect: what the trained model says against it.
    """
    if not FLAGS.isdisjoint(record.get("flags") or ()):  # a person has read it beside its source
        return []
    scores = record.get("scores") or {}
    found = [(SUSPECT, suspect)] if suspect else []
    if "scores" not in record:  # a draft, which became no pair
        found.append((0.9, detail or reason.replace("_", " ")))
    elif reason in _OF_REASON and reason != "doubtful":
        found.append((_OF_REASON[reason], detail or reason.replace("_", " ")))
    if "judge" in scores:
        found.append((0.9 * (1 - scores["judge"]), f"the judge gave {scores['judge']:.2f} of 1"))
    if scores.get("support", 1.0) < 1:
        found.append((0.8 * (1 - scores["support"]), f"its source has {scores['support']:.0%} of what the answer says"))
    if record.get("grounding") == "absent":
        found.append((0.15, "it says that no document answers this"))
    found += [(_OF_KIND.get(flag, _OF_FLAG), _words_of(flag)) for flag in record.get("flags", ()) if flag != HELD_OUT]
    return [sign for sign in found if sign[0] > 0.005]


def together(found: Iterable[Sign]) -> float:
    """Return the doubt of all signs together, in [0, 1)."""
    return round(1 - math.prod(1 - weight for weight, _ in found), 4)


def with_sign(doubt: float, weight: float) -> float:
    """Return a doubt after one more sign."""
    return round(1 - (1 - doubt) * (1 - weight), 4)


def usual(lengths: Sequence[int]) -> tuple[float, float] | None:
    """Return the least and the most words that are usual among these answers; None of too few, or where all are alike."""
    if len(lengths) < LEAST:
        return None
    logs = [math.log1p(length) for length in lengths]
    middle = median(logs)
    spread = median(abs(value - middle) for value in logs) * 1.4826
    if spread == 0:
        return None
    return math.expm1(middle - OUTLYING * spread), math.expm1(middle + OUTLYING * spread)


def of_length(words: int, limits: Sequence[float] | None) -> list[Sign]:
    """Return the sign of an answer that is much shorter or longer than others of its task."""
    if limits is None or limits[0] <= words <= limits[1]:
        return []
    return [(LENGTH, f"with {words} words it is {'longer' if words > limits[1] else 'shorter'} than others of its task")]


@cache
def _words_of(flag: str) -> str:
    from builder.curation.ground import told as told_of_answer
    from generators.extractive.doubts import told as told_of_fact

    known = _MORE_WORDS.get(flag) or told_of_answer([flag]) or told_of_fact([flag])
    return known or ("the judge says: " if flag.startswith("judge/") else "") + flag.rpartition("/")[2].replace("_", " ")
