"""The levels of deduplication, one after the other, over the facts in the order of their quality."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from builder.curation.asked import TELLING, Question, Siblings
from builder.curation.levels import Verdict, Verdicts, near_question, reworded, same_meaning, same_question
from builder.curation.texts import width
from builder.curation.twins import Twin, Twins
from schemas.records import Pair

NEAREST = 32  # of the near ones, those that are looked at; others of a template with another response differ more
BATCH = 512  # questions whose near copies are looked for together


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
        self._siblings = Siblings([[self._questions[place] for place in fact] for fact in self._facts])
        self._asked: dict[tuple[str, str], int] = {}
        self._kept: set[int] = set()
        bits = width([len(question.words) for question in self._questions])
        self._by_question = Twins(self._questions, threshold, lambda question: question.words, bits=bits)
        self._by_words = Twins(self._questions, near, lambda question: question.bag, bits=max(bits, 4 * TELLING))
        self._related: dict[int, list[Twin]] = defaultdict(list)
        for one, other, score in sorted(related, key=lambda pair: (-pair[2], pair[:2])):
            self._related[one].append(Twin(other, score))
            self._related[other].append(Twin(one, score))

    def verdicts(self) -> Verdicts:
        """Return why pairs go, and how many kept siblings the others have; to be called once."""
        verdicts: Verdicts = {}
        for facts in _batches(self._facts):
            places = [place for fact in facts for place in fact]
            near, worded = self._by_question.of(places), self._by_words.of(places)
            for fact in facts:
                verdicts |= self._fact(fact, near, worded)
            kept = [place for place in places if place in self._kept]
            self._by_question.keep(kept)
            self._by_words.keep(kept)
        return verdicts

    def _fact(self, fact: Sequence[int], near: dict[int, list[Twin]], worded: dict[int, list[Twin]]) -> Verdicts:
        verdicts = {place: self._against_others(place, near.get(place, []), worded.get(place, [])) for place in fact}
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
        self._kept.add(place)
        return None

    def _against_others(self, place: int, near: list[Twin], worded: list[Twin]) -> Verdict | int:
        """Return what the kept facts make of the question: it goes, or has so many siblings."""
        key = self._questions[place].key
        if key in self._asked:
            return self._same_question(place, self._asked[key])
        verdict = self._near_questions(place, self._standing(place, near))
        if isinstance(verdict, Verdict):
            return verdict
        levels = ((reworded, worded), (same_meaning, self._related[place]))
        found = (
            level(*self._both(place, twin), twin, self._siblings)
            for level, twins in levels
            for twin in self._standing(place, twins)[:NEAREST]
        )
        return next(filter(None, found), verdict)

    def _near_questions(self, place: int, twins: list[Twin]) -> Verdict | int:
        """Look at the nearest ones: a copy with the same response counts before one with another, and all others are siblings."""
        found = [near_question(*self._both(place, twin), twin, self._siblings) for twin in twins[:NEAREST]]
        verdicts = sorted(filter(None, found), key=lambda verdict: not verdict.whole)
        return verdicts[0] if verdicts else len(twins)

    def _same_question(self, place: int, other: int) -> Verdict:
        return same_question(self._questions[place], self._questions[other], Twin(other, 1.0))

    def _both(self, place: int, twin: Twin) -> tuple[Question, Question]:
        return self._questions[place], self._questions[twin.place]

    def _standing(self, place: int, twins: Iterable[Twin]) -> list[Twin]:
        """Return those that are kept: first those with the same response, and the nearest first."""
        response = self._questions[place].response
        kept = [twin for twin in twins if twin.place in self._kept]
        return sorted(kept, key=lambda twin: (self._questions[twin.place].response != response, -twin.score, twin.place))


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
