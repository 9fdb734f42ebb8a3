"""Counts of a run: the way from files to pairs, what left it and why, tasks, groundings, openings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from schemas.records import SPLITS, Dropped, Grounding, Pair

EXAMPLES_OF_A_REASON = 3


def funnel(counts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the way from files to chosen pairs: name, how many, and how many left there."""
    left = {name: sum(figures.get("dropped", {}).values()) for name, figures in counts.items()}
    added = counts["curate"].get("added", 0)
    valid = counts["validate"]["kept"] + added
    unsound = valid - counts["curate"]["sure"]
    duplicates = counts["curate"]["sure"] - counts["curate"]["distinct"]
    rows = [
        ("files", counts["read"]["in"], left["read"]),
        ("documents", counts["read"]["kept"], 0),
        ("chunks", counts["chunk"]["chunks"], counts["chunk"]["chunks"] - counts["generate"]["chunks_with_drafts"]),
        ("chunks with drafts", counts["generate"]["chunks_with_drafts"], 0),
        ("drafts", counts["generate"]["kept"], left["validate"]),
        (valid_pairs(added), valid, unsound),
        ("sound pairs", counts["curate"]["sure"], duplicates),
        ("distinct pairs", counts["curate"]["distinct"], left["curate"] - duplicates - unsound),
        ("chosen pairs", counts["curate"]["kept"], 0),
    ]
    return [{"name": name, "count": count, "left": gone} for name, count, gone in rows]


def valid_pairs(added: int) -> str:
    """Return what valid pairs are called where people took in so many drafts that had left."""
    return f"valid pairs, {added:,} taken in by people" if added else "valid pairs"


def reasons(dropped: Iterable[Dropped]) -> list[dict[str, Any]]:
    """Return how many records left at which stage for which reason, with a few of them; holds no more than those few in memory."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for record in dropped:
        name = record.stage, str(record.reason)
        counts[name] += 1
        if counts[name] <= EXAMPLES_OF_A_REASON:
            examples[name].append(_example(record))
    return [
        {"stage": stage, "reason": reason, "count": count, "examples": examples[stage, reason]}
        for (stage, reason), count in counts.most_common()
    ]


def _example(record: Dropped) -> dict[str, str]:
    text = record.record.get("instruction") or record.record.get("text") or record.record.get("path") or record.id
    return {"text": " ".join(str(text).split())[:160], "detail": record.detail[:200]}


def task_mix(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return how many pairs of each task each split has."""
    table = Counter((pair.task, pair.split) for pair in pairs)
    totals = Counter(pair.task for pair in pairs)
    return [{"task": task, "all": total, **{name: table[task, name] for name in SPLITS}} for task, total in totals.most_common()]


def grounding(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return how many pairs rest on the documents in which way, and how many of them end a conversation."""
    counts = Counter(pair.grounding for pair in pairs)
    talks = Counter(pair.grounding for pair in pairs if pair.history)
    return [
        {"grounding": name, "count": counts[name], "share": counts[name] / len(pairs), "conversations": talks[name]}
        for name in get_args(Grounding)
        if counts[name]
    ]


def openings(pairs: Sequence[Pair], most: int = 10) -> list[dict[str, Any]]:
    """Return the most frequent first three words of the questions with their share."""
    first = Counter(" ".join(pair.instruction.split()[:3]) for pair in pairs)
    return [{"opening": opening, "count": count, "share": count / len(pairs)} for opening, count in first.most_common(most)]
