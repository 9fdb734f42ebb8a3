"""`kilopair preview`: what the model will see, in the terminal and as a page."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.main import COMMANDS
from builder.cli.options import opened, shared_options

if TYPE_CHECKING:
    from builder.preview.gather import Gathered
    from trainer.preview import Preview

RECIPES = (".yaml", ".yml")


@click.command(help=COMMANDS["preview"][1])
@click.argument("file", metavar="RECIPE|FILE", type=click.Path(path_type=Path), default="recipe.yaml")
@click.option("--base", default=None, metavar="MODEL", help="A model's folder or name; needed for a file of pairs.")
@click.option("--map", "mapping", multiple=True, metavar="COLUMN=FIELD,...", help="Columns of the file, for example question=instruction.")
@click.option("--rows", type=click.IntRange(0), default=3, show_default=True, help="Rows shown in full, from the shortest to the longest.")
@click.option("--pair", "pairs", multiple=True, metavar="ID", help="Show these pairs instead.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="PAGE", help="Also write a page.")
@shared_options
def preview(
    file: Path,
    base: str | None,
    mapping: tuple[str, ...],
    rows: int,
    pairs: tuple[str, ...],
    html: Path | None,
    overrides: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Show text, tokens, loss mask and lengths of a run's pairs, or of the pairs in a file; exit with 6 where training would refuse."""
    from builder.preview.page import figures, page
    from builder.store import write_text
    from schemas.errors import TrainingError
    from trainer.preview import Wanted
    from trainer.preview import preview as look
    from trainer.templates import choose_template

    found = _gathered(file, base, mapping, overrides)
    template = choose_template(found.tokenizer, found.section.template, system=found.section.system)
    seen = look(found.pairs, template, found.section, limit=found.limit, wanted=Wanted(rows, pairs))
    if html:
        write_text(html, page(seen, title=file.name if file.suffix not in RECIPES else file.resolve().parent.name, base=found.base))
    if as_json:
        click.echo(json.dumps(_facts(seen, figures(seen)), ensure_ascii=False))
    elif not quiet:
        from builder.preview.terminal import show

        show(seen, figures(seen), base=found.base, dropped=found.dropped)
        if html:
            click.echo(f"page       {html}")
    if seen.problems:
        raise TrainingError(f"training would refuse these pairs: {'; '.join(problem.found for problem in seen.problems)}")


def _gathered(file: Path, base: str | None, mapping: tuple[str, ...], overrides: tuple[str, ...]) -> "Gathered":
    from builder.preview.gather import of_file, of_run
    from schemas.errors import UsageError

    if file.suffix.lower() in RECIPES:
        if base or mapping:
            raise UsageError(f"--base and --map are for a file of pairs; {file} is a recipe, which names its base (--set train.base=...)")
        return of_run(*opened(file, overrides))
    if not base:
        raise UsageError(f"{file}: a file of pairs needs --base MODEL, whose tokenizer and template would be used")
    from builder.curation.columns import parsed
    from builder.recipe_file import load
    from schemas.recipe import Recipe

    return of_file(file, parsed(mapping), load(Recipe, None, overrides).train, base)


def _facts(seen: "Preview", figures: dict[str, float]) -> dict[str, Any]:
    return {
        "template": seen.template.name,
        "system": seen.template.system,
        "end_token": seen.template.tokenizer.convert_ids_to_tokens(seen.template.end),
        "limit": seen.limit,
        **figures,
        "problems": [{"what": problem.what, "pairs": problem.pairs, "advice": problem.advice} for problem in seen.problems],
        "notes": seen.notes,
        "rows": [{"pair_id": row.sheet.pair_id, "text": row.text(), "tail": row.sheet.tail} for row in seen.shown],
    }
