"""What could be taught besides: pairs that were fit but not chosen, and wordings of their facts that nobody had asked for.

Nothing here shares a passage, a fact, a question or evidence with test and validation, none asks what a withheld paraphrase asks, and
none uses a question form that was withheld: the same rules as for the rivals of `kilopair prove` (`builder.prove.exam`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from builder.curate_stage import SPLIT_CODE, fit_alone
from builder.curation.choosing import CODE as CHOOSING
from builder.dedup import dedup
from builder.prove.exam import Exam
from builder.step import PAIRS, QUARANTINE, RECORDS, Step
from builder.store import read_records, write_records
from builder.workspace import Counts, Output
from schemas.records import Draft, Dropped, Pair, Reason

MOST_WORDINGS = 12  # that the rules know of a fact
CODE = (
    *RECORDS, *SPLIT_CODE, *CHOOSING, "builder.iterate", "builder.prove", "builder.validate", "builder.curate_stage",
    "generators.extractive",
)  # fmt: skip
_LEFT = (Reason.OVER_CAP, Reason.NOT_SELECTED)


def spare(step: Step) -> Output:
    """The pairs that a round may add, or ask: none of them leaks."""
    recipe = step.recipe

    def make(folder: Path) -> Counts:
        chosen, left = step.pairs("split"), left_over(step)
        known = [*chosen, *left]
        more = _reworded(step, known) if recipe.generate.generator == "extractive" else []
        kept = without_leaks([*left, *more], chosen)
        write_records(folder / PAIRS, kept)
        return {"in": len(left) + len(more), "kept": len(kept), "dropped": {"leak": len(left) + len(more) - len(kept)}}

    settings = {"generate": recipe.generate.model_dump(mode="json"), "curate": recipe.curate.model_dump(mode="json")}
    reads = {**step.contents("chunk", "validate", "curate", "split"), **settings, "seed": recipe.seed, "company": recipe.company}
    return step.work.stage("spare", reads=reads, code=CODE, make=make)


def left_over(step: Step) -> list[Pair]:
    """Return the pairs that came to the choice and were not chosen."""
    dropped = read_records(step.output("curate").folder / QUARANTINE, Dropped)
    return [Pair.model_validate(one.record) for one in dropped if one.stage == "select" and one.reason in _LEFT]


def without_leaks(pairs: Sequence[Pair], chosen: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that may be trained on; a fact of which one wording touches test or validation leaves as a whole."""
    by_split = {name: [pair for pair in chosen if pair.split == name] for name in ("train", "validation", "test", "paraphrase")}
    closed = [*by_split["test"], *by_split["validation"]]
    ways = Exam({}, closed, (), frozenset()).leaks(pairs)
    gone = {pair.group for pair, way in zip(pairs, ways, strict=True) if way}
    free = [pair for pair in pairs if pair.group not in gone]
    forms = {pair.form for pair in by_split["paraphrase"]} - {pair.form for pair in by_split["train"]}
    asked = Exam({}, (), [*by_split["paraphrase"], *by_split["train"]], frozenset(forms)).leaks(free)
    return [pair for pair, way in zip(free, asked, strict=True) if not way]


def fit(step: Step, drafts: Iterable[Draft], known: Sequence[Pair]) -> list[Pair]:
    """Return the pairs that drafts make, as the run would have them: valid, fit by themselves, and no copies of known ones."""
    from builder.validate import validate
    from schemas.checks import user_schema

    section = step.recipe.curate
    found = validate(
        drafts,
        documents={document.id: document for document in step.documents()},
        chunks={chunk.id: chunk for chunk in step.chunks()},
        max_words=section.max_words,
        extra_schema=user_schema(step.root / section.pair_schema) if section.pair_schema else None,
    )
    valid = [record for record in found if isinstance(record, Pair)]
    alone = list(fit_alone(step, valid))
    return [
        pair
        for pair in dedup(alone, threshold=section.rouge_l, near=section.reworded, alpaca=section.alpaca, accepted=known)
        if isinstance(pair, Pair)
    ]


def _reworded(step: Step, known: Sequence[Pair]) -> list[Pair]:
    """Return more wordings of facts that the rules found, of the families that are on."""
    from builder.generate_stage import extracted
    from builder.grades import but_switched_off, read_grades, standings
    from generators.extractive.lexicon import lexicon

    generous = step.recipe.generate.model_copy(update={"wordings": MOST_WORDINGS})
    wider = replace(step, recipe=step.recipe.model_copy(update={"generate": generous}))
    documents, facts = step.documents(), {pair.group for pair in known}
    before = {pair.id for pair in step.pairs("validate")}  # what a gate dropped stays dropped
    drafts = but_switched_off(
        extracted(wider, documents, step.chunks(), lexicon(documents)),
        standings(step.recipe, read_grades(step.work.folder)),
        Counter(),
    )
    wanted = (draft for draft in drafts if isinstance(draft, Draft) and draft.group in facts and draft.id not in before)
    return fit(step, wanted, known)
