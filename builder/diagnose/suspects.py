"""Training pairs that may be wrong, for a person to look at: answers that disagree, and what training could not fit.

A model that has learned its pairs predicts each response well; one that contradicts the others, or its own question, stays badly
predicted (the idea of small-loss selection, Arpit et al. 2017, and of dataset cartography, Swayamdipta et al. 2020). Losses are
compared within a task and among responses of like length, as a short one costs more for each token, by robust z (Iglewicz and
Hoaglin 1993): distances from the median in units of the median distance.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from builder.curation.asked import Question
from builder.curation.relation import Relations
from builder.curation.texts import width
from builder.curation.twins import Twins
from builder.diagnose.judged import Places
from builder.diagnose.lessons import contradict
from schemas.diagnosis import Doubt, Suspect
from schemas.records import Pair

NEAR = 0.6  # ROUGE-L F of two questions from which on they are compared
ENOUGH = 8  # pairs of a task and length whose median means something
OUTLYING = 3.5  # robust z above which a loss is one of its own kind (Iglewicz and Hoaglin)
LEAST = 0.1  # nats a token: below, a response is as good as known by heart
SPREAD = 0.02  # least median distance, so that among pairs known by heart not each one stands out
ROSE = 0.05  # nats a token by which a loss must have risen


@dataclass(frozen=True)
class Losses:
    """The mean loss of a token of each training pair's response, of the tuned model and, where it says something, of the base."""

    after: Sequence[float]
    before: Sequence[float] | None = None


def suspects(pairs: Sequence[Pair], losses: Losses, *, places: Places, most: int) -> tuple[Suspect, ...]:
    """Return the training pairs that may be wrong: those with a rival answer first, then by how far their loss stands out."""
    scores = robust_scores(pairs, losses.after)
    rivals = disagreeing(pairs)
    found: list[Suspect] = []
    for place, pair in enumerate(pairs):
        told = _doubt(pairs, place, losses, scores, rivals)
        if told:
            doubt, reason, other = told
            where = places.of(pair)
            found.append(
                Suspect(
                    pair_id=pair.id,
                    doubt=doubt,
                    reason=reason,
                    loss=round(losses.after[place], 4),
                    score=round(scores[place], 2),
                    before=round(losses.before[place], 4) if losses.before else None,
                    other=other,
                    document=where.document,
                    section=where.section,
                )
            )
    return tuple(sorted(found, key=lambda one: (one.doubt != "conflict", -one.score, one.pair_id))[:most])


def _doubt(
    pairs: Sequence[Pair], place: int, losses: Losses, scores: Sequence[float], rivals: dict[int, list[int]]
) -> tuple[Doubt, str, str | None] | None:
    """Return why a pair is doubted; of those that disagree it is the one against more others, then the one that the model believes less."""
    others = rivals.get(place, [])
    if others and all(_weight(one, losses, rivals) <= _weight(place, losses, rivals) for one in others):
        other = pairs[min(others, key=lambda one: losses.after[one])]
        alone = len(others) > max(len(rivals[one]) for one in others)
        why = f"{len(others)} pairs are against this one" if alone else "the model believes the other"
        return "conflict", f"{other.id} asks the same and answers otherwise; {why}", other.id
    after, before = losses.after[place], losses.before[place] if losses.before else None
    if scores[place] > OUTLYING and after > LEAST:
        return "high_loss", f"loss {after:.2f} a token after training, {scores[place]:.1f} times as far from its kind as usual", None
    if before is not None and after > before + ROSE:
        return "loss_rose", f"loss rose from {before:.2f} to {after:.2f} a token: other pairs taught something else", None
    return None


def _weight(place: int, losses: Losses, rivals: dict[int, list[int]]) -> tuple[int, float]:
    return len(rivals[place]), losses.after[place]


def disagreeing(pairs: Sequence[Pair]) -> dict[int, list[int]]:
    """Return by place the places of pairs that ask the same, or nearly, and answer otherwise."""
    questions = [Question(pair) for pair in pairs]
    groups: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        groups[question.pair.group].append(question)
    relations = Relations(list(groups.values()))
    found: dict[int, list[int]] = defaultdict(list)
    for one, other in sorted(set(_candidates(questions))):
        if contradict(questions[one], questions[other], relations):
            found[one].append(other)
            found[other].append(one)
    return found


def _candidates(questions: Sequence[Question]) -> Iterator[tuple[int, int]]:
    """Yield the places of wordings of one fact, and of near questions."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        groups[question.pair.group].append(place)
    for places in groups.values():
        yield from ((one, other) for number, other in enumerate(places) for one in places[:number])
    twins = Twins(questions, NEAR, by_bag=False, bits=width([len(question.words) for question in questions]))
    for place, around in twins.of(range(len(questions))).items():
        yield from ((min(place, other), max(place, other)) for other in around.places.tolist())


def robust_scores(pairs: Sequence[Pair], losses: Sequence[float]) -> list[float]:
    """Return how far each loss is above the median of its task and length, in median distances; few of a kind: of its task, or all."""
    kinds = [[(pair.task, len(pair.output.split()).bit_length()) for pair in pairs], [pair.task for pair in pairs], [""] * len(pairs)]
    scores = [0.0] * len(pairs)
    left = set(range(len(pairs)))
    for level in kinds:
        members: dict[object, list[int]] = defaultdict(list)
        for place, kind in enumerate(level):
            members[kind].append(place)
        for places in members.values():
            if len(places) >= ENOUGH or level is kinds[-1]:
                middle = median(losses[place] for place in places)
                distance = max(1.4826 * median(abs(losses[place] - middle) for place in places), SPREAD)
                for place in left.intersection(places):
                    scores[place] = (losses[place] - middle) / distance
                left.difference_update(places)
    return scores
