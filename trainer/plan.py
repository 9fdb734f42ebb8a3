"""The plan of a training: which rows make up which update, fixed by the seed before the first one.

Rows of like length share a batch of about `batch_tokens` tokens, so that hardly any of it is padding; passes over the
pairs stay apart, and batches of raw text lie evenly at random between them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trainer.rows import RAW_BLOCK, Row, raw_rows


@dataclass(frozen=True)
class Plan:
    """Rows and the batches (indices of rows) of every update, in order."""

    rows: list[Row] = field(default_factory=list)
    batches: list[list[int]] = field(default_factory=list)
    passes: float = 0.0

    def tokens(self, batch: Sequence[int]) -> int:
        """Count the real tokens of a batch."""
        return sum(len(self.rows[index]) for index in batch)

    def lengths(self) -> dict[str, float]:
        """Report the lengths: longest row, median, 95th percentile, share of padding, and that nothing was cut."""
        lengths = sorted(len(row) for row in self.rows if row.pair_id is not None)
        padded = sum(len(batch) * max(len(self.rows[index]) for index in batch) for batch in self.batches)
        real = sum(self.tokens(batch) for batch in self.batches)
        return {
            "longest": lengths[-1],
            "p50": lengths[len(lengths) // 2],
            "p95": lengths[int(len(lengths) * 0.95)],
            "padded_share": 1 - real / padded,
            "truncated": 0,
        }


def group_by_length(lengths: Sequence[int], *, budget: int, draw: random.Random) -> list[list[int]]:
    """Divide rows into batches of like length whose padded size stays within `budget` tokens; a longer row stands alone."""
    order = sorted(range(len(lengths)), key=lambda index: lengths[index] * (1 + 0.1 * draw.random()))
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        longest = max(longest, lengths[index])
        if not batches or (len(batches[-1]) + 1) * longest > budget:
            batches.append([])
            longest = lengths[index]
        batches[-1].append(index)
    draw.shuffle(batches)
    return batches


@dataclass(frozen=True)
class Amount:
    """How much to train on: passes over the pairs, or tokens instead; the share of updates on raw text; tokens per update."""

    passes: float
    tokens: int | None
    raw_share: float
    budget: int


def make_plan(one_pass: Callable[[int], list[Row]], stream: Sequence[int], amount: Amount, *, seed: int) -> Plan:
    """Lay out the updates: `one_pass(n)` gives the rows of the n-th pass over the pairs, `stream` is the raw text."""
    draw = random.Random(seed)  # noqa: S311 - a shuffle, not a secret
    share = amount.raw_share if stream else 0.0
    wanted = None if amount.tokens is None else max(1, int(amount.tokens * (1 - share)))
    plan = _pairs_plan(one_pass, amount, tokens=wanted, draw=draw)
    per_batch = max(1, amount.budget // RAW_BLOCK)
    updates = round(len(plan.batches) * share / (1 - share))
    raw = raw_rows(stream, count=updates * per_batch, block=RAW_BLOCK, draw=draw)
    places = range(len(plan.rows), len(plan.rows) + len(raw))
    batches = [list(places[start : start + per_batch]) for start in range(0, len(raw), per_batch)]
    return Plan(plan.rows + raw, _spread(batches, plan.batches, draw), plan.passes)


def _pairs_plan(one_pass: Callable[[int], list[Row]], amount: Amount, *, tokens: int | None, draw: random.Random) -> Plan:
    rows: list[Row] = []
    batches: list[list[int]] = []
    seen, done = 0, 0.0
    while (done < amount.passes) if tokens is None else (seen < tokens):
        fresh = one_pass(int(done))
        size = sum(map(len, fresh))
        part = min(1.0, amount.passes - done if tokens is None else (tokens - seen) / size)
        fresh = draw.sample(fresh, max(1, round(len(fresh) * part)))
        grouped = group_by_length(list(map(len, fresh)), budget=amount.budget, draw=draw)
        batches += [[len(rows) + index for index in batch] for batch in grouped]
        rows += fresh
        seen += max(1, round(size * part))
        done += part
    return Plan(rows, batches, done)


def _spread(raw: list[list[int]], pairs: list[list[int]], draw: random.Random) -> list[list[int]]:
    """Put the raw batches at random places between the others, whose order stays."""
    places = set(draw.sample(range(len(raw) + len(pairs)), len(raw)))
    sources = iter(raw), iter(pairs)
    return [next(sources[0] if place in places else sources[1]) for place in range(len(raw) + len(pairs))]
