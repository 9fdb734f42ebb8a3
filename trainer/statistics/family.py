"""Several comparisons at once: the chance of any wrong "better" among them stays what was declared for one."""

from collections.abc import Sequence

import numpy as np

from schemas.proof import Comparison
from trainer.statistics.power import in_family
from trainer.statistics.sentence import judged


def adjust(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the declared family with p-values adjusted by Holm (1979); verdicts, sentences and what could have been seen follow."""
    from statsmodels.stats.multitest import multipletests

    if not comparisons:
        return []
    adjusted = np.asarray(multipletests([comparison.p_value for comparison in comparisons], method="holm")[1])
    return [_adjusted(one, float(p_value), len(comparisons)) for one, p_value in zip(comparisons, adjusted, strict=True)]


def _adjusted(comparison: Comparison, p_value: float, family: int) -> Comparison:
    grown = in_family(comparison.confidence, family) / in_family(comparison.confidence, comparison.family)
    detectable = comparison.detectable * grown
    if comparison.unit == "points":
        detectable = min(1.0, detectable)
    figures = comparison.model_dump(exclude={"verdict", "sentence"})
    return judged({**figures, "p_adjusted": p_value, "family": family, "detectable": detectable})
