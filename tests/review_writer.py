"""A reviewer in a process of its own: python -m tests.review_writer WORKSPACE NAME COUNT [BYTES].

Prints the ops that were stored, batch by batch. No file may grow beyond so many bytes, as on a full disk.
"""

import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

from builder.review.log import ReviewLog
from schemas.review import Event

BATCH = 3  # events, at most


def main(workspace: str, name: str, count: str, most_bytes: str = "-1") -> None:
    """Accept pair after pair, in batches of one to three, each sent twice, as by a page that never heard back."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))  # -1: no limit
    with ReviewLog(Path(workspace)) as log:
        number = 0
        while number < int(count):
            size = min(1 + number % BATCH, int(count) - number)
            events = [
                Event(op=f"{name}-{place:06}", item=f"pair-{place}", reviewer=name, action="accept", at=datetime.now(UTC))
                for place in range(number, number + size)
            ]
            first, again = log.append(events), log.append(events)
            if first != again:
                raise SystemExit(f"the same events came back differently: {first} {again}")
            print(*(event.op for event in first), flush=True)
            number += size


if __name__ == "__main__":
    main(*sys.argv[1:])
