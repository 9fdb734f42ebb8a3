"""From valid pairs to the chosen and divided ones, as stages of a run; the gates themselves are those of `curation/choosing.py`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.answers import JOURNAL
from builder.step import DATASET, PAIRS, RECORDS, Step, save
from builder.store import write_records
from builder.workspace import Counts, Output
from schemas.errors import InputError
from schemas.records import SPLITS, Dropped, Pair

if TYPE_CHECKING:
    from builder.curation.chain import Stage
    from builder.curation.contaminate import Reference
    from builder.curation.student import Student
    from generators.judge.judge import Outcome
    from schemas.review import Standing

VECTORS = "vectors.sqlite"
UNKEPT = "the chosen pairs are others than those that kilopair iterate --keep added to, so its round is left out; run it again to have one"
SPLIT_CODE = (
    "builder.split", "builder.hold_out", "builder.wordings", "builder.certificate", "builder.connect", "builder.rouge",
    "builder.export", "builder.card", "builder.card_metadata", "builder.croissant", "builder.figures_in_words", "builder.curation",
    "builder.review.accepted", "generators.extractive.english", "generators.extractive.words",
)  # fmt: skip


def curate(step: Step) -> Output:
    """Pairs to the chosen ones: what is unfit, doubtful, unfounded or a copy out, then about `target` in balance."""
    from builder.curation.choosing import CODE
    from builder.judge_recipe import CODE as JUDGE
    from builder.judge_recipe import reads as judging
    from builder.review.decided import decided, depends_on
    from builder.student_base import CODE as STUDENT
    from builder.student_base import student_of

    recipe = step.recipe
    sections = ("screen", "ground", "decontaminate", "embed", "choose", "findings")
    settings = {name: getattr(recipe, name).model_dump(mode="json") for name in sections}
    settings |= recipe.curate.model_dump(mode="json", exclude={"max_words", "pair_schema"})
    settings |= {"seed": recipe.seed, "company": recipe.company, "against": _contents(step), **judging(recipe, step.root, step.work.folder)}
    settings |= {"vectors_of": recipe.endpoint.base_url} if recipe.embed.by == "endpoint" else {}
    student, of_student = student_of(step)
    standings = decided(step.work.folder)
    of_people, their_code = depends_on(step, standings)
    reads = {**step.contents("read", "chunk", "validate"), **settings, **of_student, **of_people}
    code = (*RECORDS, "builder.curate_stage", *CODE, *JUDGE, *(STUDENT if student else ()), *their_code)
    return step.work.stage("curate", reads=reads, code=code, make=lambda folder: _curated(step, folder, student, standings))


def _curated(step: Step, folder: Path, student: "Student | None", standings: "Mapping[str, Standing]") -> Counts:
    """Write the chosen pairs and those that left; return the counts."""
    from builder.curation.chain import Funnel
    from builder.review.decided import reviewed
    from builder.review.replay import Outcome as Review
    from builder.review.replay import left_all_the_same
    from generators.judge.judge import Outcome

    outcome, review = Outcome(), Review()
    left_out: list[Dropped] = []
    funnel = Funnel(left_out.append)
    chosen = list(funnel.through(reviewed(step, standings, review), _gates(step, outcome, student), first="validate"))
    counts: Counts = {"sure": funnel["dedup"].came, "distinct": funnel["select"].came}
    counts |= {"judge": outcome.as_json(), "over_budget": outcome.over_budget} if outcome.asked else {}
    counts |= {"added": review.added} if review.added else {}
    counts |= {"review": review.as_json()} if standings else {}
    notices = [*review.notices, *left_all_the_same(left_out), *(outcome.notices if outcome.asked else ())]
    return save(folder, PAIRS, [*left_out, *chosen]) | counts | ({"notices": notices} if notices or outcome.asked else {})


def before_judge(step: Step) -> "Iterator[Pair]":
    """Yield the valid pairs that come to the judge."""
    from builder.curation.chain import Funnel
    from builder.review.decided import decided, reviewed
    from builder.review.replay import Outcome as Review
    from builder.student_base import student_of
    from generators.judge.judge import Outcome

    gates = _gates(step, Outcome(), student_of(step)[0])
    records = reviewed(step, decided(step.work.folder), Review())
    return Funnel(lambda _: None).through(records, dict(takewhile(lambda gate: gate[0] != "judge", gates.items())), first="validate")


def fit_alone(step: Step, pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Yield which of other pairs pass the gates that look at each by itself."""
    from builder.curation.chain import Funnel
    from generators.judge.judge import Outcome

    gates = _gates(step, Outcome(), None)
    return Funnel(lambda _: None).through(pairs, dict(takewhile(lambda gate: gate[0] != "dedup", gates.items())), first="validate")


def _gates(step: Step, outcome: "Outcome", student: "Student | None") -> "dict[str, Stage]":
    """Return what the pairs of a run pass, in order."""
    from builder.curation.choosing import Choosing
    from builder.curation.ground import ground
    from builder.judge_recipe import judged
    from builder.select import without_doubtful

    recipe, listed = step.recipe, step.documents()
    documents = {document.id: document for document in listed}
    advanced = step.work.progress("curate")
    choosing = Choosing(
        recipe,
        step.work.folder / VECTORS,
        root=step.root,
        against=_against(step),
        documents=listed,
        progress=lambda done, total: advanced(done, total, {}),
        journal=step.work.folder / JOURNAL,
        student=student,
    )
    return choosing.stages(
        doubt=None if recipe.curate.doubtful else without_doubtful,
        ground=lambda pairs: ground(pairs, documents=documents, settings=recipe.ground, company=recipe.company),
        judge=lambda pairs: judged(step, pairs, outcome),
    )


def _contents(step: Step) -> list[str]:
    from builder.ask import content

    return [content(step.root / path, "decontaminate.files") for path in step.recipe.decontaminate.files]


def check_files(step: Step) -> None:
    """Look into the files that curate will read, before anybody is paid for what it would then stop at.

    Raises:
        KilopairError: an evaluation file cannot be read or asks nothing, or the rubric is none.
    """
    from builder.judge_recipe import is_on, rubric_of

    _contents(step)
    _against(step)
    if is_on(step.recipe):
        rubric_of(step.recipe, step.root)


def _against(step: Step) -> "list[Reference]":
    """Return what the evaluation files ask."""
    from builder.curation.contaminate import references

    section = step.recipe.decontaminate
    return [row for path in section.files for row in references(step.root / path, columns=section.columns)]


def split(step: Step) -> Output:
    """Chosen pairs to train, validation, test and paraphrase, proved free of leaks; and the Hugging Face dataset."""
    from builder.certificate import certificate
    from builder.export import facts_of, save_dataset
    from builder.split import split as divide

    section = step.recipe.split
    seed = step.recipe.seed

    def make(folder: Path) -> Counts:
        divided = divide(
            step.pairs("curate"),
            test=section.test,
            validation=section.validation,
            paraphrase=section.paraphrase,
            unseen_forms=section.unseen_forms,
            held_out_documents=section.held_out_documents,
            seed=seed,
        )
        pairs = list(divided)
        if not any(pair.split == "train" for pair in pairs):
            raise InputError(
                f"only {len(pairs)} pairs were found, none of them left to train on; add documents (kilopair status shows what was dropped)"
            )
        proof = certificate(pairs, seed=seed)
        write_records(folder / PAIRS, pairs)
        sizes = Counter(str(pair.split) for pair in pairs)
        counts: dict[str, Any] = {"in": len(pairs), "kept": len(pairs), "dropped": {}, **{name: sizes[name] for name in SPLITS}}
        counts |= {"leaks": proof["leaks"], "certificate": proof}
        counts |= {"notices": [UNKEPT]} if any((step.work.folder / "stages").glob("kept-*")) else {}
        save_dataset(pairs, folder / DATASET, facts=facts_of(step.documents(), company=step.recipe.company, counts=counts))
        return counts

    reads = {**step.contents("read", "curate"), **section.model_dump(), "seed": seed, "company": step.recipe.company}
    return step.work.stage("split", reads=reads, code=(*RECORDS, *SPLIT_CODE), make=make)
