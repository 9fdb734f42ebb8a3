"""`kilopair journal`, `kilopair record` and `kilopair reparse`: what was answered, as figures, as a file, and made into pairs again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import watch_for
from builder.cli.options import opened, recipe_options, shared_options

if TYPE_CHECKING:
    from schemas.recipe import Recipe


@click.command(help="What was asked, answered and spent.")
@recipe_options
def journal(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Print the figures of the journal."""
    from dataclasses import asdict

    from builder.offline import journal_of
    from generators.llm.embeddings import SLOT
    from generators.llm.recording import marks

    settings, root = opened(recipe, overrides)
    with journal_of(settings, root) as answers:
        vectors = answers.spent(SLOT)
        counts = {name: number for name, number in asdict(answers.counts).items() if name != "from_journal"}
        spent = {"answered": vectors.answered, "tokens": vectors.prompt_tokens, "usd": vectors.usd}
        facts = {**counts, "vectors": spent, "by_task": answers.sums("task"), "by_source": answers.sums("source"), **marks(answers)}
    facts.pop("answers")
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    elif not quiet:
        click.echo(f"calls      {counts['calls']:,}\nanswered   {counts['answered']:,} ({_shares(facts['by_source'])})")
        click.echo(f"tokens     {counts['prompt_tokens']:,} in prompts, {counts['completion_tokens']:,} in replies")
        click.echo(f"dollars    {_dollars(settings, counts)}")
        if counts["lost_tokens"]:
            click.echo(f"lost       {counts['lost_tokens']:,} tokens at most: answers that did not arrive and may have been paid for")
        if vectors.answered:
            click.echo(f"vectors    {vectors.answered:,} answers of them, {vectors.prompt_tokens:,} tokens, {vectors.usd:.4f} dollars")
        click.echo(f"by task    {_shares(facts['by_task'])}")
        for one in facts["recordings"]:
            click.echo(f"replayed   {one['name']} ({one['answers']:,} answers of {one['recorded']})")


def _dollars(settings: "Recipe", counts: dict[str, float]) -> str:
    """The sum, unless tokens were paid for at a price that nobody knows."""
    from generators.llm.prices import price_of

    uncapped = settings.budget.model_copy(update={"max_usd": None})  # a cap without a price is an error of who spends, not of who looks
    if counts["usd"] or not counts["completion_tokens"] or price_of(settings.endpoint, uncapped) is not None:
        return f"{counts['usd']:.4f}"
    return f"not known: no price of {settings.endpoint.model} in the table"


def _shares(counts: dict[str, int]) -> str:
    return ", ".join(f"{name or 'other'} {count:,}" for name, count in counts.items()) or "none"


@click.command(help="Write the answers to a file that replays them.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@shared_options
def record(recipe: Path, file: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Record the journal of a workspace."""
    from builder.offline import journal_of
    from generators.llm.recording import record as write

    settings, root = opened(recipe, overrides)
    with journal_of(settings, root) as answers:
        count = write(answers, file)
    if as_json:
        click.echo(json.dumps({"file": str(file), "answers": count}))
    elif not quiet:
        click.echo(f"wrote {count:,} answers to {file} (it holds text of your documents); replay it with --set endpoint.replay={file}")


@click.command(help="Make the pairs anew from the journal; sends nothing.")
@recipe_options
def reparse(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool) -> None:
    """Go from generate to split again, offline."""
    from builder.offline import reparse as again

    settings, root = opened(recipe, overrides)
    before, after, never_asked = again(settings, root, watch=watch_for(quiet=quiet or as_json, as_json=False))
    if as_json:
        click.echo(json.dumps({"before": before, "after": after, "never_asked": never_asked}))
    elif not quiet:
        for name, count in after.items():
            click.echo(f"{name:<9} {before[name]:>7,} before {count:>7,} now")
        if never_asked:
            click.echo(f"{never_asked:,} conversations lack an answer; kilopair generate asks for them")
        click.echo("kilopair run goes on with these pairs")
