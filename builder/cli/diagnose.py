"""`kilopair diagnose`: what is weak in the tuned model, and why."""

import json
from pathlib import Path

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options


@click.command(help=COMMANDS["diagnose"][1])
@recipe_options
def diagnose(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Make what is missing up to the diagnosis, and print it."""
    from builder.diagnose.told import told
    from builder.pipeline import run as run_pipeline
    from builder.step import DIAGNOSIS, PAIRS
    from builder.store import read_json, read_records
    from schemas.diagnosis import Diagnosis
    from schemas.records import Pair

    settings, root = opened(recipe, overrides)
    done = run_pipeline(settings, root, until="diagnose", watch=watch_for(quiet=quiet, as_json=as_json))
    found = read_json(done.outputs["diagnose"].folder / DIAGNOSIS)
    if as_json:
        click.echo(json.dumps({"event": "diagnosis", **found}, ensure_ascii=False))
    elif not quiet:
        pairs = {pair.id: pair for pair in read_records(done.outputs["split"].folder / PAIRS, Pair)}
        click.echo(told(Diagnosis.model_validate(found), pairs))
