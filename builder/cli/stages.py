"""`kilopair run` and the stages by themselves: each makes what is missing up to its own end."""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options

if TYPE_CHECKING:
    from builder.pipeline import Run

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

    return command


run, read, generate, curate, split, train, evaluate, report = (
    _command(name) for name in ("run", "read", "generate", "curate", "split", "train", "evaluate", "report")
)


def _finish(done: "Run", recipe: Path, *, as_json: bool) -> None:
    """Print where the report is and a few answers, base beside tuned."""
    from builder.report.render import telling_answers

    answers = telling_answers(done.answers, EXAMPLES)
    if as_json:
        click.echo(
            json.dumps({"event": "done", "report": str(done.report), "model": str(done.model), "examples": answers}, ensure_ascii=False)
        )
        return
    for answer in answers:
        click.echo(f"\n{click.style('question', bold=True)}   {answer['question']}")
        click.echo(f"  base     {_short(answer['base'])}")
        click.echo(f"  tuned    {click.style(_short(answer['tuned']), bold=True)}")
        click.echo(f"  expected {_short(answer['reference'])}")
    command = "kilopair" if shutil.which("kilopair") else sys.argv[0]
    click.echo(f"\nreport   {done.report}\nmodel    {done.model}\ntalk     {command} chat {recipe}")


def _short(text: str, width: int = 200) -> str:
    words = " ".join(text.split())
    return words if len(words) <= width else words[: width - 1] + "…"
