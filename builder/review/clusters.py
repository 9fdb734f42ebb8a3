"""Which items are copies of each other, read from what the stage dedup said of each that it dropped."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.connect import CLUSTER, components

Copy = tuple[str, str, str]
"""An item, the one that it is a copy of, and how: a reason of dedup, or `cluster`, as a file's own name for it."""

STAGE = "dedup"
_PAIR = re.compile(r"pair-[0-9a-f]{16}")


def copies_of(record: Mapping[str, Any], *, stage: str, reason: str, detail: str) -> Iterator[Copy]:
    """Yield what an item is a copy of."""
    if stage == STAGE:
        for other in _PAIR.findall(detail)[:1]:
            if other != record["id"]:
                yield record["id"], other, reason
    named = (record.get("extra") or {}).get(CLUSTER)
    if isinstance(named, str) and named != record["id"]:
        yield record["id"], named, CLUSTER


def clusters(copies: Iterable[Copy]) -> list[list[str]]:
    """Return the names of each cluster of copies, first the one that most others are copies of."""
    links = [(one, other) for one, other, _ in copies]
    places = {name: place for place, name in enumerate(dict.fromkeys(name for link in links for name in link))}
    names, named = list(places), Counter(other for _, other in links)
    found = components(len(names), ((places[one], places[other]) for one, other in links))
    return [sorted((names[place] for place in cluster), key=lambda name: -named[name]) for cluster in found if len(cluster) > 1]
