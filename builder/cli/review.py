"""`kilopair review`: the page on which people decide about pairs, and what can be done with their decisions without it."""

import getpass
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options
from schemas.review import LONGEST_NAME, State

if TYPE_CHECKING:
    from schemas.recipe import Recipe

NEWEST = 20  # events that --log prints


@dataclass(frozen=True)
class _Asked:
    """What the command line asks for: the recipe, and how to tell what was done."""

    recipe: "Recipe"
    root: Path
    name: str
    quiet: bool
    as_json: bool

    @property
    def workspace(self) -> Path:
        return (self.root / self.recipe.workspace).resolve()

    def say(self, lines: Iterable[str], figures: object) -> None:
        """Print lines for people, or one JSON object for programs."""
        if self.as_json:
            click.echo(json.dumps(figures, ensure_ascii=False))
        elif not self.quiet:
            for line in lines:
                click.echo(line)


@click.command(help=COMMANDS["review"][1])
@recipe_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; another address lets other machines in.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--name", default="", metavar="REVIEWER", help="Who decides; else your login name.")
@click.option("--open/--no-open", "opens", default=True, help="Open a browser.")
@click.option("--undo", default="", metavar="OP|BULK|last", help="Take back one event, a bulk action, or the last one of --name.")
@click.option("--log", "newest", is_flag=True, help=f"Print the newest {NEWEST} events.")
@click.option("--status", "standing", is_flag=True, help="Print how far the review is, and how far reviewers agree.")
@click.option(
    "--import", "files", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help="Take in decisions; may be repeated."
)
@click.option("--export", "events", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Write all events (JSONL).")
@click.option("--static", type=click.Path(path_type=Path), default=None, metavar="FILE.html", help="Write a page that needs no kilopair.")
@click.option("--assign", default="", metavar="ANN,BOB", help="With --static: a file for each of them, with a share of the items.")
@click.option("--overlap", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="With --assign: the share that all get.")
@click.option("--filter", "state", type=click.Choice(get_args(State)), default=None, help="With --static: only items of this state.")
@click.option("--most", type=click.IntRange(1), default=None, metavar="N", help="With --static: the N most doubtful items.")
@click.option("--preferences", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Write edits for DPO training (JSONL).")
def review(
    recipe: Path,
    overrides: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    host: str,
    port: int,
    name: str,
    opens: bool,
    undo: str,
    newest: bool,
    standing: bool,
    files: tuple[Path, ...],
    events: Path | None,
    static: Path | None,
    assign: str,
    overlap: float,
    state: str | None,
    most: int | None,
    preferences: Path | None,
) -> None:
    """Serve the review page until Ctrl-C, or do one thing with the decisions."""
    wanted: dict[str, Callable[[_Asked], None]] = {}
    if undo:
        wanted["--undo"] = lambda asked: _undo(asked, undo)
    if newest:
        wanted["--log"] = _log
    if standing:
        wanted["--status"] = _status
    if files:
        wanted["--import"] = lambda asked: _import(asked, files)
    if events:
        wanted["--export"] = lambda asked: _export(asked, events)
    if static:
        names = tuple(name.strip() for name in assign.split(",") if name.strip())
        wanted["--static"] = lambda asked: _static(asked, static, names, overlap, state, most)
    if preferences:
        wanted["--preferences"] = lambda asked: _preferences(asked, preferences)
    _refuse_mixed(list(wanted), static, {"--assign": bool(assign), "--filter": bool(state), "--most": bool(most)})
    settings, root = opened(recipe, overrides)
    asked = _Asked(settings, root, (name.strip() or _login_name())[:LONGEST_NAME], quiet, as_json)
    next(iter(wanted.values()), lambda asked: _serve(asked, host, port, opens))(asked)


def _refuse_mixed(wanted: list[str], static: Path | None, of_static: dict[str, bool]) -> None:
    from schemas.errors import UsageError

    if len(wanted) > 1:
        raise UsageError(f"{' and '.join(wanted)}: one thing at a time")
    for option, is_given in of_static.items():
        if is_given and not static:
            raise UsageError(f"{option} belongs to --static FILE.html")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no entry
        return "reviewer"


def _serve(asked: _Asked, host: str, port: int, opens: bool) -> None:
    from builder.review.serve import serve
    from builder.review.sitting import Sitting

    serve(asked.recipe, asked.root, Sitting(host, port, asked.name, opens, asked.quiet, asked.as_json))


def _undo(asked: _Asked, target: str) -> None:
    from builder.review.log import ReviewLog
    from builder.review.undo import undo

    with ReviewLog(asked.workspace) as log:
        undone = undo(log, target, reviewer=asked.name)
    asked.say(undone.lines(), undone.as_json())


def _log(asked: _Asked) -> None:
    from builder.review.event_lines import event_lines
    from builder.review.log import ReviewLog

    with ReviewLog(asked.workspace) as log:
        events = list(log.events())
    if asked.as_json:
        for event in events[-NEWEST:]:
            click.echo(event.model_dump_json())
    else:
        asked.say(event_lines(events[-NEWEST:], everything=events) or ["nobody has decided anything yet"], None)


def _status(asked: _Asked) -> None:
    from builder.review.status import status

    found = status(asked.workspace)
    asked.say(found.lines(), found.as_json())


def _import(asked: _Asked, files: tuple[Path, ...]) -> None:
    from builder.review.decide import Deciding
    from builder.review.importing import Here, import_decisions
    from builder.review.opened import opened_review
    from builder.review.repair import Settings

    with opened_review(asked.workspace) as (index, log):
        here = Here.of(index, Deciding(index, log, Settings.of(asked.recipe.curate, asked.root)))
        taken = [import_decisions(path, log, here, reviewer=asked.name) for path in files]
    asked.say([line for one in taken for line in one.lines()], [one.as_json() for one in taken])


def _export(asked: _Asked, path: Path) -> None:
    from builder.review.log import ReviewLog
    from builder.store import write_records
    from schemas.errors import UsageError

    with ReviewLog(asked.workspace) as log:
        try:
            count = write_records(path, log.events())
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file") from None
    asked.say([f"wrote {count:,} events to {path}; kilopair review --import takes them in"], {"file": str(path), "events": count})


def _static(asked: _Asked, path: Path, names: tuple[str, ...], overlap: float, state: str | None, most: int | None) -> None:
    from builder.judge_recipe import rubric_of
    from builder.review.static import Wanted, export_static

    wanted = Wanted(names, overlap, state, most, rubric_of(asked.recipe, asked.root))
    written = export_static(asked.workspace, path, wanted)
    asked.say([one.line() for one in written], [one.as_json() for one in written])


def _preferences(asked: _Asked, path: Path) -> None:
    from builder.review.preferences import write_preferences

    written = write_preferences(asked.workspace, path)
    asked.say(written.lines(), written.as_json())
