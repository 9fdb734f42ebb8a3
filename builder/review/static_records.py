"""What a page without a server holds: rows and cards of its items, each passage once, and what was said of them so far."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from builder.review.filters import Filter
from builder.review.index import Index
from builder.review.items import card
from builder.review.log import ReviewLog
from generators.judge.rubrics import Rubric
from schemas.errors import WorkspaceError

MOST_TEXT = 5_000_000  # characters of whole documents that a page holds; of more it holds the passages only
Passages = dict[tuple[str, int, int], tuple[int, dict[str, Any]]]
"""By document, start and length: the place in the list, and the passage."""

_MORE = "SELECT n, id, key, family, cluster, document_id FROM items"
_OF_PASSAGE = ("document_id", "path", "title", "headings", "text", "start")


def records_of(index: Index, log: ReviewLog, ids: Sequence[str], *, reviewer: str, rubric: Rubric | None = None) -> dict[str, Any]:
    """Return what the page of these items needs, as JSON.

    `items` are in the order of the documents, each with its row, its `said_key` and its card; a card's source names its place in
    `passages`. `documents` are whole, none if they are too long together. `events` are those of the log about these items, by the
    ids that they have now, and `last` is the seq of its newest.
    """
    wanted = set(ids)
    cards = {item: _card(index, item, wanted, rubric) for item in ids}
    passages: Passages = {}
    for one in cards.values():
        one["source"] = _apart(one["source"], passages)
    rows = _rows(index, wanted)
    return {
        "reviewer": reviewer,
        "last": log.last(),
        "items": [{"row": row, "key": row.pop("key"), "card": cards[row["id"]]} for row in rows],
        "passages": [passage for _, passage in passages.values()],
        "documents": _documents(index, {name for name, _, _ in passages}),
        "events": _events(index, log, wanted),
    }


def _card(index: Index, item: str, wanted: set[str], rubric: Rubric | None) -> dict[str, Any]:
    """Return a card that names, of other items, those that this page holds."""
    found = card(index, item, rubric=rubric)
    if found is None:
        raise WorkspaceError(f"{item}: gone while the page was made; another run is at work, so try again when it is done")
    found["flags"] = list(found["flags"])
    return found | {name: [other for other in found[name] if other["id"] in wanted] for name in ("twins", "same_passage")}


def _apart(source: Mapping[str, Any] | None, passages: Passages) -> dict[str, Any] | None:
    """Put the passage of a source among the others, and return what is left of it."""
    if source is None:
        return None
    name = (source["document_id"], source["start"], len(source["text"]))
    place, _ = passages.setdefault(name, (len(passages), {key: source[key] for key in _OF_PASSAGE}))
    return {"passage": place, **{key: value for key, value in source.items() if key not in _OF_PASSAGE}}


def _documents(index: Index, names: Iterable[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    left = MOST_TEXT
    for document in filter(None, map(index.document, sorted(names))):
        left -= len(document.text)
        if left < 0:
            return []
        found.append(document.model_dump(mode="json", include={"id", "path", "title", "text"}))
    return found


def _rows(index: Index, wanted: set[str]) -> list[dict[str, Any]]:
    """Return the rows of lists with what filters need besides, in the order of the documents."""
    more = {row["id"]: dict(row) for row in index.select(_MORE) if row["id"] in wanted}
    found = [row | more[row["id"]] for row in index.items(Filter(), sort="order", limit=-1).rows if row["id"] in wanted]
    alike = Counter(row["cluster"] for row in found)
    return [_listed(row, alike[row["cluster"]]) for row in found]


def _listed(row: Mapping[str, Any], alike: int) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("n", "state")} | {"cluster_size": alike}


def _events(index: Index, log: ReviewLog, wanted: Iterable[str]) -> list[dict[str, Any]]:
    """Return the events about items, once each, oldest first, by the ids that the items have now."""
    heirs = index.heirs()
    now = {name: item for item in wanted for name in (item, heirs.get(item, item))}
    found = {event.seq: event for said in now for event in log.events(item=said)}
    ordered = (found[seq] for seq in sorted(found))
    return [event.model_dump(mode="json", exclude_defaults=True) | {"item": now.get(event.item, event.item)} for event in ordered]
