"""The events of the log as lines for a terminal: who did what to which item, when, and whether it was undone."""

from collections.abc import Sequence

from builder.review.fold import live
from schemas.review import Event, Texts

_WIDTH = 70  # characters of a question


def event_lines(events: Sequence[Event], *, everything: Sequence[Event]) -> list[str]:
    """Return a line for each event, saying which of them something in `everything` has undone."""
    counted = {event.op for event in live(everything)}
    return [event_line(event) + ("" if event.op in counted or event.action == "undo" else "  (undone)") for event in events]


def event_line(event: Event) -> str:
    """Return who did what to which item and when, on one line; the time is local."""
    what = f"{event.action} {event.undoes}" if event.action == "undo" else " ".join(filter(None, [event.action, event.reason]))
    parts = [f"{event.at.astimezone():%Y-%m-%d %H:%M}", event.reviewer, what, event.item, _short(event.before or event.after)]
    return "  ".join(flat(part) for part in (*parts, event.note and f"note: {event.note}", f"[{event.op}]") if part)


def flat(text: str) -> str:
    """Return a text on one line without what could move a terminal's cursor."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _short(texts: Texts | None) -> str:
    question = flat(texts.instruction) if texts else ""
    return f"“{question[:_WIDTH]}{'…' if len(question) > _WIDTH else ''}”" if question else ""
