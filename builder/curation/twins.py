"""Near copies among questions that are kept one after the other: each is compared with those kept before, about one subject."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from builder.curation.asked import Question
from builder.curation.near_index import NearIndex
from builder.curation.texts import Vocabulary
from builder.rouge import rouge_l

FEW = 8  # questions about one subject that are compared one by one: an index would cost more

Found = Iterator[tuple[int, "Twin"]]


class Twin(NamedTuple):
    """A question before this one that is near it."""

    place: int
    score: float


class Twins:
    """Finds near copies by some words of the questions, in batches; extra memory is that of a `NearIndex`."""

    def __init__(self, questions: Sequence[Question], threshold: float, words: Callable[[Question], Sequence[str]], *, bits: int) -> None:
        """Hold none of `questions` yet; `words` are compared, by signatures of so many `bits`."""
        self._questions = questions
        self._threshold = threshold
        self._words = words
        self._bits = bits
        # nothing is above 1, and a subject with one question needs no comparison
        self._sizes = Counter(question.subject for question in questions) if threshold < 1 else Counter()
        self._kept: dict[str, list[int]] = defaultdict(list)
        self._indexes: dict[str, NearIndex] = {}
        self._vocabulary = Vocabulary()

    def of(self, batch: Sequence[int]) -> dict[int, list[Twin]]:
        """Return for questions, by place and in order, those near them that were kept or stand before them."""
        found: dict[int, list[Twin]] = defaultdict(list)
        for subject, places in self._by_subject(batch):
            look = self._one_by_one if self._sizes[subject] <= FEW else self._together
            for place, twin in look(subject, places):
                found[place].append(twin)
        return found

    def keep(self, batch: Sequence[int]) -> None:
        """Compare those that come with these too."""
        for subject, places in self._by_subject(batch):
            self._kept[subject] += places
            if self._sizes[subject] > FEW:
                self._index(subject).add(self._vocabulary.encode(self._words(self._questions[place]) for place in places))

    def _by_subject(self, batch: Sequence[int]) -> Iterator[tuple[str, list[int]]]:
        """Yield the subjects of the batch that are asked about more than once, with their questions."""
        subjects: dict[str, list[int]] = defaultdict(list)
        for place in batch:
            subject = self._questions[place].subject
            if self._sizes[subject] > 1:
                subjects[subject].append(place)
        return iter(subjects.items())

    def _index(self, subject: str) -> NearIndex:
        if subject not in self._indexes:
            self._indexes[subject] = NearIndex(self._threshold, bits=self._bits)
        return self._indexes[subject]

    def _together(self, subject: str, places: list[int]) -> Found:
        texts, kept = self._vocabulary.encode(self._words(self._questions[place]) for place in places), self._kept[subject]
        for near, others in ((self._index(subject).near(texts), kept), (self._index(subject).among(texts), places)):
            for asked, found, score in zip(near.asked.tolist(), near.found.tolist(), near.scores.tolist(), strict=True):
                yield places[asked], Twin(others[found], score)

    def _one_by_one(self, subject: str, places: list[int]) -> Found:
        for count, place in enumerate(places):
            mine = self._words(self._questions[place])
            for other in (*self._kept[subject], *places[:count]):
                theirs = self._words(self._questions[other])
                score = rouge_l(mine, theirs) if mine and theirs else 0.0
                if score > self._threshold:
                    yield place, Twin(other, score)
