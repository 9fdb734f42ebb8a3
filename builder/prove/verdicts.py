"""From the scores of every training to what they allow to say: comparisons with intervals, the data-size curve, one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.prove.exam import Exam
from builder.prove.selections import CURATED, Selection
from builder.prove.trainings import BASE
from schemas.proof import Comparison, Design
from schemas.records import Pair
from trainer.evaluation.declared import LOSS
from trainer.evaluation.proof import clusters_of, value
from trainer.statistics.compare import compare, estimate
from trainer.statistics.family import adjust

Scores = Mapping[str, Mapping[str, Any]]  # by question
FEWEST = 2  # questions that have an interval


@dataclass(frozen=True)
class Results:
    """The scores of each selection by seed, and the base's under the name of the base.

    Args:
        exam: what was asked.
        scores: by selection and seed, by question.
        metric: what is judged by.
        design: how comparisons are made.
    """

    exam: Exam
    scores: Mapping[str, Mapping[int, Scores]]
    metric: str
    design: Design

    @property
    def primary(self) -> str:
        """The set that the verdict is about: `all_facts` where there is one."""
        enough = (name for name in self.exam.sets if len(self._asked(name, self.metric)) >= FEWEST)
        return next(enough, next(iter(self.exam.sets)))

    def comparisons(self, rivals: Sequence[str], where: str, metric: str | None = None) -> list[Comparison]:
        """Return the curated pairs against every rival on one set, as one family; none where fewer than two questions have scores."""
        metric = metric or self.metric
        asked = self._asked(where, metric)
        if len(asked) < FEWEST:
            return []
        values = {name: self._values(name, asked, metric) for name in (CURATED, *rivals)}
        settings = {"clusters": clusters_of(asked), "design": self.design}
        return adjust([compare(values[one], values[CURATED], **settings, of=(metric, where, one, CURATED)) for one in rivals])

    def curve(self, selections: Sequence[Selection], total: int) -> list[dict[str, Any]]:
        """Return the base and each part of the curated pairs with its mean on the primary set and the interval."""
        if len(asked := self._asked(self.primary, self.metric)) < FEWEST:
            return []
        sizes = {one.name: (one.share, one.size) for one in sorted(selections, key=lambda one: one.share)}
        points = []
        for name, (share, pairs) in {BASE: (0.0, 0), **sizes}.items():
            of, scores = (self.metric, name, self.primary), self._values(name, asked, self.metric, sign=1)
            found = estimate(scores, clusters=clusters_of(asked), design=self.design, of=of)
            points.append({"share": share, "pairs": pairs, "of": total, **found.model_dump(include={"mean", "low", "high"})})
        return points

    def means(self, selection: str, seed: int) -> dict[str, dict[str, float]]:
        """Return by set the means of everything that was measured; the loss is that of a token, questions weighing alike."""
        given = self.scores[selection][seed]
        rows = {name: [given[pair.id] for pair in pairs if pair.id in given] for name, pairs in self.exam.sets.items()}
        return {name: _means(own) if own else {} for name, own in rows.items()}  # a question too long for the base was not asked

    def taught(self, selection: Selection) -> dict[str, float]:
        """Return how many questions of the primary set are about facts that a selection holds, and its means on these and on the others."""
        own: list[float] = []
        others: list[float] = []
        for seed, given in self.scores[selection.name].items():
            facts = {pair.group for pair in selection.draws[seed]}
            for pair in self._asked(self.primary, self.metric):
                (own if pair.group in facts else others).append(value(given[pair.id], self.metric) or 0.0)
        means = {name: fmean(scores) for name, scores in (("taught_mean", own), ("other_mean", others)) if scores}
        return {"taught": round(len(own) / len(self.scores[selection.name])), **means}

    def _asked(self, where: str, metric: str) -> list[Pair]:
        """Return the questions of a set that every training has a score for."""
        every = [given for seeds in self.scores.values() for given in seeds.values()]
        return [pair for pair in self.exam.sets[where] if all(value(given.get(pair.id, {}), metric) is not None for given in every)]

    def _values(self, selection: str, asked: Sequence[Pair], metric: str, *, sign: int = 0) -> NDArray[np.float64]:
        """Return the scores (seeds, questions); more is better, unless a sign is given."""
        sign = sign or (-1 if metric == LOSS else 1)
        return np.array([[sign * (value(given[pair.id], metric) or 0.0) for pair in asked] for given in self.scores[selection].values()])


def _means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name, value in row.items() if isinstance(value, int | float))
    means = {name: fmean(float(row[name]) for row in rows if row.get(name) is not None) for name in names}
    return means | {LOSS: fmean(row[LOSS] / row["tokens"] for row in rows)}


def in_words(comparisons: Sequence[Comparison], curve: Sequence[Mapping[str, Any]], selections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the verdict: every comparison's sentence, how many facts each selection taught and how well, and what more pairs bring."""
    told = [comparison.sentence for comparison in comparisons]
    if comparisons and max(comparison.seeds for comparison in comparisons) == 1:
        told.append("Each selection was trained once, so these intervals leave out how far trainings differ by chance; raise prove.seeds")
    whole = {name: one for name, one in selections.items() if one["share"] == 1 and "taught_mean" in one}
    known = [f"{name.replace('_', ' ')} {one['taught']} with {one['taught_mean']:.2f}" for name, one in whole.items()]
    told += [f"Facts asked that were taught, and the score on these: {', '.join(known)}"] if known else []
    grown = [f"{100 * point['share']:g} % of them {point['mean']:.2f}" for point in curve if point["share"]]
    base = next((f"base {point['mean']:.2f}" for point in curve if not point["share"]), "")
    told += [f"By the number of curated pairs: {', '.join([base, *grown])}"] if len(grown) > 1 else []
    return " ".join(f"{text[:1].upper()}{text[1:]}." for text in told)
