"""How often each queue of facts has its turn: tasks by supply and length of their prompts, groups of families by their shares."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from schemas.records import Pair


def turns(facts: Iterable[tuple[str, Sequence[Pair]]], shares: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return the weight of each queue.

    Args:
        facts: the queue of each, `kind/` or `kind/yes` or `kind/no`, and its wordings; yes and no of a kind weigh as the rarer of them.
        shares: the share of each kind, divided between its queues; a kind that has none gets as little as the least.
    """
    supply: Counter[str] = Counter()
    prompts: Counter[str] = Counter()
    for queue, wordings in facts:
        supply[queue] += len(wordings)
        prompts[queue] += sum(map(_prompt_words, wordings))
    sides = {queue: [f"{kind_of(queue)}/{side}" for side in ("yes", "no")] for queue in supply if not queue.endswith("/")}
    rarer = {queue: min(supply[side] for side in both) for queue, both in sides.items()}
    weights = {queue: math.sqrt((rarer.get(queue) or count) * count / prompts[queue]) for queue, count in supply.items()}
    return weights if shares is None else _shared(weights, shares)


def _shared(weights: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    sums = dict.fromkeys(map(kind_of, weights), 0.0)
    for queue, weight in weights.items():
        sums[kind_of(queue)] += weight
    least = min(shares.values(), default=1.0)
    return {queue: weight * shares.get(kind_of(queue), least) / sums[kind_of(queue)] for queue, weight in weights.items()}


def kind_of(queue: str) -> str:
    """Return the kind that a queue is of."""
    return queue.rpartition("/")[0]


def _prompt_words(pair: Pair) -> int:
    said = (*(turn.content for turn in pair.history), pair.instruction, pair.input)
    return 1 + sum(len(text.split()) for text in said)
