"""`kilopair init` and `kilopair doctor`."""

import json
from pathlib import Path

import click

from builder.cli.options import opened


@click.command(help="Write a commented recipe for a folder of documents.")
@click.argument("documents", type=click.Path(path_type=Path), default="documents")
@click.option("-o", "--output", type=click.Path(path_type=Path), default="recipe.yaml", show_default=True, help="The recipe to write.")
@click.option("--company", default=None, help="Name of the company, used in questions.")
@click.option("--force", is_flag=True, help="Replace an existing recipe.")
def init(documents: Path, output: Path, company: str | None, force: bool) -> None:
    """Write a recipe with every field, its default and what it means."""
    import os

    from builder.recipe_file import write_recipe
    from schemas.errors import UsageError
    from schemas.recipe import DocumentsSection, Recipe

    if output.exists() and not force:
        raise UsageError(f"{output}: exists already; use --force to replace it or -o for another name")
    if not documents.exists():
        raise UsageError(f"{documents}: no such folder of documents; give one: kilopair init FOLDER")
    path = Path(os.path.relpath(documents.resolve(), output.resolve().parent))
    values: dict[str, object] = {"documents": DocumentsSection(path=path)}
    if company:
        values["company"] = company
    write_recipe(output, Recipe.model_validate(values))
    click.echo(f"wrote {output}; next: kilopair run {output}")


@click.command(help="Check this machine, the recipe and the endpoint.")
@click.argument("recipe", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(recipe: Path | None, as_json: bool) -> None:
    """Say what works and what does not; exit with 1 if something does not."""
    from builder.doctor import examine

    default = Path("recipe.yaml")
    chosen = recipe or (default if default.exists() else None)
    findings = list(examine(lambda: opened(chosen, ()) if chosen else None))
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.good else click.style("FAIL", fg="red")
            click.echo(f"{mark} {finding.what:<12} {finding.text}")
    if not all(finding.good for finding in findings):
        raise click.exceptions.Exit(1)
