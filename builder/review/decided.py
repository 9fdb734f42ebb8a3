"""What people decided in a workspace, as the stage `curate` takes it in: who is asked, and with what."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from builder.review.fold import standings
from builder.review.log import FILE, ReviewLog
from builder.review.repair import STAGES, Problem, Settings, draft_in, repaired
from builder.review.replay import Outcome, reads, replayed
from builder.step import QUARANTINE, Step
from builder.store import read_records
from schemas.records import Draft, Dropped, Pair
from schemas.review import Standing, Texts

CODE = (
    "builder.review.replay", "builder.review.repair", "builder.review.decided", "builder.validate", "builder.unseen_text",
    "builder.locate", "builder.rouge", "schemas.shown", "schemas.review", "schemas.checks",
)  # fmt: skip


def decided(folder: Path) -> dict[str, Standing]:
    """Return what people made of items of a workspace, by id; empty where nobody decided anything."""
    if not (folder / FILE).exists():
        return {}
    with ReviewLog(folder) as log:
        return standings(log.events())


def depends_on(step: Step, standings: Mapping[str, Standing]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the decisions that a result depends on, and the code behind it: nothing where there are none, so nothing is made again."""
    found = reads(standings)
    if not found:
        return {}, ()
    settings = Settings.of(step.recipe.curate, step.root)
    return {"review": found, "valid": [settings.max_words, settings.extra_schema]}, CODE


def reviewed(step: Step, standings: Mapping[str, Standing], outcome: Outcome) -> Iterator[Pair | Dropped]:
    """Yield a record for every valid pair of a run, and one for every failed draft that people took in."""
    pairs = step.pairs("validate")
    if not standings:
        yield from pairs
        return
    documents = {document.id: document for document in step.documents()}
    chunks = {chunk.id: chunk for chunk in step.chunks()}
    settings = Settings.of(step.recipe.curate, step.root)

    def repair(item: Draft | Pair, texts: Texts) -> Pair | list[Problem]:
        return repaired(item, texts, documents=documents, chunks=chunks, settings=settings)

    yield from replayed(pairs, _failed(step), standings=standings, repair=repair, outcome=outcome)


def _failed(step: Step) -> Iterator[Draft]:
    """Yield the drafts that wait in the quarantine."""
    for stage in STAGES:
        path = step.output(stage).folder / QUARANTINE
        for dropped in read_records(path, Dropped) if path.exists() else ():
            if draft := draft_in(dropped):
                yield draft
