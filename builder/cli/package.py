"""`kilopair package`: the tuned model as people can use it, and on request at the Hub."""

from pathlib import Path

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options


@click.command(help=COMMANDS["package"][1])
@recipe_options
@click.option("--push", metavar="OWNER/NAME", default=None, help="Upload the folder to this repository of the Hub, without the pairs.")
@click.option("--public", is_flag=True, help="Make a new repository one that everybody can see.")
def package(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, push: str | None, public: bool) -> None:
    """Make what is missing up to the package, and push it if asked to."""
    import json

    from builder.pipeline import run as run_pipeline
    from schemas.errors import UsageError

    if public and not push:
        raise UsageError("--public says who sees a repository; give --push OWNER/NAME with it")
    settings, root = opened(recipe, overrides)
    if push:
        from trainer.export.hub import check_push

        check_push(push, settings.package.license)  # before the work, not after
    done = run_pipeline(settings, root, until="package", watch=watch_for(quiet=quiet, as_json=as_json))
    address = None
    if push:
        from trainer.export.hub import push as upload

        address = upload(done.model, push, license=settings.package.license, public=public)
    if as_json:
        click.echo(json.dumps({"event": "done", "model": str(done.model), "pushed": address}))
    elif not quiet:
        click.echo(address or str(done.model))
