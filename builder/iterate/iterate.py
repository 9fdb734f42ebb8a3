"""`kilopair iterate`: the run, then rounds of more data where it is weak, then perhaps the best round as the run's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from builder.findings.stage import refuse
from builder.iterate.begin import begun
from builder.iterate.rounds import Rounds, concluded
from builder.iterate.spots import answered
from builder.iterate.stop import FEWEST, best_of, check_reach
from builder.iterate.training import forget_runs, recalled
from builder.model_stages import check_base
from builder.package_stage import check_package
from builder.pipeline import publish
from builder.probes import check_probes
from builder.split import held_out
from builder.stages import STAGES
from builder.step import MODEL, Step
from builder.store import read_json, write_json
from builder.watch import Watch
from builder.workspace import Counts, Output, Workspace, link
from schemas.iteration import Iteration, Stop
from schemas.recipe import Recipe
from schemas.records import Pair

if TYPE_CHECKING:
    from schemas.proof import Comparison

ITERATION, LAST, REPORT = "iterate.json", "diagnose", "report"
CODE = ("builder.iterate", "trainer.statistics", "trainer.evaluation.proof", "schemas.iteration", "schemas.proof")


@dataclass(frozen=True)
class Iterated:
    """What the rounds came to, where it is written, and what the best round left behind; `kept` if it is now the run's."""

    made: Iteration
    path: Path
    model: Path | None
    kept: bool


def iterate(recipe: Recipe, root: Path, *, keep: bool = False, watch: Watch | None = None) -> Iterated:
    """Run what is not done yet, then the rounds; the same command goes on after any interruption, and changes nothing when it is done.

    Args:
        recipe: what to do.
        root: the folder that the recipe's paths are relative to.
        keep: make the best round's pairs and model those of the run, where a round was shown to help; a later call goes on from these.
        watch: told about progress.

    Raises:
        KilopairError: the run or a round cannot go on; says what to do. What was finished stays.
    """
    check_reach(recipe.iterate)
    check_package(recipe.package, check_base(recipe, root))
    check_probes(recipe, root)
    kept: Mapping[str, Output] = {}
    with Workspace((root / recipe.workspace).resolve(), watch=watch) as work:
        step = Step(work, recipe, root)
        _run_until(step, LAST)
        rounds, output = _rounds(step)
        link(output.folder / ITERATION, work.folder / ITERATION)
        made = Iteration.model_validate(read_json(output.folder / ITERATION))
        best = rounds.outputs[made.best] if made.best else None
        if keep and best is not None:
            from builder.iterate.keep import keep as take

            kept = take(step, made, pairs=rounds.pairs_of(made.best), trained=best)
    if kept:
        with Workspace(work.folder, watch=watch, stand_ins=kept) as anew:
            _run_until(Step(anew, recipe, root), REPORT)
            anew.stand_in(kept)
    return Iterated(made, work.folder / ITERATION, best.folder / MODEL if best else None, bool(kept))


def _run_until(step: Step, last: str) -> None:
    for name, make in STAGES.items():
        fresh = make(step).fresh
        if name == "check":
            refuse(step.work.outputs[name])
        if fresh or name == last:
            publish(step.work, step.recipe)
        if name == last:
            return


def _rounds(step: Step) -> tuple[Rounds, Output]:
    """Return the rounds and the folder of what they came to."""
    rounds = begun(step)
    stop = rounds.run()

    best = best_of(rounds.rounds, step.recipe.iterate.margin)
    held = _held_out(step, rounds, best) if best else ()

    def make(folder: Path) -> Counts:
        made = concluded(rounds, stop, held)
        write_json(folder / ITERATION, made.model_dump(mode="json"))
        return {"rounds": len(made.rounds), "best": made.best, "notices": [*made.notices]}

    output = step.work.stage("iterate", reads=reads_of(step, rounds, stop), code=CODE, make=make)
    forget_runs(step)
    return rounds, output


def reads_of(step: Step, rounds: Rounds, stop: Stop) -> dict[str, object]:
    """Return everything that decides the record: the trainings, and what is told of the facts even if nothing was trained."""
    trainings = {name: output.content for name, output in step.work.outputs.items() if name.startswith(("round", "control"))}
    found = {"asked": rounds.found.asked, "wrong": rounds.found.wrong, "measured": [pair.id for pair in rounds.measure.asked]}
    told = {"stop": stop, "notices": [*rounds.notices]}
    settings = {**step.recipe.iterate.model_dump(), "seed": step.recipe.seed, "design": rounds.design.model_dump()}
    return {**step.contents("split", "pretrain", "train", LAST), **trainings, **found, **told, **settings}


def _held_out(step: Step, rounds: Rounds, best: int) -> "list[Comparison]":
    """Ask the best round and round 0 the held-out sets, once, and compare them; no round was planned by these."""
    from trainer.evaluation.proof import clusters_of
    from trainer.statistics.compare import compare
    from trainer.statistics.family import adjust

    sets = {name: pairs for name, pairs in held_out(step.pairs("split")).items() if len(pairs) >= FEWEST}
    asked = [pair for pairs in sets.values() for pair in pairs]
    if not asked:
        return []
    right = [_answers(step, f"held-out{number}", rounds.outputs[number].folder / MODEL, asked) for number in (0, best)]
    names = ("round_0", f"round_{best}")
    return adjust(
        [
            compare(
                *([float(given[pair.id]) for pair in pairs] for given in right),
                clusters=clusters_of(pairs),
                design=rounds.design,
                of=("right", name, *names),
            )
            for name, pairs in sets.items()
        ]
    )


def _answers(step: Step, name: str, model: Path, asked: Sequence[Pair]) -> dict[str, bool]:
    return {pair_id: bool(row["right"]) for pair_id, row in recalled(answered(step, name, model, asked)).items()}
