"""`kilopair status` and `kilopair explain`."""

import json
from pathlib import Path

import click

from builder.cli.display import summary
from builder.cli.options import opened, recipe_options


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


@click.command(help="The full lineage of one pair: from the answer back to the characters of the document.")
@click.argument("pair_id")
@recipe_options
def explain(pair_id: str, recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Print where a pair comes from and what became of it."""
    from builder.lineage import explain as trace

    settings, root = opened(recipe, overrides)
    lineage = trace(root / settings.workspace, pair_id)
    if as_json:
        click.echo(json.dumps(lineage.as_json(), ensure_ascii=False, indent=2))
    elif not quiet:
        click.echo(lineage.as_text())
