"""Clusters of copies: what stayed, what left as a copy or a contradiction of it, and what differs word by word."""

import json
from typing import Any

from builder.review.changed import Part, changed, likeness
from builder.review.clusters import STAGE
from builder.review.filters import Filter
from builder.review.index import Index
from schemas.records import Draft, Pair

CLUSTERS = 15  # a page
MOST_MEMBERS = 12  # of a cluster that are shown; the others are a link
ALIKE = 0.6  # texts that share less are shown as they are, as their differences say nothing
RELATIONS = ("duplicate", "near_duplicate", "reworded", "same_meaning", "conflict")
_WANTED = "cluster_size > 1 AND cluster IN (SELECT i.cluster FROM items i WHERE {condition})"


def clusters(index: Index, *, relation: str = "", text: str = "", page: int = 0) -> dict[str, Any]:
    """Return a page of clusters, the largest first, that hold a pair with this reason and these words; and how many copies left why."""
    condition, values = Filter(reason=relation, text=text).condition()
    wanted = _WANTED.format(condition=condition)
    number = index.select(f"SELECT count(DISTINCT cluster) FROM items WHERE {wanted}", values)[0][0]  # noqa: S608 - ours; values are bound
    named = index.select(
        f"SELECT cluster, max(cluster_size) AS size FROM items WHERE {wanted} GROUP BY cluster ORDER BY size DESC, min(n) LIMIT ? OFFSET ?",  # noqa: S608
        [*values, CLUSTERS, page * CLUSTERS],
    )
    marks = json.dumps(RELATIONS)
    counts = "SELECT reason, count(*) FROM items WHERE reason IN (SELECT value FROM json_each(?)) GROUP BY 1 ORDER BY 2 DESC"
    return {
        "clusters": [_cluster(index, row["cluster"], row["size"]) for row in named],
        "number": number,
        "pages": -(-number // CLUSTERS),
        "counts": dict(map(tuple, index.select(counts, [marks]))),
    }


def _cluster(index: Index, name: str, size: int) -> dict[str, Any]:
    """Return the members of a cluster, the one that stayed first, the others with what differs from it."""
    rows = index.select(
        "SELECT id, place, split, stage, reason, detail, document FROM items WHERE cluster = ? ORDER BY stage = ?, place, n LIMIT ?",
        [name, STAGE, MOST_MEMBERS],
    )
    items = {row["id"]: index.item(row["id"]) for row in rows}
    first = items[rows[0]["id"]]
    members = [{**dict(row), **_differences(first, items[row["id"]])} for row in rows]
    return {"name": name, "size": size, "members": members, "more": size - len(members)}


def _differences(first: Pair | Draft | None, other: Pair | Draft | None) -> dict[str, Any]:
    """Return question, input and answer of a member as parts against those of the first one."""
    if first is None or other is None:
        return {"question": [], "input": [], "answer": [], "same_answer": False}
    texts = zip(("question", "input", "answer"), _texts(first), _texts(other), strict=True)
    return {**{name: _against(old, new) for name, old, new in texts}, "same_answer": first.output == other.output}


def _against(old: str, new: str) -> list[Part]:
    parts = changed(old, new)
    return parts if likeness(parts) >= ALIKE or not new else [Part("same", new)]


def _texts(item: Pair | Draft) -> tuple[str, str, str]:
    return item.instruction, item.input, item.output
