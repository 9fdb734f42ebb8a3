"""The figures of the win rate: wins, ties and losses with intervals, and what would betray a judge that goes by place or by length."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from schemas.proof import Comparison, Design

if TYPE_CHECKING:
    from generators.judge.duels import Decision

OTHERS = ("base", "few_shot", "with_passage")
TUNED, SAMPLE = "tuned", "compared questions"
ALIKE = 0.1  # answers whose lengths in words differ by no more than this share of the longer count as equally long
VALUES = {"win": 1.0, "tie": 0.5, "loss": 0.0}
Row = Mapping[str, Any]  # of answers.json
Clusters = Mapping[str, tuple[str, str]]  # document and passage of a question, by the id of its pair


@dataclass(frozen=True)
class Asked:
    """A question with what the judge decided about our answer and one other; `decision` is None where the answers are the same text."""

    row: Row
    against: str
    decision: "Decision | None"

    @property
    def value(self) -> float:
        """1 for a win, 0.5 for a tie, 0 for a loss."""
        return VALUES[self.decision.outcome] if self.decision else 0.5

    @property
    def words(self) -> tuple[int, int]:
        """Words of our answer and of the other."""
        answers = self.row["answers"]
        return len(answers[TUNED].split()), len(answers[self.against].split())


def tables(asked: Sequence[Asked], clusters: Clusters, design: Design) -> dict[str, Any]:
    """Return the figures against each other system, Holm over them; `clusters` has document and passage by pair."""
    from trainer.statistics.compare import compare
    from trainer.statistics.family import adjust

    by_other = {name: [one for one in asked if one.against == name] for name in OTHERS}
    held = {name: found for name, found in by_other.items() if len(found) > 1}
    compared = [
        compare(
            [1 - one.value for one in found],
            [one.value for one in found],
            clusters=[clusters[one.row["pair_id"]] for one in found],
            design=design,
            of=("win_rate", SAMPLE, name, TUNED),
        )
        for name, found in held.items()
    ]
    against = {
        name: _table(found, clusters, design, comparison) for (name, found), comparison in zip(held.items(), adjust(compared), strict=True)
    }
    return {"against": against, "sentence": "; ".join(one["sentence"] for one in against.values())}


def _table(found: Sequence[Asked], clusters: Clusters, design: Design, comparison: Comparison) -> dict[str, Any]:
    name, judged = found[0].against, [one for one in found if one.decision]
    agreed, alike = [one for one in judged if one.decision and one.decision.agreed], [one for one in found if _is_alike(one)]
    decided = [one for one in found if one.value != 0.5 and one.words[0] != one.words[1]]
    lengths = [fmean(one.words[place] for one in found) for place in (0, 1)]
    table = {
        **_score(found, clusters, design),
        "identical": len(found) - len(judged),
        "disagreed": len(judged) - len(agreed),
        "swap_consistency": len(agreed) / len(judged) if judged else None,
        "words": {TUNED: lengths[0], name: lengths[1]},
        "length_delta": lengths[0] - lengths[1],
        "longer_wins": fmean((one.value == 1) == (one.words[0] > one.words[1]) for one in decided) if decided else None,
        "equal_length": _score(alike, clusters, design),
        "faults": {who: _faults(found, value) for who, value in ((TUNED, 0.0), (name, 1.0))},
        "sets": _parts(found, "set"),
        "tasks": _parts(found, "task"),
        "comparison": comparison.model_dump(mode="json"),
    }
    return table | {"sentence": _sentence(table, comparison)}


def _score(found: Sequence[Asked], clusters: Clusters, design: Design) -> dict[str, Any]:
    """Return wins, ties and losses with the win rate (a tie is half a win) and its interval, which one question alone does not have."""
    from trainer.statistics.compare import estimate

    values = [one.value for one in found]
    counts = {name: values.count(value) for name, value in VALUES.items()}
    if len(values) < 2:
        return {"n": len(values), **counts, "rate": values[0] if values else None, "low": None, "high": None}
    places = [clusters[one.row["pair_id"]] for one in found]
    known = estimate(values, clusters=places, design=design, of=("win_rate", TUNED, SAMPLE))
    return {"n": known.n, **counts, "rate": known.mean, "low": known.low, "high": known.high, "clusters": known.clusters}


def _is_alike(one: Asked) -> bool:
    ours, other = one.words
    return abs(ours - other) <= ALIKE * max(ours, other)


def _faults(found: Sequence[Asked], value: float) -> dict[str, int]:
    """Count what was wrong with the answers that lost."""
    return dict(Counter(one.decision.fault for one in found if one.decision and one.value == value).most_common())


def _parts(found: Sequence[Asked], field: str) -> dict[str, dict[str, float]]:
    parts: dict[str, list[float]] = defaultdict(list)
    for one in found:
        parts[one.row[field]].append(one.value)
    return {name: {"n": len(values), "rate": fmean(values)} for name, values in sorted(parts.items())}


def _sentence(table: Mapping[str, Any], comparison: Comparison) -> str:
    """Say how often which was preferred, and what that is worth."""
    other = comparison.first.replace("_", " ")
    told = f"preferred to {other} in {table['win']}, equal in {table['tie']}, worse in {table['loss']} of {table['n']}"
    if table["swap_consistency"] is not None:
        told += f", the judge agreeing with itself in {table['swap_consistency']:.0%}"
    return f"{told}: {comparison.sentence}"


def outcomes(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    """Return the questions one by one."""
    return [
        {
            "pair_id": one.row["pair_id"],
            "set": one.row["set"],
            "against": one.against,
            "outcome": one.decision.outcome if one.decision else "tie",
            "agreed": one.decision.agreed if one.decision else None,
            "fault": one.decision.fault if one.decision else None,
        }
        for one in asked
    ]
