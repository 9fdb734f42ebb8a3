"""`kilopair export`, `kilopair chat` and `kilopair serve`."""

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
@click.option("--history", is_flag=True, help="Let it see the turns before, for a model trained on conversations; /new forgets them.")
def chat(recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, message: str | None, with_base: bool, history: bool) -> None:
    """Answer questions with the model of the workspace."""
    import json

    from builder.lineage import model_folders
    from schemas.records import Turn
    from trainer.chat import Chat

    settings, root = opened(recipe, overrides)
    folders = model_folders(root / settings.workspace, with_base=with_base)
    models = {name: Chat(folder, prompts_of=folders["tuned"]) for name, folder in folders.items()}
    said: dict[str, list[Turn]] = {name: [] for name in models}
    if not quiet and message is None:
        click.echo("ask a question; an empty line ends", err=True)
    while question := message or click.prompt("you", default="", show_default=False).strip():
        if question == "/new":
            said = {name: [] for name in models}
            continue
        answers = {name: model.answer(question, history=said[name]) for name, model in models.items()}
        if as_json:
            click.echo(json.dumps({"question": question, **answers}, ensure_ascii=False))
        else:
            for name, answer in answers.items():
                click.echo(f"{name}: {answer}" if with_base else answer)
        if message is not None:
            break
        for name, answer in answers.items() if history else ():
            said[name] += [Turn(role="user", content=question), Turn(role="assistant", content=answer)]


@click.command(help="Serve the packaged GGUF by an OpenAI-compatible API, until Ctrl-C.")
@recipe_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; other machines only with a key.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--key-env", metavar="NAME", default=None, help="The variable that holds the key that a request must have.")
@click.option("--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="Another GGUF file.")
def serve(
    recipe: Path, overrides: tuple[str, ...], quiet: bool, as_json: bool, host: str, port: int, key_env: str | None, file: Path | None
) -> None:
    """Start the server, say where it is, and wait."""
    import contextlib
    import json
    import os
    import threading

    from builder.serve import Address, served_file, start
    from builder.step import MODEL
    from schemas.errors import UsageError

    if key_env and not os.environ.get(key_env):
        raise UsageError(f"--key-env {key_env}: the variable is not set")
    settings, root = opened(recipe, overrides)
    found = file or served_file(root / settings.workspace / MODEL)
    server = start(found, Address(host, port, os.environ[key_env] if key_env else ""))
    address = f"{server.listening_address}/v1"
    if as_json:
        click.echo(json.dumps({"event": "serving", "base_url": address, "model": found.stem}))
    elif not quiet:
        click.echo(f"{found.name} at {address} (model {found.stem}); Ctrl-C ends")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
