"""What is done around the generate step without asking: what would be asked, batches out and in, reparse; and the pilot, which asks a little."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from builder.ask import JOURNAL, accepting, open_engine, plan_of, style_of
from builder.ask import reads as asking
from builder.stages import LLM, RECORDS, Step, _save_drafts, _sources, chunk, curate, read, split, validate
from builder.watch import Watch
from builder.workspace import Counts, Workspace
from schemas.errors import UsageError
from schemas.recipe import Recipe
from schemas.records import Draft, Dropped, Reason

if TYPE_CHECKING:
    from generators.alpaca.estimate import Estimate
    from generators.alpaca.generate import Answers, OpenAnswers, Outcome
    from generators.llm.batch import Exported
    from generators.llm.batch_files import Ledger
    from generators.llm.batch_results import Funnel
    from generators.llm.calls import Request
    from generators.llm.dialect import Dialect
    from generators.llm.journal import Cost, Journal

BATCH = "batch"  # the folder of the workspace that holds the ledger, the exports and the results
BATCH_DISCOUNT = 0.5  # of OpenAI's Batch API
FUNNEL = ("generate", "validate", "curate", "split")


@dataclass(frozen=True)
class Export:
    """What an export wrote, how requests are held to their schema and why so, and how many did not fit the budget."""

    exported: "Exported"
    rung: str
    why: str
    over_budget: int


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


def ledger_of(recipe: Recipe, root: Path) -> "Ledger":
    """Open the ledger of what the workspace exported."""
    from generators.llm.batch_files import Ledger

    return Ledger((root / recipe.workspace).resolve() / BATCH)


def drafts(step: Step, open_answers: "OpenAnswers", outcome: "Outcome", *, limit: int | None = None) -> Iterator[Draft | Dropped]:
    """Yield what the generator makes of these answers."""
    from generators.alpaca.generate import generate

    documents, chunks = step.documents(), step.chunks()
    return generate(
        _sources(documents, chunks),
        plan=plan_of(step.recipe, step.root, limit=limit),
        style=style_of(step.recipe, step.root),
        open_answers=open_answers,
        accept=accepting(step.recipe, step.root, documents=documents, chunks=chunks),
        concurrency=step.recipe.endpoint.concurrency,
        outcome=outcome,
        progress=step.work.progress("generate"),
    )


def to_ask(step: Step, journal: "Journal") -> "list[Request]":
    """Return what would have to be asked now, as far as it does not depend on answers that are still to come."""
    from generators.alpaca.generate import Outcome
    from generators.llm.engine import Collector

    collector = Collector(journal)
    Counter(type(record) for record in drafts(step, _given(collector), Outcome()))
    return list(collector.missing.values())


def estimated(step: Step, journal: "Journal") -> "tuple[int, Estimate]":
    """Return how many conversations are still to be opened, and what that will take; nothing is sent."""
    from generators.alpaca.estimate import estimate, measured
    from generators.alpaca.generate import first_requests
    from generators.llm.prices import price_of

    recipe, plan = step.recipe, plan_of(step.recipe, step.root)
    first = first_requests(_sources(step.documents(), step.chunks()), plan=plan, style=style_of(recipe, step.root))
    wanted = {request.key: request for request in first if journal.get(request) is None}
    wanted |= {request.key: request for request in to_ask(step, journal)}
    known = measured(journal.entries())
    price = price_of(recipe.endpoint, recipe.budget)
    return len(wanted), estimate(wanted.values(), measured=known, price=price, items=plan.items_per_request)


def pilot(step: Step, asks: int) -> "Outcome":
    """Hold so many conversations, spread over the plan; their answers stay in the journal, so they are not paid again."""
    from generators.alpaca.generate import Outcome

    outcome = Outcome()
    Counter(type(record) for record in drafts(step, open_engine(step.recipe, step.root, step.work.folder), outcome, limit=asks))
    return outcome


def export_batch(step: Step, journal: "Journal", *, folder: Path | None = None, is_again: bool = False, **limits: int) -> Export:
    """Write what would have to be asked as batch files, within the budget; see `generators.llm.batch.export`."""
    from generators.llm.batch import export

    ledger = ledger_of(step.recipe, step.root)
    dialect, why = dialect_of(step.recipe, journal)
    wanted, over = asyncio.run(_fitting(step, journal, ledger, dialect, is_again=is_again))
    out = folder or step.work.folder / BATCH
    exported = export(wanted, out, journal=journal, ledger=ledger, body=dialect.body, is_again=is_again, **limits)
    return Export(exported, dialect.rung, why, over)


async def _fitting(step: Step, journal: "Journal", ledger: "Ledger", dialect: "Dialect", *, is_again: bool) -> "tuple[list[Request], int]":
    """Return the requests that fit into the budget beside what was spent and what is out already."""
    from generators.llm.batch import names_in, sent_files
    from generators.llm.batch_files import custom_id
    from generators.llm.budget import Budget
    from generators.llm.calls import BudgetReachedError
    from generators.llm.prices import price_of

    budget = Budget(step.recipe.budget, price_of(step.recipe.endpoint, step.recipe.budget), journal.counts)
    out = set[str]().union(*(names_in(file, ledger) for file in sent_files(journal) if file.is_out))
    wanted = to_ask(step, journal)
    fitting, over = [], 0
    for request in sorted(wanted, key=lambda request: custom_id(request) not in out):  # what is out has its place already
        try:
            hold = await budget.reserve(request, len(dialect.body(request)))
        except BudgetReachedError:
            over += 1
            continue
        budget.settle(hold, hold)
        fitting.append(request)
    return fitting, over


def dialect_of(recipe: Recipe, journal: "Journal") -> "tuple[Dialect, str]":
    """Return how requests of a batch are put, without asking the endpoint, and why so."""
    from generators.llm.dialect import Dialect

    endpoint = recipe.endpoint
    host = urlsplit(endpoint.base_url).hostname or ""
    is_openai = host == "openai.com" or host.endswith(".openai.com")
    if remembered := journal.note(f"dialect {endpoint.base_url} {endpoint.model} {endpoint.structured}"):
        return Dialect.from_text(remembered), "a probe of the endpoint found it"
    field = "max_completion_tokens" if is_openai else "max_tokens"
    if endpoint.structured != "auto":
        return Dialect(rung=endpoint.structured, token_field=field), "endpoint.structured says so"
    if is_openai:
        return Dialect(rung="json_schema", token_field=field), "openai.com has it"
    return Dialect(rung="text", token_field=field), "every endpoint takes it; set endpoint.structured if yours holds replies to a schema"


def import_batch(recipe: Recipe, root: Path, journal: "Journal", paths: list[Path]) -> "Funnel":
    """Take results in; what the answers cost is counted, at half the price where OpenAI gave it."""
    from generators.llm.batch_results import import_results

    return import_results(paths, journal=journal, ledger=ledger_of(recipe, root), cost=_cost(recipe))


def _cost(recipe: Recipe) -> "Callable[[bytes], Cost]":
    from generators.llm.answers import usage
    from generators.llm.journal import Cost
    from generators.llm.prices import price_of

    price = price_of(recipe.endpoint, recipe.budget)
    factor = BATCH_DISCOUNT if (urlsplit(recipe.endpoint.base_url).hostname or "").endswith("openai.com") else 1.0

    def cost(raw: bytes) -> Cost:
        prompt, completion, _ = usage(raw)
        return Cost(prompt, completion, factor * price.of(prompt, completion) if price else 0.0)

    return cost


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
        counts = _save_drafts(step, folder, drafts(step, _given(Offline(journal, by_slot=True)), outcome), step.chunks())
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


def _given(answers: "Answers") -> "OpenAnswers":
    @asynccontextmanager
    async def opened() -> AsyncIterator["Answers"]:
        yield answers

    return opened
