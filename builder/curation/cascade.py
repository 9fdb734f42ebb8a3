"""The levels of deduplication, one after the other, over the facts in the order of their quality."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from builder.curation.asked import TELLING, Question
from builder.curation.levels import Verdict, Verdicts, near_question, reworded, same_meaning, same_question
from builder.curation.relation import Relations
from builder.curation.texts import Numbers, width
from builder.curation.twins import NOTHING, Around, Twin, Twins, around
from schemas.records import Pair

NEAREST = 32  # of the near ones, those that are looked at; others of a template with another response differ more
BATCH = 1024  # questions whose near copies are looked for together


class Cascade:
    """One pass over the facts, the one with the best wording first, in batches whose near copies are looked for together."""

    def __init__(
        self, pairs: Sequence[Pair], order: Iterable[int], threshold: float, near: float, related: Iterable[tuple[int, int, float]]
    ) -> None:
        """Get ready to decide about `pairs` in an order, the better ones first."""
        self._questions = [Question(pair) for pair in pairs]
        facts: dict[str, list[int]] = defaultdict(list)
        for place in order:
            facts[pairs[place].group].append(place)
        self._facts = list(facts.values())
        self._relations = Relations([[self._questions[place] for place in fact] for fact in self._facts])
        self._asked: dict[tuple[str, str], int] = {}
        self._is_kept = np.zeros(len(pairs), bool)
        self._responses = np.full(len(pairs), -1)  # a number for each response, once it is compared
        self._numbers: dict[str, int] = {}
        bits = width([len(question.words) for question in self._questions])
        self._by_question = Twins(self._questions, threshold, by_bag=False, bits=bits)
        self._by_words = Twins(self._questions, near, by_bag=True, bits=max(bits, 4 * TELLING))
        self._related = _both_ways(related)

    def verdicts(self) -> Verdicts:
        """Return why pairs go, and how many kept siblings the others have; to be called once."""
        verdicts: Verdicts = {}
        for facts in _batches(self._facts):
            places = [place for fact in facts for place in fact]
            near, worded = self._by_question.of(places), self._by_words.of(places)
            for fact in facts:
                verdicts |= self._fact(fact, near, worded)
            kept = [place for place in places if self._is_kept[place]]
            self._by_question.keep(kept)
            self._by_words.keep(kept)
        return verdicts

    def _fact(self, fact: Sequence[int], near: dict[int, Around], worded: dict[int, Around]) -> Verdicts:
        verdicts = {place: self._against_others(place, near.get(place, NOTHING), worded.get(place, NOTHING)) for place in fact}
        repeats = [verdict for verdict in verdicts.values() if isinstance(verdict, Verdict) and verdict.whole]
        if repeats:
            detail = f"another wording of its fact is that of {self._questions[repeats[0].twin].pair.id}"
            along = replace(repeats[0], detail=detail)
            return {place: verdict if isinstance(verdict, Verdict) else along for place, verdict in verdicts.items()}
        for place in fact:
            if not isinstance(verdicts[place], Verdict):
                verdicts[place] = self._keep(place) or verdicts[place]
        return verdicts

    def _keep(self, place: int) -> Verdict | None:
        """Keep the question, unless an earlier wording of its own fact is the same."""
        key = self._questions[place].key
        if key in self._asked:
            return self._same_question(place, self._asked[key])
        self._asked[key] = place
        self._is_kept[place] = True
        return None

    def _against_others(self, place: int, near: Around, worded: Around) -> Verdict | int:
        """Return what the kept facts make of the question: it goes, or has so many siblings."""
        key = self._questions[place].key
        if key in self._asked:
            return self._same_question(place, self._asked[key])
        verdict = self._near_questions(place, near)
        if isinstance(verdict, Verdict):
            return verdict
        levels = ((reworded, worded), (same_meaning, self._related.get(place, NOTHING)))
        found = (
            level(*self._both(place, twin), twin, self._relations)
            for level, near in levels
            for twin in self._nearest(place, self._standing(near))
        )
        return next(filter(None, found), verdict)

    def _near_questions(self, place: int, near: Around) -> Verdict | int:
        """Look at the nearest ones: a copy with the same response counts before one with another, and all others are siblings."""
        standing = self._standing(near)
        found = (near_question(*self._both(place, twin), twin, self._relations) for twin in self._nearest(place, standing))
        return next(filter(None, found), len(standing.places))

    def _same_question(self, place: int, other: int) -> Verdict:
        return same_question(self._questions[place], self._questions[other], Twin(other, 1.0))

    def _both(self, place: int, twin: Twin) -> tuple[Question, Question]:
        return self._questions[place], self._questions[twin.place]

    def _standing(self, near: Around) -> Around:
        """Return those that are kept."""
        if not len(near.places):
            return near
        kept = self._is_kept[near.places]
        return Around(near.places[kept], near.scores[kept])

    def _nearest(self, place: int, near: Around) -> Iterator[Twin]:
        """Yield some to look at: first those with the same response, and the nearest first."""
        if len(near.places) > 1:
            differs = self._response(near.places) != self._response(np.array([place]))
            order = np.lexsort((near.places, -near.scores, differs))[:NEAREST]
            near = Around(near.places[order], near.scores[order])
        yield from map(Twin, near.places.tolist(), near.scores.tolist())

    def _response(self, places: Numbers) -> Numbers:
        """Return the numbers of the responses of some questions."""
        for place in places[self._responses[places] < 0].tolist():
            self._responses[place] = self._numbers.setdefault(self._questions[place].response, len(self._numbers))
        return self._responses[places]


def _both_ways(related: Iterable[tuple[int, int, float]]) -> dict[int, Around]:
    """Return for each place those that are related to it."""
    table = np.array([*related], np.float64).reshape(-1, 3)
    one, other = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return around(np.concatenate((one, other)), np.concatenate((other, one)), np.tile(table[:, 2], 2))


def _batches(facts: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Yield the facts in batches of about `BATCH` questions."""
    batch, size = [], 0
    for fact in facts:
        batch.append(fact)
        size += len(fact)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    yield batch
