"""Events for the tests of the review log, and strategies that draw whole logs of them."""

from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import strategies as st

from schemas.review import REASONS, Event, Texts

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
_NUMBERS = count(1)


def texts(instruction="How many days of leave are there?", output="There are 25.", **more):
    return Texts(instruction=instruction, output=output, **more)


def event(action="accept", item="pair-1", reviewer="ann", **more):
    """Make an event; times follow one another in the order of the calls."""
    number = next(_NUMBERS)
    given = {"op": f"op-{number:08}", "key": f"said-{item}", "at": START + timedelta(seconds=number)} | more
    if action == "reject":
        given = {"reason": "wrong"} | given
    if action in {"edit", "repair"}:
        given = {"before": texts(), "after": texts(output="There are 26.")} | given
    return Event(action=action, item=item, reviewer=reviewer, **given)


def stored(*events):
    """Return events with the seq that a log would give them."""
    return [one.model_copy(update={"seq": place}) for place, one in enumerate(events, start=1)]


@st.composite
def logs(draw, most=24):
    """Events of three reviewers on four items, some in bulk, some undone, some of those undone again."""
    events = []
    for place in range(draw(st.integers(1, most))):
        names = [one.op for one in events] + [one.bulk for one in events if one.bulk]
        action = draw(st.sampled_from(["accept", "reject", "edit", "repair", "skip", "note", *(["undo"] * 3 if names else [])]))
        more = {"op": f"op-{place:08}", "at": START + timedelta(minutes=draw(st.integers(0, 5))), "base": draw(st.integers(0, place))}
        if action == "undo":
            more |= {"undoes": draw(st.sampled_from(names))}
        elif action == "reject":
            more |= {"reason": draw(st.sampled_from(list(REASONS)))}
        elif action in {"edit", "repair"}:
            more |= {"after": texts(output=draw(st.sampled_from(["26", "27"])))}
        more |= {"bulk": draw(st.sampled_from(["", "", "bulk-0001", "bulk-0002"])), "final": draw(st.integers(0, 5)) == 0}
        events.append(
            event(action, draw(st.sampled_from(["pair-1", "pair-2", "draft-3"])), draw(st.sampled_from(["ann", "bob", "cy"])), **more)
        )
    return events
