"""The stages as steps of a run: each reads the outputs before it, calls pure functions, and writes its own folder.

A step names everything that its result depends on (`reads`) and the code behind it; the workspace decides whether
there is anything to do. Groups have files of their own: `generate_stage`, `curate_stage`, `model_stages`, `diagnose.stage`.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.curate_stage import curate, split
from builder.diagnose.stage import diagnose
from builder.findings.stage import check
from builder.generate_stage import VALID, generate
from builder.model_stages import evaluate, folder_stamp, pretrain, train
from builder.package_stage import package
from builder.step import CHUNKS, DOCUMENTS, DRAFTS, PAIRS, RECORDS, Step, save
from builder.store import read_records, write_json
from builder.workspace import Counts, Output, code_hash
from schemas.errors import InputError
from schemas.records import Chunk, Document, Draft, Dropped, content_id

if TYPE_CHECKING:
    from builder.read import Found, Records


_REPORT = (
    "builder.report", "builder.balance", "builder.figures_in_words", "builder.calibrate", "builder.connect", "builder.curation",
    "builder.review.agreed", "builder.review.changed", "builder.review.fold",
)  # fmt: skip


class _NotRememberedError(Exception):
    """A file was never read, or not by this code."""


def read(step: Step) -> Output:
    """Files to documents; each file is remembered by its bytes and its reader, so an unchanged one is not parsed again."""
    from builder.findings.mask import CODE as MASK
    from builder.findings.mask import actions
    from builder.forget import forgotten
    from builder.formats import code_behind, formats, library_versions
    from builder.read import CODE, find, limits_of, read_each, readers_of, unique

    section = step.recipe.documents
    gone, policy = forgotten(step.work.folder), step.recipe.findings
    found = find(section, step.root, leave_out=step.work.folder, policy=policy)
    unread = {file.name: dropped for file in found if (dropped := gone.drops(file.name, file.sha256))}
    files = [file for file in found if file.name not in unread]
    limits = limits_of(section)
    ocr = [section.ocr_language, folder_stamp(step.root / section.tessdata)] if section.tessdata else None
    libraries, masks = library_versions(), actions(policy)
    version = cache(lambda readers: [code_hash((*CODE, *MASK, *code_behind(readers))), *libraries])

    @cache  # it is asked for again when the file has been read, and looks into it
    def key(file: "Found") -> str:
        readers = readers_of(file)
        own = ocr if any(formats()[name].scans for name in readers) else None
        return content_id("file", file.name, file.sha256, file.source.max_bytes, version(readers), masks, own)

    def recall(file: "Found") -> "Records | None":
        try:
            return step.work.remember("read", key(file), Document, _not_remembered)
        except _NotRememberedError:
            return None

    def finish(file: "Found", records: "Records", is_lasting: bool) -> "Records":
        kept = [*map(gone.but, records)]
        if is_lasting and kept == records:  # what is forgotten may be wanted again
            step.work.remember("read", key(file), Document, lambda: kept)
        return kept

    def make(folder: Path) -> Counts:
        progress = step.work.progress("read")

        def documents() -> Iterator[Document | Dropped]:
            yield from unread.values()
            with closing(read_each(files, limits=limits, recall=recall, finish=finish)) as groups:
                for number, records in enumerate(groups, start=1):
                    yield from map(gone.but, records)
                    progress(number, len(files), {})

        counts = save(folder, DOCUMENTS, unique(documents()))
        if not counts["kept"]:
            raise InputError(
                f"{section.path}: none of its {len(files)} files could be read; see documents.path and documents.include ({_worst(counts)})"
            )
        return counts

    reads = {
        "files": {file.name: file.state for file in found},
        "findings": masks,
        "forgotten": gone.key,
        "max_bytes": int(section.max_megabytes * 1_000_000),
        "seconds": limits.seconds,
        "megabytes": limits.megabytes,
        "ocr": ocr,
        "libraries": libraries,
    }
    code = (*CODE, *MASK, "builder.forget", "builder.isolate", *code_behind(tuple(formats())))
    return step.work.stage("read", reads=reads, code=code, make=make)


def chunk(step: Step) -> Output:
    """Documents to chunks within the token budget, without boilerplate and without what another document says as well."""
    from builder.pieces import CODE, counter, pieces

    tokens, tokenizer = step.recipe.chunk.tokens, step.recipe.chunk.tokenizer
    place = step.root / tokenizer if tokenizer else None

    def make(folder: Path) -> Counts:
        documents = step.documents()
        counts = save(folder, CHUNKS, pieces(documents, tokens=tokens, count_many=counter(place) if place else None))
        kept = read_records(folder / CHUNKS, Chunk)
        return {"documents": len(documents), "chunks": counts["kept"], "tokens": sum(piece.tokens for piece in kept), **counts}

    return step.work.stage(
        "chunk",
        reads={**step.contents("read"), "tokens": tokens, "tokenizer": folder_stamp(place) if place else None},
        code=(*RECORDS, *CODE),
        make=make,
    )


def validate(step: Step) -> Output:
    """Drafts to pairs: evidence located in the source, every field checked against the schemas."""
    from builder.validate import validate as check
    from schemas.checks import user_schema

    section = step.recipe.curate
    schema = user_schema(step.root / section.pair_schema) if section.pair_schema else None

    def make(folder: Path) -> Counts:
        documents = {document.id: document for document in step.documents()}
        drafts = read_records(step.output("generate").folder / DRAFTS, Draft)
        chunks = {piece.id: piece for piece in step.chunks()}
        return save(folder, PAIRS, check(drafts, documents=documents, chunks=chunks, max_words=section.max_words, extra_schema=schema))

    reads = {**step.contents("read", "chunk", "generate"), "max_words": section.max_words, "schema": schema}
    return step.work.stage("validate", reads=reads, code=(*RECORDS, *VALID, "schemas.checks"), make=make)


def report(step: Step) -> Output:
    """Everything that was measured: one self-contained HTML file, its figures as JSON, and the short of it as Markdown."""
    from builder.answers import JOURNAL
    from builder.calibrate import load
    from builder.grades import CODE, read_grades, standings
    from builder.judge_recipe import reads as judging
    from builder.report.costs import costs
    from builder.report.gather import ITERATE, PROVE, gather, read_if_there
    from builder.report.markdown import markdown
    from builder.report.render import render
    from builder.report.review import newest
    from builder.report.story import told

    top = step.work.folder

    def make(folder: Path) -> Counts:
        found = told(gather(step).as_json())
        write_json(folder / "report.json", found)
        (folder / "report.html").write_text(render(found), encoding="utf-8")
        (folder / "report.md").write_text(markdown(found), encoding="utf-8")
        return {}

    stages = [name for name in step.work.outputs if name != "report"]
    families = [standing.as_json() for standing in standings(step.recipe, read_grades(top)).values()]
    reads = {**step.contents(*stages), "examples": step.recipe.report.examples, "company": step.recipe.company, "families": families}
    calibration = load(top)
    reads |= {"embed": step.recipe.embed.model_dump(mode="json"), "calibration": calibration and calibration.model_dump(mode="json")}
    reads |= judging(step.recipe, step.root, top) | {name: read_if_there(top / name) for name in (PROVE, ITERATE)}
    reads |= {"review": event} if (event := newest(top)) else {}
    return step.work.stage("report", reads=reads | {"costs": costs(top / JOURNAL)}, code=(*_REPORT, *CODE), make=make)


STAGES = {
    step.__name__: step
    for step in (read, check, chunk, generate, validate, curate, split, pretrain, train, evaluate, diagnose, package, report)
}


def _worst(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items()) or "no files"


def _not_remembered() -> list[Document | Dropped]:
    raise _NotRememberedError
