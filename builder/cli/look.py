"""`kilopair status` and `kilopair explain`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import summary
from builder.cli.options import opened, recipe_options

if TYPE_CHECKING:
    from builder.explain_file import Explained
    from builder.lineage import Lineage


@click.command(help="What is done, what is out of date.")
@recipe_options
def status(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Print a line per stage."""
    from builder.pipeline import status as look

    settings, root = opened(recipe, overrides)
    outputs = look(settings, root)
    if as_json:
        facts = {
            name: None if output is None else {"folder": str(output.folder), "counts": output.counts} for name, output in outputs.items()
        }
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    elif not quiet:
        for name, output in outputs.items():
            state = summary(name, output.counts) if output else "to do"
            click.echo(f"{'done' if output else '    '}  {name:<9} {state}")
        if outputs["validate"] and not outputs["curate"] and (waiting := _waiting(root / settings.workspace)):
            click.echo(f"note: decisions of kilopair review that curate does when it runs: {waiting:,}")


def _waiting(workspace: Path) -> int:
    from builder.review.decided import decided
    from builder.review.replay import reads

    return len(reads(decided(workspace)))


@click.command(help="The full lineage of one pair: from the answer back to the characters of the document.")
@click.argument("pair_id")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    metavar="FOLDER",
    help="Of a pair that kilopair curate FILE chose or dropped into this folder; PAIR_ID may then be FILE:NUMBER, a row.",
)
@recipe_options
def explain(pair_id: str, folder: Path | None, recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Print where a pair comes from and what became of it."""
    told = _of_run(pair_id, recipe, overrides) if folder is None else _of_file(pair_id, folder)
    if as_json:
        click.echo(json.dumps(told.as_json(), ensure_ascii=False, indent=2))
    elif not quiet:
        click.echo(told.as_text())


def _of_run(pair_id: str, recipe: Path, overrides: tuple[str, ...]) -> "Lineage":
    from builder.lineage import explain as trace

    settings, root = opened(recipe, overrides)
    return trace(root / settings.workspace, pair_id)


def _of_file(pair_id: str, folder: Path) -> "Explained":
    from builder.explain_file import explain_row

    return explain_row(folder, pair_id)
