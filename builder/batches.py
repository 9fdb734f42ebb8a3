"""The offline batch lane on a workspace: what would have to be asked goes out within the budget, and results come in."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from builder.answers import BATCH
from builder.offline import to_ask
from builder.step import Step
from schemas.recipe import Recipe

if TYPE_CHECKING:
    from generators.llm.batch import Exported
    from generators.llm.batch_files import Ledger
    from generators.llm.batch_results import Funnel
    from generators.llm.calls import Request
    from generators.llm.dialect import Dialect
    from generators.llm.journal import Cost, Journal

BATCH_DISCOUNT = 0.5  # of OpenAI's Batch API


@dataclass(frozen=True)
class Export:
    """What an export wrote, how requests are held to their schema and why so, and how many did not fit the budget."""

    exported: "Exported"
    rung: str
    why: str
    over_budget: int


def ledger_of(recipe: Recipe, root: Path) -> "Ledger":
    """Open the ledger of what the workspace exported."""
    from generators.llm.batch_files import Ledger

    return Ledger((root / recipe.workspace).resolve() / BATCH)


def export_batch(step: Step, journal: "Journal", *, folder: Path | None = None, is_again: bool = False, **limits: int) -> Export:
    """Write what would have to be asked as batch files, within the budget; see `generators.llm.batch.export`."""
    from generators.llm.batch import export

    ledger = ledger_of(step.recipe, step.root)
    dialect, why = dialect_of(step.recipe, journal)
    wanted, over = asyncio.run(_fitting(step, journal, ledger, dialect))
    out = folder or step.work.folder / BATCH
    exported = export(wanted, out, journal=journal, ledger=ledger, body=dialect.body, is_again=is_again, **limits)
    return Export(exported, dialect.rung, why, over)


async def _fitting(step: Step, journal: "Journal", ledger: "Ledger", dialect: "Dialect") -> "tuple[list[Request], int]":
    """Return the requests that fit into the budget beside what was spent and what is out already."""
    from generators.llm.batch import waiting
    from generators.llm.batch_files import custom_id
    from generators.llm.budget import Budget
    from generators.llm.calls import BudgetReachedError
    from generators.llm.prices import price_of

    budget = Budget(step.recipe.budget, price_of(step.recipe.endpoint, step.recipe.budget), journal.counts)
    out = waiting(journal, ledger)
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
    from generators.llm.local import dialect_note

    endpoint, is_openai = recipe.endpoint, _is_at_openai(recipe)
    if remembered := journal.note(dialect_note(endpoint)):
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
    factor = BATCH_DISCOUNT if _is_at_openai(recipe) else 1.0

    def cost(raw: bytes) -> Cost:
        prompt, completion, _ = usage(raw)
        return Cost(prompt, completion, factor * price.of(prompt, completion) if price else 0.0)

    return cost


def _is_at_openai(recipe: Recipe) -> bool:
    from generators.llm.endpoint import is_openai_host

    return is_openai_host(urlsplit(recipe.endpoint.base_url).hostname or "")
