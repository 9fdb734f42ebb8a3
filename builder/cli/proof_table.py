"""What an evaluation proved, in a terminal: one table by the declared metric, the verdict, and a sentence for every comparison."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

_NAMES = {"few_shot": "few-shot", "with_passage": "+ passage"}
_SIGNS = {"better": ("better", "green"), "worse": ("WORSE", "red"), "same": ("same", None), "not_shown": ("not shown", "yellow")}
_WIDTH = 20


def show(evaluation: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the table and the sentences, or one line of JSON."""
    if as_json:
        kept = {name: evaluation.get(name) for name in ("verdict", "estimates", "comparisons", "noise_floor", "declared")}
        click.echo(json.dumps({"event": "evaluated", **kept}, ensure_ascii=False))
        return
    _table(evaluation, str(evaluation["declared"]["metric"]))
    noise = evaluation["noise_floor"]
    changed = f"\nnoise floor: {noise['system']} asked again changes {noise['changed']:.0%} of {noise['n']} answers"
    click.echo(changed + (f", {noise['metric'].replace('_', ' ')} by {noise['mean']:.3f} on average" if "mean" in noise else ""))
    for one in evaluation["comparisons"]:
        word, colour = _SIGNS[one["verdict"]]
        click.echo(f"{click.style(f'{word:<9}', fg=colour, bold=True)} {one['sentence']}")
    if verdict := evaluation.get("verdict"):
        click.echo(f"\n{click.style('verdict', bold=True)}   {verdict['sentence']}")


def _table(evaluation: Mapping[str, Any], metric: str) -> None:
    found = [one for one in evaluation["estimates"] if one["metric"] == metric]
    systems = [name for name in evaluation["systems"] if any(one["system"] == name for one in found)]
    by_place = {(one["set"], one["system"]): one for one in found}
    sets = dict.fromkeys(one["set"] for one in found)
    title = f"{metric.replace('_', ' ')} with its interval"
    wide = max(len(title), *(len(name) for name in sets)) if sets else len(title)
    click.echo(click.style(f"{title:<{wide}}      n" + "".join(f"{_NAMES.get(name, name):>{_WIDTH}}" for name in systems), bold=True))
    for name in sets:
        row = [by_place.get((name, system)) for system in systems]
        click.echo(f"{name.replace('_', ' '):<{wide}} {max(one['n'] for one in row if one):>6}" + _cells(row))


def _cells(row: Sequence[Mapping[str, Any] | None]) -> str:
    return "".join(f"{_cell(one) if one else '':>{_WIDTH}}" for one in row)


def _cell(one: Mapping[str, Any]) -> str:
    return f"{one['mean']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
