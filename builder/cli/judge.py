"""`kilopair judge` and `kilopair calibrate`: a model's points for pairs, and how far a person agrees with them."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options

if TYPE_CHECKING:
    from builder.calibrate import Calibration
    from builder.step import Step
    from generators.alpaca.estimate import Estimate
    from generators.judge.judge import Outcome
    from schemas.records import Pair

BEFORE = "validate"  # the stage whose pairs are judged


@click.command(help=COMMANDS["judge"][1])
@recipe_options
@click.option("--dry-run", is_flag=True, help="Say how many pairs would be judged and what it may cost; send nothing.")
@click.option("--pilot", type=click.IntRange(1), default=None, metavar="N", help="Make N requests, estimate the rest from them, stop.")
def judge(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, dry_run: bool, pilot: int | None) -> None:
    """Judge the pairs that the recipe wants judged; the answers stay in the journal, so that curate pays nothing for them again."""
    from builder.judge_stage import is_wanted
    from schemas.errors import UsageError

    if dry_run and pilot:
        raise UsageError("--dry-run sends nothing and --pilot asks; use one of them")
    with _prepared(recipe, overrides, is_silent=quiet or as_json) as step:
        wanted = [pair for pair in step.pairs(BEFORE) if is_wanted(pair, step.recipe.judge)]
        if dry_run or pilot:
            _foresee(step, wanted, pilot, quiet=quiet, as_json=as_json)
        else:
            _judge(step, wanted, quiet=quiet, as_json=as_json)


@click.command(help=COMMANDS["calibrate"][1])
@recipe_options
@click.option("--write", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Write a sheet of pairs to decide on (CSV).")
@click.option("--pairs", type=click.IntRange(1), default=40, show_default=True, metavar="N", help="Pairs on the sheet.")
@click.option("--read", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Your decisions: a sheet, or any CSV or JSONL.")
def calibrate(
    recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, write: Path | None, pairs: int, read: Path | None
) -> None:
    """Write a sheet, or judge the pairs that somebody has decided on (also by kilopair grade or review) and compare."""
    from builder.decisions import drawn, read_decisions, write_sheet
    from schemas.errors import UsageError

    if read and write:
        raise UsageError("--write makes a sheet and --read takes it in; use one of them")
    decisions = read_decisions(read) if read else {}
    if read and not decisions:
        raise UsageError(f"{read}: holds no decision yet; write accept or reject into its column decision")
    with _prepared(recipe, overrides, is_silent=quiet or as_json, asks=write is None) as step:
        if write:
            count = write_sheet(write, drawn(step.pairs(BEFORE), pairs, seed=step.recipe.seed))
            then = shlex.join(["kilopair", "calibrate", str(recipe), "--read", str(write)])
            told = f"wrote {count:,} pairs to {write}; fill in accept or reject, then: {then}"
            _say(told, {"file": str(write), "pairs": count}, quiet=quiet, as_json=as_json)
            return
        found, unknown = _calibrated(step, decisions)
    _show(found, unknown, quiet=quiet, as_json=as_json)


@contextmanager
def _prepared(recipe: Path, overrides: tuple[str, ...], *, is_silent: bool, asks: bool = True) -> "Iterator[Step]":
    """Open the workspace with the pairs made that are to be judged; `asks`: somebody must be there to judge them."""
    from builder.findings.stage import refuse
    from builder.judge_recipe import is_configured, rubric_of
    from builder.stages import STAGES
    from builder.step import Step
    from builder.workspace import Workspace
    from schemas.errors import UsageError

    settings, root = opened(recipe, overrides)
    if asks and not is_configured(settings):
        raise UsageError(f"{recipe}: names nobody who could judge; set endpoint.base_url and endpoint.model")
    rubric_of(settings, root)  # a wrong rubric is said before anything is made
    with Workspace((root / settings.workspace).resolve(), watch=watch_for(quiet=is_silent, as_json=False)) as work:
        step = Step(work, settings, root)
        for name, make in STAGES.items():
            output = make(step)
            if name == "check":
                refuse(output)
            if name == BEFORE:
                break
        yield step


def _judge(step: "Step", wanted: "list[Pair]", *, quiet: bool, as_json: bool) -> None:
    from builder.calibrate import threshold_of
    from builder.judge_recipe import judge_key, scored
    from generators.judge.judge import Outcome

    outcome = Outcome()
    scores = [found["judge"] for found in scored(step, wanted, outcome).values()]
    threshold, told = threshold_of(step.recipe.judge, judge_key(step.recipe, step.root), step.work.folder)
    low = sum(score < threshold for score in scores)
    figures = {**outcome.as_json(), "threshold": threshold, "below_threshold": low, "notices": [*outcome.notices, *filter(None, [told])]}
    mean = f"{sum(scores) / len(scores):.2f} on average, " if scores else ""
    lines = [f"judged {outcome.judged:,} of {outcome.asked:,} pairs: {mean}{low:,} below {threshold:.2f}", *_remarks(outcome)]
    _say("\n".join([*lines, *(f"note: {notice}" for notice in figures["notices"])]), figures, quiet=quiet, as_json=as_json)


def _remarks(outcome: "Outcome") -> Iterator[str]:
    if outcome.unjudged:
        why = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(outcome.unjudged.items()))
        yield f"without a verdict, so kept as they are: {why}"
    if outcome.disagreed:
        yield f"{outcome.disagreed:,} pairs got other points in the other order"


def _foresee(step: "Step", wanted: "list[Pair]", pilot: int | None, *, quiet: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from builder.answers import JOURNAL
    from builder.judge_recipe import estimated, verdicts_of
    from builder.judge_stage import Sources
    from generators.judge.judge import Outcome
    from generators.llm.journal import Journal

    outcome = Outcome()
    if pilot:
        sources = Sources.of(step.documents(), step.chunks())
        for _ in verdicts_of(step, outcome, limit=pilot)(sources.case(pair) for pair in wanted):
            pass  # the answers are in the journal now
    with Journal(step.work.folder / JOURNAL) as journal:
        requests, estimate = estimated(step, wanted, journal)
    if as_json:
        held = outcome.as_json() if pilot else None
        click.echo(json.dumps({"pairs": len(wanted), "pilot": held, "requests": requests, "estimate": asdict(estimate)}))
    elif not quiet:
        click.echo(f"{len(wanted):,} pairs to judge" + (f"; pilot: {outcome.judged:,} of {outcome.asked:,} judged" if pilot else ""))
        click.echo("\n".join(_estimate_lines(requests, estimate)))


def _estimate_lines(requests: int, estimate: "Estimate") -> Iterator[str]:
    basis = f"measured on {estimate.measured:,} requests" if estimate.measured else "assumed; --pilot 5 measures it"
    yield f"to ask: {requests:,} requests ({basis}); half of all runs stay below p50, nine of ten below p90"
    spans = {"calls": estimate.calls, "prompt tokens": estimate.prompt_tokens, "reply tokens": estimate.completion_tokens}
    yield from (f"  {name:<14} p50 {span.p50:>14,.0f}   p90 {span.p90:>14,.0f}" for name, span in spans.items())
    if estimate.usd is None:
        yield "  dollars        not known; give budget.usd_per_million_input and usd_per_million_output"
    else:
        yield f"  dollars        p50 {estimate.usd.p50:>14,.4f}   p90 {estimate.usd.p90:>14,.4f}"


def _calibrated(step: "Step", decisions: dict[str, bool]) -> "tuple[Calibration, int]":
    """Return the calibration, kept in the workspace, and how many decisions are on pairs that are not there."""
    from builder.calibrate import calibrate as compare
    from builder.calibrate import save, telling
    from builder.decisions import from_grades, from_review
    from builder.grades import read_grades
    from builder.judge_recipe import judge_key, scored
    from builder.review.fold import standings
    from builder.review.log import ReviewLog
    from generators.judge.judge import Outcome

    pairs = {pair.id: pair for pair in step.pairs(BEFORE)}
    with ReviewLog(step.work.folder) as log:
        reviewed = from_review(pairs.values(), standings(log.events()))
    decided = from_grades(pairs.values(), read_grades(step.work.folder)) | reviewed | decisions
    known = [pairs[pair_id] for pair_id in telling(decided, pairs, where="pairs of this workspace")]  # before anything is spent
    scores = scored(step, known, Outcome())
    found = compare(judge_key(step.recipe, step.root), scores, decided, seed=step.recipe.seed)
    save(step.work.folder, found)
    return found, sum(pair_id not in pairs for pair_id in decided)


def _show(found: "Calibration", unknown: int, *, quiet: bool, as_json: bool) -> None:
    rows = [
        ("", "judge keeps", "judge drops"),
        ("you accept", f"{found.accepted_kept:,}", f"{found.accepted_dropped:,}"),
        ("you reject", f"{found.rejected_kept:,}", f"{found.rejected_dropped:,}"),
    ]
    told = [found.sentence, *(f"{name:<12}{kept:>12}{left:>13}" for name, kept, left in rows)]
    best = sorted(found.criteria.items(), key=lambda one: -one[1])
    told.append(
        "tells your accepted from your rejected pairs (0.50 is chance): " + ", ".join(f"{name} {share:.2f}" for name, share in best)
    )
    if unknown:
        told.append(f"note: {unknown:,} decisions are on pairs that are not in this workspace")
    _say("\n".join(told), {**found.model_dump(mode="json"), "sentence": found.sentence, "unknown": unknown}, quiet=quiet, as_json=as_json)


def _say(told: str, figures: dict[str, object], *, quiet: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False))
    elif not quiet:
        click.echo(told)
