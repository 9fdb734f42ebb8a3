"""`kilopair iterate`: rounds of more data where the model is weak, as a table."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options

if TYPE_CHECKING:
    from builder.iterate.iterate import Iterated

EXAMPLES = 3


@click.command(help=COMMANDS["iterate"][1])
@recipe_options
@click.option("--keep", is_flag=True, help="Make the best round's pairs and model those of the run, if a round was shown to help.")
def iterate(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, keep: bool) -> None:
    """Go round by round, print what each brought."""
    from builder.iterate.iterate import iterate as go_round

    settings, root = opened(recipe, overrides)
    done = go_round(settings, root, keep=keep, watch=watch_for(quiet=quiet, as_json=as_json))
    if as_json:
        event = {"event": "done", "iteration": str(done.path), "model": str(done.model) if done.model else None, "kept": done.kept}
        click.echo(json.dumps({**event, "sentence": done.made.sentence, "stop": done.made.stop}, ensure_ascii=False))
    elif not quiet:
        _print(done, keep=keep)
        click.echo(f"report   {shlex.join(['kilopair', 'report', str(recipe)])} puts the rounds into the report")


def _print(done: "Iterated", *, keep: bool) -> None:
    from builder.iterate.words import table

    made = done.made
    click.echo(f"\n{made.n} weak facts in {made.documents} documents: {made.asked} facts were asked about, {made.wrong} answered wrongly")
    for line in table(made) if made.rounds else ():
        click.echo(line)
    for comparison in made.held_out:
        click.echo(f"held out: {comparison.sentence}")
    for fact in [fact for fact in made.facts if fact.rounds and fact.right[-1] and not fact.right[0]][:EXAMPLES]:
        click.echo(f"\n{click.style('question', bold=True)}   {fact.question}\n  before   {fact.answers[0]}\n  after    {fact.answers[-1]}")
    for pair_id, other, reason in made.conflicts[:EXAMPLES]:
        click.echo(f"to decide: {pair_id} and {other} disagree ({reason})")
    click.echo(f"\n{made.sentence}\n\nrounds   {done.path}")
    if done.model:
        click.echo(f"model    {done.model}")
        click.echo(
            "the run goes on with its pairs" if done.kept else "keep     kilopair iterate --keep makes its pairs and model the run's own"
        )
    elif keep:
        click.echo("nothing was kept, as no round was shown to help")
