"""Anybody's pairs to the best of them: rows in, the chosen ones out, with whatever left and why.

The gates are those of a run (`curation/choosing.py`), without the two that need documents. What is dropped is written as it
leaves; the pairs that are compared are held.

A folder `out` gets curated.jsonl (records with splits), dropped.jsonl (each record with stage, reason and detail), report.json
(the funnel, the certificate of the split, figures of diversity) and manifest.json (how to make it again, and hashes), all at
once. The same file and settings give the same bytes.
"""

import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.certificate import certificate
from builder.connect import Link
from builder.curation.chain import Funnel
from builder.curation.choosing import Choosing
from builder.curation.contaminate import Reference, references
from builder.curation.diversity import diversity
from builder.curation.embed import Progress
from builder.curation.explain_choice import curve, why_fewer
from builder.curation.importing import STAGE, import_pairs
from builder.curation.out_folder import CURATED, DROPPED, IMPORTED, MANIFEST, REPORT, claimed, is_made, lines
from builder.curation.rivals import compared, rivals
from builder.curation.table import Table, table
from builder.existing import TELLING_WORDS
from builder.export import export
from builder.rouge import normalised, words
from builder.split import split
from builder.store import read_records, write_json, write_records
from builder.student_base import student_of_file
from builder.watch import Silent, Watch
from schemas.curation_file import FileRecipe
from schemas.errors import InputError, UsageError
from schemas.records import SPLITS, Dropped, Pair

VECTORS, JOURNAL = ".vectors.sqlite", ".journal.sqlite"


@dataclass(frozen=True)
class Source:
    """Whose pairs: the file, by field the column that holds it, and files of questions that no pair may ask."""

    table: Table
    mapping: Mapping[str, str]
    against: tuple[Path, ...] = ()


def curate_file(  # noqa: PLR0913 options, keyword-only
    source: Source,
    out: Path,
    *,
    recipe: FileRecipe,
    formats: Sequence[str] = (),
    baselines: bool = False,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Write the chosen pairs of a file and everything about them into the folder `out`; return the report.

    Args:
        source: rows of any shape.
        out: a folder that is not there yet, empty, or of an earlier call, which stays as it was if this one fails.
        recipe: settings.
        formats: names of `builder.export.FORMATS` to write beside the records.
        baselines: whether to write as many training pairs at random, and the longest ones, and to compare their figures.
        watch: told about progress.

    Raises:
        UsageError: the folder holds something else, a column does not exist, or a student is wanted and no base is named.
        InputError: the file cannot be read, or none of its rows is a pair.
    """
    told = watch or Silent()
    progress: Progress = lambda done, total: told.advanced("embed", done, total, {})  # noqa: E731 typed
    student, against = student_of_file(recipe.choose), _asked_elsewhere(source, recipe)
    choosing = Choosing(recipe, out / VECTORS, against=against, progress=progress, journal=out / JOURNAL, student=student)
    with claimed(out, CURATED, source.table.path.name) as folder:
        with lines(folder / DROPPED) as drop:
            funnel = Funnel(drop, told)
            chosen = list(funnel.through(import_pairs(source.table, source.mapping), choosing.stages(), first=STAGE))
        _stop_if_lost(source, out, funnel)
        report = _Result(source, recipe, choosing, funnel, folder).write(chosen, formats, baselines=baselines) if chosen else {}
    if not chosen:
        raise _nothing_left(source, funnel, f"{out / DROPPED} says why")
    return report


def import_file(source: Source, out: Path, *, watch: Watch | None = None) -> dict[str, Any]:
    """Write the rows of a file as pairs into the folder `out`, and those that are none; return the counts.

    Raises:
        UsageError: the folder holds something else, or a column does not exist.
        InputError: the file cannot be read, or none of its rows is a pair.
    """
    with claimed(out, IMPORTED, source.table.path.name) as folder:
        with lines(folder / DROPPED) as drop, lines(folder / IMPORTED) as keep:
            funnel = Funnel(drop, watch or Silent())
            for pair in funnel.through(import_pairs(source.table, source.mapping), {}, first=STAGE):
                keep(pair)
        _stop_if_lost(source, out, funnel)
        _write_manifest(source, folder, _counts(funnel))
    if not funnel.kept:
        raise _nothing_left(source, funnel, f"{out / DROPPED} says why")
    return funnel[STAGE].as_json()


@dataclass(frozen=True)
class _Result:
    """What one call has to write, and into which folder."""

    source: Source
    recipe: FileRecipe
    choosing: Choosing
    funnel: Funnel
    folder: Path

    def write(self, chosen: Sequence[Pair], formats: Sequence[str], *, baselines: bool) -> dict[str, Any]:
        """Write everything but what was dropped, which is there; return the report."""
        started, watch, recipe = time.perf_counter(), self.funnel.watch, self.recipe
        watch.started("report")
        pairs, proof = divided(chosen, recipe)
        write_records(self.folder / CURATED, pairs)
        for form in formats:
            export(pairs, form, self.folder)
        report = self._report(pairs) | {"certificate": proof}
        if len(pairs) < recipe.curate.target:
            report["why_fewer"] = why_fewer([*pairs, *read_records(self.folder / DROPPED, Dropped)], recipe.curate.target)
        if baselines:
            report["baselines"] = self._rivals(pairs)
        write_json(self.folder / REPORT, report)
        facts = {"recipe": recipe.model_dump(mode="json"), **_counts(self.funnel)}
        _write_manifest(self.source, self.folder, facts, _against(self.source, recipe))
        watch.finished("report", {}, seconds=time.perf_counter() - started, fresh=True)
        return report

    def _report(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        supply = self.choosing.supply
        return {
            "source": self.source.table.path.name,
            "rows": self.funnel.passed[0].came,
            "chosen": len(pairs),
            **_counts(self.funnel),
            "clusters": _clusters(supply),
            "splits": {name: sum(pair.split == name for pair in pairs) for name in SPLITS},
            "diversity": diversity(pairs, supply=supply, vectors=self.choosing.of(pairs), reference=self.choosing.vectors),
            "curve": curve(pairs),
        }

    def _rivals(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        """Write what the choice is held against; return its figures."""
        sets = rivals(self.choosing, pairs)
        for kind, chosen in sets.items():
            write_records(self.folder / f"{kind}.jsonl", chosen)
        return {kind: compared(self.choosing, chosen) for kind, chosen in sets.items()}


def divided(pairs: Sequence[Pair], recipe: FileRecipe) -> tuple[list[Pair], dict[str, Any]]:
    """Return the pairs with their splits, and the certificate that nothing leaks: a response too is in one split only."""
    links, siblings, seed = same_responses(pairs), recipe.split.siblings, recipe.seed
    done = list(split(pairs, **recipe.split.model_dump(), paraphrase=0.0, unseen_forms=0.0, seed=seed, links=links))
    return done, certificate(done, seed=seed, siblings=siblings, links=links)


def same_responses(pairs: Sequence[Pair]) -> list[Link]:
    """Return each pair with the first one of the same response, where that is long enough to be no coincidence."""
    first: dict[str, str] = {}
    telling = ((pair, normalised(pair.output)) for pair in pairs if len(words(pair.output)) >= TELLING_WORDS)
    linked = ((first.setdefault(response, pair.id), pair.id) for pair, response in telling)
    return [(one, other) for one, other in linked if one != other]


def _clusters(pairs: Sequence[Pair]) -> dict[str, int]:
    """Return how many of the pairs have copies that were dropped, how many copies the most, and how many responses contradict."""
    copies, conflicts = ([int(pair.scores.get(name, 0)) for pair in pairs] for name in ("copies", "conflicts"))
    return {"with_copies": sum(map(bool, copies)), "most_copies": max(copies, default=0), "conflicts": sum(conflicts)}


def _counts(funnel: Funnel) -> dict[str, Any]:
    return {"funnel": [passed.as_json() for passed in funnel.passed]}


def _stop_if_lost(source: Source, out: Path, funnel: Funnel) -> None:
    """Stop where nothing is left to take the place of what an earlier call has made."""
    if not funnel.kept and is_made(out):
        raise _nothing_left(source, funnel, f"{out} stays as it was; see each row with another folder (--out)")


def _nothing_left(source: Source, funnel: Funnel, where: str) -> InputError:
    worst = ", ".join(f"{count} {reason.replace('_', ' ')}" for passed in funnel.passed for reason, count in passed.dropped.most_common(2))
    return InputError(f"{source.table.path.name}: none of its {funnel.passed[0].came} rows is left; {where} ({worst})")


def _asked_elsewhere(source: Source, recipe: FileRecipe) -> list[Reference]:
    """Return what the pairs may not ask."""
    section, files = recipe.decontaminate, _against(source, recipe)
    if itself := next((path for path in files if path.exists() and path.samefile(source.table.path)), None):
        raise UsageError(f"{itself}: holds the pairs themselves, so none would be left; name the file that you will evaluate with")
    return [asked for path in files for asked in references(path, columns=section.columns)]


def _against(source: Source, recipe: FileRecipe) -> tuple[Path, ...]:
    return (*source.against, *recipe.decontaminate.files)


def _write_manifest(source: Source, folder: Path, facts: Mapping[str, Any], against: Sequence[Path] = ()) -> None:
    """Write what anybody needs to repeat or audit the result, with the hashes of all files of the folder."""
    hashes = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    write_json(
        folder / MANIFEST,
        {
            "kilopair": importlib.metadata.version("kilopair"),
            "python": platform.python_version(),
            "source": {"name": source.table.path.name, "sha256": source.table.sha256(), "map": dict(source.mapping)},
            "against": {path.name: table(path).sha256() for path in against},
            **facts,
            "files": hashes,
        },
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
