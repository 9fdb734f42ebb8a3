"""What each level of deduplication makes of a question and a near one that is kept: why it goes, or None if it may stay."""

from dataclasses import dataclass

from builder.curation.asked import Question, alike, disagree, overlap
from builder.curation.relation import Relation, Relations
from builder.curation.twins import Twin
from schemas.records import Reason

QUESTION = 0.5  # Dice of two questions below which they ask different things, however alike the responses are
ONE_QUESTION = 0.8  # Dice above which they ask the same in another order, so that other answers contradict
SURE = 0.92  # score of a related pair above which rare words of their own do not make two questions siblings


@dataclass(frozen=True)
class Verdict:
    """Why a pair goes."""

    reason: Reason
    detail: str
    twin: int
    """The place of the kept pair."""
    whole: bool = True
    """Whether all wordings of its fact go along."""


Verdicts = dict[int, Verdict | int]
"""By place why a pair goes, or how many kept siblings it has."""


def same_question(one: Question, other: Question, twin: Twin) -> Verdict:
    """Return why the same question goes: asked and answered before, or a conflict.

    What documents prove may not be answered in two ways. Of what is about no document, a poem asked for twice, only
    responses that disagree are a conflict.
    """
    what = f"same question as {other.pair.id}"
    if one.response == other.response:
        return Verdict(Reason.DUPLICATE, f"same question and response as {other.pair.id}", twin.place)
    if alike(one, other):
        return Verdict(Reason.NEAR_DUPLICATE, f"{what}, and nearly the same response", twin.place)
    if disagree(one, other) or "quoted" in (one.pair.grounding, other.pair.grounding):
        return Verdict(Reason.CONFLICT, f"{what}, which responds otherwise", twin.place)
    return Verdict(Reason.NEAR_DUPLICATE, f"{what}, which responds in another way", twin.place)


def near_question(one: Question, other: Question, twin: Twin, relations: Relations) -> Verdict | None:
    """Decide about two questions that are near by ROUGE-L."""
    relation = relations(one, other)
    if relation is Relation.SIBLING:
        return None
    what = f"ROUGE-L {twin.score:.2f} with {other.pair.id}"
    if relation is Relation.CONFLICT:
        return Verdict(Reason.CONFLICT, f"{what}, which responds otherwise", twin.place, whole=False)
    same = one.response == other.response
    detail = f"{what} with the same response" if same else f"{what} and only its wording apart"
    return Verdict(Reason.NEAR_DUPLICATE, detail, twin.place, whole=same)


def reworded(one: Question, other: Question, twin: Twin, relations: Relations) -> Verdict | None:
    """Decide about two pairs whose words are mostly the same, in any order: "How soon must I?" and "Must I?" are two questions."""
    questions = overlap(one, other)
    if questions < QUESTION or one.kind != other.kind:
        return None
    relation = relations(one, other)
    if relation is Relation.SIBLING or (relation is Relation.CONFLICT and questions <= ONE_QUESTION):
        return None
    if relation is Relation.CONFLICT:
        what = f"asks with the words of {other.pair.id}, which responds otherwise"
        return Verdict(Reason.CONFLICT, what, twin.place, whole=False)
    what = f"{twin.score:.2f} of its words are those of {other.pair.id}"
    return Verdict(Reason.REWORDED, what, twin.place, whole=one.response == other.response)


def same_meaning(one: Question, other: Question, twin: Twin, relations: Relations) -> Verdict | None:
    """Decide about two pairs that somebody else found related."""
    if one.subject != other.subject or _asks_otherwise(one, other):
        return None
    sure = twin.score > SURE
    relation = relations(one, other, rare=not sure)
    if relation is Relation.SIBLING or (relation is Relation.CONFLICT and not sure):
        return None
    if relation is Relation.CONFLICT:
        what = f"means what {other.pair.id} means, which responds otherwise"
        return Verdict(Reason.CONFLICT, what, twin.place, whole=False)
    return Verdict(Reason.SAME_MEANING, f"{twin.score:.2f} like {other.pair.id}", twin.place, whole=one.response == other.response)


def _asks_otherwise(one: Question, other: Question) -> bool:
    """Whether two questions that mean much the same want to know two things, as "when" and "who" do; "what" is either."""
    (decides, wants), (too, others) = one.kind, other.kind
    return decides != too or bool(wants and others and wants != others)
