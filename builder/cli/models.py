"""`kilopair models`: candidate bases side by side on this dataset, before anything is trained."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, shared_options

if TYPE_CHECKING:
    from rich.console import Console

    from schemas.recipe import Recipe
    from trainer.candidates import Candidate, Dataset

EMBEDDED = "embedded"
_NAMES, _COLUMN = 20, 20  # letters of the first column and of each candidate's


@click.command(help=COMMANDS["models"][1])
@click.argument("bases", metavar="MODEL...", nargs=-1)
@click.option(
    "--recipe", type=click.Path(path_type=Path), default="recipe.yaml", show_default=True, help="The recipe whose pairs are used."
)
@click.option("--questions", type=click.IntRange(2), default=32, show_default=True, help="Validation pairs that are scored, at most.")
@click.option(
    "--shots", type=click.IntRange(0), default=3, show_default=True, help="Training pairs that stand before a question as examples."
)
@click.option("--trial", "with_trial", is_flag=True, help="Also train two updates on the widest batch, to measure what training takes.")
@shared_options
def models(
    bases: tuple[str, ...],
    recipe: Path,
    questions: int,
    shots: int,
    with_trial: bool,
    overrides: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> None:
    """Compare folders, names at the hub, and `embedded`; without any, the base of the recipe and the embedded one."""
    from builder.model_stages import with_template
    from trainer.candidates import look_at
    from trainer.recommend import recommend

    settings, root = opened(recipe, overrides)
    section, _ = with_template(settings.train, root)
    wanted = list(dict.fromkeys(bases or (settings.train.base, EMBEDDED)))
    folders = _folders(wanted, settings, root, quiet=quiet or as_json)
    dataset = _dataset(settings, root, questions=questions, shots=shots)
    found: list[Candidate] = []
    for base in wanted:
        for said in look_at(base, folders[base], dataset, section=section, with_trial=with_trial):
            if not isinstance(said, str):
                found.append(said)
            elif not (quiet or as_json):
                click.echo(f"{said} ...", err=True)
    chosen, reason = recommend(found, dataset.questions)
    if as_json:
        facts = {"chosen": chosen, "reason": reason, "candidates": [candidate.as_json() for candidate in found]}
        click.echo(json.dumps(facts, ensure_ascii=False))
    elif not quiet:
        _show(found, reason)


def _folders(wanted: Sequence[str], settings: "Recipe", root: Path, *, quiet: bool) -> dict[str, str]:
    """Return where every candidate lies; the run is brought as far as the split, and the embedded base made if it is one of them."""
    from builder.model_stages import base_folder
    from builder.pipeline import run

    until = "pretrain" if EMBEDDED in wanted else "split"
    with_base = settings.model_copy(update={"train": settings.train.model_copy(update={"base": EMBEDDED})})
    done = run(with_base if EMBEDDED in wanted else settings, root, until=until, watch=watch_for(quiet=quiet, as_json=False))
    places = {base: next((str(path.resolve()) for path in (Path(base), root / base) if path.is_dir()), base) for base in wanted}
    return places | ({EMBEDDED: base_folder(done.outputs["pretrain"])} if EMBEDDED in wanted else {})


def _dataset(settings: "Recipe", root: Path, *, questions: int, shots: int) -> "Dataset":
    """Return the training pairs and evenly spread validation pairs, or test pairs where there are none."""
    from builder.lineage import split_pairs
    from schemas.errors import InputError
    from trainer.candidates import Dataset

    pairs = split_pairs(root / settings.workspace)
    parts = {name: [pair for pair in pairs if pair.split == name] for name in ("train", "validation")}
    if empty := [name for name, part in parts.items() if not part]:
        raise InputError(f"there are no {empty[0]} pairs to compare the models on; raise split.validation or curate.target")
    held = parts["validation"]
    count = min(questions, len(held))
    return Dataset(parts["train"], [held[index * len(held) // count] for index in range(count)], settings.seed, shots)


def _show(found: "Sequence[Candidate]", reason: str) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    beside = max(1, (console.width - _NAMES) // _COLUMN)
    for start in range(0, len(found), beside):
        _print_table(console, found[start : start + beside])
    for candidate in found:
        for note in _notes(candidate):
            console.print(f"{candidate.base}: {note}", markup=False, soft_wrap=True)
    console.print(f"\n{reason}", markup=False, soft_wrap=True)


def _print_table(console: "Console", found: "Sequence[Candidate]") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", min_width=_NAMES - 2)
    for candidate in found:
        table.add_column(candidate.base.rstrip("/").rpartition("/")[2], overflow="fold", min_width=_COLUMN - 2)
    for name, cell in _ROWS.items():
        cells = [cell(candidate) for candidate in found]
        if any(cells):
            table.add_row(name, *cells)
    console.print(table, markup=False)
    console.print()


def _notes(candidate: "Candidate") -> list[str]:
    notes = [f"not compared: {candidate.problem}"] if candidate.problem else []
    if candidate.gguf:
        notes.append(f"no GGUF: {candidate.gguf}")
    if candidate.memory and candidate.free and candidate.memory.total > candidate.free:
        how = (
            "trains row by row, with activations computed again"
            if candidate.fits
            else "does not train here, whatever the size of the batch"
        )
        notes.append(f"needs more memory than the {_gigabytes(candidate.free)} that are free, so it {how}")
    return [*notes, *candidate.notes]


def _gigabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 2**30:,.2f} GB" if size < 10 * 2**30 else f"{size / 2**30:,.0f} GB"


def _scores(candidate: "Candidate") -> str:
    score = candidate.few_shot
    return f"{score.token_f1:.2f}, {score.exact_match:.2f}" if score else ""


_ROWS: "dict[str, Callable[[Candidate], str]]" = {
    "parameters": lambda found: f"{found.parameters:,}" if found.parameters else "",
    "architecture": lambda found: found.architecture.removesuffix("ForCausalLM"),
    "licence": lambda found: "" if found.problem and not found.parameters else found.licence,
    "context": lambda found: "" if not found.lengths else f"{found.lengths.context:,}" if found.lengths.context else "not named",
    "longest pair": lambda found: f"{found.lengths.longest:,} tokens" if found.lengths else "",
    "pairs over it": lambda found: f"{found.lengths.over_share:.1%}" if found.lengths else "",
    "bytes per token": lambda found: f"{found.reading.bytes_per_token:.2f}" if found.reading else "",
    "words per token": lambda found: f"{found.reading.words_per_token:.2f}" if found.reading else "",
    "unknown, broken": lambda found: f"{found.reading.unknown_share:.1%}, {found.reading.broken_share:.1%}" if found.reading else "",
    "chat template": lambda found: found.template,
    "end token": lambda found: found.end_token,
    "memory to train": lambda found: _gigabytes(found.memory.total if found.memory else None),
    "  measured": lambda found: _gigabytes(found.trial.peak) if found.trial else "",
    "  an update": lambda found: f"{found.trial.seconds:.2f} s" if found.trial else "",
    "bits per byte": lambda found: f"{found.bits_per_byte:.2f}" if found.bits_per_byte is not None else "",
    "few-shot F1, exact": _scores,
    "GGUF": lambda found: "" if not found.architecture else "no" if found.gguf else "yes",
}
