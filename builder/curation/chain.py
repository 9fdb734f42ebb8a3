"""Stages one after another, over anybody's pairs: what each got, kept and dropped is counted, and what was dropped is told at once.

A stage is a function `Iterable[Pair] -> Iterable[Pair | Dropped]` that yields every pair that it gets, or its `Dropped`. Records
flow through as they are asked for: a stage that looks at each pair by itself holds none, one that compares them holds all of
its own, and what is dropped is never held.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import KilopairError
from schemas.records import Dropped, Pair

Stage = Callable[[Iterable[Pair]], Iterable[Pair | Dropped]]


@dataclass
class Passed:
    """What became of the records that came to one stage."""

    stage: str
    came: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the counts as the manifest of a run has them."""
        return {"stage": self.stage, "in": self.came, "kept": self.kept, "dropped": dict(self.dropped.most_common())}


def through(
    records: Iterable[Pair | Dropped], stages: Mapping[str, Stage], *, first: str, drop: Callable[[Dropped], None]
) -> tuple[list[Pair], list[Passed]]:
    """Return the pairs that pass all stages, in order, and what each stage did; `drop` is given each record that leaves.

    Args:
        records: pairs and what was dropped before, under the name `first`.
        stages: by name, in order.
        first: what made the records.
        drop: keeps what was dropped, such as by writing it to a file.

    Raises:
        KilopairError: a stage lost a record.
    """
    funnel = [Passed(first)]
    pairs = _kept(_counted(records, funnel[0]), funnel[0], drop)
    for name, stage in stages.items():
        passed = Passed(name)
        pairs = _kept(stage(_counted(pairs, passed)), passed, drop)
        funnel.append(passed)
    listed = list(pairs)
    for passed in funnel:
        if passed.came != passed.kept + passed.dropped.total():
            raise KilopairError(
                f"{passed.stage}: {passed.came} records came in but {passed.kept} kept and {passed.dropped.total()} dropped"
            )
    return listed, funnel


def _counted(records: Iterable[Any], passed: Passed) -> Iterator[Any]:
    for record in records:
        passed.came += 1
        yield record


def _kept(records: Iterable[Pair | Dropped], passed: Passed, drop: Callable[[Dropped], None]) -> Iterator[Pair]:
    for record in records:
        if isinstance(record, Dropped):
            passed.dropped[str(record.reason)] += 1
            drop(record)
        else:
            passed.kept += 1
            yield record
