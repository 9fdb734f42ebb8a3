"""More wordings of weak facts from the recipe's language model: the task `wording` about these alone, journaled and within the budget."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from builder.iterate.facts import Fact
from builder.iterate.spare import CODE, fit, without_leaks
from builder.step import PAIRS, Step
from builder.store import read_records, write_records
from builder.workspace import Counts
from schemas.recipe import Recipe
from schemas.records import Draft, Pair

TASK = "wording"


def asks(recipe: Recipe) -> bool:
    """Tell whether the recipe has a language model to ask."""
    return recipe.generate.generator != "extractive"


def wordings(step: Step, weak: Sequence[Fact], known: Sequence[Pair]) -> tuple[dict[str, list[Pair]], list[str]]:
    """Return new wordings by fact, and what the user should know; an answer that the journal holds is not paid twice.

    Args:
        step: with the run's outputs.
        weak: facts; the weaker ones first. The question that measures one is not shown to the model.
        known: pairs that the new ones may not repeat.
    """
    from builder.generate_stage import LLM

    recipe = step.recipe
    asked = {fact.group: [pair.id for pair in _shown(fact)] for fact in weak}

    def make(folder: Path) -> Counts:
        drafts, notices = _drafts(step, weak)
        made = fit(step, drafts, known)
        kept = without_leaks(made, step.pairs("split"))
        write_records(folder / PAIRS, kept)
        return {"in": len(made), "kept": len(kept), "dropped": {"leak": len(made) - len(kept)}, "notices": notices}

    endpoint = recipe.endpoint.model_dump(mode="json", include={"model", "temperature", "max_tokens", "parameters", "repair"})
    reads = {**step.contents("read", "chunk", "split"), **endpoint, "facts": asked, "per_fact": recipe.iterate.per_fact}
    reads |= {"budget": recipe.budget.model_dump(mode="json"), "company": recipe.company, "known": sorted(pair.id for pair in known)}
    output = step.work.stage("wordings", reads=reads, code=(*CODE, *LLM), make=make)
    found: dict[str, list[Pair]] = {}
    for pair in read_records(output.folder / PAIRS, Pair):
        found.setdefault(pair.group, []).append(pair)
    return found, list(output.counts.get("notices", ()))


def _drafts(step: Step, weak: Sequence[Fact]) -> tuple[list[Draft], list[str]]:
    """Hold the conversations about these facts."""
    from builder.answers import open_answers
    from builder.ask import accepting, style_of
    from builder.generate_stage import sources
    from generators.alpaca.generate import Outcome, Plan, generate
    from generators.alpaca.tasks import load_tasks

    recipe, documents, chunks = step.recipe, step.documents(), step.chunks()
    wanted = recipe.iterate.per_fact + 2  # one is the fact's own, one may be held out
    outcome = Outcome()
    records = generate(
        sources(documents, chunks),
        plan=Plan(
            tasks=load_tasks((TASK,), root=step.root),
            target=wanted * len(weak),
            items_per_request=recipe.generate.items_per_request,
            rule_facts=_by_section(weak),
        ),
        style=replace(style_of(recipe, step.root), wordings=wanted),
        open_answers=open_answers(recipe, step.root, step.work.folder),
        accept=accepting(recipe, step.root, documents=documents, chunks=chunks),
        concurrency=recipe.endpoint.concurrency,
        outcome=outcome,
        progress=step.work.progress("wordings"),
    )
    drafts = [record for record in records if isinstance(record, Draft)]
    over = ["the budget is reached, so not every weak fact was asked about; raise it in the section budget"] if outcome.over_budget else []
    return drafts, [*outcome.notices, *over]


def _shown(fact: Fact) -> list[Pair]:
    """Return what the model may see of a fact: anything but the question that measures it."""
    return [pair for pair in (*fact.taught, *fact.spare, *([fact.find] if fact.find else [])) if not pair.input]


def _by_section(weak: Sequence[Fact]) -> Mapping[str, tuple[Draft, ...]]:
    """Return the facts as the planner takes them: a draft each by chunk id, with its plainest question, the weaker facts first."""
    from generators.alpaca.rule_facts import by_section

    return by_section(map(_draft, (pair for fact in weak for pair in _shown(fact))))


def _draft(pair: Pair) -> Draft:
    """Return the draft that a pair was made of; its quotes are at their places in the document of the passage."""
    own = [evidence for evidence in pair.evidence if evidence.document_id == pair.provenance.document_id]
    fields = partial(Draft, quotes=tuple(evidence.quote for evidence in own), spans=tuple((one.start, one.end) for one in own))
    kept = pair.model_dump(include={"id", "task", "instruction", "input", "output", "group", "form", "grounding", "flags", "extra"})
    return fields(**kept, provenance=pair.provenance, history=pair.history)
