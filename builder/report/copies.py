"""Near copies that left: how many, in how many clusters, and the largest of them with what was kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from schemas.records import Dropped, Pair, Reason

COPIES = (Reason.DUPLICATE, Reason.NEAR_DUPLICATE, Reason.REWORDED, Reason.SAME_MEANING)
MOST, COPIES_SHOWN = 6, 4


def copies(dropped: Iterable[Dropped], valid: Iterable[Pair]) -> dict[str, Any]:
    """Return the section's figures; empty if nothing was a copy."""
    gone = [record for record in dropped if record.reason in COPIES]
    if not gone:
        return {}
    clusters: dict[str, list[Dropped]] = defaultdict(list)
    for record in gone:
        extra = record.record.get("extra")
        clusters[str(extra.get("cluster") if isinstance(extra, dict) else "") or record.id].append(record)
    kept = {pair.id: pair.instruction for pair in valid}
    largest = sorted(clusters.items(), key=lambda one: -len(one[1]))[:MOST]
    return {
        "pairs": len(gone),
        "clusters": len(clusters),
        "reasons": {str(reason): count for reason, count in Counter(record.reason for record in gone).most_common()},
        "sizes": dict(sorted(Counter(str(len(members) + 1) for members in clusters.values()).items(), key=lambda one: int(one[0]))),
        "largest": [
            {
                "kept": kept.get(name, ""),
                "size": len(members) + 1,
                "copies": list(dict.fromkeys(str(one.record.get("instruction", "")) for one in members))[:COPIES_SHOWN],
            }
            for name, members in largest
            if name in kept
        ],
    }
