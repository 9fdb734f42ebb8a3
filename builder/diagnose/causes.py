"""Why each answer is wrong: one cause, the first that holds, and one plain sentence."""

from collections.abc import Sequence

from builder.diagnose.judged import Judged
from builder.diagnose.lessons import Lessons
from schemas.diagnosis import Cause, Failure, Neighbour
from schemas.records import Pair


def failure(row: Judged, lessons: Lessons, *, limit: int) -> Failure:
    """Return why an answer is wrong.

    Args:
        row: the answer.
        lessons: what was taught.
        limit: tokens at which answers were cut.
    """
    pair = row.pair
    taught, nearest = lessons.taught(pair), lessons.nearest(pair)
    cause, reason = _cause(row, lessons, taught, nearest, limit)
    return Failure(
        pair_id=pair.id,
        set=row.set,
        task=pair.task,
        form=pair.form,
        group=pair.group,
        document=row.place.document,
        section=row.place.section,
        cause=cause,
        reason=reason,
        taught=tuple(other.id for other in taught),
        nearest=tuple(nearest),
    )


def _cause(row: Judged, lessons: Lessons, taught: Sequence[Pair], nearest: Sequence[Neighbour], limit: int) -> tuple[Cause, str]:
    if not row.stopped:
        return _unended(row, limit)
    if row.pair.input.strip() or row.pair.grounding != "quoted":
        return _of_task(row.pair, lessons)
    if other := lessons.otherwise(row.pair, taught):
        return "taught_otherwise", f"taught with another answer by {other.id}"
    if not taught:
        near = f"; the nearest training pair is {nearest[0].pair_id} ({nearest[0].similarity:.2f})" if nearest else ""
        return "never_taught", f"never taught: no training pair is about this fact or quotes its evidence{near}"
    wordings = f"taught in {len(taught)} wordings" if len(taught) > 1 else "taught in one wording"
    if row.pair.form not in lessons.forms:
        return "form_unseen", f"{wordings}, but no training question has the form {row.pair.form}"
    return "not_learnt", f"{wordings} but not learnt"


def _unended(row: Judged, limit: int) -> tuple[Cause, str]:
    if row.tokens > limit:
        return "cut", f"the answer was cut at {limit} tokens, but the reference has {row.tokens}; set evaluate.max_new_tokens to auto"
    return "not_stopped", "the answer did not stop by itself"


def _of_task(pair: Pair, lessons: Lessons) -> tuple[Cause, str]:
    """Explain a failure that no fact by heart would have helped: the answer stands in the input, or no document has it."""
    count, what = lessons.tasks[pair.task], "the answer stands beside the question" if pair.input.strip() else "no document has the answer"
    if not count:
        return "never_taught", f"{what}: the task {pair.task} was never taught"
    return "not_learnt", f"{what}: the task {pair.task} was taught in {count:,} pairs but not learnt"
