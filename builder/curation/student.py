"""What the model to be tuned makes of pairs, as scores; and its word on which of several answers to one question is kept.

The scores of a pair: `student/given` and `student/alone`, the loss of a token of its response with and without the question,
`student/ifd`, the one divided by the other, and `student`, what the choice goes by: more is better.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol

from builder.curation.asked import Question
from builder.curation.levels import same_question
from builder.curation.twins import Twin
from schemas.records import Pair, Reason

NAME = "student"
USELESS = 1.0  # an IFD from which on the question does not help to say the response

By = Literal["none", "ifd", "likelihood"]
Quality = Callable[[Pair], float]


class Seen(Protocol):
    """The loss of a token of a response: with its question, without, and the one divided by the other."""

    @property
    def given(self) -> float:
        """With its question."""
        ...

    @property
    def alone(self) -> float:
        """Without."""
        ...

    @property
    def ifd(self) -> float:
        """The one divided by the other."""
        ...


class Student(Protocol):
    """Tells what a model makes of pairs, each in its place; None of one that it cannot read."""

    def __call__(self, pairs: Sequence[Pair]) -> Sequence[Seen | None]:
        """Look at pairs."""
        ...


def scored(pairs: Sequence[Pair], student: Student, *, by: By) -> list[Pair]:
    """Return the pairs, in order, with the scores of the student; one that it cannot read keeps those that it has.

    Args:
        pairs: any.
        student: whose word it is.
        by: ifd: the harder the better, but nothing at 1 or more (Cherry LLM); likelihood: the likelier the better (GRAPE).
    """
    found = zip(pairs, student(pairs), strict=True)
    return [pair if seen is None else pair.model_copy(update={"scores": pair.scores | _scores(seen, by)}) for pair, seen in found]


def _scores(seen: Seen, by: By) -> dict[str, float]:
    figures = {"given": seen.given, "alone": seen.alone, "ifd": seen.ifd}
    worth = -seen.given if by == "likelihood" else seen.ifd if seen.ifd < USELESS else 0.0
    return {NAME: worth, **{f"{NAME}/{name}": value for name, value in figures.items()}}


def likeliest_first(pairs: Sequence[Pair], student: Student, *, quality: Quality | None = None) -> Quality:
    """Return a quality for `dedup` by which, of several answers to one question, the likeliest to the student is kept (GRAPE).

    Everything else stays in its order. Responses that contradict each other are no choice of answers: likely is not true,
    and they are named as conflicts in the order that they have.

    Args:
        pairs: n of them; O(n log n), and the student reads those questions only that have several answers.
        student: whose word it is.
        quality: decides the order; that of the pairs if there is none.
    """
    order = sorted(pairs, key=lambda pair: (-quality(pair), pair.id)) if quality else list(pairs)
    places = {pair.id: place for place, pair in enumerate(order)}
    facts: dict[str, int] = {}
    for pair in order:
        facts.setdefault(pair.group, len(facts))
    several = list(_several(order))
    listed = list({pair.id: pair for rivals in several for pair in rivals}.values())
    losses = {pair.id: seen.given if seen else float("inf") for pair, seen in zip(listed, student(listed), strict=True)}
    for rivals in several:
        likely = sorted(rivals, key=lambda pair: (losses[pair.id], places[pair.id]))
        # A fact is kept with all of its wordings, and the one that is looked at first stays: so facts change places too.
        _hand_out(facts, list(dict.fromkeys(pair.group for pair in likely)))
        _hand_out(places, [pair.id for pair in likely])
    return lambda pair: -float(facts[pair.group] * len(order) + places[pair.id])


def _several(order: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Yield the pairs of each question that has several answers, none of which contradicts the first."""
    asked: dict[tuple[str, str], dict[str, Question]] = defaultdict(dict)
    for question in map(Question, order):
        asked[question.key].setdefault(question.response, question)
    for answers in asked.values():
        first, *others = answers.values()
        agreeing = [one for one in others if same_question(one, first, Twin(0, 1.0)).reason is not Reason.CONFLICT]
        if agreeing:
            yield [first.pair, *(one.pair for one in agreeing)]


def _hand_out(ranks: dict[str, int], names: Sequence[str]) -> None:
    """Give the names their ranks anew: the best one to the first."""
    ranks.update(zip(names, sorted(ranks[name] for name in names), strict=True))
