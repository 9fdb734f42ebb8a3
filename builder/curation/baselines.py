"""What a choice has to beat: as many pairs at random, and the longest ones.

Random is hard to beat where there is much to choose from (Diddee and Ippolito 2024, "Chasing Random"; Xia et al. 2024,
"Rethinking Data Selection at Scale"), and the 1,000 longest answers of Alpaca beat hand-picked ones (Zhao et al. 2024,
"Long Is More for Alignment"). So the proof of a choice compares with both, at the same size. Both of these know no facts:
`whole_facts` lends them a rule of the choice, no more than `per_fact` wordings of one and these together, and so makes rivals
that differ in which facts they hold alone.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from schemas.records import Dropped, Pair, Reason

Baseline = Literal["random", "longest"]


def baseline(  # noqa: PLR0913 one keyword for each rule
    kind: Baseline, pairs: Iterable[Pair], *, target: int, per_fact: int, seed: int = 0, whole_facts: bool = True
) -> Iterator[Pair | Dropped]:
    """Yield every pair in order, chosen by a baseline or dropped: exactly `target`, or all that there are to choose. O(n log n).

    Args:
        kind: random: by a seeded hash; longest: by the words of the response, ties by the hash.
        pairs: those that `select` chooses from.
        target: pairs to choose: as many as it has chosen.
        per_fact: most wordings of one fact, where facts count.
        seed: of the hash.
        whole_facts: whether a fact comes with all of its wordings, up to `per_fact`; else each pair comes by itself.
    """
    listed = list(pairs)
    order = _order(kind, seed)
    facts: dict[str, list[int]] = {}
    for place in sorted(range(len(listed)), key=lambda place: order(listed[place])):
        facts.setdefault(listed[place].group if whole_facts else listed[place].id, []).append(place)
    allowed = [place for places in facts.values() for place in places[:per_fact]]  # whole facts, in the order of their first wordings
    picks = {place: pick for pick, place in enumerate(allowed[:target], start=1)}
    taken = Counter(listed[place].group for place in picks)
    for place, pair in enumerate(listed):
        if place in picks:
            yield pair.model_copy(update={"status": "selected", "scores": pair.scores | {"pick": float(picks[place])}})
        elif whole_facts and taken[pair.group] >= per_fact:
            yield Dropped.of(pair, f"{kind}_n", Reason.OVER_CAP, f"fact {pair.group!r} has its {per_fact} pairs")
        else:
            yield Dropped.of(pair, f"{kind}_n", Reason.NOT_SELECTED, f"{target} pairs were chosen before its turn")


def _order(kind: Baseline, seed: int) -> Callable[[Pair], tuple[int, str]]:
    def order(pair: Pair) -> tuple[int, str]:
        words = len(pair.output.split()) if kind == "longest" else 0
        return -words, hashlib.sha256(f"{seed}/{pair.id}".encode("utf-8", "surrogatepass")).hexdigest()

    return order
