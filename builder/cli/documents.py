"""`kilopair check` and `kilopair forget`: what the documents hold, and one of them less."""

import json
from pathlib import Path

import click

from builder.cli.display import watch_for
from builder.cli.options import opened, recipe_options


@click.command(help="Secrets, contradictions, old versions in the documents.")
@recipe_options
@click.pass_context
def check(context: click.Context, recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Read the documents, print what was found, and exit with 1 where the recipe says stop."""
    from builder.findings.stage import look

    settings, root = opened(recipe, overrides)
    output = look(settings, root, watch=watch_for(quiet=quiet or as_json, as_json=False))
    found = json.loads((output.folder / "findings.json").read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps({"counts": output.counts, "findings": found}, ensure_ascii=False))
    elif not quiet:
        click.echo((output.folder / "findings.md").read_text(encoding="utf-8"), nl=False)
    if output.counts["stop"]:
        context.exit(1)


@click.command(help="Delete what the workspace holds of a document, and prove it.")
@click.argument("document")
@recipe_options
@click.option("--models", is_flag=True, help="Delete the models that may have learned from it, too.")
def forget(document: str, recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, models: bool) -> None:
    """Forget a document by its path or id."""
    from builder.forget import forget as erase

    settings, root = opened(recipe, overrides)
    report = erase((root / settings.workspace).resolve(), document, models=models)
    if as_json:
        facts = {"document": report.entry.model_dump(mode="json"), "removed": report.removed, "requests": report.requests}
        facts |= {"decisions": report.decisions}
        click.echo(json.dumps({**facts, "still": [{"path": path, "why": why} for path, why in report.still]}, ensure_ascii=False))
        return
    if quiet:
        return
    click.echo(f"forgotten  {report.entry.path} ({', '.join(report.entry.ids)})")
    click.echo(f"deleted    {len(report.removed):,} outputs and {report.requests:,} requests of the journal that quote it")
    if report.decisions:
        click.echo(f"emptied    {report.decisions:,} events of the review log: who decided what and when stays, without the texts")
    for path, why in report.still:
        click.echo(f"still      {path}: {why}")
    if not report.still:
        click.echo("searched   every file of the workspace: none quotes it")
    click.echo("next       kilopair run makes the dataset and the model again without it; the file itself is yours to delete")
