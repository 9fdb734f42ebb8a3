"""`kilopair curate` of a recipe or of anybody's file of pairs, and `kilopair import`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, shared_options

if TYPE_CHECKING:
    from builder.curate_file import Source
    from schemas.curation_file import FileSplitSection

RECIPES = (".yaml", ".yml")
FORMATS = ("alpaca", "prompt-completion", "messages", "sharegpt", "openai")
SHOWN_VERBS = 6
_FAR = 0.05  # of the pairs: a split that differs by more from what was asked for is told

_source = click.argument("file", type=click.Path(path_type=Path))
_mapped = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=FIELD,...",
    help="Columns of the file, for example question=instruction,answer=output.",
)
_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder; else FILE-curated or FILE-imported."
)


@click.command(help=COMMANDS["curate"][1])
@click.argument("file", metavar="RECIPE|FILE", type=click.Path(path_type=Path), default="recipe.yaml")
@_out
@click.option("--target", type=click.IntRange(1), default=None, metavar="N", help="Pairs to choose; the same as --set curate.target=N.")
@_mapped
@click.option(
    "--against", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Questions that no pair may ask, such as a benchmark."
)
@click.option("--baselines", is_flag=True, help="Also write as many pairs at random, and the longest ones, to compare with.")
@click.option("--format", "formats", type=click.Choice(FORMATS), multiple=True, help="Also write the pairs in the format of another tool.")
@shared_options
def curate(
    file: Path,
    out: Path | None,
    target: int | None,
    mapping: tuple[str, ...],
    against: tuple[Path, ...],
    baselines: bool,
    formats: tuple[str, ...],
    overrides: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Choose the best of a run's pairs, or of the pairs in a file: JSONL, JSON, CSV, TSV, Parquet or the folder of a dataset."""
    from schemas.errors import UsageError

    overrides = (*overrides, *([f"curate.target={target}"] if target else []))
    if file.suffix.lower() in RECIPES:
        for_files = {"--out": out, "--map": mapping, "--against": against, "--baselines": baselines, "--format": formats}
        if given := next((name for name, value in for_files.items() if value), None):
            raise UsageError(f"{given} is for a file of pairs; {file} is a recipe, and its pairs are in its workspace")
        _curate_recipe(file, overrides, quiet=quiet, as_json=as_json)
        return

    from builder.curate_file import curate_file
    from builder.recipe_file import load
    from schemas.curation_file import FileRecipe

    folder = out or _folder(file, "curated")
    recipe = load(FileRecipe, None, overrides)
    watch = watch_for(quiet=quiet or as_json, as_json=False)  # with --json the report is all that is printed
    source = _opened(file, mapping, against)
    report = curate_file(source, folder, recipe=recipe, formats=formats, baselines=baselines, watch=watch)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    elif not quiet:
        _print_report(report, folder, recipe.split)


@click.command(name="import", help="Bring a file of pairs into kilopair's form.")
@_source
@_out
@_mapped
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def import_(file: Path, out: Path | None, mapping: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Write pairs.jsonl, and dropped.jsonl with every row that is no pair and why."""
    from builder.curate_file import DROPPED, IMPORTED, import_file

    folder = out or _folder(file, "imported")
    counts = import_file(_opened(file, mapping), folder, watch=watch_for(quiet=quiet or as_json, as_json=False))
    if as_json:
        click.echo(json.dumps(counts, ensure_ascii=False))
    elif not quiet:
        click.echo(f"pairs         {folder / IMPORTED}\ndropped       {folder / DROPPED}")


def _curate_recipe(recipe: Path, overrides: tuple[str, ...], *, quiet: bool, as_json: bool) -> None:
    from builder.pipeline import run

    settings, root = opened(recipe, overrides)
    run(settings, root, until="curate", watch=watch_for(quiet=quiet, as_json=as_json))


def _folder(file: Path, made: str) -> Path:
    name = file.name.removesuffix(".gz")
    return Path(f"{name if file.is_dir() else Path(name).stem}-{made}")


def _opened(file: Path, mapping: tuple[str, ...], against: tuple[Path, ...] = ()) -> "Source":
    from builder.curate_file import Source
    from builder.curation.columns import parsed
    from builder.curation.table import table

    return Source(table(file), parsed(mapping), against)


def _print_report(report: Mapping[str, Any], folder: Path, wanted: "FileSplitSection") -> None:
    """Print what was chosen, what the split is worth, and where all of it is; the funnel was told stage by stage."""
    if conflicts := report["clusters"]["conflicts"]:
        told = "1 pair contradicts" if conflicts == 1 else f"{conflicts:,} pairs contradict"
        click.echo(f"note: {told} a better one; look for the reason conflict in {folder / 'dropped.jsonl'}")
    if report.get("why_fewer"):
        click.echo(f"note: {report['why_fewer']}")
    click.echo(f"splits        {', '.join(f'{name} {size:,}' for name, size in report['splits'].items() if size)}")
    for line in _uneven(report["splits"], wanted):
        click.echo(line)
    click.echo(f"leaks         0; {_random(report['certificate']['random_split'])}")
    for line in (*_spread(report["diversity"]), *_compared(report)):
        click.echo(line)
    click.echo(f"pairs         {folder / 'curated.jsonl'}\nreport        {folder / 'report.json'}")


def _uneven(splits: Mapping[str, int], wanted: "FileSplitSection") -> list[str]:
    """Say which splits are far from what was asked for, and why."""
    total = sum(splits.values())
    shares = {"test": wanted.test + wanted.held_out_documents, "validation": wanted.validation}
    off = [name for name, share in shares.items() if abs(splits[name] / total - share) > max(_FAR, 1 / total)]
    told = ", ".join(f"{name} has {splits[name] / total:.0%} of the pairs instead of {shares[name]:.0%}" for name in off)
    advice = "; --set split.siblings=false divides near-identical questions" if wanted.siblings else ""
    return [f"note: {told}: what hangs together is never divided{advice}"] if off else []


def _random(drawn: Mapping[str, Any]) -> str:
    if not drawn["held_out"]:
        return "nothing is held out"
    share = f"{drawn['leaking_share']:.0%}"
    return f"a random split of the same sizes would leak {drawn['leaking_pairs']:g} of its {drawn['held_out']} held-out pairs ({share})"


def _spread(figures: Mapping[str, Any]) -> list[str]:
    """Tell the figures of diversity that say most."""
    verbs = [f"{arc['label']} {arc['count']}" for arc in figures["verbs"]["chart"] if arc["ring"] == 0][:SHOWN_VERBS]
    lines = [f"verbs         {', '.join(verbs) or 'none'}; {figures['verbs']['combinations']:,} with their nouns"]
    if figures["vectors"]:
        apart = figures["vectors"]
        lines.append(
            f"spread        NovelSum {apart['novel_sum']:.3f}, distance to the nearest other pair {apart['nearest']:.3f} on average"
        )
    return lines


def _compared(report: Mapping[str, Any]) -> list[str]:
    """Tell how far the pairs of the baselines lie apart."""
    spreads = {kind: found["vectors"] for kind, found in report.get("baselines", {}).items() if found["vectors"]}
    return [f"{kind:<13} NovelSum {found['novel_sum']:.3f}, nearest {found['nearest']:.3f}" for kind, found in spreads.items()]
