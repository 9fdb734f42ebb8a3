"""The decisions about a document that must be forgotten keep who, what and when, and lose their texts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.review.log import ReviewLog
from builder.step import DRAFTS, PAIRS, QUARANTINE
from builder.traces import Traces


def erase_decisions(folder: Path, documents: Sequence[str], traces: Traces) -> int:
    """Erase the texts of the events about the pairs of documents, and of those that quote them; return of how many events.

    To be called before the stages go: they know which pairs are of these documents, if an event does not say it.
    """
    with ReviewLog(folder) as log:
        if not log.last():
            return 0
        quoting = {event.item for event in log.events() if event.item and traces.in_text(event.model_dump_json(include=_TEXTS))}
        return log.erase({*_items(folder, documents), *quoting}, documents)


_TEXTS = {"before", "after", "note"}


def _items(folder: Path, documents: Sequence[str]) -> Iterator[str]:
    """Yield the ids of the pairs and drafts of documents, chosen or dropped, that any output of a stage still knows."""
    for name in (DRAFTS, PAIRS, QUARANTINE):
        for path in folder.glob(f"stages/*/{name}"):
            with path.open(encoding="utf-8") as lines:
                yield from (json.loads(line)["id"] for line in lines if any(f'"{document}"' in line for document in documents))
