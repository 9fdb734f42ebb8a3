"""Whom a recipe has judge, and by what: from its sections to the stage of `judge_stage.py`, with the journal of a workspace.

Where a recipe names no endpoint, nothing is judged and every pair goes on.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.calibrate import threshold_of
from builder.judge_stage import STAGE, Sources, Verdicts, is_wanted, judge
from generators.judge.cases import Case
from generators.judge.rubrics import Rubric, load_rubric
from schemas.errors import RecipeError
from schemas.recipe import EndpointSection, Recipe
from schemas.records import Dropped, Pair, content_id

if TYPE_CHECKING:
    from builder.step import Step
    from generators.alpaca.estimate import Estimate
    from generators.alpaca.generate import OpenAnswers
    from generators.judge.judge import Outcome
    from generators.judge.prompts import Style
    from generators.judge.verdicts import Verdict
    from generators.llm.journal import Journal

CODE = (
    "generators.judge",
    "generators.alpaca.markers",
    "generators.alpaca.shape",
    "generators.llm.answers",
    "generators.llm.salvage",
    "builder.judge_stage",
    "builder.judge_recipe",
    "builder.review.accepted",
)


def is_configured(recipe: Recipe) -> bool:
    """Whether there is somebody to ask: the generator asks a model, or the recipe names an endpoint of its own."""
    plain, endpoint = EndpointSection(), recipe.endpoint
    named = (endpoint.base_url, endpoint.model, endpoint.replay) != (plain.base_url, plain.model, plain.replay)
    return recipe.generate.generator != "extractive" or named


def judging(recipe: Recipe) -> Recipe:
    """Return the recipe with the endpoint that judges: the same with another model, where judge.model names one.

    Raises:
        RecipeError: the local generator serves one model only.
    """
    model = recipe.judge.model
    if model is None:
        return recipe
    if recipe.generate.generator == "local":
        raise RecipeError("judge.model: the local generator serves endpoint.model_file and nothing else; take judge.model out")
    return recipe.model_copy(update={"endpoint": recipe.endpoint.model_copy(update={"model": model})})


def style_of(recipe: Recipe) -> "Style":
    """Return what is the same for every request to the judge."""
    from generators.judge.prompts import Style

    endpoint = judging(recipe).endpoint
    is_local = recipe.generate.generator == "local" and endpoint.model_file is not None
    return Style(
        company=recipe.company,
        model=endpoint.model_file.stem if is_local and endpoint.model_file else endpoint.model,
        max_tokens=endpoint.max_tokens,
        parameters=endpoint.parameters,
        repair=endpoint.repair,
        both_orders=recipe.judge.both_orders,
        per_request=recipe.judge.per_request,
        seed=recipe.seed,
    )


def rubric_of(recipe: Recipe, root: Path) -> Rubric:
    """Return the rubric of a recipe.

    Raises:
        RecipeError: its file is no rubric.
    """
    named = recipe.judge.rubric
    return load_rubric(root / named if named else None)


def judge_key(recipe: Recipe, root: Path) -> str:
    """Return the name of a judge: its model and all that it is told. A threshold fits one judge and no other."""
    from generators.judge.prompts import RULES

    style = style_of(recipe)
    return content_id("judge", style.model, dict(style.parameters), style.both_orders, RULES, rubric_of(recipe, root).hash)


def is_on(recipe: Recipe) -> bool:
    """Whether any pair is judged."""
    return recipe.judge.pairs != "none" and is_configured(recipe)


def reads(recipe: Recipe, root: Path, folder: Path) -> dict[str, Any]:
    """Return everything of the recipe, its files and the workspace that decides what the judge does; not how fast, nor from where.

    Raises:
        RecipeError: the rubric cannot be read.
        WorkspaceError: the calibration is damaged.
    """
    if not is_on(recipe):
        return {"judge": None}
    section = recipe.judge
    key = judge_key(recipe, root)
    return {
        "judge": [key, recipe.company, recipe.seed],
        "judge_settings": section.model_dump(mode="json", exclude={"threshold", "rubric", "model"}),
        "judge_threshold": threshold_of(section, key, folder)[0],
        "judge_budget": recipe.budget.model_dump(mode="json"),
        "judge_replies": [recipe.endpoint.max_tokens, recipe.endpoint.repair],
    }


def verdicts_of(step: "Step", outcome: "Outcome", *, open_answers: "OpenAnswers | None" = None, limit: int | None = None) -> Verdicts:
    """Return what judges cases by the recipe of a step, through the journal of its workspace.

    Args:
        step: the workspace and the recipe.
        outcome: takes the figures.
        open_answers: opens something else than the endpoint of the recipe, such as the journal alone.
        limit: most requests, for a pilot.
    """
    from builder.answers import open_answers as opened
    from generators.judge.judge import judge as ask

    recipe = judging(step.recipe)
    answers = open_answers or opened(recipe, step.root, step.work.folder)

    def verdicts(cases: Iterable[Case]) -> Iterator[tuple[str, "Verdict"]]:
        return ask(
            cases,
            rubric=rubric_of(recipe, step.root),
            style=style_of(recipe),
            open_answers=answers,
            concurrency=recipe.endpoint.concurrency,
            limit=limit,
            outcome=outcome,
            progress=step.work.progress(STAGE),
        )

    return verdicts


def judged(
    step: "Step", pairs: Iterable[Pair], outcome: "Outcome", *, open_answers: "OpenAnswers | None" = None
) -> Iterator[Pair | Dropped]:
    """Yield pairs as `judge` does, by the recipe of a step; where it names no endpoint, as they came."""
    if not is_on(step.recipe):
        yield from pairs
        return
    section = step.recipe.judge
    threshold, told = threshold_of(section, judge_key(step.recipe, step.root), step.work.folder)
    yield from judge(
        pairs,
        verdicts=verdicts_of(step, outcome, open_answers=open_answers),
        wanted=lambda pair: is_wanted(pair, section),
        sources=Sources.of(step.documents(), step.chunks()),
        rubric=rubric_of(step.recipe, step.root),
        threshold=threshold,
    )
    outcome.notices += [told] if told else []


def scored(step: "Step", pairs: Iterable[Pair], outcome: "Outcome") -> dict[str, dict[str, float]]:
    """Return the scores of pairs by id, of all that get a verdict; which pairs the recipe wants judged does not matter."""
    rubric, sources = rubric_of(step.recipe, step.root), Sources.of(step.documents(), step.chunks())
    found = verdicts_of(step, outcome)(sources.case(pair) for pair in pairs)
    return {pair_id: verdict.scores(rubric) for pair_id, verdict in found}


def estimated(step: "Step", pairs: Iterable[Pair], journal: "Journal") -> "tuple[int, Estimate]":
    """Return how many requests are still to be made to judge these pairs, and what that takes; nothing is sent."""
    from generators.alpaca.estimate import estimate, measured
    from generators.judge.judge import plan, requests
    from generators.judge.prompts import SLOT
    from generators.llm.prices import price_of

    recipe = judging(step.recipe)
    sources, style = Sources.of(step.documents(), step.chunks()), style_of(recipe)
    planned = plan((sources.case(pair) for pair in pairs), style)
    wanted = [request for request in requests(planned, rubric_of(recipe, step.root), style) if journal.completion(request) is None]
    known = measured(entry for entry in journal.entries() if entry.request.slot.startswith(f"{SLOT}/"))
    price = price_of(recipe.endpoint, recipe.budget)
    return len(wanted), estimate(wanted, measured=known, price=price, items=style.per_request)
