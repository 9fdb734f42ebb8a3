"""What people edited, as preference pairs: their answer was chosen over the one that the pair had before.

Lines of prompt, chosen and rejected as turns, which TRL's DPOTrainer reads as they are. Left out is what teaches
no preference (the question was changed too, or the answer was not; people rejected what the edit made), and what would tell a model
the questions of a held-out split.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.export import messages
from builder.lineage import split_pairs
from builder.review.fold import standings
from builder.review.log import ReviewLog
from builder.review.rows import said
from builder.step import DRAFTS, PAIRS
from builder.store import read_records, write_text
from schemas.errors import UsageError
from schemas.records import Draft
from schemas.review import Event, Standing, Texts, said_key

OPEN = ("", "train")  # splits that a model may learn from
_WHY = {
    "question_changed": "edits change the question too, so the old answer is no answer to it",
    "same_answer": "edits leave the answer as it was",
    "held_out": "edits are of facts in a held-out split, or a held-out wording",
    "gone": "edits are of pairs that are no longer there or that were forgotten",
    "rejected": "edits made what people rejected or dispute since",
}


@dataclass(frozen=True)
class Written:
    """How many preference pairs a file got, and why edits were left out."""

    file: Path
    count: int
    left_out: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return it for other programs."""
        return {"file": str(self.file), "preferences": self.count, "left_out": dict(self.left_out)}

    def lines(self) -> list[str]:
        """Return it for people."""
        return [
            f"wrote {self.count:,} preference pairs to {self.file}",
            *(f"left out: {count:,} {_WHY[why]}" for why, count in self.left_out.items()),
        ]


def write_preferences(workspace: Path, path: Path) -> Written:
    """Write the edits of a workspace that count and that nobody disputes.

    Raises:
        UsageError: the file cannot be written.
    """
    with ReviewLog(workspace) as log:
        events = list(log.events())
    left_out: Counter[str] = Counter()
    rows = list(preferences(events, Splits.read(workspace), left_out))
    try:
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file") from None
    return Written(path, len(rows), left_out)


def preferences(events: Iterable[Event], splits: "Splits", left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield prompt, chosen and rejected of each edit that counts; count the others in `left_out`, by the reasons of `_WHY`."""
    stored = {event.seq: event for event in events}
    stand = standings(stored.values())
    decided = sorted((one for one in stand.values() if one.key and one.state != "undecided"), key=lambda one: one.seq)
    by_key = {one.key: one for one in decided}
    for standing in stand.values():
        edit = next((stored[one.seq] for one in reversed(standing.decisions) if one.after == standing.texts), None)
        if standing.state != "edited" or edit is None:
            continue
        split = splits.of(standing)
        if edit.before is None or edit.after is None or split is None:
            left_out["gone"] += 1
        elif split not in OPEN:
            left_out["held_out"] += 1
        elif _is_refused(standing, by_key, splits.tasks):
            left_out["rejected"] += 1
        elif why := _teaches_nothing(edit.before, edit.after):
            left_out[why] += 1
        else:
            *prompt, chosen = messages(edit.after)
            yield {"prompt": prompt, "chosen": [chosen], "rejected": messages(edit.before)[-1:]}


def _is_refused(edited: Standing, by_key: Mapping[str, Standing], tasks: Iterable[str]) -> bool:
    """Tell whether people rejected or dispute what an edit made, or what they made of that in turn."""
    seen: set[str] = set()
    now: Standing | None = edited
    while now is not None and now.item not in seen and now.state not in ("rejected", "disputed"):
        seen.add(now.item)
        texts = now.texts.model_dump(mode="json") if now.texts else None
        keys = [said({"task": task} | texts) for task in tasks] if texts else []
        now = next((by_key[key] for key in keys if key in by_key), None)
    return now is not None and now.item not in seen


def _teaches_nothing(before: Texts, after: Texts) -> str:
    if messages(before)[:-1] != messages(after)[:-1]:
        return "question_changed"
    return "same_answer" if before.output == after.output else ""


@dataclass(frozen=True)
class Splits:
    """Which split an item is in: its own if it was chosen, as it was or as edited; else validation or test if its fact is."""

    by_name: Mapping[str, str]  # id or `said_key` of everything that was generated
    by_texts: Mapping[Texts, str]  # of what was chosen
    tasks: frozenset[str]

    @classmethod
    def read(cls, workspace: Path) -> "Splits":
        """Return the splits of a workspace, which may have none yet."""
        pairs = split_pairs(workspace) if (workspace / PAIRS).exists() else []
        drafts = list(read_records(workspace / DRAFTS, Draft)) if (workspace / DRAFTS).exists() else []
        facts = {pair.group: str(pair.split) for pair in pairs if pair.split in ("validation", "test")}
        chosen = {pair.id: pair.split or "" for pair in pairs}
        named = [(name, chosen.get(one.id) or facts.get(one.group, "")) for one in drafts for name in (said_key(one), one.id)]
        by_name = dict(sorted(named, key=lambda one: one[1] not in OPEN))  # of two that say the same, the held-out one counts
        return cls(by_name, {Texts.of(pair): pair.split or "" for pair in pairs}, frozenset(one.task for one in drafts))

    def of(self, standing: Standing) -> str | None:
        """Return the split of an edited item, "" for none; None if it is no longer there."""
        edited = standing.texts and self.by_texts.get(standing.texts.model_copy(update={"quotes": None}))
        return edited or self.by_name.get(standing.item, self.by_name.get(standing.key))
