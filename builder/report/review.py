"""What people decided about the pairs: who how much, how far they agree, why pairs were rejected, and what was changed, word by word."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.review.agreed import Two, agreement
from builder.review.changed import Part, changed
from builder.review.fold import live, standings
from builder.review.log import FILE, ReviewLog
from schemas.review import REASONS, Event, Standing

EDITS, AROUND, LONGEST = 5, 60, 600  # edits that are shown, characters of what is the same around a change, and of a change
FEW = 10  # items that several people decided on, below which a figure of agreement says nothing
ACTIONS = ("accept", "edit", "repair", "reject", "skip")


def newest(folder: Path) -> str:
    """Return the name of the newest event, which changes whenever the figures may have; empty if there is none."""
    if not (folder / FILE).exists():
        return ""
    with ReviewLog(folder) as log:
        return next((event.op for event in log.events(after=log.last() - 1)), "")


def review(folder: Path) -> dict[str, Any]:
    """Return the section's figures; empty if nobody reviewed anything in this workspace."""
    if not (folder / FILE).exists():
        return {}
    with ReviewLog(folder) as log:
        events = list(log.events())
    stand = standings(events)
    agreed = agreement(events, stand)
    states = Counter(one.state for one in stand.values() if one.state != "undecided")
    if not states:
        return {}
    reasons = Counter(one.reason for one in stand.values() if one.state == "rejected")
    return {
        "items": states.total(),
        "states": dict(states.most_common()),
        "reviewers": _reviewers(stand.values()),
        "rejected": [{"reason": REASONS.get(reason, reason), "count": count} for reason, count in reasons.most_common()],
        "agreement": [_agreed(two) for two in agreed.pairs],
        "alpha": agreed.alpha if agreed.shared >= FEW else None,
        "shared": agreed.shared,
        "edits": _edits(events, stand),
    }


def _agreed(two: Two) -> str:
    return two.sentence if two.n >= FEW else f"{two.first} and {two.second} agree on {two.equal} of {two.n}"


def _reviewers(stand: Iterable[Standing]) -> list[dict[str, Any]]:
    """Return for each reviewer how many items got which word, the busiest first."""
    said: dict[str, Counter[str]] = {}
    for one in stand:
        for decision in one.decisions:
            said.setdefault(decision.reviewer, Counter())[decision.action] += 1
    rows = [{"name": name, **{action: counts[action] for action in ACTIONS}, "all": counts.total()} for name, counts in said.items()]
    return sorted(rows, key=lambda row: (-row["all"], row["name"]))


def _edits(events: Sequence[Event], stand: Mapping[str, Standing]) -> list[dict[str, Any]]:
    """Return the newest edits that stand and changed a word, each with the parts of the fields that it changed."""
    found = []
    for event in reversed(live(sorted(events, key=lambda event: event.seq))):
        before, after, one = event.before, event.after, stand[event.item]
        if before is None or after is None or one.state not in ("edited", "repaired") or one.texts != after:
            continue
        both = {name: (getattr(before, name), getattr(after, name)) for name in ("instruction", "input", "output")}
        parts = {name: _short(changed(*texts)) for name, texts in both.items() if texts[0] != texts[1]}
        if parts:
            found.append({"by": event.reviewer, "question": before.instruction, "note": event.note, "fields": parts})
    return found[:EDITS]


def _short(parts: Sequence[Part]) -> list[dict[str, str]]:
    """Return parts as JSON values, what is the same cut to what is near a change."""
    last = len(parts) - 1
    return [
        {"kind": kind, "text": _cut(text, place, last) if kind == "same" else text[:LONGEST]} for place, (kind, text) in enumerate(parts)
    ]


def _cut(text: str, place: int, last: int) -> str:
    before, after = text[:AROUND] if place else "", text[-AROUND:] if place < last else ""
    return text if len(text) <= len(before) + len(after) + 3 else f"{before} … {after}".strip()
