"""What all events together say of each item: pure, and the same however they came into the log.

A word is an accept, reject, edit, repair or skip. Of each reviewer the newest word counts that nothing has undone; an undo
takes back what was before it, may itself be undone, and leaves what was said before what it took.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.review import Decision, Event, Standing, State, Texts

_STATES: dict[str, State] = {"edit": "edited", "repair": "repaired"}


class Folded(NamedTuple):
    """How an item stands: the words that count, one of each reviewer, and what they make (see `schemas.review.Standing`)."""

    item: str
    key: str
    words: tuple[Event, ...]
    state: State
    reason: str
    texts: Texts | None
    seq: int


def standings(events: Iterable[Event]) -> dict[str, Standing]:
    """Return how each item stands that an event is about, by item id; the order of the events does not matter, their seq does."""
    return {one.item: _standing(one) for one in folded(events)}


def folded(events: Iterable[Event]) -> Iterator[Folded]:
    """Yield how each item stands that an event is about."""
    ordered = sorted(events, key=lambda event: event.seq)
    counted: defaultdict[str, list[Event]] = defaultdict(list)
    for event in live(ordered):
        counted[event.item].append(event)
    keys = {event.item: event.key for event in reversed(ordered) if event.key}
    for item, seq in _newest(ordered).items():
        said = tuple(words(counted[item]).values())
        state, texts = _outcome(said)
        reasons = [word.reason for word in _that_count(said)] if state == "rejected" else [""]
        yield Folded(item, keys.get(item, ""), said, state, reasons[-1], texts, seq)


def live(events: Sequence[Event]) -> list[Event]:
    """Return the events that nothing has undone, without the undos; both lists oldest first."""
    return [event for event in untaken(events) if event.action != "undo"]


def untaken(events: Sequence[Event]) -> list[Event]:
    """Return the events that nothing has undone, undos among them; both lists oldest first."""
    taken: set[str] = set()
    kept: list[Event] = []
    for event in reversed(events):
        if event.op in taken or event.bulk in taken:
            continue
        if event.action == "undo":
            taken.add(event.undoes)
        kept.append(event)
    return kept[::-1]


def words(events: Iterable[Event]) -> dict[str, Event]:
    """Return the word that counts of each reviewer, the newest last, of live events on one item, oldest first."""
    found: dict[str, Event] = {}
    for event in events:
        if event.action == "note" or _is_late(event, found.get(event.reviewer)):
            continue
        found.pop(event.reviewer, None)
        found[event.reviewer] = event
    return found


def _is_late(event: Event, other: Event | None) -> bool:
    """Tell whether a word was said before the other, without knowing it, and only came later: in a file, from a waiting tab."""
    return other is not None and event.at < other.at and event.base < other.seq


def _newest(ordered: Sequence[Event]) -> dict[str, int]:
    """Return the seq of the newest event on each item; an undo is on every item of what it takes back."""
    newest: dict[str, int] = {}
    undone: dict[str, set[str]] = {event.undoes: set() for event in ordered if event.action == "undo"}  # items, by op or bulk
    for event in ordered:
        touched = undone[event.undoes] if event.action == "undo" else {event.item}
        newest.update(dict.fromkeys(touched, event.seq))
        for name in {event.op, event.bulk} & undone.keys():
            undone[name].update(touched)
    return newest


def _standing(one: Folded) -> Standing:
    decisions = tuple(map(_decision, one.words))
    return Standing(item=one.item, key=one.key, state=one.state, decisions=decisions, reason=one.reason, texts=one.texts, seq=one.seq)


def _decision(event: Event) -> Decision:
    return Decision(
        reviewer=event.reviewer,
        action=event.action,  # pyright: ignore[reportArgumentType] - words() leaves notes out, live() undos
        reason=event.reason,
        note=event.note,
        after=_made(event),
        final=event.final,
        at=event.at,
        seq=event.seq,
    )


def _made(event: Event) -> Texts | None:
    """Return the texts that an event made, unless they were erased."""
    return None if event.after is None or event.after.is_erased else event.after


def _that_count(said: Sequence[Event]) -> list[Event]:
    """Return the newest final word alone, or every word but skips."""
    counted = [word for word in said if word.action != "skip"]
    return [word for word in counted if word.final][-1:] or counted


def _outcome(said: Sequence[Event]) -> tuple[State, Texts | None]:
    """Return the state that words make, and the texts that stand in for the item's own."""
    counted = _that_count(said)
    changed = [word for word in counted if word.action in _STATES]
    rejected = sum(word.action == "reject" for word in counted)
    if not counted:
        return ("skipped" if said else "undecided"), None
    if rejected:
        return ("rejected" if rejected == len(counted) else "disputed"), None
    if not changed:
        return "accepted", None
    if any(_made(word) != _made(changed[-1]) for word in changed):
        return "disputed", None
    return _STATES[changed[-1].action], _made(changed[-1])
