"""`kilopair grade`: facts of every family before a person's eyes, and what follows from the grades."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.display import watch_for
from builder.cli.main import COMMANDS
from builder.cli.options import opened, recipe_options

if TYPE_CHECKING:
    from rich.console import Console

    from builder.grade import Session, Shown
    from builder.grades import Standing

KEYS = "a, b, c: grade   s: skip   u: undo   q: quit, go on later"
WIDEST = 110  # columns: longer lines are hard to read
LONGEST_INPUT = 900  # characters of a passage


@click.command(help=COMMANDS["grade"][1])
@recipe_options
@click.option("--facts", type=click.IntRange(1), default=30, show_default=True, metavar="N", help="Facts to grade of each family.")
@click.option("--family", "only", multiple=True, metavar="NAME", help="Only this family; may be given again.")
@click.option("--name", default="", help="Who grades; stands beside each grade.")
@click.option("--write", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Write a sheet to fill in: .csv or .md.")
@click.option("--read", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Record the grades of a sheet.")
def grade(
    recipe: Path,
    overrides: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    facts: int,
    only: tuple[str, ...],
    name: str,
    write: Path | None,
    read: Path | None,
) -> None:
    """Show facts and record what a person thinks of them, in the terminal or by a sheet; print how the families stand."""
    from builder.grade import Session, facts_to_grade, record
    from builder.grade_sheet import read_sheet, write_sheet
    from builder.grades import read_grades, standings, wrong_family
    from schemas.errors import UsageError

    if read and write:
        raise UsageError("--write makes a sheet and --read takes it in; use one of them")
    settings, root = opened(recipe, overrides)
    workspace = (root / settings.workspace).resolve()
    standings(settings, {})  # a wrong name or sheet is said before anybody works
    if wrong := wrong_family(only):
        raise UsageError(f"--family {wrong}")
    filled = read_sheet(read) if read else []
    watch = watch_for(quiet=quiet or as_json, as_json=False)
    found = facts_to_grade(settings, root, most=facts + len(read_grades(workspace)), watch=watch)
    session = Session(workspace, {name: shown for name, shown in found.items() if not only or name in only}, facts, name)
    if read:
        count = record(workspace, filled, name=name)
        told = f"{read}: {count:,} grades are new or changed"
    elif write:
        count = write_sheet(write, (shown for family in session.facts for shown in session.waiting(family)))
        told = f"wrote {count:,} facts to {write}; fill in the grades, then: kilopair grade {recipe} --read {write}"
    else:
        told = "" if as_json or quiet else _sit(session)
    standing = standings(settings, read_grades(workspace))
    if as_json:
        counts = {family: len(shown) for family, shown in found.items()}
        rows = [{**one.as_json(), "facts": counts[one.family.name]} for one in standing.values()]
        click.echo(json.dumps({"families": rows}, ensure_ascii=False))
    elif not quiet:
        if not write:
            _print_standing(standing, found)
        click.echo(told)


def _sit(session: "Session") -> str:
    """Show one fact after another until there are none, or the person leaves; return what to say at the end."""
    from rich.console import Console

    console, keys = Console(highlight=False), _keys()
    console.width = min(console.width, WIDEST)
    if session.next() is None:
        return "every family has its grades; --facts 60 shows more"
    _explain(console)
    shown = session.next()
    while shown is not None:
        _show(console, session, shown)
        answer = _asked(keys)
        if answer == "q":
            return f"{session.now:,} graded now, {session.left():,} to go; the same command goes on"
        if answer == "u":
            undone = session.undo()
            console.print("[dim]nothing to undo in this sitting[/]" if undone is None else "[dim]undone; once more:[/]")
            shown = undone or shown
            continue
        session.say(shown, {"a": "A", "b": "B", "c": "C"}.get(answer, "skip"))  # pyright: ignore[reportArgumentType]
        shown = session.next()
    return "done: every family has its grades"


def _keys() -> Iterator[str]:
    """Single keys of a terminal, or the letters of what is piped in; ends with the input."""
    if sys.stdin.isatty():
        while True:
            try:
                yield click.getchar().lower()
            except EOFError:
                return
    for line in sys.stdin:
        yield from (letter for letter in line.lower() if not letter.isspace())


def _asked(keys: Iterator[str]) -> str:
    click.echo(f"{KEYS} > ", nl=False)
    for key in keys:
        if key in "abcsuq":
            click.echo(key)
            return key
    click.echo("q")
    return "q"


def _explain(console: "Console") -> None:
    from builder.grades import MEANING

    for letter, meaning in MEANING.items():
        console.print(f"[bold]{letter}[/]  {meaning}")
    console.print("When in doubt, the worse grade.", style="dim")


def _show(console: "Console", session: "Session", shown: "Shown") -> None:
    from rich.panel import Panel
    from rich.text import Text

    from builder.grade import printable
    from generators.extractive.catalogue import families

    family = families()[shown.family]
    number = session.graded(shown.family) + 1
    done = f"{family.name} {number} of {number - 1 + session.left(shown.family)}: {family.about}"
    body = Text(overflow="fold")
    for title, text in (("question", shown.question), ("passage", _short(shown.input)), ("answer", shown.answer)):
        if text:
            body.append(f"{title}\n", style="dim").append(f"{printable(text)}\n\n", style="bold" if title != "passage" else "")
    body.append(f"evidence in {printable(shown.place)}\n", style="dim")
    for quoted in shown.evidence:
        body.append(f"…{_flat(quoted.before)}", style="dim").append(printable(quoted.quote), style="yellow")
        body.append(f"{_flat(quoted.after)}…\n", style="dim")
    body.rstrip()
    console.print(Panel(body, title=Text(done), subtitle=Text(f"{session.left():,} to go"), title_align="left", subtitle_align="right"))


def _print_standing(standing: "Mapping[str, Standing]", found: "Mapping[str, list[Shown]]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("family", "A", "B", "C", "share of A", "asked", "why"):
        table.add_column(title, justify="left" if title in {"family", "asked", "why"} else "right", overflow="fold")
    for name, one in standing.items():
        if not one.graded and not found[name]:
            continue
        figures = [str(one.grades.get(letter, 0)) for letter in "ABC"] if one.graded else ["", "", ""]
        share = f"{one.share:.0%}" if one.graded else ""
        table.add_row(name, *figures, share, Text("yes", "green") if one.on else Text("no", "red"), one.why)
    Console(highlight=False).print(table)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_INPUT else f"{text[:LONGEST_INPUT]} […]"


def _flat(text: str) -> str:
    """On one line, with the space at its ends that it had."""
    from builder.grade import printable

    return re.sub(r"\s+", " ", printable(text))
