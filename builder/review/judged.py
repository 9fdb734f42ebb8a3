"""What a judge gave a pair, in the words of its rubric: every number of a scale says what it means, and so does every code."""

from typing import Any

from generators.judge.rubrics import Criterion, Rubric
from schemas.records import Pair

JUDGE = "judge"


def judged(pair: Pair, rubric: Rubric) -> dict[str, Any] | None:
    """Return the score of a pair, its points by criterion (shares of the scale), and what is most wrong; None if it was not judged."""
    if JUDGE not in pair.scores:
        return None
    shares = {name.partition("/")[2]: share for name, share in pair.scores.items() if name.startswith(f"{JUDGE}/")}
    codes = [flag.partition("/")[2] for flag in pair.flags if flag.startswith(f"{JUDGE}/")]
    meant = {code: words for criterion in rubric.criteria.values() for code, words in criterion.codes.items()}
    return {
        "score": pair.scores[JUDGE],
        "criteria": [
            {"name": name, "points": share, "reason": _meaning(rubric.criteria.get(name), share)} for name, share in shares.items()
        ],
        "reason": "; ".join(meant.get(code) or code.replace("_", " ") for code in codes),
    }


def _meaning(criterion: Criterion | None, share: float) -> str:
    """Return what the number on the scale means that a share of it is nearest to; of a criterion that the rubric lost, nothing."""
    if criterion is None:
        return ""
    return criterion.scale[min(criterion.points, key=lambda points: abs(criterion.share(points) - share))]
