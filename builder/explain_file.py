"""Why a pair of a file was chosen, or which gate it left at: `kilopair explain ID --from FOLDER` after `kilopair curate FILE`.

Everything is in the folder: curated.jsonl holds what decided in the scores of each pair, dropped.jsonl the stage, the reason and
the twin of each that left, manifest.json the limits. Lines are parsed only where they name the pair, so a million rows take seconds.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from builder.connect import CLUSTER
from builder.curation.choosing import limits_of
from builder.curation.out_folder import CURATED, DROPPED, MANIFEST
from builder.store import read_json, read_records
from schemas.curation_file import FileRecipe
from schemas.errors import UsageError, WorkspaceError
from schemas.records import Dropped, Pair

SHOWN, LONGEST = 5, 160  # copies that are named, and characters of a text about another pair
_ROW = re.compile(r"(.+):(\d+)")
_WORD = re.compile(r"[^\s(),;]+")


@dataclass(frozen=True)
class Explained:
    """One row of a file with what became of it, and the rows that decided it."""

    record: Pair | Dropped
    others: tuple[Pair | Dropped, ...]
    """Of a chosen pair its copies, of a dropped one the pairs that its reason names."""
    chosen: int
    limits: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the same for other programs."""
        return {
            "record": self.record.model_dump(mode="json"),
            "others": [other.model_dump(mode="json") for other in self.others],
            "chosen": self.chosen,
            "limits": list(self.limits),
        }

    def as_text(self) -> str:
        """Return it for people."""
        record = self.record
        why = _picked(record, self.chosen) if isinstance(record, Pair) else [("became", _fate(record))]
        named = "copy" if isinstance(record, Pair) else "twin"
        more = len(self.others) - SHOWN
        lines = [
            ("row", _place(record)),
            *_texts(record),
            *why,
            *(("limit", limit) for limit in self.limits),
            *((named, f"{other.id}, {_fate(other)}: {_short(other)}") for other in self.others[:SHOWN]),
            *([("", f"and {more:,} more")] if more > 0 else []),
        ]
        return "\n".join(f"{name:<9} {text}" for name, text in [("pair", record.id), *lines] if text)


def explain_row(folder: Path, name: str) -> Explained:
    """Return what became of a row: its id, a beginning of it that only one has, or FILE:NUMBER as its number in the file.

    Raises:
        UsageError: the folder holds no results of `kilopair curate FILE`.
        WorkspaceError: nothing is called so, or several rows are.
    """
    if not (folder / CURATED).exists() or not (folder / MANIFEST).exists():
        raise UsageError(f"{folder}: holds no result of kilopair curate FILE; give the folder that it wrote")
    pairs = list(read_records(folder / CURATED, Pair))
    wanted = _spellings(name)
    found = [pair for pair in pairs if _is(pair, name, wanted)]
    found += [record for record in _dropped(folder, wanted) if _is(record, name, wanted)]
    if len(found) != 1:
        told = "no row has" if not found else f"{len(found)} rows begin with"
        raise WorkspaceError(f"{name}: {told} this id; an id of this folder is {pairs[0].id}, a row {_example(pairs[0])}")
    record = found[0]
    if isinstance(record, Pair):
        copies = [other for other in _dropped(folder, [record.id]) if _cluster(other) == record.id]
        return Explained(record, tuple(copies), len(pairs), tuple(_limits(folder, record, pairs)))
    named = {*_WORD.findall(record.detail), _cluster(record)} - {record.id, ""}
    twins = [pair for pair in pairs if pair.id in named]
    twins += [other for other in _dropped(folder, named) if other.id in named]
    return Explained(record, tuple(twins), len(pairs))


def _example(pair: Pair) -> str:
    return _place(pair).replace(" row ", ":") or "FILE:NUMBER"


def _spellings(name: str) -> list[str]:
    """Return how a row may be called in the files: FILE:NUMBER is an id of what was no pair, and a place of what was."""
    row = _ROW.fullmatch(name)
    return [name, f"{row[1]} row {row[2]}"] if row else [name]


def _is(record: Pair | Dropped, name: str, spellings: Sequence[str]) -> bool:
    return record.id.startswith((name, f"pair-{name}")) if len(spellings) == 1 else record.id == name or _place(record) == spellings[1]


def _dropped(folder: Path, words: Iterable[str]) -> Iterator[Dropped]:
    """Yield what was dropped and holds one of the words."""
    needles = list(words)
    with (folder / DROPPED).open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if any(needle in line for needle in needles):
                try:
                    yield Dropped.model_validate_json(line)
                except ValidationError:
                    raise WorkspaceError(f"{folder / DROPPED}:{number}: damaged record; curate the file again") from None


def _limits(folder: Path, pair: Pair, pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield the limits that a chosen pair counts towards, with how full they are."""
    try:
        recipe = FileRecipe.model_validate(read_json(folder / MANIFEST)["recipe"])
    except (ValidationError, KeyError):
        raise WorkspaceError(f"{folder / MANIFEST}: of another version of kilopair; curate the file again") from None
    caps, of = limits_of(recipe)
    used = Counter(cap for other in pairs for cap in of(other))
    for cap in of(pair):
        most = caps.limit(*cap)
        if most < recipe.curate.target and (cap[0] != "fact" or used[cap] > 1):
            raised = ", more than its share, as the target was out of reach otherwise" if used[cap] > most else ""
            yield f"{cap[0]} {cap[1]!r} has {used[cap]} of {most:g} pairs{raised}"


def _picked(pair: Pair, chosen: int) -> list[tuple[str, str]]:
    """Return what decided for a chosen pair."""
    scores = pair.scores
    gain, quality = scores.get("gain"), scores.get("quality")
    counts = {name: int(scores[name]) for name in ("copies", "conflicts", "sibling") if name in scores}
    told = {
        "copies": "copies dropped: {}",
        "conflicts": "of them contradict it: {}",
        "sibling": "near questions about something else, kept: {}",
    }
    return [
        ("became", f"chosen, in {pair.split}"),
        ("pick", f"{scores.get('pick', 0):.0f} of {chosen:,}"),
        ("quality", "" if quality is None else f"{quality:.2f}: the share of all pairs that it is better than, by their scores"),
        ("gain", "" if gain is None else f"{gain:.3%}: what it adds to how well the pairs picked before it stand for all"),
        ("cluster", ", ".join(told[name].format(count) for name, count in counts.items())),
    ]


def _fate(record: Pair | Dropped) -> str:
    if isinstance(record, Pair):
        return f"chosen as number {record.scores.get('pick', 0):.0f}, in {record.split}"
    return f"dropped at {record.stage}: {record.reason.replace('_', ' ')}" + (f" ({record.detail})" if record.detail else "")


def _texts(record: Pair | Dropped) -> list[tuple[str, str]]:
    fields = record.model_dump() if isinstance(record, Pair) else record.record
    names = {"instruction": "question", "input": "input", "output": "response", "text": "text"}
    return [(told, str(fields.get(name) or "")) for name, told in names.items()]


def _short(record: Pair | Dropped) -> str:
    said = " → ".join(text for told, text in _texts(record) if text and told != "input")
    flat = " ".join(said.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def _place(record: Pair | Dropped) -> str:
    """Return the file and row that a record was read from, if it says so."""
    if isinstance(record, Pair):
        return record.provenance.rule or ""
    made = record.record.get("provenance")
    if isinstance(made, dict):
        return str(made.get("rule") or "")
    return f"{record.record['path']} row {record.record['row']}" if {"path", "row"} <= record.record.keys() else ""


def _cluster(record: Dropped) -> str:
    extra = record.record.get("extra")
    return str(extra.get(CLUSTER) or "") if isinstance(extra, dict) else ""
