"""The whole proof: a run up to its tuned model, the selections, every training that is not there yet, and what it all says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builder.curation.choosing import most_wordings
from builder.pipeline import run
from builder.prove.exam import Exam, exam_of
from builder.prove.selections import CURATED, Selecting, Selection
from builder.prove.trainings import BASE, Training, Trainings, listed, scores_of
from builder.prove.verdicts import FEWEST, Results, in_words
from builder.review.replay import must_not_be_learnt
from builder.stages import STAGES
from builder.step import QUARANTINE, Step
from builder.store import read_records, write_json
from builder.watch import Silent, Watch
from builder.workspace import Output, Workspace
from schemas.errors import InputError
from schemas.recipe import Recipe
from schemas.records import Dropped, Pair
from trainer.evaluation.declared import LOSS, design
from trainer.evenly import evenly

PROOF = "prove.json"
_LAST = "train"
_FREE = ("over_cap", "not_selected")  # why `select` passes over a pair that it could have chosen


def prove(
    recipe: Recipe, root: Path, *, files: Mapping[str, Path], watch: Watch | None = None, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Train on every selection with every seed, compare the answers, write prove.json into the workspace and return what it holds.

    Called again after any interruption, it goes on from the last finished training, and there from the last checkpoint.

    Args:
        recipe: the run's.
        root: the folder that its paths are relative to.
        files: further selections: files of pairs or of their ids, by name.
        watch: told about progress.
        tell: told in words what will be done, before it is.

    Raises:
        KilopairError: the run cannot be made; there is no held-out pair; a rival has too few pairs to draw from.
    """
    run(recipe, root, until=_LAST, watch=watch)
    numbered = _Numbered(watch or Silent())
    with Workspace((root / recipe.workspace).resolve(), watch=numbered) as work:
        step = Step(work, recipe, root)
        for name, make in STAGES.items():
            make(step)
            if name == _LAST:
                break
        selections, exam = _selected(step, files)
        trainings = listed(selections)
        numbered.names = {
            one.stage: f"prove {place}/{len(trainings)} {one.selection}" + (f", seed {one.seed}" if one.pairs else "")
            for place, one in enumerate(trainings, start=1)
        }
        made = _made(Trainings(step, exam), trainings, tell)
        proof = _proof(step, selections, exam, made)
        write_json(work.folder / PROOF, proof)
        return proof


def _selected(step: Step, files: Mapping[str, Path]) -> tuple[list[Selection], Exam]:
    from builder.split import held_out

    recipe, pairs = step.recipe, step.pairs("split")
    limit = recipe.evaluate.limit
    sets = {name: evenly(rows, limit) for name, rows in held_out(pairs).items()}
    if not any(sets.values()):
        raise InputError("there are no held-out pairs to compare on; raise split.test, split.paraphrase or curate.target")
    count = min(recipe.prove.questions, limit or recipe.prove.questions)
    exam = exam_of(sets, pairs, _supply(step, pairs), count=count, seed=recipe.seed)
    if max(map(len, exam.sets.values())) < FEWEST:
        raise InputError("there is one held-out pair only, and no difference can be told from it; raise split.test or curate.target")
    seeds = range(recipe.seed, recipe.seed + recipe.prove.seeds)
    selecting = Selecting(pairs, _valid(step), exam, recipe.prove, seeds, most_wordings(recipe.curate))
    return selecting.all(files), exam


def _valid(step: Step) -> list[Pair]:
    """Return all valid pairs but those of which people said that no model may learn them."""
    dropped = read_records(step.output("curate").folder / QUARANTINE, Dropped)
    withheld = {record.id for record in dropped if must_not_be_learnt(record)}
    return [pair for pair in step.pairs("validate") if pair.id not in withheld]


def _supply(step: Step, chosen: Sequence[Pair]) -> list[Pair]:
    """Return what the choice chose from: fit, founded, distinct pairs, the chosen ones among them."""
    path = step.output("curate").folder / QUARANTINE
    passed_over = [record for record in read_records(path, Dropped) if record.stage == "select" and str(record.reason) in _FREE]
    return [*chosen, *(Pair.model_validate(record.record) for record in passed_over)]


def _made(trainings: Trainings, wanted: Sequence[Training], tell: Callable[[str], None]) -> dict[str, dict[int, Output]]:
    """Make what is not there; the base answers first, which tells how long answering takes."""
    missing = [one for one in wanted if not trainings.is_done(one)]
    made: dict[str, dict[int, Output]] = {}
    for one in wanted:
        made.setdefault(one.selection, {})[one.seed] = trainings.made(one)
        if one.selection == BASE and missing:
            tell(_estimate(trainings, wanted, missing, made[BASE][one.seed].seconds))
    return made


def _estimate(trainings: Trainings, wanted: Sequence[Training], missing: Sequence[Training], answering: float) -> str:
    run = trainings.step.output(_LAST)
    tokens, own = trainings.tokens or run.counts["tokens"], run.counts["tokens"]
    training = max(run.seconds, own / run.counts["tokens_per_second"]) * tokens / own  # less than that if it was gone on with
    left = [one for one in missing if one.pairs]
    to_train = sum(not trainings.is_own(one) for one in left)
    seconds = to_train * training + len(left) * answering
    done = len(wanted) - len(missing)
    return (
        f"{to_train} trainings of {tokens:,} tokens and {len(trainings.exam.questions):,} questions to each of {len(left)} models: "
        f"about {_time(seconds)}" + (f"; {done} of {len(wanted)} were found done" if done else "")
    )


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{max(1, round(seconds / 60))} min"


def _proof(step: Step, selections: Sequence[Selection], exam: Exam, made: Mapping[str, Mapping[int, Output]]) -> dict[str, Any]:
    scores = {name: {seed: scores_of(output) for seed, output in seeds.items()} for name, seeds in made.items()}
    results = Results(exam, scores, step.recipe.evaluate.metric, design(step.recipe.evaluate))
    rivals = [one.name for one in selections if one.name != CURATED and one.share == 1]
    parts = [one for one in selections if one.name == CURATED or one.share < 1]
    comparisons = results.comparisons(rivals, results.primary)
    curve = results.curve(parts, selections[0].size)
    others = [] if results.metric == LOSS else results.comparisons(rivals, results.primary, LOSS)
    others += [one for name in exam.sets if name != results.primary for one in results.comparisons(rivals, name)]
    declared = {
        "metric": results.metric,
        "set": results.primary,
        "seeds": step.recipe.prove.seeds,
        "family": [[one, CURATED] for one in rivals],
    }
    told = {one.name: _told(one, made[one.name], results, step.work.folder) for one in selections}
    return {
        "selections": told,
        "base": results.means(BASE, step.recipe.seed),
        "declared": declared,
        "questions": {name: len(rows) for name, rows in exam.sets.items()},
        "comparisons": [one.model_dump(mode="json") for one in comparisons],
        "other_sets": [one.model_dump(mode="json") for one in others],
        "curve": curve,
        "sentence": in_words(comparisons, curve, told),
        "of": {"split": step.output("split").content, "pretrain": step.output("pretrain").content},
        "seconds": round(sum(output.seconds for seeds in made.values() for output in seeds.values()), 1),
    }


def _told(one: Selection, outputs: Mapping[int, Output], results: Results, workspace: Path) -> dict[str, Any]:
    seeds = []
    for seed, output in outputs.items():
        means = results.means(one.name, seed)
        folder = output.folder.relative_to(workspace).as_posix()
        seeds.append({"seed": seed, "folder": folder, "scores": means[results.primary], "sets": means, **_counted(output)})
    facts = len({pair.group for pair in one.draws[seeds[0]["seed"]]})
    counts = {"pairs": one.size, "facts": facts, **results.taught(one), "tokens": seeds[0]["tokens"]}
    counts |= {"left_out": one.left_out, "leaks": one.leaks}
    return {**counts, "share": one.share, "seeds": seeds}


def _counted(output: Output) -> dict[str, Any]:
    return {name: value for name, value in output.counts.items() if name not in ("pairs", "notices")}


@dataclass
class _Numbered:
    """Passes on what is told of the trainings, under their number; the stages of the run were told of before."""

    watch: Watch
    names: dict[str, str] = field(default_factory=dict)

    def started(self, stage: str) -> None:
        """Pass on."""
        if stage in self.names:
            self.watch.started(self.names[stage])

    def advanced(self, stage: str, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Pass on."""
        if stage in self.names:
            self.watch.advanced(self.names[stage], done, total, figures)

    def finished(self, stage: str, counts: Mapping[str, object], *, seconds: float, fresh: bool) -> None:
        """Pass on."""
        if stage in self.names:
            self.watch.finished(self.names[stage], counts, seconds=seconds, fresh=fresh)
