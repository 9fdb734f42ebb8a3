"""The offline batch lane on a workspace: what generator and judge would have to ask goes out within the budget, and results come in."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from builder.answers import BATCH, JOURNAL
from builder.curate_stage import before_judge
from builder.generate_stage import generate
from builder.judge_recipe import is_on, judged, judging
from builder.offline import asks_a_model, given, to_ask
from builder.stages import validate
from builder.step import Step
from builder.win_rate import ask_published, questions_of
from schemas.recipe import Recipe

if TYPE_CHECKING:
    from generators.llm.batch import Exported
    from generators.llm.batch_files import Ledger
    from generators.llm.batch_results import Funnel
    from generators.llm.calls import Request
    from generators.llm.dialect import Dialect
    from generators.llm.journal import Cost, Journal
    from schemas.records import Pair

BATCH_DISCOUNT = 0.5  # of OpenAI's Batch API

Asker = Literal["generator", "judge", "win_rate"]


@dataclass(frozen=True)
class Export:
    """What an export wrote and for whom, how requests are held to their schema and why so, and how many did not fit the budget."""

    exported: "Exported"
    asker: Asker
    rung: str
    why: str
    over_budget: int


def ledger_of(recipe: Recipe, root: Path) -> "Ledger":
    """Open the ledger of what the workspace exported."""
    from generators.llm.batch_files import Ledger

    return Ledger((root / recipe.workspace).resolve() / BATCH)


def export_batch(step: Step, *, folder: Path | None = None, is_again: bool = False, **limits: int) -> Export:
    """Write what would have to be asked as batch files, within the budget; see `generators.llm.batch.export`.

    First what the generator asks; when it has all of its answers, what the judge asks about the pairs that came of them; then what
    compares the answers of the last evaluation.
    """
    from generators.llm.batch import export
    from generators.llm.journal import Journal

    path, ledger = step.work.folder / JOURNAL, ledger_of(step.recipe, step.root)
    with Journal(path) as journal:
        wanted = to_ask(step, journal) if asks_a_model(step.recipe) else []
    is_judged, is_compared = is_on(step.recipe), questions_of(step.recipe) > 0
    asker: Asker = "judge" if not wanted and (is_judged or is_compared) else "generator"
    to_judge = _pairs_to_judge(step) if asker == "judge" and is_judged else []
    with Journal(path) as journal:
        wanted = wanted or _asked_by_judge(step, to_judge, journal)
        if asker == "judge" and not wanted and (wanted := _asked_by_win_rate(step, journal)):
            asker = "win_rate"
        recipe = step.recipe if asker == "generator" else judging(step.recipe)
        dialect, why = dialect_of(recipe, journal)
        fitting, over = asyncio.run(_fitting(recipe, wanted, journal, ledger, dialect))
        out = folder or step.work.folder / BATCH
        exported = export(fitting, out, journal=journal, ledger=ledger, body=dialect.body, is_again=is_again, **limits)
    return Export(exported, asker, dialect.rung, why, over)


def _pairs_to_judge(step: Step) -> "list[Pair]":
    """Make drafts and pairs of the answers that are there, and return those that come to the judge."""
    for make in (generate, validate):
        make(step)
    return list(before_judge(step))


def _asked_by_judge(step: Step, pairs: "list[Pair]", journal: "Journal") -> "list[Request]":
    """Return what the judge would ask about pairs, as far as it does not depend on answers that are still to come."""
    from generators.judge.judge import Outcome
    from generators.llm.offline import Collector

    collector = Collector(journal)
    for _ in judged(step, pairs, Outcome(), open_answers=given(collector)):
        pass  # only what was asked matters
    return list(collector.missing.values())


def _asked_by_win_rate(step: Step, journal: "Journal") -> "list[Request]":
    """Return what would compare the answers of the last evaluation, as far as it does not depend on answers that are still to come."""
    from generators.llm.offline import Collector

    collector = Collector(journal)
    ask_published(step, given(collector))
    return list(collector.missing.values())


async def _fitting(
    recipe: Recipe, wanted: "list[Request]", journal: "Journal", ledger: "Ledger", dialect: "Dialect"
) -> "tuple[list[Request], int]":
    """Return the requests that fit into the budget beside what was spent and what is out already."""
    from generators.llm.batch import waiting
    from generators.llm.batch_files import custom_id
    from generators.llm.budget import Budget
    from generators.llm.calls import BudgetReachedError
    from generators.llm.prices import price_of

    budget = Budget(recipe.budget, price_of(recipe.endpoint, recipe.budget), journal.counts)
    out = waiting(journal, ledger)
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


def _cost(recipe: Recipe) -> "Callable[[Request, bytes], Cost]":
    from generators.llm.answers import usage
    from generators.llm.journal import Cost
    from generators.llm.prices import price_of

    prices = {one.endpoint.model: price_of(one.endpoint, one.budget) for one in (recipe, judging(recipe))}
    factor = BATCH_DISCOUNT if _is_at_openai(recipe) else 1.0

    def cost(request: "Request", raw: bytes) -> Cost:
        prompt, completion, _ = usage(raw)
        price = prices.get(request.model, prices[recipe.endpoint.model])
        return Cost(prompt, completion, factor * price.of(prompt, completion) if price else 0.0)

    return cost


def _is_at_openai(recipe: Recipe) -> bool:
    from generators.llm.endpoint import is_openai_host

    return is_openai_host(urlsplit(recipe.endpoint.base_url).hostname or "")
