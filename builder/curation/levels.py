"""What each level of deduplication makes of a question and a near one that is kept: why it goes, or None if it may stay."""

from dataclasses import dataclass

from builder.curation.asked import Question, Siblings, alike, disagree, overlap
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


def near_question(one: Question, other: Question, twin: Twin, siblings: Siblings) -> Verdict | None:
    """Decide about two questions that are near by ROUGE-L."""
    same = one.response == other.response
    if siblings(one, other, same=same):
        return None
    what = f"ROUGE-L {twin.score:.2f} with {other.pair.id}"
    if same:
        return Verdict(Reason.NEAR_DUPLICATE, f"{what} with the same response", twin.place)
    if disagree(one, other):
        conflict = Verdict(Reason.CONFLICT, f"{what}, which responds otherwise", twin.place, whole=False)
        return None if siblings.about_others(one, other) else conflict
    if siblings.answered_apart(one, other):
        return None
    return Verdict(Reason.NEAR_DUPLICATE, f"{what} and only its frame apart", twin.place, whole=False)


def reworded(one: Question, other: Question, twin: Twin, siblings: Siblings) -> Verdict | None:
    """Decide about two pairs whose words are mostly the same, in any order: "How soon must I?" and "Must I?" are two questions."""
    questions = overlap(one, other)
    if questions < QUESTION or one.kind != other.kind or _apart(one, other, siblings):
        return None
    if siblings.answered_apart(one, other):
        return None
    if disagree(one, other):
        if questions <= ONE_QUESTION or siblings.about_others(one, other):
            return None
        what = f"asks with the words of {other.pair.id}, which responds otherwise"
        return Verdict(Reason.CONFLICT, what, twin.place, whole=False)
    what = f"{twin.score:.2f} of its words are those of {other.pair.id}"
    return Verdict(Reason.REWORDED, what, twin.place, whole=one.response == other.response)


def same_meaning(one: Question, other: Question, twin: Twin, siblings: Siblings) -> Verdict | None:
    """Decide about two pairs that somebody else found related."""
    sure = twin.score > SURE
    if one.subject != other.subject or _asks_otherwise(one, other) or _apart(one, other, siblings, rare=not sure):
        return None
    if disagree(one, other):
        if not sure or siblings.about_others(one, other):
            return None
        what = f"means what {other.pair.id} means, which responds otherwise"
        return Verdict(Reason.CONFLICT, what, twin.place, whole=False)
    return Verdict(Reason.SAME_MEANING, f"{twin.score:.2f} like {other.pair.id}", twin.place, whole=one.response == other.response)


def _asks_otherwise(one: Question, other: Question) -> bool:
    """Whether two questions that mean much the same want to know two things, as "when" and "who" do; "what" is either."""
    (decides, wants), (too, others) = one.kind, other.kind
    return decides != too or bool(wants and others and wants != others)


def _apart(one: Question, other: Question, siblings: Siblings, *, rare: bool = True) -> bool:
    """Whether two questions are siblings; what tells them apart if they say the same does so all the more if they do not."""
    if siblings(one, other, same=True, rare=rare):
        return True
    return not alike(one, other) and siblings(one, other, same=False, rare=rare)
