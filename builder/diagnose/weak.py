"""Where the wrong answers are: shares by document, section, task, form, fact and set, the worst first."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from builder.diagnose.judged import ANSWERED_BY, Judged
from schemas.diagnosis import Weak, WeakSpots
from schemas.proof import Design

ENOUGH = 10  # questions from which on an interval says more than their number does


def weak_spots(rows: Sequence[Judged], design: Design) -> WeakSpots:
    """Return the tables; that of facts holds only those with a wrong answer."""
    return WeakSpots(
        by_document=_table(rows, lambda row: row.place.document, design),
        by_section=_table(rows, section_of, design),
        by_task=_table(rows, lambda row: row.pair.task, design),
        by_form=_table(rows, lambda row: row.pair.form, design),
        by_fact=tuple(fact for fact in _table(rows, lambda row: row.pair.group, design) if fact.wrong),
        by_set=_table(rows, lambda row: row.set, design),
    )


def section_of(row: Judged) -> str:
    """Return the document and the headings in one line."""
    return " › ".join((row.place.document, *row.place.section))


def _table(rows: Iterable[Judged], name: Callable[[Judged], str], design: Design) -> tuple[Weak, ...]:
    parts: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        parts[name(row)].append(row)
    return tuple(sorted((_weak(part, own, design) for part, own in parts.items()), key=_badness))


def _weak(name: str, rows: Sequence[Judged], design: Design) -> Weak:
    n, count = len(rows), sum(row.wrong for row in rows)
    if n < ENOUGH:
        return Weak(name=name, n=n, wrong=count, share=count / n)
    from trainer.evaluation.proof import clusters_of
    from trainer.statistics.compare import estimate

    clusters = clusters_of([row.pair for row in rows])
    found = estimate([float(row.wrong) for row in rows], clusters=clusters, design=design, of=("wrong", ANSWERED_BY, name))
    return Weak(name=name, n=n, wrong=count, share=count / n, low=found.low, high=found.high)


def _badness(part: Weak) -> tuple[float, str]:
    """Order by Laplace's rule of succession: one wrong answer of one is less alarming than nine of ten."""
    return -(part.wrong + 1) / (part.n + 2), part.name
