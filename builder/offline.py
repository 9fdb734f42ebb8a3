"""Around the generate step: what would be asked and what it takes, a pilot that asks a little, and reparse, which asks nothing."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.ask import JOURNAL, accepting, open_engine, plan_of, style_of
from builder.ask import reads as asking
from builder.generate_stage import LLM, save_drafts, sources
from builder.stages import chunk, curate, read, split, validate
from builder.step import RECORDS, Step
from builder.watch import Watch
from builder.workspace import Counts, Workspace
from schemas.errors import UsageError
from schemas.recipe import Recipe
from schemas.records import Draft, Dropped, Reason

if TYPE_CHECKING:
    from generators.alpaca.estimate import Estimate
    from generators.alpaca.generate import Answers, OpenAnswers, Outcome
    from generators.llm.calls import Request
    from generators.llm.journal import Journal

FUNNEL = ("generate", "validate", "curate", "split")


@contextmanager
def prepared(recipe: Recipe, root: Path, *, watch: Watch | None = None) -> Iterator[Step]:
    """Open the workspace with documents and chunks made.

    Raises:
        UsageError: the recipe's generator asks no language model.
    """
    if recipe.generate.generator == "extractive":
        raise UsageError("generate.generator is extractive, which asks no model; set generate.generator=openai")
    with Workspace((root / recipe.workspace).resolve(), watch=watch) as work:
        step = Step(work, recipe, root)
        read(step)
        chunk(step)
        yield step


@contextmanager
def journal_of(recipe: Recipe, root: Path) -> Iterator["Journal"]:
    """Open the journal of the workspace.

    Raises:
        UsageError: there is none.
    """
    from generators.llm.journal import Journal

    path = (root / recipe.workspace).resolve() / JOURNAL
    if not path.exists():
        raise UsageError(f"{path}: no journal yet; it begins with kilopair generate or kilopair batch export")
    with Journal(path) as journal:
        yield journal


def drafts(
    step: Step, open_answers: "OpenAnswers", outcome: "Outcome", *, limit: int | None = None, told: bool = True
) -> Iterator[Draft | Dropped]:
    """Yield what the generator makes of these answers; whoever watches is told of the progress if `told`."""
    from generators.alpaca.generate import generate

    documents, chunks = step.documents(), step.chunks()
    return generate(
        sources(documents, chunks),
        plan=plan_of(step.recipe, step.root, limit=limit),
        style=style_of(step.recipe, step.root),
        open_answers=open_answers,
        accept=accepting(step.recipe, step.root, documents=documents, chunks=chunks),
        concurrency=step.recipe.endpoint.concurrency,
        outcome=outcome,
        progress=step.work.progress("generate") if told else None,
    )


def to_ask(step: Step, journal: "Journal") -> "list[Request]":
    """Return what would have to be asked now, as far as it does not depend on answers that are still to come."""
    from generators.alpaca.generate import Outcome
    from generators.llm.engine import Collector

    collector = Collector(journal)
    _exhaust(drafts(step, _given(collector), Outcome(), told=False))
    return list(collector.missing.values())


def estimated(step: Step, journal: "Journal") -> "tuple[int, Estimate]":
    """Return how many conversations are still to be opened, and what that will take; nothing is sent."""
    from generators.alpaca.estimate import estimate, measured
    from generators.alpaca.generate import first_requests
    from generators.llm.prices import price_of

    recipe, plan = step.recipe, plan_of(step.recipe, step.root)
    first = first_requests(sources(step.documents(), step.chunks()), plan=plan, style=style_of(recipe, step.root))
    wanted = {request.key: request for request in first if journal.get(request) is None}
    wanted |= {request.key: request for request in to_ask(step, journal)}
    known = measured(journal.entries())
    price = price_of(recipe.endpoint, recipe.budget)
    return len(wanted), estimate(wanted.values(), measured=known, price=price, items=plan.items_per_request)


def pilot(step: Step, asks: int) -> "Outcome":
    """Hold so many conversations, spread over the plan; their answers stay in the journal, so they are not paid again."""
    from generators.alpaca.generate import Outcome

    outcome = Outcome()
    _exhaust(drafts(step, open_engine(step.recipe, step.root, step.work.folder), outcome, limit=asks))
    return outcome


def reparse(recipe: Recipe, root: Path, *, watch: Watch | None = None) -> tuple[dict[str, int], dict[str, int], int]:
    """Make drafts, pairs and splits anew from the answers of the journal, whatever the prompts were; nothing is sent.

    Returns:
        What the stages kept before and now, and how many conversations were never held.
    """
    from builder.pipeline import publish

    with journal_of(recipe, root) as journal, prepared(recipe, root, watch=watch) as step:
        before = _kept_before(step.work.folder)
        output = _reparsed(step, journal)
        for make in (validate, curate, split):
            make(step)
        publish(step.work, recipe)
        after = {name: step.output(name).counts["kept"] for name in FUNNEL}
        return before, after, output.get("dropped", {}).get(Reason.NOT_ASKED, 0)


def _reparsed(step: Step, journal: "Journal") -> Counts:
    """Make the generate stage from the journal, under a name of its own: a later kilopair generate must not take it for its own."""
    from generators.alpaca.generate import Outcome
    from generators.llm.engine import Offline

    def make(folder: Path) -> Counts:
        outcome = Outcome()
        counts = save_drafts(step, folder, drafts(step, _given(Offline(journal, by_slot=True)), outcome), step.chunks())
        return counts | {"asks": outcome.asks, "accepted": outcome.accepted, "coverage": outcome.coverage.figures(), "reparsed": True}

    reads: dict[str, Any] = {**step.contents("read", "chunk"), "company": step.recipe.company, "seed": step.recipe.seed}
    existing = [file.model_dump(mode="json") for file in step.recipe.generate.existing]
    stamp = [journal.counts.answered, journal.counts.prompt_tokens, journal.counts.completion_tokens]
    reads |= asking(step.recipe, step.root) | {"existing": existing, "reparsed": stamp}
    return step.work.stage("generate", reads=reads, code=(*RECORDS, *LLM, "builder.offline"), make=make).counts


def _kept_before(folder: Path) -> dict[str, int]:
    from builder.store import read_json

    path = folder / "manifest.json"
    stages = read_json(path)["stages"] if path.exists() else {}
    return {name: stages[name]["counts"]["kept"] if name in stages else 0 for name in FUNNEL}


def _exhaust(records: Iterator[Draft | Dropped]) -> None:
    for _ in records:
        pass  # only what was asked matters


def _given(answers: "Answers") -> "OpenAnswers":
    @asynccontextmanager
    async def opened() -> AsyncIterator["Answers"]:
        yield answers

    return opened
