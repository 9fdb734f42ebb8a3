"""What people decided, done again to whatever a generation made: the same decisions and pairs give the same records, in the same order.

A decision is about an item by its id. Where a new generation has no item of that id, it is about whatever says the same (`said_key`):
so an edited document does not cost the decisions on what it still says. A decision that finds neither stays in the log and is counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from builder.review.accepted import ACCEPTED, FLAGS, REPAIRED
from builder.review.repair import Problem
from schemas.records import Draft, Dropped, Pair, Reason
from schemas.review import REASONS, Standing, State, Texts, said_key

STAGE = "review"
CONFIDENTIAL = "confidential"  # the reason of REASONS
DECIDED: tuple[State, ...] = ("accepted", "rejected", "edited", "repaired")
CHANGED: tuple[State, ...] = ("edited", "repaired")
Repair = Callable[[Draft | Pair, Texts], "Pair | list[Problem]"]


@dataclass
class Outcome:
    """How many records each kind of decision was done to, and what became of the others.

    Args:
        done: by state, the records that it was done to.
        added: drafts that came in, valid or not.
        invalid: changed texts that no longer make a valid pair.
        moved: decisions that found their text under another id.
        gone: decisions on what is no longer there.
        open: disputed and skipped items, which count as undecided.
    """

    done: Counter[str] = field(default_factory=Counter)
    added: int = 0
    invalid: int = 0
    moved: int = 0
    gone: int = 0
    open: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the counts that are not zero."""
        figures = vars(self) | {"done": dict(sorted(self.done.items())), "open": dict(sorted(self.open.items()))}
        return {name: value for name, value in figures.items() if value}

    @property
    def notices(self) -> list[str]:
        """What the user should be told, one line each."""
        told = {
            "undecided as yet (kilopair review shows them)": ", ".join(f"{count:,} {state}" for state, count in sorted(self.open.items())),
            "decisions on what is no longer there, kept without effect": self.gone and f"{self.gone:,}",
            "changed texts that make no valid pair (quarantine.jsonl says why)": self.invalid and f"{self.invalid:,}",
        }
        return [f"review: {what}: {figures}" for what, figures in told.items() if figures]


def left_all_the_same(dropped: Iterable[Dropped]) -> list[str]:
    """Return one line on pairs that people accepted and that left after that; none if none did."""
    gone = (one for one in dropped if one.stage != STAGE and not FLAGS.isdisjoint(cast("list[str]", one.record.get("flags", []))))
    counts = Counter(str(one.reason).replace("_", " ") for one in gone)
    told = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    return [f"review: accepted pairs that left all the same (kilopair explain says why): {told}"] if told else []


def must_not_be_learnt(dropped: Dropped) -> bool:
    """Whether people rejected a pair because no model may learn it, be it for a comparison."""
    return dropped.stage == STAGE and dropped.detail.startswith(REASONS[CONFIDENTIAL])


def reads(standings: Mapping[str, Standing]) -> list[list[Any]]:
    """Return what of the decisions decides the result: nothing of notes and times, of who accepted, nor of what is still open."""
    return [
        [one.item, one.key, one.state, _reason(one), _who(one, "reject"), one.texts and one.texts.model_dump(mode="json")]
        for one in sorted(standings.values(), key=lambda one: one.item)
        if _counts(one)
    ]


def replayed(
    pairs: Iterable[Pair], drafts: Iterable[Draft], *, standings: Mapping[str, Standing], repair: Repair, outcome: Outcome
) -> Iterator[Pair | Dropped]:
    """Yield a record for every pair, in order, and after them one for every draft that people took in.

    Args:
        pairs: the valid ones of a generation.
        drafts: its failed ones; read only if a decision may be about them.
        standings: what people made of items, by their ids.
        repair: makes a pair of an item and new texts, or says what is wrong (`builder.review.repair`).
        outcome: takes the figures.
    """
    listed = list(pairs)
    ids = {pair.id for pair in listed}
    others = any(_counts(one) and one.item not in ids for one in standings.values())
    failed = list({draft.id: draft for draft in drafts if draft.id not in ids}.values()) if others else []
    replay = _Replay(_Meant.of(standings, [*listed, *failed]), repair, outcome)
    yield from map(replay.pair, listed)
    for draft in failed:
        standing = replay.meant(draft)
        if standing is not None and standing.state != "rejected":
            outcome.added += 1
            yield replay.draft(draft, standing)
    outcome.open.update(one.state for one in standings.values() if one.state in ("disputed", "skipped"))
    outcome.moved = len(replay.meant.moved)
    outcome.gone = sum(one.state in DECIDED and one.item not in replay.meant.found for one in standings.values())


@dataclass
class _Meant:
    """Which decision is about which item: by its id, else by what it says."""

    by_id: Mapping[str, Standing]
    by_key: Mapping[str, Standing]
    found: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, standings: Mapping[str, Standing], items: Sequence[Pair | Draft]) -> "_Meant":
        decided = {name: one for name, one in standings.items() if _counts(one)}
        there = {item.id for item in items}
        lost = sorted((one for one in decided.values() if one.item not in there and one.key), key=lambda one: one.seq)
        return cls(decided, {one.key: one for one in lost})

    def __call__(self, item: Pair | Draft) -> Standing | None:
        standing = self.by_id.get(item.id)
        if standing is None and self.by_key and (standing := self.by_key.get(said_key(item))):
            self.moved.add(standing.item)
        if standing is not None:
            self.found.add(standing.item)
        return standing


@dataclass(frozen=True)
class _Replay:
    meant: _Meant
    repair: Repair
    outcome: Outcome

    def pair(self, pair: Pair) -> Pair | Dropped:
        """Return what becomes of a pair."""
        return self._in_turn(pair, set())

    def draft(self, draft: Draft, standing: Standing) -> Pair | Dropped:
        """Return what becomes of the pair that people made of a draft, or why it is none."""
        record = self._changed(draft, standing, standing.texts or Texts.of(draft))
        if standing.texts is None and isinstance(record, Pair):
            return record.model_copy(update={"flags": (*(flag for flag in record.flags if flag != REPAIRED), ACCEPTED)})
        return self._in_turn(record, {draft.id})

    def _in_turn(self, record: Pair | Dropped, seen: set[str]) -> Pair | Dropped:
        """Return what becomes of a record; what an edit or a repair made of it may have been decided on as well."""
        while isinstance(record, Pair) and record.id not in seen and (standing := self.meant(record)):
            seen.add(record.id)
            record = self._decided(record, standing)
        return record

    def _decided(self, pair: Pair, standing: Standing) -> Pair | Dropped:
        texts = standing.texts
        if standing.state in CHANGED and texts is not None and texts != Texts.of(pair):
            return self._changed(pair, standing, texts)
        self.outcome.done[standing.state] += 1
        if standing.state == "rejected":
            return Dropped.of(pair, STAGE, Reason.REJECTED, _why(standing))
        return pair.model_copy(update={"flags": tuple(dict.fromkeys((*pair.flags, ACCEPTED)))})

    def _changed(self, item: Draft | Pair, standing: Standing, texts: Texts) -> Pair | Dropped:
        made = self.repair(item, texts)
        if isinstance(made, Pair):
            self.outcome.done[standing.state] += 1
            return made
        self.outcome.invalid += 1
        first = made[0]
        return Dropped.of(item, STAGE, first.reason, f"as {_who(standing) or 'a person'} left it: {first.message}")


def _counts(standing: Standing) -> bool:
    """Whether a decision can be done again; one whose texts were forgotten with their document cannot."""
    return standing.state in DECIDED and not (standing.state in CHANGED and standing.texts is None)


def _reason(standing: Standing) -> str:
    """Return why a pair was rejected: that nobody may learn it weighs more than all else."""
    return CONFIDENTIAL if any(one.reason == CONFIDENTIAL for one in standing.decisions) else standing.reason


def _why(standing: Standing) -> str:
    reason = _reason(standing)
    return f"{REASONS.get(reason, reason)}; rejected by {_who(standing, 'reject') or 'a person'}"


def _who(standing: Standing, *actions: str) -> str:
    """Return the reviewers who said so, or all."""
    return ", ".join(sorted({one.reviewer for one in standing.decisions if not actions or one.action in actions}))
