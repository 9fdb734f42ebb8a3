"""Stages one after another, over anybody's pairs: what each got, kept and dropped is counted, and what was dropped is told at once.

A stage is a function `Iterable[Pair] -> Iterable[Pair | Dropped]` that yields every pair that it gets, or its `Dropped`. Records
flow through as they are asked for: a stage that looks at each pair by itself holds none, one that compares them holds all of
its own, and what is dropped is never held.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.watch import Silent, Watch
from schemas.errors import KilopairError
from schemas.records import Dropped, Pair

Stage = Callable[[Iterable[Pair]], Iterable[Pair | Dropped]]
TELL_EVERY = 256  # records


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


@dataclass
class Funnel:
    """What became of records on their way through stages.

    Args:
        drop: keeps what was dropped, such as by writing it to a file.
        watch: told of each stage: it starts when the one before it has seen its last record, as they all run at once.
        passed: the counts, a stage each, in order.
    """

    drop: Callable[[Dropped], None]
    watch: Watch = field(default_factory=Silent)
    passed: list[Passed] = field(default_factory=list)

    def through(self, records: Iterable[Pair | Dropped], stages: Mapping[str, Stage], *, first: str) -> Iterator[Pair]:
        """Yield the pairs that pass all stages, in order.

        Args:
            records: pairs and what was dropped before, under the name `first`.
            stages: by name, in order.
            first: what made the records.

        Raises:
            KilopairError: a stage lost a record.
        """
        self.passed = [Passed(name) for name in (first, *stages)]
        self._start(0)
        pairs = self._kept(self._counted(records, 0), 0)
        for place, stage in enumerate(stages.values(), start=1):
            pairs = self._kept(stage(self._counted(pairs, place)), place)
        yield from pairs
        for passed in self.passed:
            if passed.came != passed.kept + passed.dropped.total():
                raise KilopairError(
                    f"{passed.stage}: {passed.came} records came in but {passed.kept} kept and {passed.dropped.total()} dropped"
                )

    @property
    def kept(self) -> int:
        """How many pairs have passed all stages."""
        return self.passed[-1].kept

    def __getitem__(self, stage: str) -> Passed:
        return next(passed for passed in self.passed if passed.stage == stage)

    def _counted(self, records: Iterable[Any], place: int) -> Iterator[Any]:
        passed = self.passed[place]
        for record in records:
            passed.came += 1
            yield record

    def _kept(self, records: Iterable[Pair | Dropped], place: int) -> Iterator[Pair]:
        passed = self.passed[place]
        for decided, record in enumerate(records, start=1):
            if decided % TELL_EVERY == 0 and place == self._at:
                self.watch.advanced(passed.stage, decided, self._total, {})
            if isinstance(record, Dropped):
                passed.dropped[str(record.reason)] += 1
                self.drop(record)
            else:
                passed.kept += 1
                yield record
        self.watch.finished(passed.stage, passed.as_json(), seconds=time.perf_counter() - self._since, fresh=True)
        self._start(place + 1)

    def _start(self, place: int) -> None:
        self._at, self._since = place, time.perf_counter()
        self._total = self.passed[place - 1].kept if place else 0  # nobody knows how many rows a file has before they are read
        if place < len(self.passed):
            self.watch.started(self.passed[place].stage)
            if place:
                self.watch.advanced(self.passed[place].stage, 0, self._total, {})
