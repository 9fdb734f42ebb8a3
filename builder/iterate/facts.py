"""Facts with the wordings that are held out of every round: one finds out whether the fact is weak, another measures it.

Two, because whoever asks a thousand questions and calls those weak that were answered wrongly finds fewer of them wrong the next time,
whatever was done in between. The question that measures a fact had no say in choosing it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from builder.connect import question
from builder.rouge import rouge_l, words
from builder.wordings import seeded
from schemas.records import Pair

NEAR_COPY = 0.9  # ROUGE-L F with a held-out wording above which a wording is not taught: "hey, ..." before the same words


@dataclass(frozen=True)
class Fact:
    """A fact: what train teaches of it, which wordings are held out, and which may be added."""

    group: str
    taught: tuple[Pair, ...]
    measure: Pair | None
    find: Pair | None
    spare: tuple[Pair, ...]

    @property
    def first(self) -> Pair:
        """A pair of the fact, for where it stands."""
        return next(pair for pair in (self.measure, self.find, *self.taught, *self.spare) if pair is not None)

    @property
    def held_out(self) -> tuple[Pair, ...]:
        """The wordings that no round is trained on."""
        return tuple(pair for pair in (self.measure, self.find) if pair is not None)


def facts_of(train: Sequence[Pair], spare: Sequence[Pair], *, seed: int) -> list[Fact]:
    """Return the facts behind pairs by their groups, in the order of a seeded hash; conversations and what rests on nothing stay out.

    Args:
        train: what is taught.
        spare: what may be added; no pair of it is in train.
        seed: decides which wordings are held out.
    """
    taught, left = _by_fact(train), _by_fact(spare)
    return [_fact(group, taught.get(group, []), left.get(group, []), seed) for group in sorted({*taught, *left}, key=partial(seeded, seed))]


def with_more(fact: Fact, more: Sequence[Pair], *, seed: int) -> Fact:
    """Return a fact with further wordings; one of them is held out where none measures it yet."""
    fresh = sorted(_closed_book(_unlike(more, _closed_book(fact.taught))), key=lambda pair: seeded(seed, pair.id))
    measure = fact.measure or next((pair for pair in fresh if pair.output == fact.first.output), None)
    held = [pair for pair in (measure, fact.find) if pair is not None]
    return Fact(fact.group, fact.taught, measure, fact.find, tuple(_unlike([*fact.spare, *more], held)))


def _fact(group: str, taught: Sequence[Pair], left: Sequence[Pair], seed: int) -> Fact:
    """Hold out two wordings with the answer that is taught, or would be; one of a fact with one."""
    answer = _answer(taught) or _answer(left)
    own = [pair for pair in _closed_book(_unlike(left, _closed_book(taught))) if pair.output == answer]
    fresh = sorted(own, key=lambda pair: seeded(seed, pair.id))
    if len(fresh) == 1 and not taught:
        measure, find = None, fresh[0]  # an endpoint may still word one to measure by
    else:
        measure, find = (fresh[0] if fresh else None), (fresh[1] if len(fresh) > 1 else None)
    held = [pair for pair in (measure, find) if pair is not None]
    return Fact(group, tuple(taught), measure, find, tuple(_unlike(left, held)))


def _unlike(pairs: Sequence[Pair], others: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that ask nothing that the others ask, nor a near copy of it."""
    asked = {question(pair) for pair in others}
    texts = [words(pair.instruction) for pair in others]
    return [
        pair for pair in pairs if question(pair) not in asked and all(rouge_l(words(pair.instruction), text) <= NEAR_COPY for text in texts)
    ]


def _answer(pairs: Sequence[Pair]) -> str:
    counts = Counter(pair.output for pair in _closed_book(pairs))
    return counts.most_common(1)[0][0] if counts else ""


def _closed_book(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if not pair.input]


def _by_fact(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair.grounding == "quoted" and not pair.history:
            found.setdefault(pair.group, []).append(pair)
    return found
