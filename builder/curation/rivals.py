"""What a choice is held against: as many pairs at random and the longest ones, from the same supply, fit for the same test.

A rival may hold no pair that asks what the held-out pairs ask, or its figures on them would be those of a leak.
"""

from collections.abc import Sequence
from typing import Any, get_args

from builder.curation.baselines import Baseline, baseline
from builder.curation.choosing import Choosing, most_wordings
from builder.curation.contaminate import Reference, decontaminate
from builder.curation.diversity import diversity
from schemas.records import Pair


def rivals(choosing: Choosing, pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Return by baseline as many pairs as the divided `pairs` have in train, of the supply that those were chosen from."""
    held = [
        Reference(str(pair.split), number, f"{pair.instruction}\n{pair.input}")
        for number, pair in enumerate(pairs)
        if pair.split != "train"
    ]
    taken = {pair.id for pair in pairs if pair.split != "train"}
    free = [pair for pair in decontaminate(choosing.supply, held) if isinstance(pair, Pair) and pair.id not in taken]
    count, most, seed = len(pairs) - len(taken), most_wordings(choosing.recipe.curate), choosing.recipe.seed
    return {
        kind: [_taught(pair) for pair in baseline(kind, free, target=count, per_fact=most, seed=seed) if isinstance(pair, Pair)]
        for kind in get_args(Baseline)
    }


def compared(choosing: Choosing, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the figures of diversity that sets of one size are compared by."""
    figures = diversity(pairs, vectors=choosing.of(pairs), reference=choosing.vectors)
    verbs = {name: figures["verbs"][name] for name in ("combinations", "effective")}
    return {
        "pairs": figures["pairs"],
        "vectors": figures["vectors"],
        "verbs": verbs,
        "words": figures["words"],
        "distinct": figures["distinct"],
    }


def _taught(pair: Pair) -> Pair:
    return pair.model_copy(update={"split": "train"})
