"""How a run looks in a terminal, in a log, and as JSON lines."""

import json
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from builder.report.trained import line
from builder.watch import Silent, Watch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG_EVERY_SECONDS = 10.0


def watch_for(*, quiet: bool, as_json: bool) -> Watch:
    """Return the watch that suits the options and the terminal."""
    if as_json:
        return JsonLines()
    if quiet:
        return Silent()
    return Live() if sys.stderr.isatty() else Log()


def summary(stage: str, counts: Mapping[str, Any]) -> str:
    """One line about a finished stage, in words."""
    dropped = sum(counts["dropped"].values()) if "dropped" in counts else 0
    worst = ", ".join(f"{count} {str(reason).replace('_', ' ')}" for reason, count in list(counts.get("dropped", {}).items())[:3])
    texts = {
        "read": lambda: f"{counts['kept']} documents",
        "check": lambda: f"{sum(counts['found'].values()):,} findings" + (f", {counts['stop']:,} to stop at" if counts["stop"] else ""),
        "chunk": lambda: f"{counts['chunks']} chunks of {counts['documents']} documents, {counts['tokens']:,} tokens",
        "generate": lambda: f"{counts['kept']:,} drafts from {counts['chunks_with_drafts']} of {counts['chunks']} chunks{_sources(counts)}",
        "validate": lambda: f"{counts['kept']:,} valid pairs",
        "curate": lambda: f"{counts['kept']:,} chosen of {counts['distinct']:,} distinct pairs{_reviewed(counts)}",
        "split": lambda: (
            f"train {counts['train']}, validation {counts['validation']}, test {counts['test']}, paraphrase {counts['paraphrase']}"
        ),
        "pretrain": lambda: _model_line(counts) if "parameters" in counts else f"base model {counts['base']}",
        "train": lambda: _model_line(counts),
        "evaluate": lambda: _evaluate_line(counts),
        "diagnose": lambda: _diagnose_line(counts),
        "package": lambda: _package_line(counts),
        "report": lambda: "report written",
    }
    line = texts[stage]() if stage in texts else _passed(counts)
    return f"{line}; {dropped:,} dropped ({worst})" if dropped else line


def _passed(counts: Mapping[str, Any]) -> str:
    """How many records a gate let pass, what a training came to, or how many questions a model answered rightly."""
    if {"right", "questions"} <= counts.keys():
        return f"{counts['right']:,} of {counts['questions']:,} questions answered rightly"
    return f"{counts['kept']:,} of {counts['in']:,}" if {"kept", "in"} <= counts.keys() else _model_line(counts)


def _answering(counts: Mapping[str, Any]) -> str:
    """Who answered the held-out questions."""
    names = [str(name).replace("_", " ") for name in counts.get("systems", ("base", "tuned"))]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _reviewed(counts: Mapping[str, Any]) -> str:
    """How many pairs people decided about, each way."""
    done = counts.get("review", {}).get("done", {})
    return f", by people: {', '.join(f'{count:,} {state}' for state, count in done.items())}" if done else ""


def _sources(counts: Mapping[str, Any]) -> str:
    """Where the answers of a language model came from."""
    answers = counts.get("answers", {})
    return f", answers: {', '.join(f'{count:,} {source}' for source, count in answers.items())}" if answers else ""


def notices(counts: Mapping[str, Any]) -> list[str]:
    """What the user should be told about a finished stage, one line each."""
    over = "the budget is reached, so not everything was asked; raise it in the section budget and run again"
    return [*counts.get("notices", ()), *([over] if counts.get("over_budget") else [])]


def _model_line(counts: Mapping[str, Any]) -> str:
    parts = [f"{counts['parameters']:,} parameters"] if "parameters" in counts else []
    parts += [f"{counts['updates']} updates"] if "updates" in counts else []
    parts += [f"loss {counts['loss']:.3f}"] if "loss" in counts else []
    parts += [f"{counts['tokens_per_second']:,.0f} tokens/s"] if "tokens_per_second" in counts else []
    parts += [f"went on after update {counts['resumed_after']:,}"] if counts.get("resumed_after") else []
    parts += [kept] if (kept := line(counts)) else []
    return ", ".join(parts)


def _diagnose_line(counts: Mapping[str, Any]) -> str:
    worst = ", ".join(f"{count} {cause.replace('_', ' ')}" for cause, count in list(counts["causes"].items())[:2])
    parts = [f"{counts['wrong']} of {counts['questions']} answers wrong" + (f" ({worst})" if worst else "")]
    parts += [f"{counts['probed']} facts asked"] if counts["probed"] else []
    return ", ".join([*parts, f"{counts['suspects']} doubtful pairs"])


def _evaluate_line(counts: Mapping[str, Any]) -> str:
    if counts.get("win_rate"):
        return "a judge prefers its answers: " + ", ".join(
            f"win rate {rate:.0%} against {name.replace('_', ' ')}" for name, rate in counts["win_rate"].items()
        )
    return f"{counts['questions']} held-out questions answered by {_answering(counts)}"


def _package_line(counts: Mapping[str, Any]) -> str:
    files = [f"{name} ({one['answers_equal']:.1%} same answers)" for name, one in counts["gguf"].items()]
    return f"{counts['name']}: card, data and YAML to repeat it" + (f", {', '.join(files)}" if files else "")


class JsonLines:
    """One JSON object per line on standard output, for other programs."""

    def started(self, stage: str) -> None:
        """Print that a stage starts."""
        self._print(event="started", stage=stage)

    def advanced(self, stage: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Print progress."""
        self._print(event="progress", stage=stage, done=done, total=total, **figures)

    def finished(self, stage: str, counts: Mapping[str, object], *, seconds: float, fresh: bool) -> None:
        """Print the counts of a stage, without long series."""
        plain = {name: value for name, value in counts.items() if name == "notices" or not isinstance(value, list)}
        self._print(event="finished", stage=stage, fresh=fresh, seconds=round(seconds, 3), counts=plain)

    def _print(self, **event: object) -> None:
        click.echo(json.dumps(event, ensure_ascii=False))


class Log:
    """Plain lines on standard error, for logs: each stage once, and a sign of life every ten seconds."""

    def __init__(self) -> None:
        self._last = 0.0

    def started(self, stage: str) -> None:
        """Print that a stage starts."""
        self._last = time.monotonic()
        click.echo(f"{stage:<9} ...", err=True)

    def advanced(self, stage: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Print progress now and then."""
        if time.monotonic() - self._last >= LOG_EVERY_SECONDS:
            self._last = time.monotonic()
            click.echo(f"{stage:<9} {done}{f'/{total}' if total else ''} {_figures(figures)}".rstrip(), err=True)

    def finished(self, stage: str, counts: Mapping[str, object], *, seconds: float, fresh: bool) -> None:
        """Print what the stage made."""
        click.echo(f"{stage:<9} {summary(stage, counts)} ({_time(seconds) if fresh else 'already done'})", err=True)
        for notice in notices(counts) if fresh else ():
            click.echo(f"note: {notice}", err=True)


class Live:
    """A live bar for the stage at work, with counts and time to go; finished stages stay as lines."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if context := click.get_current_context(silent=True):
            context.call_on_close(self._stop)  # an error leaves neither half a bar nor a terminal without its cursor

    def started(self, stage: str) -> None:
        """Show a bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, TextColumn("{task.fields[figures]}"), console=self._console, transient=True)
        self._task = self._progress.add_task(stage, total=None, figures="")
        self._progress.start()

    def advanced(self, stage: str, done: int, total: int, figures: Mapping[str, float]) -> None:  # noqa: ARG002
        """Move the bar."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total or None, figures=_figures(figures, left=False))

    def finished(self, stage: str, counts: Mapping[str, object], *, seconds: float, fresh: bool) -> None:
        """Replace the bar by a line."""
        self._stop()
        mark, when = ("[green]✓[/]", _time(seconds)) if fresh else ("[dim]·[/]", "already done")
        self._console.print(f"{mark} [bold]{stage:<9}[/] {summary(stage, counts)} [dim]({when})[/]")
        for notice in notices(counts) if fresh else ():
            self._console.print("note:", notice, markup=False)

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _figures(figures: Mapping[str, float], *, left: bool = True) -> str:
    plain = {name: value for name, value in figures.items() if name not in ("step", "seconds_left")}
    shown = [f"{name.replace('_', ' ')} {value:{',.0f' if value >= 100 else '.3g'}}" for name, value in plain.items()]
    return "  ".join([*shown, *([f"left {_time(figures['seconds_left'])}"] if left and "seconds_left" in figures else [])])


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
