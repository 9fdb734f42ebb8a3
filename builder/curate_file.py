"""Anybody's pairs to the best of them: rows in, the chosen ones out, with whatever left and why.

The same stages as in a run, without documents: what needs a source (`ground`) or an endpoint (`judge`) has its place in
`stages_of`, between `dedup` and `select`. What is dropped is written as it leaves; the pairs that are compared are held.

A folder `out` gets curated.jsonl (records with splits), dropped.jsonl (each record with stage, reason and detail), report.json
(the funnel, the certificate of the split, figures of diversity) and manifest.json (how to make it again, and hashes). The same
file and settings give the same bytes.
"""

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.certificate import certificate
from builder.connect import Link
from builder.curation.chain import Passed, Stage, through
from builder.curation.choosing import Choosing
from builder.curation.contaminate import Reference, decontaminate, references
from builder.curation.diversity import diversity
from builder.curation.explain_choice import curve, why_fewer
from builder.curation.importing import STAGE, import_pairs
from builder.curation.out_folder import CURATED, DROPPED, IMPORTED, MANIFEST, REPORT, claimed, lines
from builder.curation.rivals import compared, rivals
from builder.curation.screen import screen
from builder.curation.table import Table, table
from builder.existing import TELLING_WORDS
from builder.export import export
from builder.rouge import normalised, words
from builder.split import split
from builder.store import read_json, read_records, write_json, write_records
from schemas.curation_file import FileRecipe
from schemas.errors import InputError, UsageError
from schemas.records import SPLITS, Dropped, Pair


@dataclass(frozen=True)
class Source:
    """Whose pairs: the file, by field the column that holds it, and files of questions that no pair may ask."""

    table: Table
    mapping: Mapping[str, str]
    against: tuple[Path, ...] = ()


def curate_file(source: Source, out: Path, *, recipe: FileRecipe, formats: Sequence[str] = (), baselines: bool = False) -> dict[str, Any]:
    """Write the chosen pairs of a file and everything about them into the folder `out`; return the report.

    Args:
        source: rows of any shape.
        out: a folder that is not there yet, empty, or of an earlier call.
        recipe: settings.
        formats: names of `builder.export.FORMATS` to write beside the records.
        baselines: whether to write as many training pairs at random, and the longest ones, and to compare their figures.

    Raises:
        UsageError: the folder holds something else, or a column does not exist.
        InputError: the file cannot be read, or none of its rows is a pair.
    """
    against = _asked_elsewhere(source, recipe)
    choosing = Choosing(recipe, cache=out / ".vectors.sqlite")
    stages = stages_of(recipe, choosing, against)
    with claimed(out, CURATED, source.table.path.name), lines(out / DROPPED) as drop:
        records = import_pairs(source.table, source.mapping)
        chosen, funnel = through(records, stages, first=STAGE, drop=drop)
    if not chosen:
        raise _nothing_left(source, out, funnel)
    pairs, proof = divided(chosen, recipe)
    write_records(out / CURATED, pairs)
    exported = [path for form in formats for path in export(pairs, form, out)]
    report = _report(source, pairs, funnel, choosing) | {"certificate": proof}
    if len(pairs) < recipe.curate.target:
        report["why_fewer"] = why_fewer([*pairs, *read_records(out / DROPPED, Dropped)], recipe.curate.target)
    written = [out / CURATED, out / DROPPED, out / REPORT, *exported]
    for kind, chosen_so in rivals(choosing, pairs).items() if baselines else ():
        write_records(out / f"{kind}.jsonl", chosen_so)
        report.setdefault("baselines", {})[kind] = compared(choosing, chosen_so)
        written.append(out / f"{kind}.jsonl")
    write_json(out / REPORT, report)
    facts = {"recipe": recipe.model_dump(mode="json"), **_counts(funnel)}
    _write_manifest(source, out, written, facts, _against(source, recipe))
    return report


def import_file(source: Source, out: Path) -> dict[str, Any]:
    """Write the rows of a file as pairs into the folder `out`, and those that are none; return the counts.

    Raises:
        UsageError: the folder holds something else, or a column does not exist.
        InputError: the file cannot be read, or none of its rows is a pair.
    """
    passed = Passed(STAGE)
    with claimed(out, IMPORTED, source.table.path.name), lines(out / DROPPED) as drop, lines(out / IMPORTED) as keep:
        for record in import_pairs(source.table, source.mapping):
            passed.came += 1
            if isinstance(record, Dropped):
                passed.dropped[str(record.reason)] += 1
                drop(record)
            else:
                passed.kept += 1
                keep(record)
    _write_manifest(source, out, [out / IMPORTED, out / DROPPED], _counts([passed]))
    if not passed.kept:
        raise _nothing_left(source, out, [passed])
    return passed.as_json()


def stages_of(recipe: FileRecipe, choosing: Choosing, against: Sequence[Reference]) -> dict[str, Stage]:
    """Return the stages that pairs without documents pass, in order."""
    return {
        "screen": lambda pairs: screen(pairs, settings=recipe.screen, policy=recipe.findings),
        **({"decontaminate": lambda pairs: _decontaminated(pairs, against, recipe)} if against else {}),
        "dedup": choosing.without_copies,
        "select": choosing.choose,
    }


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


def _report(source: Source, pairs: Sequence[Pair], funnel: Sequence[Passed], choosing: Choosing) -> dict[str, Any]:
    return {
        "source": source.table.path.name,
        "rows": funnel[0].came,
        "chosen": len(pairs),
        "funnel": [passed.as_json() for passed in funnel],
        "clusters": _clusters(choosing.supply),
        "splits": {name: sum(pair.split == name for pair in pairs) for name in SPLITS},
        "diversity": diversity(pairs, supply=choosing.supply, vectors=choosing.of(pairs), reference=choosing.vectors),
        "curve": curve(pairs),
    }


def _clusters(pairs: Sequence[Pair]) -> dict[str, int]:
    """Return how many of the pairs have copies that were dropped, how many copies the most, and how many responses contradict."""
    copies, conflicts = ([int(pair.scores.get(name, 0)) for pair in pairs] for name in ("copies", "conflicts"))
    return {"with_copies": sum(map(bool, copies)), "most_copies": max(copies, default=0), "conflicts": sum(conflicts)}


def _counts(funnel: Sequence[Passed]) -> dict[str, Any]:
    return {"funnel": [passed.as_json() for passed in funnel]}


def _worst(funnel: Sequence[Passed]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for passed in funnel for reason, count in passed.dropped.most_common(2))


def _nothing_left(source: Source, out: Path, funnel: Sequence[Passed]) -> InputError:
    return InputError(f"{source.table.path.name}: none of its {funnel[0].came} rows is left; {out / DROPPED} says why ({_worst(funnel)})")


def _asked_elsewhere(source: Source, recipe: FileRecipe) -> list[Reference]:
    """Return what the pairs may not ask."""
    section, files = recipe.decontaminate, _against(source, recipe)
    if itself := next((path for path in files if path.exists() and path.samefile(source.table.path)), None):
        raise UsageError(f"{itself}: holds the pairs themselves, so none would be left; name the file that you will evaluate with")
    return [asked for path in files for asked in references(path, columns=section.columns)]


def _against(source: Source, recipe: FileRecipe) -> tuple[Path, ...]:
    return (*source.against, *recipe.decontaminate.files)


def _decontaminated(pairs: Iterable[Pair], against: Sequence[Reference], recipe: FileRecipe) -> Iterator[Pair | Dropped]:
    section = recipe.decontaminate
    return decontaminate(pairs, against, shared=section.shared_words, rouge_l=section.rouge_l, siblings=section.siblings)


def _write_manifest(source: Source, out: Path, files: Sequence[Path], facts: Mapping[str, Any], against: Sequence[Path] = ()) -> None:
    """Write what anybody needs to repeat or audit the result; files of an earlier one that were not made again go."""
    hashes = {path.name: _sha256(path) for path in files}
    earlier = read_json(out / MANIFEST)["files"] if (out / MANIFEST).exists() else {}
    for name in earlier.keys() - hashes.keys():
        (out / Path(name).name).unlink(missing_ok=True)
    write_json(
        out / MANIFEST,
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
