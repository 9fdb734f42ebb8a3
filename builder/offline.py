"""Around the generate step: what would be asked and what it takes, a pilot that asks a little, and reparse, which asks nothing."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.answers import JOURNAL, Counted, open_answers
from builder.ask import plan_of, rule_facts, style_of
from builder.curate_stage import check_files
from builder.findings.stage import check, refuse
from builder.generate_stage import ask, depends_on, drafts, sources
from builder.judge_recipe import is_on
from builder.pipeline import FUNNEL, publish
from builder.stages import chunk, curate, read, split, validate
from builder.step import Step
from builder.watch import Watch
from builder.win_rate import questions_of
from builder.workspace import Counts, Output, Workspace, stage_key
from schemas.errors import UsageError, WorkspaceError
from schemas.recipe import Recipe
from schemas.records import Draft, Dropped, Reason

if TYPE_CHECKING:
    from generators.alpaca.estimate import Estimate
    from generators.alpaca.generate import Answers, OpenAnswers, Outcome
    from generators.llm.calls import Request
    from generators.llm.journal import Journal


@contextmanager
def prepared(recipe: Recipe, root: Path, *, watch: Watch | None = None, or_judge: bool = False) -> Iterator[Step]:
    """Open the workspace with documents and chunks made.

    Args:
        recipe: whose generator asks a language model; or (`or_judge`) whose judge does.
        root: the folder that its paths are relative to.
        watch: told about progress.
        or_judge: see above.

    Raises:
        UsageError: nobody asks a language model.
        KilopairError: a file that curate will read is unfit for it.
    """
    if not asks_a_model(recipe) and not (or_judge and (is_on(recipe) or questions_of(recipe))):
        raise UsageError("generate.generator is extractive, which asks no model; set generate.generator=openai")
    with Workspace((root / recipe.workspace).resolve(), watch=watch) as work:
        step = Step(work, recipe, root)
        check_files(step)
        read(step)
        refuse(check(step))
        chunk(step)
        yield step


def asks_a_model(recipe: Recipe) -> bool:
    """Whether the generator of a recipe asks a language model."""
    return recipe.generate.generator != "extractive"


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


def to_ask(step: Step, journal: "Journal") -> "list[Request]":
    """Return what would have to be asked now, as far as it does not depend on answers that are still to come."""
    from generators.alpaca.generate import Outcome
    from generators.llm.offline import Collector

    collector = Collector(journal)
    _exhaust(drafts(step, given(collector), Outcome(), told=False))
    return list(collector.missing.values())


def estimated(step: Step, journal: "Journal") -> "tuple[int, Estimate]":
    """Return how many conversations are still to be opened, and what that will take; nothing is sent."""
    from generators.alpaca.estimate import estimate, measured
    from generators.alpaca.generate import first_requests
    from generators.llm.prices import price_of

    recipe, plan = step.recipe, plan_of(step.recipe, step.root, rule_facts=partial(rule_facts, step))
    first = first_requests(sources(step.documents(), step.chunks()), plan=plan, style=style_of(recipe, step.root))
    wanted = {request.key: request for request in first if journal.completion(request) is None}
    wanted |= {request.key: request for request in to_ask(step, journal)}
    known = measured(journal.entries())
    price = price_of(recipe.endpoint, recipe.budget)
    return len(wanted), estimate(wanted.values(), measured=known, price=price, items=plan.items_per_request)


def pilot(step: Step, asks: int) -> "Outcome":
    """Hold so many conversations, spread over the plan; their answers stay in the journal, so they are not paid again."""
    from generators.alpaca.generate import Outcome

    outcome = Outcome()
    _exhaust(drafts(step, open_answers(step.recipe, step.root, step.work.folder), outcome, limit=asks))
    return outcome


def reparse(recipe: Recipe, root: Path, *, watch: Watch | None = None) -> tuple[dict[str, int], dict[str, int], int]:
    """Make drafts, pairs and splits anew from the answers of the journal, whatever the prompts were; nothing is sent.

    A later run goes on with them; `kilopair generate` asks for what is not answered.

    Returns:
        What the stages kept before and now, and how many conversations were never held.
    """
    with journal_of(recipe, root) as journal, prepared(recipe, root, watch=watch) as step:
        before = _kept_before(step.work.folder)
        reads, code = depends_on(step)
        output = _reparsed(step, journal, reads, code)
        if not output.counts["kept"]:
            raise WorkspaceError("the journal holds no usable answer for this recipe, so there are no pairs; ask with kilopair generate")
        silent = replace(step, recipe=recipe.model_copy(update={"judge": recipe.judge.model_copy(update={"pairs": "none"})}))
        for make in (validate, curate, split):
            make(silent)
        step.work.stand_in({stage_key("generate", reads, code): output})
        publish(step.work, recipe)
        after = {name: step.output(name).counts["kept"] for name in FUNNEL}
        return before, after, output.counts["dropped"].get(Reason.NOT_ASKED, 0)


def _reparsed(step: Step, journal: "Journal", reads: dict[str, Any], code: tuple[str, ...]) -> Output:
    """Make the generate stage from the journal, under a name of its own."""
    from generators.llm.offline import Offline

    came = Counter[str]()
    answers = Counted(Offline(journal, by_slot=True), journal, came)

    def make(folder: Path) -> Counts:
        return ask(step, folder, given(answers), came) | {"reparsed": True}

    found = journal.counts
    stamp = {"reparsed": [found.answered, found.prompt_tokens, found.completion_tokens]}
    return step.work.stage("generate", reads=reads | stamp, code=(*code, "builder.offline"), make=make)


def _kept_before(folder: Path) -> dict[str, int]:
    from builder.store import read_json

    path = folder / "manifest.json"
    stages = read_json(path)["stages"] if path.exists() else {}
    return {name: stages[name]["counts"]["kept"] if name in stages else 0 for name in FUNNEL}


def _exhaust(records: Iterator[Draft | Dropped]) -> None:
    for _ in records:
        pass  # only what was asked matters


def given(answers: "Answers") -> "OpenAnswers":
    """Return what opens answers that are open already."""

    @asynccontextmanager
    async def opened() -> AsyncIterator["Answers"]:
        yield answers

    return opened
