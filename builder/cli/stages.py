"""`kilopair run` and the stages by themselves: each makes what is missing up to its own end."""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import notices, watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options

if TYPE_CHECKING:
    from builder.pipeline import Run
    from generators.alpaca.estimate import Estimate

LAST_STAGE = {"run": "report", "read": "chunk", "generate": "validate"}
EXAMPLES = 3


def _command(name: str) -> click.Command:
    @click.command(name=name, help=COMMANDS[name][1])
    @recipe_options
    def command(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
        from builder.pipeline import run as run_pipeline

        settings, root = opened(recipe, overrides)
        done = run_pipeline(settings, root, until=LAST_STAGE.get(name, name), watch=watch_for(quiet=quiet, as_json=as_json))
        if name == "run" and not quiet:
            _finish(done, recipe, as_json=as_json)
        if name == "evaluate" and not quiet:
            from builder.cli.proof_table import show
            from builder.step import EVALUATION
            from builder.store import read_json

            show(read_json(done.outputs["evaluate"].folder / EVALUATION), as_json=as_json)

    return command


run, read, split, train, evaluate, report = (_command(name) for name in ("run", "read", "split", "train", "evaluate", "report"))


@click.command(help=COMMANDS["generate"][1])
@recipe_options
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it may cost; send nothing.")
@click.option("--pilot", type=click.IntRange(1), default=None, metavar="N", help="Hold N conversations, estimate the rest from them, stop.")
def generate(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, dry_run: bool, pilot: int | None) -> None:
    """Make drafts and pairs, or say what that takes."""
    from schemas.errors import UsageError

    if dry_run and pilot:
        raise UsageError("--dry-run sends nothing and --pilot asks; use one of them")
    if not (dry_run or pilot):
        from builder.pipeline import run as run_pipeline

        settings, root = opened(recipe, overrides)
        run_pipeline(settings, root, until=LAST_STAGE["generate"], reparsed=False, watch=watch_for(quiet=quiet, as_json=as_json))
        return
    _foresee(recipe, overrides, pilot, quiet=quiet, as_json=as_json)


def _foresee(recipe: Path, overrides: tuple[str, ...], pilot: int | None, *, quiet: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from builder.answers import JOURNAL
    from builder.offline import estimated, prepared
    from builder.offline import pilot as hold
    from generators.llm.journal import Journal

    settings, root = opened(recipe, overrides)
    with prepared(settings, root, watch=watch_for(quiet=quiet or as_json, as_json=False)) as step:
        held = hold(step, pilot) if pilot else None
        with Journal(step.work.folder / JOURNAL) as journal:
            conversations, estimate = estimated(step, journal)
    if as_json:
        asked = {"asks": held.asks, "accepted": held.accepted, "notices": held.notices} if held else None
        click.echo(json.dumps({"pilot": asked, "conversations": conversations, "estimate": asdict(estimate)}))
    elif not quiet:
        if held:
            click.echo(f"pilot: {held.asks:,} conversations, {held.accepted:,} accepted drafts")
            for notice in notices({"notices": held.notices, "over_budget": held.over_budget}):
                click.echo(f"note: {notice}")
        _print_estimate(conversations, estimate)


def _print_estimate(conversations: int, estimate: "Estimate") -> None:
    basis = f"measured on {estimate.measured:,} conversations" if estimate.measured else "assumed; --pilot 10 measures it"
    click.echo(f"to ask: {conversations:,} conversations ({basis}); half of all runs stay below p50, nine of ten below p90")
    for name, span in (("calls", estimate.calls), ("prompt tokens", estimate.prompt_tokens), ("reply tokens", estimate.completion_tokens)):
        click.echo(f"  {name:<14} p50 {span.p50:>14,.0f}   p90 {span.p90:>14,.0f}")
    if estimate.usd is None:
        click.echo("  dollars        not known; give budget.usd_per_million_input and usd_per_million_output")
    else:
        click.echo(f"  dollars        p50 {estimate.usd.p50:>14,.4f}   p90 {estimate.usd.p90:>14,.4f}")


def _finish(done: "Run", recipe: Path, *, as_json: bool) -> None:
    """Print where the report is and a few answers, base beside tuned."""
    from builder.report.answers import telling_answers

    answers = telling_answers(done.answers, EXAMPLES)
    if as_json:
        click.echo(
            json.dumps({"event": "done", "report": str(done.report), "model": str(done.model), "examples": answers}, ensure_ascii=False)
        )
        return
    for answer in answers:
        click.echo(f"\n{click.style('question', bold=True)}   {answer['question']}")
        click.echo(f"  base     {_short(answer['answers']['base'])}")
        click.echo(f"  tuned    {click.style(_short(answer['answers']['tuned']), bold=True)}")
        click.echo(f"  expected {_short(answer['reference'])}")
    command = "kilopair" if shutil.which("kilopair") else sys.argv[0]
    click.echo(f"\nreport   {done.report}\nmodel    {done.model}\ntalk     {command} chat {recipe}")


def _short(text: str, width: int = 200) -> str:
    words = " ".join(text.split())
    return words if len(words) <= width else words[: width - 1] + "…"
