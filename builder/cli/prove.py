"""`kilopair prove`: the same base on the curated pairs and on others of the same number, asked the same questions."""

import json
import shlex
from pathlib import Path

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options


@click.command(help=COMMANDS["prove"][1])
@recipe_options
@click.option("--seeds", type=click.IntRange(1), default=None, metavar="N", help="Trainings of each selection (prove.seeds).")
@click.option(
    "--selection", "selections", multiple=True, metavar="NAME=FILE", help="Also prove against your own: a file of pairs or of their ids."
)
def prove(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, seeds: int | None, selections: tuple[str, ...]) -> None:
    """Train on every selection, compare, and write prove.json."""
    from builder.prove.markdown import markdown
    from builder.prove.stage import prove as made

    settings, root = opened(recipe, (*overrides, *([f"prove.seeds={seeds}"] if seeds else [])))
    files = dict(map(_named, selections))
    tell = (lambda _: None) if quiet or as_json else (lambda text: click.echo(f"note: {text}", err=True))
    proof = made(settings, root, files=files, watch=watch_for(quiet=quiet, as_json=as_json), tell=tell)
    if as_json:
        click.echo(json.dumps({"event": "done", **proof}, ensure_ascii=False))
    elif not quiet:
        click.echo(f"\n{markdown(proof)}")
        tell(f"{shlex.join(['kilopair', 'report', str(recipe)])} puts it into the report")


def _named(option: str) -> tuple[str, Path]:
    from schemas.errors import UsageError

    name, equals, path = option.partition("=")
    if not (name and equals and path):
        raise UsageError(f"--selection {option}: write it as NAME=FILE, for example --selection mine=mine.jsonl")
    return name, Path(path)
