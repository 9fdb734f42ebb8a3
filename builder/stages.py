"""The stages as steps of a run: each reads the outputs before it, calls pure functions, and writes its own folder.

A step names everything that its result depends on (`reads`) and the code behind it; the workspace decides whether
there is anything to do.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.store import keep, read_json, read_records, reasons, write_json, write_records
from builder.workspace import Counts, Output, Workspace, code_hash
from schemas.errors import InputError, RecipeError
from schemas.recipe import Recipe
from schemas.records import SPLITS, Chunk, Document, Draft, Dropped, Pair, Record, content_id

if TYPE_CHECKING:
    from generators.interface import Source

UNIONS = {"paraphrase": ("paraphrase_seen", "paraphrase_unseen")}
RECORDS = ("schemas.records", "schemas.markdown")
LLM = ("generators.llm", "generators.alpaca", "generators.fitness", "builder.ask", "builder.validate", "builder.locate", "builder.rouge")
PRETRAIN = tuple(f"trainer.{name}" for name in ("base", "tokenizer", "optimizer", "rows", "templates", "machine"))
EXTRACTIVE = ("generators.extractive", "generators.fitness")
DOCUMENTS, CHUNKS, DRAFTS, PAIRS, QUARANTINE = "documents.jsonl", "chunks.jsonl", "drafts.jsonl", "pairs.jsonl", "quarantine.jsonl"
COVERAGE = "coverage.json"
MODEL, DATASET, EVALUATION, ANSWERS = "model", "dataset", "evaluation.json", "answers.json"


@dataclass(frozen=True)
class Step:
    """What every stage is given: the workspace, the recipe, and the folder that its paths are relative to."""

    work: Workspace
    recipe: Recipe
    root: Path

    def output(self, stage: str) -> Output:
        """The finished output of an earlier stage."""
        return self.work.outputs[stage]

    def contents(self, *stages: str) -> dict[str, str]:
        """What a stage reads of earlier ones: the content hashes of their outputs."""
        return {stage: self.output(stage).content for stage in stages}

    def documents(self) -> list[Document]:
        """The documents that were read."""
        return list(read_records(self.output("read").folder / DOCUMENTS, Document))

    def chunks(self) -> list[Chunk]:
        """The chunks, in the order of the documents."""
        return list(read_records(self.output("chunk").folder / CHUNKS, Chunk))

    def pairs(self, stage: str) -> list[Pair]:
        """The pairs that left `stage`."""
        return list(read_records(self.output(stage).folder / PAIRS, Pair))


def read(step: Step) -> Output:
    """Files to documents; each file is remembered by its bytes, so an unchanged one is not parsed again."""
    from builder.read import discover, read_file, relative_name, unique

    section = step.recipe.documents
    own = step.work.folder.resolve()  # a workspace inside the folder of documents must not be read as documents
    found = [path for path in discover(section, step.root) if not path.absolute().is_relative_to(own)]
    paths = {relative_name(path, section, step.root): path for path in found}
    raw = {name: _raw_hash(path) for name, path in paths.items()}
    code = (*RECORDS, "builder.read", "builder.readers")
    max_bytes = int(section.max_megabytes * 1_000_000)

    def make(folder: Path) -> Counts:
        version = code_hash(code)
        progress = step.work.progress("read")

        def documents() -> Iterator[Document | Dropped]:
            for number, (name, path) in enumerate(paths.items(), start=1):
                key = content_id("file", name, raw[name], max_bytes, version)
                yield from step.work.remember("read", key, Document, lambda p=path, n=name: [read_file(p, n, max_bytes=max_bytes)])
                progress(number, len(paths), {})

        counts = _save(folder, DOCUMENTS, unique(documents()))
        if not counts["kept"]:
            raise InputError(
                f"{section.path}: none of its {len(paths)} files could be read; see documents.path and documents.include ({_worst(counts)})"
            )
        return counts

    return step.work.stage("read", reads={"files": raw, "max_bytes": max_bytes}, code=code, make=make)


def chunk(step: Step) -> Output:
    """Documents to chunks within the token budget."""
    from builder.chunk import chunk as cut

    tokens = step.recipe.chunk.tokens

    def make(folder: Path) -> Counts:
        documents = step.documents()
        chunks = [piece for document in documents for piece in cut(document, tokens=tokens)]
        write_records(folder / CHUNKS, chunks)
        return {"documents": len(documents), "chunks": len(chunks), "tokens": sum(piece.tokens for piece in chunks)}

    return step.work.stage("chunk", reads={**step.contents("read"), "tokens": tokens}, code=(*RECORDS, "builder.chunk"), make=make)


def generate(step: Step) -> Output:
    """Chunks to drafts, by the generator of the recipe; pairs that people wrote come along."""
    recipe = step.recipe
    section = recipe.generate
    reads: dict[str, Any] = {**step.contents("read", "chunk"), "company": recipe.company, "seed": recipe.seed}
    if section.generator == "extractive":
        code, make = (*RECORDS, *EXTRACTIVE), partial(_extract, step)
        reads |= {"generator": section.generator, "wordings": section.wordings}
    else:
        from builder.ask import reads as asking

        code, make = (*RECORDS, *LLM), partial(_ask, step)
        reads |= asking(recipe, step.root)
    if section.existing:
        from builder.ask import content

        code = (*code, "builder.existing", "builder.existing_rows", "builder.readers")
        files = [content(step.root / file.path, "generate.existing") for file in section.existing]
        reads |= {"existing": [file.model_dump(mode="json") for file in section.existing], "existing_files": files}
    return step.work.stage("generate", reads=reads, code=code, make=make)


def _extract(step: Step, folder: Path) -> Counts:
    chunks = step.chunks()
    return _save_drafts(step, folder, _extractive(step, chunks), chunks)


def _ask(step: Step, folder: Path) -> Counts:
    """Ask the language model; beside the drafts goes the ledger of what they cover."""
    from builder.ask import accepting, open_engine, plan_of, style_of
    from generators.alpaca.generate import Outcome
    from generators.alpaca.generate import generate as ask

    recipe, documents, chunks = step.recipe, step.documents(), step.chunks()
    outcome = Outcome()
    drafts = ask(
        _sources(documents, chunks),
        plan=plan_of(recipe, step.root),
        style=style_of(recipe, step.root),
        open_answers=open_engine(recipe, step.root, step.work.folder),
        accept=accepting(recipe, step.root, documents=documents, chunks=chunks),
        concurrency=recipe.endpoint.concurrency,
        outcome=outcome,
        progress=step.work.progress("generate"),
    )
    counts = _save_drafts(step, folder, drafts, chunks)
    write_json(folder / COVERAGE, outcome.coverage.as_json())
    told = {"asks": outcome.asks, "accepted": outcome.accepted, "over_budget": outcome.over_budget, "notices": outcome.notices}
    return counts | told | {"coverage": outcome.coverage.figures(), "engine": outcome.figures}


def _save_drafts(step: Step, folder: Path, drafts: Iterator[Draft | Dropped], chunks: list[Chunk]) -> Counts:
    # Theirs first, so that a wrong column is said before anything is paid for.
    counts = _save(folder, DRAFTS, chain(_existing(step), drafts))
    of_chunks = {piece.id for piece in chunks}
    asked = {draft.provenance.chunk_id for draft in read_records(folder / DRAFTS, Draft)} & of_chunks
    return counts | {"chunks": len(chunks), "chunks_with_drafts": len(asked)}


def _existing(step: Step) -> Iterator[Draft | Dropped]:
    if step.recipe.generate.existing:
        from builder.existing import existing_drafts

        yield from existing_drafts(step.recipe.generate.existing, step.root)


def _extractive(step: Step, chunks: list[Chunk]) -> Iterator[Draft | Dropped]:
    from generators.extractive.generate import generate_document, lexicon

    documents = step.documents()
    words = lexicon(documents)
    version = code_hash((*RECORDS, *EXTRACTIVE))
    settings = {"company": step.recipe.company, "wordings": step.recipe.generate.wordings, "seed": step.recipe.seed}
    progress = step.work.progress("generate")
    for number, source in enumerate(_sources(documents, chunks), start=1):
        known = words.for_text(source.document.text)
        chunk_ids = [piece.id for piece in source.chunks]
        key = content_id("generate", source.document.model_dump(mode="json"), chunk_ids, known.key(), settings, version)
        make = partial(generate_document, source, lexicon=known, **settings)
        yield from step.work.remember("generate", key, Draft, make)
        progress(number, len(documents), {})


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
        return _save(folder, PAIRS, check(drafts, documents=documents, chunks=chunks, max_words=section.max_words, extra_schema=schema))

    reads = {**step.contents("read", "chunk", "generate"), "max_words": section.max_words, "schema": schema}
    return step.work.stage(
        "validate", reads=reads, code=(*RECORDS, "builder.validate", "builder.locate", "builder.rouge", "schemas.checks"), make=make
    )


def curate(step: Step) -> Output:
    """Pairs to the chosen ones: duplicates out, then about `target` in balance."""
    from builder.dedup import dedup
    from builder.select import select

    section = step.recipe.curate

    def make(folder: Path) -> Counts:
        duplicates: list[Dropped] = []
        distinct = list(keep(dedup(step.pairs("validate"), threshold=section.rouge_l), duplicates))
        chosen = select(
            distinct,
            target=section.target,
            per_fact=section.per_fact,
            per_document=section.per_document,
            per_task=section.per_task,
            per_opening=section.per_opening,
            seed=step.recipe.seed,
        )
        return _save(folder, PAIRS, [*duplicates, *chosen]) | {"distinct": len(distinct)}

    settings = section.model_dump(mode="json", exclude={"max_words", "pair_schema"})
    reads = {**step.contents("validate"), **settings, "seed": step.recipe.seed}
    return step.work.stage("curate", reads=reads, code=(*RECORDS, "builder.dedup", "builder.rouge", "builder.select"), make=make)


def split(step: Step) -> Output:
    """Chosen pairs to train, validation, test and paraphrase, proved free of leaks; and the Hugging Face dataset."""
    from builder.export import save_dataset
    from builder.split import prove
    from builder.split import split as divide

    section = step.recipe.split

    def make(folder: Path) -> Counts:
        settings = {"test": section.test, "validation": section.validation, "paraphrase": section.paraphrase}
        pairs = list(divide(step.pairs("curate"), **settings, unseen_forms=section.unseen_forms, seed=step.recipe.seed))
        leaks = prove(pairs)
        if not any(pair.split == "train" for pair in pairs):
            raise InputError(
                f"only {len(pairs)} pairs were found, none of them left to train on; add documents (kilopair status shows what was dropped)"
            )
        write_records(folder / PAIRS, pairs)
        sizes = Counter(str(pair.split) for pair in pairs)
        counts = {"in": len(pairs), "kept": len(pairs), "dropped": {}, **{name: sizes[name] for name in SPLITS}, "leaks": leaks}
        documents = {document.id: document.path for document in step.documents()}
        save_dataset(pairs, folder / DATASET, facts={"company": step.recipe.company, "documents": documents, "counts": counts})
        return counts

    reads = {**step.contents("read", "curate"), **section.model_dump(), "seed": step.recipe.seed, "company": step.recipe.company}
    return step.work.stage(
        "split",
        reads=reads,
        code=(*RECORDS, "builder.split", "builder.connect", "builder.rouge", "builder.export", "builder.card"),
        make=make,
    )


def pretrain(step: Step) -> Output:
    """The embedded base model from the documents' raw text, or a note of the base that the recipe names."""
    recipe = step.recipe
    if recipe.train.base != "embedded":
        found = check_base(recipe, step.root)
        base = str(found.resolve()) if found.is_dir() else recipe.train.base
        reads = {"base": base, "files": _folder_stamp(found)}
        return step.work.stage("pretrain", reads=reads, code=("schemas.recipe",), make=partial(_note_base, base))

    def make(folder: Path) -> Counts:
        from trainer.base import make_base

        texts = [document.text for document in step.documents()]
        return make_base(texts, section=recipe.base, seed=recipe.seed, folder=folder / MODEL, progress=step.work.progress("pretrain"))

    reads = {**step.contents("read"), **recipe.base.model_dump(), "seed": recipe.seed}
    return step.work.stage("pretrain", reads=reads, code=PRETRAIN, make=make)


def check_base(recipe: Recipe, root: Path) -> Path:
    """Return where a local base would lie.

    Raises:
        RecipeError: it is named as a folder, but there is none, or one without a model.
    """
    found = root / recipe.train.base
    if recipe.train.base == "embedded":
        return found
    if recipe.train.base.startswith(("/", ".", "~")) and not found.is_dir():
        raise RecipeError(f"train.base: no such folder: {found}; give a folder saved by save_pretrained, the name of a model, or embedded")
    if found.is_dir() and not (found / "config.json").exists():
        raise RecipeError(f"train.base: {found} is a folder without config.json; give a folder saved by save_pretrained")
    return found


def _note_base(base: str, folder: Path) -> Counts:
    write_json(folder / "base.json", {"base": base})
    return {"base": base}


def base_folder(output: Output) -> str:
    """The folder of the base model, or its name at the hub."""
    note = output.folder / "base.json"
    return str(read_json(note)["base"]) if note.exists() else str(output.folder / MODEL)


def train(step: Step) -> Output:
    """Supervised fine-tuning of the base on the training pairs."""
    recipe = step.recipe

    def make(folder: Path) -> Counts:
        from trainer.sft import train as tune

        pairs = step.pairs("split")
        return tune(
            [pair for pair in pairs if pair.split == "train"],
            [pair for pair in pairs if pair.split == "validation"],
            [document.text for document in step.documents()],
            base=base_folder(step.output("pretrain")),
            section=recipe.train,
            seed=recipe.seed,
            folder=folder / MODEL,
            progress=step.work.progress("train"),
        )

    reads = {**step.contents("read", "split", "pretrain"), **recipe.train.model_dump(), "seed": recipe.seed}
    return step.work.stage("train", reads=reads, code=("trainer",), make=make)


def evaluate(step: Step) -> Output:
    """Base against tuned on the two held-out sets, which are never mixed."""
    section = step.recipe.evaluate

    def make(folder: Path) -> Counts:
        from builder.split import held_out
        from trainer.evaluate import evaluate as compare

        models = {"base": base_folder(step.output("pretrain")), "tuned": str(step.output("train").folder / MODEL)}
        sets = held_out(step.pairs("split"))
        template, progress = step.recipe.train.template, step.work.progress("evaluate")
        result, answers = compare(sets, models=models, unions=UNIONS, template=template, section=section, progress=progress)
        write_json(folder / EVALUATION, result)
        write_json(folder / ANSWERS, answers)
        return {"questions": len(answers)}

    reads = {**step.contents("split", "pretrain", "train"), **section.model_dump()}
    return step.work.stage("evaluate", reads=reads, code=("trainer",), make=make)


def report(step: Step) -> Output:
    """Everything that was measured, as one self-contained HTML file."""
    from builder.report.gather import gather
    from builder.report.render import render

    def make(folder: Path) -> Counts:
        facts = gather(step)
        write_json(folder / "report.json", facts.as_json())
        (folder / "report.html").write_text(render(facts, examples=step.recipe.report.examples), encoding="utf-8")
        return {}

    stages = [name for name in step.work.outputs if name != "report"]
    reads = {**step.contents(*stages), "examples": step.recipe.report.examples, "company": step.recipe.company}
    return step.work.stage("report", reads=reads, code=("builder.report",), make=make)


STAGES = {step.__name__: step for step in (read, chunk, generate, validate, curate, split, pretrain, train, evaluate, report)}


def _save(folder: Path, name: str, records: Iterable[Record | Dropped]) -> Counts:
    """Write what goes on and what was dropped; return counts that add up."""
    dropped: list[Dropped] = []
    kept = write_records(folder / name, keep(records, dropped))
    write_records(folder / QUARANTINE, dropped)
    return {"in": kept + len(dropped), "kept": kept, "dropped": reasons(dropped)}


def _sources(documents: list[Document], chunks: list[Chunk]) -> "Iterator[Source]":
    from generators.interface import Source

    by_document: dict[str, list[Chunk]] = {}
    for piece in chunks:
        by_document.setdefault(piece.document_id, []).append(piece)
    for document in documents:
        yield Source(document, tuple(by_document.get(document.id, ())))


def _worst(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items()) or "no files"


def _raw_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _folder_stamp(folder: Path) -> list[list[str | int]]:
    """Names, sizes and times of a local model's files (hashing gigabytes at every run would be slow)."""
    if not folder.is_dir():
        return []
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(folder.iterdir()) if path.is_file()]
