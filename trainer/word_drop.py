"""Questions that lose words, another few in every pass, so that a fact is found by any part of its question.

It is word dropout (Iyyer et al. 2015; random deletion in EDA, arXiv 1901.11196) with two limits: no negation is lost, and what is
left still tells which fact is meant. A question without the one word that names its fact teaches that other questions have this answer.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import log

from schemas.records import Pair

LOST = 0.28  # chance of each word of a question that loses words
_TOLD = 0.5  # share of what the words of a question tell that is left in any case
# Without these a question asks for the opposite, whose answer begins with the other of "Yes." and "No."
_NEGATION = re.compile(r"^(no|not|never|none|nobody|nothing|without|cannot|.*n['’]t)\W*$", re.IGNORECASE)


def told(pairs: Iterable[Pair]) -> dict[str, float]:
    """Return how much each word of the questions tells, in nats: log(facts / facts asked about with it) (Spärck Jones 1972)."""
    facts: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        for word in pair.instruction.split():
            facts[_bare(word)].add(pair.group)
    count = len(set().union(*facts.values()))
    return {word: log(count / len(groups)) for word, groups in facts.items()}


def drop_words(question: str, chance: float, draw: random.Random, tells: Mapping[str, float]) -> str:
    """With `chance`, lose about a quarter of the words, but no negation, and never more than half of what they tell (see `told`)."""
    words = question.split()
    if draw.random() >= chance or len(words) < 3:
        return question
    kept = {place for place, word in enumerate(words) if _NEGATION.search(word) or draw.random() >= LOST}
    weights = [tells.get(_bare(word), 0.0) for word in words]
    missing = _TOLD * sum(weights) - sum(weights[place] for place in kept)
    for place in sorted(set(range(len(words))) - kept, key=lambda place: (-weights[place], place)):
        if missing <= 0:
            break
        kept.add(place)
        missing -= weights[place]
    return " ".join(words[place] for place in sorted(kept)) if len(kept) >= 2 else question


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word.lower()))
