"""The generate stage: chunks to drafts by rules or by a language model, and pairs that people wrote beside them."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.curate_stage import check_files
from builder.grades import CODE as GRADES
from builder.grades import but_switched_off, notice, read_grades, standings
from builder.step import COVERAGE, DRAFTS, RECORDS, STATISTICS, Step, save
from builder.store import read_records, write_json
from builder.workspace import Counts, Output, code_hash
from schemas.records import Chunk, Document, Draft, Dropped, content_id

if TYPE_CHECKING:
    from generators.alpaca.generate import OpenAnswers, Outcome
    from generators.extractive.lexicon import Lexicon
    from generators.interface import Source

VALID = ("builder.validate", "builder.unseen_text", "builder.locate", "builder.rouge", "schemas.shown", "schemas.context")
LLM = ("generators.llm", "generators.alpaca", "generators.fitness", "generators.difficulty", "builder.ask", "builder.answers", *VALID)
EXTRACTIVE = ("generators.extractive", "generators.fitness", "generators.difficulty")


def generate(step: Step) -> Output:
    """Chunks to drafts, by the generator of the recipe; pairs that people wrote come along."""
    reads, code = depends_on(step)
    return step.work.stage("generate", reads=reads, code=code, make=partial(_make, step))


def _make(step: Step, folder: Path) -> Counts:
    check_files(step)
    return (_extract if step.recipe.generate.generator == "extractive" else _ask)(step, folder)


def depends_on(step: Step) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return everything that the drafts depend on: contents and settings, and the code behind them.

    Raises:
        RecipeError: a file that the recipe names cannot be read.
    """
    recipe, section = step.recipe, step.recipe.generate
    reads: dict[str, Any] = {**step.contents("read", "chunk"), "company": recipe.company, "seed": recipe.seed}
    if section.generator == "extractive":
        code = (*RECORDS, *EXTRACTIVE, *GRADES)
        reads |= {"generator": section.generator, "wordings": section.wordings, "glossary": section.glossary}
        reads |= _switched_off(step)
    else:
        from builder.ask import needs_rules
        from builder.ask import reads as asking

        code = (*RECORDS, *LLM)
        reads |= asking(recipe, step.root)
        if needs_rules(recipe, step.root):
            code = (*code, *EXTRACTIVE, *GRADES)
            reads |= _switched_off(step)
    if section.inside:
        code = (*code, *EXTRACTIVE, "builder.pairs_inside", "builder.inside_parts", "builder.readers")
        reads |= {"inside": True}
    if section.existing:
        from builder.ask import content

        code = (*code, "builder.existing", "builder.existing_rows", "builder.column_names", "builder.readers")
        files = [content(step.root / file.path, "generate.existing") for file in section.existing]
        reads |= {"existing": [file.model_dump(mode="json") for file in section.existing], "existing_files": files}
    return reads, code


def _switched_off(step: Step) -> dict[str, Any]:
    found = standings(step.recipe, read_grades(step.work.folder))
    return {"switched_off": {name: standing.why for name, standing in found.items() if not standing.on}}


def _extract(step: Step, folder: Path) -> Counts:
    from generators.extractive.lexicon import lexicon

    chunks, documents, left_out = step.chunks(), step.documents(), Counter[str]()
    words, found = lexicon(documents), standings(step.recipe, read_grades(step.work.folder))
    write_json(folder / STATISTICS, words.as_json())
    counts = _save_drafts(step, folder, but_switched_off(extracted(step, documents, chunks, words), found, left_out), chunks)
    told = [line] if (line := notice(left_out, found)) else []
    return counts | {"statistics": words.figures(), "left_out": dict(sorted(left_out.items())), "notices": told}


def _ask(step: Step, folder: Path) -> Counts:
    from builder.answers import open_answers

    came = Counter[str]()
    return ask(step, folder, open_answers(step.recipe, step.root, step.work.folder, came=came), came)


def ask(step: Step, folder: Path, open_answers: "OpenAnswers", came: Counter[str]) -> Counts:
    """Write the drafts that come of these answers, and beside them the ledger of what they cover; `came` counts the answers by source."""
    from generators.alpaca.generate import Outcome

    outcome = Outcome()
    counts = _save_drafts(step, folder, drafts(step, open_answers, outcome), step.chunks())
    write_json(folder / COVERAGE, outcome.coverage.as_json())
    told = {"asks": outcome.asks, "accepted": outcome.accepted, "over_budget": outcome.over_budget, "notices": outcome.notices}
    return counts | told | {"answers": dict(sorted(came.items())), "coverage": outcome.coverage.figures(), "engine": outcome.figures}


def drafts(
    step: Step, open_answers: "OpenAnswers", outcome: "Outcome", *, limit: int | None = None, told: bool = True
) -> Iterator[Draft | Dropped]:
    """Yield what the generator makes of these answers; whoever watches is told of the progress if `told`."""
    from builder.ask import accepting, plan_of, rule_facts, style_of
    from generators.alpaca.generate import generate as hold

    documents, chunks = step.documents(), step.chunks()
    return hold(
        sources(documents, chunks),
        plan=plan_of(step.recipe, step.root, limit=limit, rule_facts=partial(rule_facts, step)),
        style=style_of(step.recipe, step.root),
        open_answers=open_answers,
        accept=accepting(step.recipe, step.root, documents=documents, chunks=chunks),
        concurrency=step.recipe.endpoint.concurrency,
        outcome=outcome,
        progress=step.work.progress("generate") if told else None,
    )


def _save_drafts(step: Step, folder: Path, drafts: Iterator[Draft | Dropped], chunks: list[Chunk]) -> Counts:
    # Theirs first, so that a wrong column is said before anything is paid for.
    # What people wrote before what a model says of the same; after what the rules make of it, which has more wordings.
    inside = _inside(step, chunks)
    own = chain(drafts, inside) if step.recipe.generate.generator == "extractive" else chain(inside, drafts)
    counts = save(folder, DRAFTS, chain(_existing(step), own))
    of_chunks = {piece.id for piece in chunks}
    asked = {draft.provenance.chunk_id for draft in read_records(folder / DRAFTS, Draft)} & of_chunks
    return counts | {"chunks": len(chunks), "chunks_with_drafts": len(asked)}


def _existing(step: Step) -> Iterator[Draft | Dropped]:
    if step.recipe.generate.existing:
        from builder.existing import existing_drafts

        yield from existing_drafts(step.recipe.generate.existing, step.root)


def _inside(step: Step, chunks: list[Chunk]) -> Iterator[Draft | Dropped]:
    if step.recipe.generate.inside:
        from builder.pairs_inside import drafts_inside

        rules = step.recipe.generate.generator == "extractive"  # they ask such headings themselves, where these stand alone
        yield from drafts_inside(step.documents(), chunks, doubted=frozenset({"question_heading"} if rules else ()))


def extracted(step: Step, documents: list[Document], chunks: list[Chunk], words: "Lexicon") -> Iterator[Draft | Dropped]:
    """Yield what the rules of all families find; each document is remembered."""
    from generators.extractive.generate import generate_document

    version = code_hash((*RECORDS, *EXTRACTIVE))
    section = step.recipe.generate
    settings = {"company": step.recipe.company, "wordings": section.wordings, "seed": step.recipe.seed, "glossary": section.glossary}
    progress = step.work.progress("generate")
    for number, source in enumerate(sources(documents, chunks), start=1):
        known = words.for_text(source.document.text)
        chunk_ids = [piece.id for piece in source.chunks]
        key = content_id("generate", source.document.model_dump(mode="json"), chunk_ids, known.key(), settings, version)
        make = partial(generate_document, source, lexicon=known, **settings)
        yield from step.work.remember("generate", key, Draft, make)
        progress(number, len(documents), {})


def sources(documents: list[Document], chunks: list[Chunk]) -> "Iterator[Source]":
    """Yield the documents with their chunks."""
    from generators.interface import Source

    by_document: dict[str, list[Chunk]] = {}
    for piece in chunks:
        by_document.setdefault(piece.document_id, []).append(piece)
    for document in documents:
        yield Source(document, tuple(by_document.get(document.id, ())))
