"""Near copies among questions that are kept one after the other: each is compared with those kept before, about one subject."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builder.curation.asked import Question
from builder.curation.near_index import NearIndex
from builder.curation.texts import Numbers, Texts, Vocabulary
from builder.rouge import rouge_l

FEW = 8  # questions about one subject that are compared one by one: an index would cost more
_NO_PLACES = np.empty(0, np.int64)


class Twin(NamedTuple):
    """A question before this one that is near it."""

    place: int
    score: float


class Around(NamedTuple):
    """The questions near one, in no order, each shape (questions,)."""

    places: Numbers
    scores: NDArray[np.float64]


NOTHING = Around(_NO_PLACES, np.empty(0))

Found = Iterator[tuple[Numbers, Numbers, NDArray[np.float64]]]
"""Places of questions, of those near them, and the scores."""


class Twins:
    """Finds near copies by some words of the questions, in batches; extra memory is that of a `NearIndex`."""

    def __init__(self, questions: Sequence[Question], threshold: float, *, by_bag: bool, bits: int) -> None:
        """Hold none of `questions` yet; their bags are compared or their instructions, by signatures of so many `bits`."""
        self._questions = questions
        self._threshold = threshold
        self._by_bag = by_bag
        self._bits = bits
        # nothing is above 1, and a subject with one question needs no comparison
        self._sizes = Counter(question.subject for question in questions) if threshold < 1 else Counter()
        self._kept: dict[str, Numbers] = defaultdict(lambda: _NO_PLACES)
        self._indexes: dict[str, NearIndex] = {}
        self._vocabulary = Vocabulary()
        self._batch: dict[str, tuple[Numbers, Texts]] = {}

    def of(self, batch: Sequence[int]) -> dict[int, Around]:
        """Return for questions, by place, those near them that were kept or stand before them in the batch."""
        parts = [(_NO_PLACES, *NOTHING)]
        self._batch.clear()
        for subject, places in self._by_subject(batch):
            parts += self._one_by_one(subject, places) if self._sizes[subject] <= FEW else self._together(subject, places)
        return around(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def keep(self, batch: Sequence[int]) -> None:
        """Compare those that come with these too; all of them are of the batch that was looked up last."""
        for subject, places in self._by_subject(batch):
            self._kept[subject] = np.concatenate((self._kept[subject], np.array(places)))
            if self._sizes[subject] > FEW:
                looked_up, texts = self._batch[subject]
                self._index(subject).add(texts.take(np.flatnonzero(np.isin(looked_up, places))))

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

    def _words(self, place: int) -> Sequence[str]:
        return self._questions[place].bag if self._by_bag else self._questions[place].words

    def _together(self, subject: str, batch: list[int]) -> Found:
        places, kept = np.array(batch), self._kept[subject]
        texts = self._vocabulary.encode(map(self._words, batch))
        texts = texts.sorted() if self._by_bag else texts
        self._batch[subject] = places, texts
        for near, others in ((self._index(subject).near(texts), kept), (self._index(subject).among(texts), places)):
            yield places[near.asked], others[near.found], near.scores

    def _one_by_one(self, subject: str, places: list[int]) -> Found:
        kept = self._kept[subject].tolist()
        texts = [(place, self._words(place)) for place in (*kept, *places)]
        texts = [(place, sorted(text)) for place, text in texts] if self._by_bag else texts
        for count, (place, mine) in enumerate(texts[len(kept) :], len(kept)):
            near = [(other, score) for other, theirs in texts[:count] if (score := rouge_l(mine, theirs)) > self._threshold]
            if near:
                others, scores = zip(*near, strict=True)
                yield np.full(len(near), place), np.array(others), np.array(scores)


def around(asked: Numbers, found: Numbers, scores: NDArray[np.float64]) -> dict[int, Around]:
    """Return for each place in `asked` those that were found near it."""
    order = np.argsort(asked, kind="stable")
    places, starts = np.unique(asked[order], return_index=True)
    found, scores, bounds = found[order], scores[order], [*starts.tolist(), len(order)]
    return {
        place: Around(found[start:end], scores[start:end]) for place, start, end in zip(places.tolist(), bounds, bounds[1:], strict=False)
    }
