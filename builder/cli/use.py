"""`kilopair export` and `kilopair chat`."""

from pathlib import Path

import click

from builder.cli.options import opened, recipe_options

FORMATS = ("alpaca", "prompt-completion", "messages", "sharegpt", "openai")


@click.command(help="Write the pairs in the format of another tool.")
@recipe_options
@click.option("--format", "form", type=click.Choice(FORMATS), default="messages", show_default=True, help="The format.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=None, help="The folder to write to; else export/ in the workspace."
)
def export(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, form: str, output: Path | None) -> None:
    """Write one file per split."""
    import json

    from builder.export import export as write
    from builder.lineage import split_pairs

    settings, root = opened(recipe, overrides)
    workspace = root / settings.workspace
    written = write(split_pairs(workspace), form, output or workspace / "export" / form)
    if as_json:
        click.echo(json.dumps([str(path) for path in written]))
    elif not quiet:
        for path in written:
            click.echo(path)


@click.command(help="Talk to the tuned model; without a question it asks for one after another.")
@recipe_options
@click.option("-m", "--message", default=None, help="One question; prints the answer and ends.")
@click.option("--base", "with_base", is_flag=True, help="Show the base model's answer beside it.")
def chat(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, message: str | None, with_base: bool) -> None:
    """Answer questions with the model of the workspace."""
    import json

    from builder.lineage import model_folders
    from trainer.chat import Chat

    settings, root = opened(recipe, overrides)
    folders = model_folders(root / settings.workspace, with_base=with_base)
    models = {name: Chat(folder, template=settings.train.template) for name, folder in folders.items()}
    if not quiet and message is None:
        click.echo("ask a question; an empty line ends", err=True)
    while question := message or click.prompt("you", default="", show_default=False).strip():
        answers = {name: model.answer(question) for name, model in models.items()}
        if as_json:
            click.echo(json.dumps({"question": question, **answers}, ensure_ascii=False))
        else:
            for name, answer in answers.items():
                click.echo(f"{name}: {answer}" if with_base else answer)
        if message is not None:
            break
