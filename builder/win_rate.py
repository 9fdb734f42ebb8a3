"""The pairwise win rate: a language model compares the tuned model's answers with those of others, on a sample of the held-out questions.

It is made after the answers and kept apart from them, so trouble with the endpoint loses no answer, and another judge asks no model of
ours again. Every reply is in the journal: asked once, paid once.
"""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.judge_recipe import is_configured, is_on, judging, style_of
from builder.judge_stage import Sources
from builder.step import ANSWERS, EVALUATION, PAIRS, Step
from builder.store import read_json, read_records, write_json
from builder.win_tables import OTHERS, TUNED, Asked, Row, outcomes, tables
from builder.workspace import STAGE_FILE, Counts, Output, delete_output
from schemas.errors import EndpointError, RecipeError
from schemas.proof import Design
from schemas.recipe import Recipe
from schemas.records import Pair, Reason, content_id

if TYPE_CHECKING:
    from generators.alpaca.generate import OpenAnswers
    from generators.judge.duels import Duel
    from generators.judge.prefer import Tally

QUESTIONS = 100  # that auto compares: 30 to 70 in 100 is told from a coin
NOT_ASKED = "win_rate_not_asked"
CODE = (
    "generators.judge", "generators.alpaca.markers", "generators.alpaca.shape", "generators.llm.answers", "generators.llm.salvage",
    "builder.judge_stage", "builder.win_rate", "builder.win_tables", "trainer.statistics", "trainer.evaluation.proof",
)  # fmt: skip


@dataclass(frozen=True)
class Bout:
    """Two answers to be compared, and the questions and systems that gave them: two systems may say the same."""

    duel: "Duel"
    sides: list[tuple[Row, str]] = field(default_factory=list)


def questions_of(recipe: Recipe) -> int:
    """Return how many held-out questions are compared.

    Raises:
        RecipeError: a number is given, but nobody who could judge.
    """
    wanted = recipe.evaluate.win_rate
    if wanted == "auto":
        return QUESTIONS if is_on(recipe) else 0
    if wanted and not is_configured(recipe):
        raise RecipeError(
            "evaluate.win_rate: there is nobody to compare answers; set endpoint.base_url and endpoint.model, or evaluate.win_rate: 0"
        )
    return wanted


def with_win_rate(step: Step, output: Output, design: Design) -> Output:
    """Return the evaluation with the win rate in it, or as it is where nobody judges.

    What could not be asked because the endpoint was not there is asked by the next run.
    """
    count = questions_of(step.recipe)
    if not count:
        return output
    reads = {"evaluate": output.content, **reads_of(step, count), **design.model_dump()}
    stage = partial(step.work.stage, output.stage, reads=reads, code=CODE, make=partial(_make, step, output, count, design))
    found = stage()
    if not found.fresh and NOT_ASKED in found.counts and not step.work.is_read_only:
        delete_output(found.folder)
        found = stage()
    return found


def reads_of(step: Step, count: int) -> dict[str, Any]:
    """Return everything of recipe and files that decides the win rate; not how fast, nor from where."""
    from builder.ask import content

    recipe, style = step.recipe, style_of(step.recipe)
    replay = recipe.endpoint.replay
    return {
        **step.contents("read", "chunk", "split"),
        "win_rate": [count, recipe.seed, style.model, style.company, dict(style.parameters), style.max_tokens, style.repair],
        "budget": recipe.budget.model_dump(mode="json"),
        "replay": content(step.root / replay, "endpoint.replay") if replay else None,
    }


def _make(step: Step, output: Output, count: int, design: Design, folder: Path) -> Counts:
    from builder.answers import open_answers

    shutil.copytree(output.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(STAGE_FILE))
    rows = read_json(folder / ANSWERS)
    answers = open_answers(judging(step.recipe), step.root, step.work.folder)
    try:
        found, tally = win_rate(step, rows, count=count, design=design, open_answers=answers)
    except EndpointError as error:
        if step.recipe.evaluate.win_rate != "auto":
            raise
        lost = f"no answers were compared: {error}; the next run tries again, evaluate.win_rate: 0 leaves it out"
        return {**output.counts, NOT_ASKED: str(error), "notices": [lost]}
    write_json(folder / EVALUATION, {**read_json(folder / EVALUATION), "win_rate": found})
    rates = {name: one["rate"] for name, one in found["against"].items()}
    return {**output.counts, "win_rate": rates, **_told(tally)}


def win_rate(step: Step, rows: Sequence[Row], *, count: int, design: Design, open_answers: "OpenAnswers") -> "tuple[dict[str, Any], Tally]":
    """Return what belongs into evaluation.json, and how the asking went."""
    from generators.judge.prefer import Tally, prefer
    from trainer.evaluation.proof import clusters_of

    recipe, tally = judging(step.recipe), Tally()
    pairs = {pair.id: pair for pair in step.pairs("split")}
    bouts, asked = planned(rows, pairs, Sources.of(step.documents(), step.chunks()), count=count, seed=recipe.seed)
    decisions = prefer(
        [bout.duel for bout in bouts.values()],
        style=style_of(recipe),
        open_answers=open_answers,
        concurrency=recipe.endpoint.concurrency,
        tally=tally,
        progress=step.work.progress("evaluate"),
    )
    asked += [Asked(row, against, decision) for duel, decision in decisions for row, against in bouts[duel.id].sides]
    clusters = dict(zip(pairs, clusters_of(list(pairs.values())), strict=True))
    found = {"model": style_of(recipe).model, "questions": len({one.row["pair_id"] for one in asked}), **tables(asked, clusters, design)}
    found |= {"undecided": dict(sorted(tally.undecided.items())), "cost": _cost(recipe, tally), "rows": outcomes(asked)}
    return found, tally


def ask_published(step: Step, open_answers: "OpenAnswers") -> None:
    """Ask what compares the answers of the last evaluation, of documents and chunks that were made; nothing where none was published."""
    from generators.judge.prefer import Tally, prefer

    count, rows, pairs = questions_of(step.recipe), step.work.folder / ANSWERS, step.work.folder / PAIRS
    if not (count and rows.exists() and pairs.exists()):
        return
    known, sources = {pair.id: pair for pair in read_records(pairs, Pair)}, Sources.of(step.documents(), step.chunks())
    bouts, _ = planned(read_json(rows), known, sources, count=count, seed=step.recipe.seed)
    duels = [bout.duel for bout in bouts.values()]
    for _ in prefer(duels, style=style_of(step.recipe), open_answers=open_answers, concurrency=1, tally=Tally()):
        pass  # only what was asked matters


def planned(
    rows: Sequence[Row], pairs: Mapping[str, Pair], sources: Sources, *, count: int, seed: int
) -> tuple[dict[str, Bout], list[Asked]]:
    """Return what is to be asked, by its id, and the ties that need no judge, because both answers are the same text."""
    from generators.judge.duels import Duel

    known = [row for row in rows if row["pair_id"] in pairs and row["answers"].get(TUNED) is not None]
    bouts: dict[str, Bout] = {}
    same: list[Asked] = []
    for row, against in _sides(sample(known, pairs, count=count, seed=seed)):
        ours, other = row["answers"][TUNED], row["answers"][against]
        if ours.split() == other.split():
            same.append(Asked(row, against, None))
            continue
        duel = Duel(sources.case(pairs[row["pair_id"]]), ours, other)
        bouts.setdefault(duel.id, Bout(duel)).sides.append((row, against))
    return bouts, same


def _sides(rows: Sequence[Row]) -> Iterator[tuple[Row, str]]:
    for row in rows:
        yield from ((row, name) for name in OTHERS if row["answers"].get(name) is not None)


def sample(rows: Sequence[Row], pairs: Mapping[str, Pair], *, count: int, seed: int) -> list[Row]:
    """Draw questions evenly from the documents, and within each from whatever set and task was drawn least; O(rows × drawn).

    The order of the rows changes nothing.
    """
    waiting: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: content_id("draw", seed, row["pair_id"])):
        waiting[pairs[row["pair_id"]].provenance.document_id].append(row)
    order, drawn = sorted(waiting, key=lambda name: content_id("draw", seed, name)), Counter[tuple[str, str]]()
    chosen: list[Row] = []
    while len(chosen) < count and any(waiting.values()):
        for name in (name for name in order if waiting[name]):
            if len(chosen) == count:
                break
            row = min(waiting[name], key=lambda row: drawn[row["set"], row["task"]])
            waiting[name].remove(row)
            drawn[row["set"], row["task"]] += 1
            chosen.append(row)
    return chosen


def _cost(recipe: Recipe, tally: "Tally") -> dict[str, Any]:
    """Return what the replies took, whether paid now or found in the journal; dollars where the price is known."""
    from generators.llm.prices import price_of

    price = price_of(recipe.endpoint, recipe.budget)
    usd = price.of(tally.prompt_tokens, tally.completion_tokens) if price else None
    return {"replies": tally.replies, "prompt_tokens": tally.prompt_tokens, "completion_tokens": tally.completion_tokens, "usd": usd}


def _told(tally: "Tally") -> Counts:
    """Return the notices, and what came of the asking."""
    missing = sum(tally.undecided.values())
    reasons = ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in tally.undecided.items())
    told = [f"{missing:,} comparisons of answers brought no verdict ({reasons})"] if missing else []
    return {"notices": [*tally.notices, *told], "over_budget": Reason.OVER_BUDGET in tally.undecided, "engine": tally.figures}
