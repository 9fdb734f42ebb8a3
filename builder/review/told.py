"""What people said of one pair, for whoever asks how it came to be as it is."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from builder.review.accepted import EDITED, REPAIRED
from builder.review.fold import live
from builder.review.log import FILE, ReviewLog
from schemas.records import Draft, Pair
from schemas.review import REASONS, Event, Texts


def events_about(folder: Path, record: Pair | Draft) -> list[Event]:
    """Return what was said and not undone about a pair, and about the one that it was before a person changed it, oldest first."""
    if not (folder / FILE).exists():
        return []
    is_changed = not {EDITED, REPAIRED}.isdisjoint(record.flags)  # then what was said is about what it was before
    with ReviewLog(folder) as log:
        said = live(list(log.events() if is_changed else log.events(item=record.id)))
    texts = Texts.of(record)
    made = {event.item for event in said if event.after and event.after.model_copy(update={"quotes": None}) == texts}
    return [event for event in said if event.item in {record.id, *made}]


def in_words(events: Iterable[Event]) -> Iterator[str]:
    """Yield a line on each event: when, who, what and why."""
    for event in events:
        why = "; ".join(filter(None, [REASONS.get(event.reason, event.reason), " ".join(event.note.split())]))
        yield f"{event.at:%Y-%m-%d %H:%M} {event.reviewer}: {event.action}{' (for all)' if event.final else ''}{f', {why}' if why else ''}"
