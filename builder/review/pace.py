"""How far a reviewer is, and how fast: from what was decided lately, followed as the log grows."""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from builder.review.log import ReviewLog
from schemas.review import Event

REMEMBERED = 5000  # newest events of the log that the pace is told from
PAUSE = timedelta(minutes=3)  # after a longer one a new sitting begins
LATELY = timedelta(minutes=10)
LEAST = 5  # decisions of a sitting, below which nobody knows how fast it goes


class Pace:
    """Remembers when each reviewer decided; many threads may ask."""

    def __init__(self, log: ReviewLog) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._seq = max(0, log.last() - REMEMBERED)
        self._times: dict[str, deque[datetime]] = {}
        self._bulks: set[str] = set()

    def of(self, reviewer: str, left: int) -> dict[str, Any]:
        """Return the pace of a reviewer who has so many items left: decisions of ten minutes, an hour, and this sitting."""
        with self._lock:
            last = self._log.last()
            self._seq = self._seq if self._seq <= last else 0  # a log that was begun anew
            self._follow(self._log.events(after=max(self._seq, last - REMEMBERED)))
            times = sorted(self._times.get(reviewer, ()))
        sitting = _sitting(times)
        seconds = (sitting[-1] - sitting[0]).total_seconds() if len(sitting) >= LEAST else 0
        per_hour = round((len(sitting) - 1) / seconds * 3600) if seconds else None
        now = datetime.now(UTC)
        return {
            "last_10_min": sum(now - at <= LATELY for at in times),
            "per_hour": per_hour,
            "left_minutes": ceil(left / per_hour * 60) if per_hour else None,
            "sitting": len(sitting) if sitting and now - sitting[-1] <= PAUSE else 0,
        }

    def _follow(self, events: Iterable[Event]) -> None:
        """Take in new events; a bulk action is one decision."""
        for event in events:
            self._seq = event.seq
            if event.action in ("note", "undo") or event.bulk in self._bulks:
                continue
            self._bulks |= {event.bulk} - {""}
            self._times.setdefault(event.reviewer, deque(maxlen=REMEMBERED)).append(event.at)


def _sitting(times: list[datetime]) -> list[datetime]:
    """Return the newest times that no pause parts."""
    start = len(times) - 1
    while start > 0 and times[start] - times[start - 1] <= PAUSE:
        start -= 1
    return times[max(start, 0) :]
