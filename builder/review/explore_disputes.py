"""What reviewers disagree about, side by side, and how far they agree elsewhere."""

from typing import Any

from builder.review.agreed import Agreed, agreement
from builder.review.changed import Part, changed
from builder.review.desk import Desk
from builder.review.items import source
from schemas.records import Draft, Pair
from schemas.review import REASONS, Decision, Standing, Texts

DISPUTES = 10  # a page
FIELDS = {"instruction": "Question", "input": "Input", "output": "Answer"}


def disputes(desk: Desk, *, page: int = 0) -> dict[str, Any]:
    """Return a page of the items in dispute, the newest first, with what each reviewer said, and how many there are."""
    number = desk.index.select("SELECT count(*) FROM standing WHERE state = 'disputed'")[0][0]
    rows = desk.index.select(
        "SELECT item FROM standing WHERE state = 'disputed' ORDER BY seq DESC LIMIT ? OFFSET ?", [DISPUTES, page * DISPUTES]
    )
    items = [str(row["item"]) for row in rows]
    standings, heirs = desk.log.standings(items), {old: new for new, old in desk.index.heirs().items()}
    shown = [_dispute(desk, standings[item], heirs.get(item, item)) for item in items if item in standings]
    return {"disputes": shown, "number": number, "pages": -(-number // DISPUTES)}


def _dispute(desk: Desk, standing: Standing, item: str) -> dict[str, Any]:
    record = desk.index.item(item)
    return {
        "id": item,
        "record": record,
        "source": source(desk.index, record) if record else None,
        "seq": standing.seq,
        "sides": [_side(decision, record) for decision in standing.decisions if decision.action != "skip"],
    }


def _side(decision: Decision, record: Pair | Draft | None) -> dict[str, Any]:
    after = decision.after
    return {
        "reviewer": decision.reviewer,
        "action": decision.action,
        "reason": REASONS.get(decision.reason, ""),
        "note": decision.note,
        "at": decision.at,
        "after": after.model_dump_json() if after else "",
        "changes": _changes(Texts.of(record), after) if after and record else {},
    }


def _changes(before: Texts, after: Texts) -> dict[str, list[Part]]:
    """Return the fields that an edit changed, each as parts."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in FIELDS}
    return {FIELDS[name]: changed(old, new) for name, (old, new) in pairs.items() if old != new}


class Agreement:
    """The agreement of a log, computed again when somebody has said something."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: tuple[int, Agreed] | None = None

    def now(self) -> Agreed:
        """Return the agreement of all that was said until now."""
        last = self._desk.log.last()
        if self._known is None or self._known[0] != last:
            self._known = last, agreement(self._desk.log.events())
        return self._known[1]
