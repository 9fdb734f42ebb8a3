"""The facts of the report, gathered from the outputs of a run. What the page and its Markdown say is in these facts: report.json."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from builder.curation.ground_signs import SIGNS
from builder.exported_answers import with_exported
from builder.figures_in_words import generated
from builder.grades import read_grades, standings
from builder.report.answers import side_by_side
from builder.report.asked import Asked, asked
from builder.report.chosen import chosen
from builder.report.copies import copies
from builder.report.costs import costs
from builder.report.counted import funnel, grounding, openings, reasons, task_mix
from builder.report.coverage import coverage
from builder.report.diagnosis import diagnosis
from builder.report.places import Places
from builder.report.prove import prove
from builder.report.repeat import repeat
from builder.report.review import review
from builder.report.rounds import rounds
from builder.report.sizes import sizes
from builder.step import ANSWERS, DIAGNOSIS, EVALUATION, MODEL, QUARANTINE, Step
from builder.store import read_json, read_records
from schemas.records import SPLITS, Dropped

PROVE, ITERATE = "prove.json", "iterate.json"  # what commands of their own leave at the top of the workspace

Figures = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """Everything that was measured; a part that is empty was not."""

    company: str
    generator: str = ""
    base: str = ""
    base_read_the_documents: bool = False
    documents: int = 0
    pairs: int = 0
    generated: str = ""
    funnel: list[Figures] = field(default_factory=list)
    reasons: list[Figures] = field(default_factory=list)
    copies: Figures = field(default_factory=dict)
    coverage: list[Figures] = field(default_factory=list)
    tasks: list[Figures] = field(default_factory=list)
    grounding: list[Figures] = field(default_factory=list)
    flags: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    openings: list[Figures] = field(default_factory=list)
    asked: Asked = field(default_factory=dict)
    lengths: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    chosen: Figures = field(default_factory=dict)
    review: Figures = field(default_factory=dict)
    leaks: dict[str, int] = field(default_factory=dict)
    base_figures: Figures = field(default_factory=dict)
    train_figures: Figures = field(default_factory=dict)
    evaluation: Figures = field(default_factory=dict)
    diagnosis: Figures = field(default_factory=dict)
    prove: Figures = field(default_factory=dict)
    iterate: Figures = field(default_factory=dict)
    examples: dict[str, Figures] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    exported: dict[str, Figures] = field(default_factory=dict)
    costs: Figures = field(default_factory=dict)
    repeat: Figures = field(default_factory=dict)

    def as_json(self) -> Figures:
        """Return the facts as JSON values."""
        return asdict(self)


def gather(step: Step) -> Facts:
    """Collect the facts of all stages before the report, and of prove and iterate if they were run."""
    from builder.answers import JOURNAL

    outputs, folder = step.work.outputs, step.work.folder
    documents, chunks, pairs, valid = step.documents(), step.chunks(), step.pairs("split"), step.pairs("validate")
    counts = {name: output.counts for name, output in outputs.items()}
    dropped = _dropped(step)
    contents = {name: output.content for name, output in outputs.items()}
    began = {} if "added" in counts["split"] else contents  # a round that was kept: its pairs are not those that the rounds began with
    places, evaluated = Places.of(documents, chunks), outputs["evaluate"].folder
    evaluation, answers = with_exported(step, read_json(evaluated / EVALUATION), read_json(evaluated / ANSWERS))
    return Facts(
        company=step.recipe.company,
        generator=step.recipe.generate.generator,
        base=step.recipe.train.base,
        base_read_the_documents=step.recipe.train.base == "embedded",
        documents=len(documents),
        pairs=len(pairs),
        generated=generated(pairs),
        funnel=funnel(counts),
        reasons=reasons(dropped),
        copies=copies(dropped, valid),
        coverage=coverage(documents, chunks, pairs),
        tasks=task_mix(pairs),
        grounding=grounding(pairs),
        flags=dict(Counter(flag for pair in pairs for flag in pair.flags if flag not in SIGNS).most_common()),
        rules=dict(Counter(pair.form.split("/")[0] for pair in pairs).most_common()),
        openings=openings(pairs),
        asked=asked(valid, pairs, documents, standings(step.recipe, read_grades(folder)), counts["generate"].get("left_out", {})),
        lengths=sizes(pairs, outputs["train"].folder / MODEL),
        splits={name: counts["split"][name] for name in SPLITS},
        chosen=chosen(step, pairs, dropped, places),
        review=review(folder),
        leaks=counts["split"]["leaks"],
        base_figures=counts["pretrain"],
        train_figures=counts["train"],
        evaluation=evaluation,
        diagnosis=diagnosis(_diagnosis(step), {pair.id: (pair.instruction, pair.output) for pair in pairs}),
        prove=prove(read_if_there(folder / PROVE), contents),
        iterate=rounds(read_if_there(folder / ITERATE), began),
        examples=side_by_side(answers, places, pairs, count=step.recipe.report.examples),
        seconds={name: round(output.seconds, 2) for name, output in outputs.items()},
        exported=counts.get("package", {}).get("gguf", {}),
        costs=costs(folder / JOURNAL),
        repeat=repeat(step),
    )


def read_if_there(path: Path) -> Figures:
    """Return the figures that a command left in the workspace; empty if it was not run."""
    return dict(read_json(path)) if path.exists() else {}


def _diagnosis(step: Step) -> Mapping[str, Any]:
    found = step.work.outputs.get("diagnose")
    return read_if_there(found.folder / DIAGNOSIS) if found else {}


def _dropped(step: Step) -> Sequence[Dropped]:
    quarantine = [output.folder / QUARANTINE for output in step.work.outputs.values()]
    return [record for path in quarantine if path.exists() for record in read_records(path, Dropped)]
