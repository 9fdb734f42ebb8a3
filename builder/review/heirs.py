"""Which items stand as others did that are no longer there: what an edit made of a pair, or what says the same of an edited document."""

import json
from collections.abc import Iterable

from builder.review.accepted import EDITED, REPAIRED
from builder.review.filters import UNDECIDED
from builder.review.index import Index
from builder.review.log import ReviewLog
from builder.review.rows import said
from schemas.review import Standing

_LOST = f"SELECT item FROM standing WHERE state != '{UNDECIDED}' AND item NOT IN (SELECT id FROM items)"  # noqa: S608
_MADE = "SELECT id, task, key FROM items WHERE instr(flags, ?) OR instr(flags, ?)"
_SAYING = "SELECT id, key FROM items WHERE key IN (SELECT value FROM json_each(?))"


def heirs(index: Index, log: ReviewLog) -> dict[str, str]:
    """Return the items that have taken the place of others on which somebody decided, with these."""
    lost = log.standings(row["item"] for row in index.select(_LOST))
    by_key = {standing.key: item for item, standing in lost.items() if standing.key} | _changed(index, lost.values())
    return {row["id"]: by_key[row["key"]] for row in index.select(_SAYING, [json.dumps(list(by_key))])}


def _changed(index: Index, lost: Iterable[Standing]) -> dict[str, str]:
    """Return the items whose texts a person changed, by the key of what they say now."""
    made = {row["task"] for row in index.select(_MADE, [f" {EDITED} ", f" {REPAIRED} "])}
    texts = [(standing.item, standing.texts.model_dump(mode="json")) for standing in lost if standing.texts is not None]
    return {said({"task": task} | changed): item for task in made for item, changed in texts}
