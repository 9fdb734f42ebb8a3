"""The chosen pairs as they are divided: search, order, lengths, tasks."""

from collections.abc import Mapping
from typing import Any

from builder.report.charts.chart import Chart
from builder.report.charts.counts import histogram
from builder.review.filters import Filter
from builder.review.index import Index
from builder.review.items import source
from schemas.records import SPLITS, Pair

PAIRS = 20  # a page
ORDERS = {
    "order": ("as they are in the file", "i.n"),
    "shortest": ("shortest answers first", "i.words, i.n"),
    "longest": ("longest answers first", "i.words DESC, i.n"),
    "lowest": ("lowest score first", "i.score IS NULL, i.score, i.n"),
    "document": ("by document", "i.document, i.n"),
}
_STATE = "LEFT JOIN heirs h ON h.id = i.id LEFT JOIN standing s ON s.item = ifnull(h.item, i.id)"


def splits(index: Index) -> dict[str, int]:
    """Return how many chosen pairs each split has, and all of them under the empty name."""
    found = dict(map(tuple, index.select("SELECT split, count(*) FROM items WHERE place = 'chosen' GROUP BY 1")))
    return {"": sum(found.values()), **{name: found[name] for name in SPLITS if name in found}}


def tasks(index: Index) -> list[dict[str, Any]]:
    """Return how many chosen pairs of each task each split has, the most frequent task first."""
    found: dict[str, dict[str, int]] = {}
    for task, split, number in index.select("SELECT task, split, count(*) FROM items WHERE place = 'chosen' GROUP BY 1, 2"):
        found.setdefault(task, {})[split] = number
    rows = [{"task": task, "all": sum(counts.values()), **{name: counts.get(name, 0) for name in SPLITS}} for task, counts in found.items()]
    return sorted(rows, key=lambda row: -row["all"])


def lengths(index: Index, split: str) -> Chart:
    """Draw how long the answers of a split are, in words."""
    condition, values = Filter(where="chosen", split=split).condition()
    counts = [row[0] for row in index.select(f"SELECT i.words FROM items i WHERE {condition}", values)]  # noqa: S608 - values are bound
    return histogram(counts, title="Words of a response", x_label="words of a response")


def pairs(index: Index, asked: Filter, *, order: str = "order", page: int = 0) -> dict[str, Any]:
    """Return a page of pairs with their source, and how many there are in all and pages; `order` is one of `ORDERS`."""
    condition, values = asked.condition()
    number = index.count(asked)
    rows = index.select(
        f"SELECT i.id, ifnull(s.state, 'undecided') AS state FROM items i {_STATE} WHERE {condition} "  # noqa: S608
        f"ORDER BY {ORDERS[order][1]} LIMIT ? OFFSET ?",
        [*values, PAIRS, page * PAIRS],
    )
    return {"pairs": [_shown(index, dict(row)) for row in rows], "number": number, "pages": -(-number // PAIRS)}


def _shown(index: Index, row: Mapping[str, Any]) -> dict[str, Any]:
    pair = index.item(row["id"])
    if not isinstance(pair, Pair):
        return {"pair": None, "state": row["state"], "source": None}
    return {"pair": pair, "state": row["state"], "source": source(index, pair)}
