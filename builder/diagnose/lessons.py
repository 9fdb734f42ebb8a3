"""What was taught: the training pairs, found by fact, by evidence, and by words."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from builder.curation.asked import Question, alike, disagree, overlap
from builder.curation.embed import question_of
from builder.curation.levels import ONE_QUESTION
from builder.curation.lexical import Lexical
from builder.curation.relation import Relation, Relations
from builder.locate import NEGATION
from schemas.diagnosis import Neighbour
from schemas.records import Pair

NEAREST = 3  # training pairs that are named
LOOKED_AT = 10  # near pairs that are looked at for another answer
SAME_EVIDENCE = 0.5  # of the characters that two pairs quote, the share that both do
NEAR = 0.6  # cosine below which a question asks something else


class Lessons:
    """The training pairs, ready to be asked what they taught about `asked` pairs."""

    def __init__(self, train: Sequence[Pair], asked: Sequence[Pair]) -> None:
        """Index the training pairs, and compare the questions of all pairs at once."""
        self._train = list(train)
        self._by_group: dict[str, list[Pair]] = defaultdict(list)
        self._by_document: dict[str, list[Pair]] = defaultdict(list)
        for pair in train:
            self._by_group[pair.group].append(pair)
            for document in {span.document_id for span in pair.evidence}:
                self._by_document[document].append(pair)
        self.tasks = Counter(pair.task for pair in train)
        self.forms = frozenset(pair.form for pair in train)
        vectors = Lexical()([question_of(pair) for pair in (*train, *asked)])
        self._vectors, self._asked = vectors[: len(train)], dict(zip((pair.id for pair in asked), vectors[len(train) :], strict=True))
        groups: dict[str, list[Question]] = defaultdict(list)
        for pair in (*train, *asked):
            groups[pair.group].append(Question(pair))
        self._relations = Relations(list(groups.values()))

    def taught(self, pair: Pair) -> list[Pair]:
        """Return the training pairs of the same fact: of its group, or that quote mostly the same."""
        spans = _spans(pair)
        same = [other for document in spans for other in self._by_document[document] if _shared(spans, _spans(other)) >= SAME_EVIDENCE]
        found = {other.id: other for other in (*self._by_group[pair.group], *same)}
        return list(found.values())

    def nearest(self, pair: Pair, count: int = NEAREST) -> list[Neighbour]:
        """Return the training pairs whose questions are nearest in words, the nearest first."""
        if not self._train:
            return []
        cosines = self._vectors @ self._asked[pair.id]
        best = np.argsort(-cosines, kind="stable")[:count]
        return [Neighbour(pair_id=self._train[place].id, similarity=round(float(cosines[place]), 4)) for place in best.tolist()]

    def otherwise(self, pair: Pair, taught: Sequence[Pair]) -> Pair | None:
        """Return a training pair that asks the same and answers otherwise, if there is one."""
        near = {one.pair_id for one in self.nearest(pair, LOOKED_AT) if one.similarity >= NEAR}
        others = {other.id: other for other in (*taught, *(other for other in self._train if other.id in near))}
        return next((other for other in others.values() if contradict(Question(pair), Question(other), self._relations)), None)


def contradict(one: Question, other: Question, relations: Relations) -> bool:
    """Tell whether two pairs ask the same and answer otherwise; wordings of one fact do if their answers disagree."""
    if one.subject != other.subject or one.pair.task != other.pair.task or one.response == other.response or alike(one, other):
        return False
    if one.key == other.key:
        return disagree(one, other) or "quoted" in (one.pair.grounding, other.pair.grounding)
    if one.pair.group == other.pair.group:
        return disagree(one, other) and not (one.says and other.says and _is_turned_round(one, other))
    return relations(one, other) is Relation.CONFLICT


def _is_turned_round(one: Question, other: Question) -> bool:
    """Tell whether two wordings may ask for opposite things, so that one's yes is the other's no: "Can I?", "Is it true that I can't?"."""
    denied = [len(NEGATION.findall(question.pair.instruction)) % 2 for question in (one, other)]
    return denied[0] != denied[1] or overlap(one, other) < ONE_QUESTION


def _spans(pair: Pair) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for span in pair.evidence:
        found[span.document_id].append((span.start, span.end))
    return found


def _shared(one: Mapping[str, list[tuple[int, int]]], other: Mapping[str, list[tuple[int, int]]]) -> float:
    """Return of the characters that two pairs quote the share that both do."""
    left, right = (sum(end - start for spans in side.values() for start, end in spans) for side in (one, other))
    both = sum(
        max(0, min(end, until) - max(start, since))
        for document, spans in one.items()
        for start, end in spans
        for since, until in other.get(document, ())
    )
    return both / (left + right - both) if left + right > both else 1.0
