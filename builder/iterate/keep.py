"""The best round becomes the run's own: its pairs stand in for those of the split, its model for that of the training.

Everything after them is made anew, once; a later run with the same recipe and documents goes on with them. Until that is made
nothing stands in for anything: who is killed before keeps it once more, and begins no rounds on pairs that are kept by half.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from builder.curate_stage import SPLIT_CODE
from builder.stages import STAGES
from builder.step import DATASET, PAIRS, QUARANTINE, RECORDS, Step
from builder.store import write_json, write_records
from builder.workspace import Counts, NotMadeError, Output, Workspace
from schemas.iteration import Iteration
from schemas.records import SPLITS, Dropped, Pair, Reason

HISTORY = "history.json"


def keep(step: Step, made: Iteration, *, pairs: Sequence[Pair], trained: Output) -> dict[str, Output]:
    """Return the pairs and the model of the best round by the keys of the run's own, for which they are to stand in."""
    kept = {step.work.keys["split"]: _kept(step, made, pairs)}
    return {**kept, _key_of_training(step, kept): trained}


def _kept(step: Step, made: Iteration, pairs: Sequence[Pair]) -> Output:
    """Write the pairs as the split has them, with the history of those that came and went."""
    from builder.certificate import certificate
    from builder.export import facts_of, save_dataset

    chosen = {pair.id: pair for pair in step.pairs("curate")}
    ids = {pair.id for pair in pairs}
    added = [pair for pair in pairs if pair.id not in chosen]
    gone = [pair for pair in chosen.values() if pair.id not in ids]
    changes = [change for change in made.history if change.round <= made.best]
    why = {change.pair_id: f"round {change.round} of kilopair iterate: {change.why}" for change in changes}

    def make(folder: Path) -> Counts:
        write_records(folder / PAIRS, pairs)
        left = [Dropped.of(pair, "iterate", Reason.NOT_SELECTED, why.get(pair.id, "gave up its place")) for pair in gone]
        write_records(folder / QUARANTINE, left)
        write_json(folder / HISTORY, [change.model_dump(mode="json") for change in changes])
        proof = certificate(pairs, seed=step.recipe.seed)
        sizes = Counter(str(pair.split) for pair in pairs)
        counts: dict[str, Any] = {"in": len(chosen) + len(added), "added": len(added), "kept": len(pairs)}
        counts |= {"dropped": {str(Reason.NOT_SELECTED): len(gone)} if gone else {}, **{name: sizes[name] for name in SPLITS}}
        counts |= {"leaks": proof["leaks"], "certificate": proof}
        save_dataset(pairs, folder / DATASET, facts=facts_of(step.documents(), company=step.recipe.company, counts=counts))
        return counts

    reads = {**step.contents("read", "curate"), "pairs": sorted(ids), "history": [change.model_dump(mode="json") for change in changes]}
    reads |= {"seed": step.recipe.seed, "company": step.recipe.company}
    return step.work.stage("kept", reads=reads, code=(*RECORDS, *SPLIT_CODE, "builder.iterate"), make=make)


def _key_of_training(step: Step, kept: Mapping[str, Output]) -> str:
    """Return what the training on the kept pairs is called, made or not."""
    with Workspace(step.work.folder, read_only=True, stand_ins=kept) as seen:
        looking = Step(seen, step.recipe, step.root)
        try:
            for name, make in STAGES.items():
                make(looking)
                if name == "train":
                    break
        except NotMadeError:
            pass
        return seen.keys["train"]
