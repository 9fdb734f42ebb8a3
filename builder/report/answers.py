"""Answers side by side: a random choice of every held-out set, and the worst, each with its passage and the evidence in it."""

import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from builder.report.places import Places
from schemas.records import Pair

SHORT_WORDS = 45
MOST = 96  # answers on the page, so that it stays small whatever there are of sets
LONGEST = 900  # characters of a text
_BLANK = re.compile(r"\n\s*\n")


def side_by_side(answers: Sequence[Mapping[str, Any]], places: Places, pairs: Sequence[Pair], *, count: int) -> dict[str, Any]:
    """Return by held-out set how many answers there are, `random` ones, right or wrong, and the `worst`."""
    by_id = {pair.id: pair for pair in pairs}
    by_set: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in answers:
        if row["pair_id"] in by_id:
            by_set[row["set"]].append(row)
    room = max(2, min(count, MOST * 2 // (3 * max(1, len(by_set)))))
    return {
        name: {
            "n": len(rows),
            "random": [_shown(row, by_id[row["pair_id"]], places) for row in sample(rows, room)],
            "worst": [_shown(row, by_id[row["pair_id"]], places) for row in worst(rows, room // 2)],
        }
        for name, rows in by_set.items()
    }


def texts(row: Mapping[str, Any]) -> dict[str, str]:
    """Return what each system answered."""
    return dict(row.get("answers") or {name: row[name] for name in ("base", "tuned") if name in row})


def sample(answers: Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Return a random choice of answers, right or wrong, the same at every run."""
    ordered = sorted(answers, key=lambda answer: answer["pair_id"])
    return random.Random(0).sample(ordered, min(count, len(ordered)))  # noqa: S311


def worst(answers: Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Return the wrong answers of the tuned model, the farthest from right first, and of those what the base got better."""
    wrong = [row for row in answers if not _right(row)]
    return sorted(wrong, key=lambda row: (_score(row, "tuned"), -_score(row, "base"), row["pair_id"]))[:count]


def telling_answers(answers: Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Return a random few answers short enough for a terminal, right or wrong, from the paraphrase set if there is one."""
    short = [answer for answer in answers if len(answer["reference"].split()) <= SHORT_WORDS] or list(answers)
    paraphrased = [answer for answer in short if answer["set"].startswith("paraphrase")]
    return sample(paraphrased or short, count)


def outcome(scores: Mapping[str, Any]) -> tuple[str, bool]:
    """Return how an answer did in a few words, and whether that is right."""
    if (abstained := scores.get("refusal_right")) is not None:
        return ("abstains as it should", True) if abstained else ("should abstain", False)
    if scores.get("exact_match"):
        return "exact", True
    return (f"differs, F1 {100 * f1:.0f}%" if (f1 := scores.get("token_f1")) is not None else "differs"), False


def _right(row: Mapping[str, Any]) -> bool:
    return outcome((row.get("scores") or {}).get("tuned") or {})[1]


def _score(row: Mapping[str, Any], system: str) -> float:
    scores = (row.get("scores") or {}).get(system) or {}
    abstained = scores.get("refusal_right")
    return float((scores.get("token_f1") or 0.0) if abstained is None else abstained)


def _shown(row: Mapping[str, Any], pair: Pair, places: Places) -> dict[str, Any]:
    scores = row.get("scores") or {}
    answers = []
    for system, text in texts(row).items():
        told, right = outcome(scores.get(system) or {})
        answers.append({"system": system, "text": _cut(text), "outcome": told, "right": right})
    return {
        "pair_id": row["pair_id"],
        "task": pair.task,
        "history": [turn.model_dump() for turn in pair.history],
        "question": pair.instruction,
        "input": _cut(pair.input),
        "reference": _cut(row["reference"]),
        "answers": answers,
        "grounding": pair.grounding,
        "flags": list(pair.flags),
        "source": {**places.of_pair(pair), "passage": places.passage(pair)},
    }


def _cut(text: str) -> str:
    """Return a text without blank lines, and not too long."""
    lines = _BLANK.sub("\n", text.strip())
    return lines if len(lines) <= LONGEST else f"{lines[:LONGEST]} …"
