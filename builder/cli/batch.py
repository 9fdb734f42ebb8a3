"""`kilopair batch`: requests out as files, answers in from anywhere, or both through an endpoint that has batches."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from builder.cli.display import watch_for
from builder.cli.options import opened, recipe_options, shared_options

if TYPE_CHECKING:
    from generators.llm.batch_client import Standing
    from generators.llm.batch_desk import Desk
    from generators.llm.batch_results import Funnel
    from generators.llm.journal import Journal
    from schemas.recipe import Recipe

X = TypeVar("X")


@click.group(help="Ask by files: export, submit, status, fetch, import, forget.")
def batch() -> None:
    """Batches cost half at OpenAI, and run on a cluster of your own with vLLM's run-batch."""


@batch.command(help="Write what would have to be asked as OpenAI Batch JSONL.")
@recipe_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder; else batch/ in the workspace.")
@click.option("--again", is_flag=True, help="Also export what is out already.")
@click.option("--max-lines", type=click.IntRange(1), default=50_000, show_default=True, help="Most requests in one file.")
@click.option("--max-bytes", type=click.IntRange(1000), default=200_000_000, show_default=True, help="Most bytes of one file.")
def export(  # noqa: D103 - its help says it
    recipe: Path,
    overrides: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    out: Path | None,
    again: bool,
    max_lines: int,
    max_bytes: int,
) -> None:
    from builder.batches import export_batch
    from builder.offline import prepared

    settings, root = opened(recipe, overrides)
    with prepared(settings, root, watch=watch_for(quiet=quiet or as_json, as_json=False), or_judge=True) as step:
        made = export_batch(step, folder=out, is_again=again, max_lines=max_lines, max_bytes=max_bytes)
    files = made.exported.files
    left_out = {"out": made.exported.out, "too_large": made.exported.too_large, "over_budget": made.over_budget}
    total = sum(file.lines for file in files)
    if as_json:
        names = [str(made.exported.folder / file.name) for file in files]
        click.echo(json.dumps({"files": names, "requests": total, "asker": made.asker, "rung": made.rung, "left_out": left_out}))
    elif not quiet:
        for file in files:
            tokens = f"about {file.prompt_tokens:,} tokens in prompts, at most {file.reply_tokens:,} in replies"
            click.echo(f"{made.exported.folder / file.name}  {file.lines:,} requests, {tokens}")
        told = f"{total:,} requests of the {made.asker.replace('_', ' ')} exported; replies are asked for as {made.rung} ({made.why})"
        click.echo(told if total else "nothing to export")
        words = {
            "out": "are out already (--again takes them too)",
            "too_large": "fit no file",
            "over_budget": "are over budget",
        }
        for name, count in left_out.items():
            if count:
                click.echo(f"{count:,} {words[name]}")


@batch.command(name="import", help="Take results in from anywhere; any order, any part, as often as you like.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@shared_options
def import_(recipe: Path, files: tuple[Path, ...], overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:  # noqa: D103
    from builder.batches import import_batch
    from builder.offline import journal_of

    settings, root = opened(recipe, overrides)
    with journal_of(settings, root) as journal:
        funnel = import_batch(settings, root, journal, list(files))
    _show(funnel, quiet=quiet, as_json=as_json)


@batch.command(help="Upload and submit what was exported.")
@recipe_options
@click.option("--again", is_flag=True, help="Submit also what an interrupted submit may have submitted.")
def submit(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, again: bool) -> None:  # noqa: D103
    from generators.llm.batch_client import submit as send

    sent = _at_desk(recipe, overrides, lambda desk, _settings, _root: send(desk, is_again=again))
    if as_json:
        click.echo(json.dumps([{"file": file.path, "batch": file.batch_id, "status": file.status} for file in sent]))
    elif not quiet:
        for file in sent:
            click.echo(f"{file.batch_id}  {file.status:<12} {file.lines:,} requests of {file.path}")
        if not sent:
            click.echo("everything that was exported is submitted")


@batch.command(help="Where the submitted batches are.")
@recipe_options
def status(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:  # noqa: D103
    from generators.llm.batch_client import look

    standings = _at_desk(recipe, overrides, lambda desk, _settings, _root: look(desk))
    if as_json:
        click.echo(json.dumps([_facts(standing) for standing in standings]))
    elif not quiet:
        _list(standings)


@batch.command(help="Fetch the results of the batches that have ended, and take them in.")
@recipe_options
def fetch(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:  # noqa: D103
    from builder.answers import BATCH
    from builder.batches import import_batch
    from generators.llm.batch_client import fetch as download
    from generators.llm.batch_client import returned

    async def work(desk: "Desk", settings: "Recipe", root: Path) -> "tuple[list[Standing], Funnel]":
        fetched = await download(desk, (root / settings.workspace).resolve() / BATCH / "results")
        funnel = import_batch(settings, root, desk.journal, [path for one in fetched for path in one.files])
        returned(desk.journal, fetched)
        return [one.standing for one in fetched], funnel

    standings, funnel = _at_desk(recipe, overrides, work)
    if not (quiet or as_json):
        _list(standings)
    _show(funnel, quiet=quiet, as_json=as_json)


@batch.command(help="Wait no longer for what is out: it may be asked again, and be paid again if it was sent.")
@recipe_options
def forget(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:  # noqa: D103
    from builder.offline import journal_of
    from generators.llm.batch import forget as give_up
    from generators.llm.batch import no_batch

    settings, root = opened(recipe, overrides)
    with journal_of(settings, root) as journal:
        files = give_up(journal)
    if not files:
        raise no_batch()
    if as_json:
        click.echo(json.dumps([{"file": file.path, "batch": file.batch_id, "requests": file.lines} for file in files]))
    elif not quiet:
        for file in files:
            click.echo(f"given up: {file.lines:,} requests of {file.path}; results that come all the same can be imported")


def _at_desk(recipe: Path, overrides: tuple[str, ...], work: "Callable[[Desk, Recipe, Path], Awaitable[X]]") -> X:
    """Do something at the endpoint's Files and Batches, with the journal of the recipe open."""
    from builder.offline import journal_of
    from generators.llm.batch import no_batch, sent_files
    from generators.llm.batch_desk import desk

    settings, root = opened(recipe, overrides)

    async def run(journal: "Journal") -> X:
        async with desk(settings.endpoint, journal) as at:
            return await work(at, settings, root)

    with journal_of(settings, root) as journal:
        if not any(file.is_out for file in sent_files(journal)):
            raise no_batch()
        return asyncio.run(run(journal))


def _facts(standing: "Standing") -> dict[str, object]:
    numbers = {"total": standing.total, "completed": standing.completed, "failed": standing.failed}
    return {"batch": standing.file.batch_id, "status": standing.status, **numbers, "problem": standing.problem}


def _list(standings: "list[Standing]") -> None:
    for one in standings:
        ended = f"{one.completed:,} of {one.total:,} answered, {one.failed:,} failed" if one.total else ""
        click.echo("  ".join(filter(None, [one.file.batch_id, f"{one.status:<12}", ended, one.problem])))
    if not standings:
        click.echo("exported but not submitted; submit with kilopair batch submit")


def _show(funnel: "Funnel", *, quiet: bool, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        click.echo(json.dumps(asdict(funnel), ensure_ascii=False))
        return
    if quiet:
        return
    click.echo(
        f"{funnel.lines:,} lines: {funnel.answered:,} answered, {funnel.already_there:,} already there, "
        f"{funnel.failed:,} failed (still to be asked), {funnel.unknown:,} unknown"
    )
    for problem, count in list(funnel.problems.items())[:5]:
        click.echo(f"  {count:,} {problem}")
