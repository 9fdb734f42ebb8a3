"""The `kilopair` command: a lazy group, so that `--help` imports nothing but click."""

import difflib
import importlib
import keyword
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

COMMANDS = {
    "init": ("builder.cli.project", "Write a commented recipe for a folder of documents."),
    "run": ("builder.cli.stages", "Do everything that is not done yet, up to the report."),
    "read": ("builder.cli.stages", "Documents to text and chunks."),
    "check": ("builder.cli.documents", "Secrets, contradictions, old versions in the documents."),
    "forget": ("builder.cli.documents", "Delete what the workspace holds of a document, and prove it."),
    "generate": ("builder.cli.stages", "Chunks to drafts of pairs, validated."),
    "batch": ("builder.cli.batch", "Ask by files: export, submit, status, fetch, import, forget."),
    "reparse": ("builder.cli.journal", "Make the pairs anew from the journal; sends nothing."),
    "grade": ("builder.cli.grade", "Judge what the rules ask, and switch off what is bad."),
    "judge": ("builder.cli.judge", "Have a language model judge the pairs by a rubric."),
    "calibrate": ("builder.cli.judge", "Fit the threshold of the judge to your decisions."),
    "curate": ("builder.cli.curate_file", "Drop duplicates and choose the pairs, of a run or of any file."),
    "import": ("builder.cli.curate_file", "Bring a file of pairs into kilopair's form."),
    "review": ("builder.cli.review", "Decide on pairs in a local page: accept, reject, edit."),
    "split": ("builder.cli.stages", "Divide into train, validation, test and paraphrase."),
    "preview": ("builder.cli.preview", "What the model will see: text, tokens, loss mask, lengths."),
    "models": ("builder.cli.models", "Compare candidate bases on this dataset before training."),
    "train": ("builder.cli.stages", "Make the embedded base if asked for, then fine-tune."),
    "evaluate": ("builder.cli.stages", "Base against tuned on the held-out sets."),
    "prove": ("builder.cli.prove", "Was it the data: the same base on other choices of pairs."),
    "diagnose": ("builder.cli.diagnose", "What is weak and why: failures, facts not known, doubtful pairs."),
    "iterate": ("builder.cli.iterate", "Add pairs where the model is weak, round by round, while it helps."),
    "package": ("builder.cli.package", "The model with its card, GGUF files, and the way to repeat it."),
    "report": ("builder.cli.stages", "Write the HTML report."),
    "status": ("builder.cli.look", "What is done, what is out of date."),
    "explain": ("builder.cli.look", "The full lineage of one pair."),
    "journal": ("builder.cli.journal", "What was asked, answered and spent."),
    "record": ("builder.cli.journal", "Write the answers to a file that replays them."),
    "export": ("builder.cli.use", "Write the pairs in the format of another tool."),
    "chat": ("builder.cli.use", "Talk to the tuned model."),
    "serve": ("builder.cli.use", "Serve the packaged GGUF by an OpenAI-compatible API."),
    "doctor": ("builder.cli.project", "Check this machine, the recipe and the endpoint."),
}


class LazyGroup(click.Group):
    """Knows the names and one-line helps of its commands; imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        return getattr(module, f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"{args[0]}: no such command; " + (f"did you mean {near[0]}?" if near else "see kilopair --help"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Print the version and leave."""
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version as installed

        click.echo(f"kilopair {installed('kilopair')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=version, help="Show the version.")
def group() -> None:
    """From a folder of documents to a small model that knows them: about 1,000 excellent pairs, trained and proved.

    Start with: kilopair init FOLDER, then kilopair run recipe.yaml. Every command skips what is already done.
    """


class _TerminatedError(BaseException):
    """The process was asked to end, which runs no `except Exception`; click would turn a KeyboardInterrupt into its own Abort."""


def _terminate(_signal: int, _frame: object) -> None:
    raise _TerminatedError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; our own errors print one line and set the exit code."""
    with _ended_by_sigterm():
        _run(arguments)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end the command in good order; whoever called us as a function finds the handler as it was."""
    try:
        before = signal.signal(signal.SIGTERM, _terminate)
    except ValueError:  # not in the main thread: the caller's signals are the caller's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)  # None: set by no Python code


def _run(arguments: Sequence[str] | None) -> None:
    from schemas.errors import KilopairError

    try:
        if _is_one_of_several():
            sys.exit(_take_part(arguments))
        sys.exit(group.main(args=arguments, prog_name="kilopair", standalone_mode=False) or 0)
    except KilopairError as error:
        _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(_said(error), error.exit_code)
    except _TerminatedError:
        _fail("terminated; what was finished is kept, the same command goes on", 143)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; what was finished is kept, the same command goes on", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _is_one_of_several() -> bool:
    """Tell whether torchrun or accelerate launch started this process with others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "LOCAL_RANK" in os.environ


def _take_part(arguments: Sequence[str] | None) -> int:
    """Do the command's work in process 0, and have the others follow its trainings."""
    from trainer.parallel import check_launch, follow, hand_out, is_follower

    if not is_follower():
        check_launch()  # process 0 speaks, and the launcher ends the others
    else:
        from trainer.sft import train

        follow(lambda **job: train(**job, progress=lambda *_: None))
    code = group.main(args=arguments, prog_name="kilopair", standalone_mode=False) or 0
    hand_out(None)
    return code


def _said(error: click.ClickException) -> str:
    """Return click's message in our form: one line, lower case, with where to look."""
    message = " ".join(error.format_message().split()).rstrip(".").replace(". Did you mean", "; did you mean")
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"; see {context.command_path} --help" if context and "--help" not in message and "did you mean" not in message else ""
    return f"{message[:1].lower()}{message[1:]}{hint}"


def _fail(message: str, code: int) -> None:
    if "--json" in sys.argv:
        import json

        click.echo(json.dumps({"event": "error", "message": message, "exit_code": code}, ensure_ascii=False))
    click.echo(f"kilopair: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
