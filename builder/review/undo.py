"""Taking decisions back by a command: one event, a bulk action, or the last thing that somebody did."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from builder.review.event_lines import event_line
from builder.review.fold import untaken
from builder.review.log import ReviewLog
from schemas.errors import InputError
from schemas.review import Event

_SHOWN = 5


@dataclass(frozen=True)
class Undone:
    """An undo as it was stored, and the events that it took back, oldest first."""

    event: Event
    events: tuple[Event, ...]

    def lines(self) -> list[str]:
        """Return what was taken back, for people."""
        more = [f"… and {len(self.events) - _SHOWN:,} more"] if len(self.events) > _SHOWN else []
        again = f"kilopair review --undo {self.event.op} brings {'them' if len(self.events) > 1 else 'it'} back"
        return [f"took back {len(self.events):,}:", *map(event_line, self.events[:_SHOWN]), *more, again]

    def as_json(self) -> dict[str, Any]:
        """Return what was taken back, for other programs."""
        return {"op": self.event.op, "undoes": self.event.undoes, "items": [event.item for event in self.events]}


def undo(log: ReviewLog, target: str, *, reviewer: str) -> Undone:
    """Take back what `target` names: an op, a bulk, the op of an undo (what it took back counts again), or `last`.

    `last` is the newest thing that the reviewer did and that nothing has undone yet; of a bulk action, all of it.

    Raises:
        InputError: there is no such thing, or it is undone already.
    """
    events = list(log.events())
    standing = untaken(events)
    counted = [event for event in standing if event.action != "undo"]
    if target == "last":
        mine = [event for event in counted if event.reviewer == reviewer]
        if not mine:
            raise InputError(f"{reviewer}: nothing to undo; --name says whose last decision is meant")
        target = mine[-1].bulk or mine[-1].op
    found = tuple(event for event in counted if target in (event.op, event.bulk))
    undos = tuple(event for event in standing if event.action == "undo" and event.op == target)
    if not found and not undos and any(target in (event.op, event.bulk) for event in events):
        raise InputError(f"{target}: is undone already; kilopair review --log shows what is not")
    taken = found or undos
    item = taken[0].item if len(taken) == 1 else ""
    event = Event(
        op=f"undo-{uuid.uuid4().hex}", item=item, reviewer=reviewer, action="undo", undoes=target, base=log.last(), at=datetime.now(UTC)
    )
    return Undone(log.append([event])[0], taken)
