"""The scores of one answer: every metric that applies to its pair, and no other.

| score | range | applies to | what it is |
|---|---|---|---|
| exact_match, token_f1 | 0 to 1 | every pair | as SQuAD counts them (Rajpurkar et al. 2016) |
| rouge_l | 0 to 1 | every pair | longest common subsequence (Lin 2004) |
| length_ratio | 0 up | every pair | words of the answer over words of the reference |
| figures_right | 0 or 1 | references with a number, date or amount | all of them given, none that is in neither reference nor question |
| format_right | 0 or 1 | references that are JSON | parses and is valid by the task's schema |
| label_right | 0 or 1 | classification | gives the expected label and no other |
| refusal_right | 0 or 1 | what must not be answered | abstains |
| answered | 0 or 1 | what must be answered | says something, and does not abstain |
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from schemas.records import Pair
from trainer.evaluation.formats import keeps_format, schema_for
from trainer.evaluation.labels import label_of, label_sets
from trainer.evaluation.material import Material
from trainer.evaluation.refusals import Refusals, should_abstain
from trainer.metrics import SCORES, length_ratio, normalize


class Scorer:
    """Scores answers to held-out pairs; what abstains is learnt from the training pairs, or from these too where those never do."""

    def __init__(self, pairs: Sequence[Pair], material: Material) -> None:
        self._material = material
        self._pairs = pairs
        self._learnt = Refusals(material.train)
        self.refusals = self._learnt if self._learnt.known else Refusals([*material.train, *pairs])
        self.labels = label_sets([*material.train, *pairs])

    def scores(self, pair: Pair, answer: str) -> dict[str, float]:
        """Return the scores that apply to this pair."""
        found = {name: score(answer, pair.output) for name, score in SCORES.items()}
        found["length_ratio"] = length_ratio(answer, pair.output)
        return {
            **found,
            **self._figures(pair, answer),
            **self._format(pair, answer),
            **self._label(pair, answer),
            **self._refusal(pair, answer),
        }

    @cached_property
    def told_apart(self) -> float | None:
        """Share of the held-out references that are rightly taken for an abstention or none; None if training pairs never abstain."""
        if not self._learnt.known:
            return None
        right = [self.refusals.abstains(pair.output, pair.instruction) == should_abstain(pair) for pair in self._pairs]
        return sum(right) / len(right)

    def _figures(self, pair: Pair, answer: str) -> dict[str, float]:
        if self._material.values is None or not (expected := self._material.values(pair.output)):
            return {}
        asked = "\n".join([*(turn.content for turn in pair.history), pair.instruction, pair.input])
        given = self._material.values(answer)
        return {"figures_right": float(expected <= given <= expected | self._material.values(asked))}

    def _format(self, pair: Pair, answer: str) -> dict[str, float]:
        schema: Any = schema_for(pair.output, self._material.schemas.get(pair.task))
        return {} if schema is None else {"format_right": keeps_format(answer, schema)}

    def _label(self, pair: Pair, answer: str) -> dict[str, float]:
        labels: Mapping[str, str] | None = self.labels.get(pair.task)
        return {} if labels is None else {"label_right": float(label_of(answer, labels) == normalize(pair.output))}

    def _refusal(self, pair: Pair, answer: str) -> dict[str, float]:
        if not self.refusals.known:
            return {}
        abstains = self.refusals.abstains(answer, pair.instruction)
        if should_abstain(pair):
            return {"refusal_right": float(abstains)}
        return {"answered": float(bool(answer.strip()) and not abstains)}
