"""The stage `diagnose`: what the held-out answers, the facts and the training pairs say about the tuned model's weak spots."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from builder.step import ANSWERS, DIAGNOSIS, EVALUATION, MODEL, RECORDS, Step
from builder.store import read_json, write_json
from builder.workspace import Counts, Output
from schemas.diagnosis import Diagnosis, Level, Probed, Suspect
from schemas.records import Pair
from trainer.evaluation.declared import design
from trainer.evenly import evenly

if TYPE_CHECKING:
    from builder.diagnose.suspects import Losses
    from trainer.asking import Fact
    from trainer.knowledge import Known

_CODE = (
    *RECORDS,
    "schemas.diagnosis",
    "schemas.proof",
    "builder.diagnose",
    "builder.curation",
    "builder.rouge",
    "builder.locate",
    "trainer",
)


def diagnose(step: Step) -> Output:
    """Failures with their causes, what base and tuned know, and training pairs that may be wrong."""
    section = step.recipe.diagnose

    def make(folder: Path) -> Counts:
        found = diagnosed(step)
        write_json(folder / DIAGNOSIS, found.model_dump(mode="json"))
        return {
            "questions": found.n,
            "wrong": found.wrong,
            "causes": found.causes,
            "suspects": len(found.suspects),
            "probed": found.probe.facts if found.probe else 0,
            "notices": list(found.notices),
        }

    reads = {**step.contents("read", "chunk", "split", "pretrain", "train", "evaluate"), **section.model_dump(), "seed": step.recipe.seed}
    reads["design"] = design(step.recipe.evaluate).model_dump()
    return step.work.stage("diagnose", reads=reads, code=_CODE, make=make)


def diagnosed(step: Step) -> Diagnosis:
    """Return the diagnosis of the finished stages before this one."""
    from builder.diagnose.causes import failure
    from builder.diagnose.facts import askable, found_facts, probed, readable, verbatim
    from builder.diagnose.judged import Places, judged
    from builder.diagnose.lessons import Lessons
    from builder.diagnose.suspects import suspects
    from builder.diagnose.weak import weak_spots
    from trainer.knowledge import transitions

    section, pairs = step.recipe.diagnose, step.pairs("split")
    train = [pair for pair in pairs if pair.split == "train"]
    places = Places(step.documents(), step.chunks())
    evaluated = step.output("evaluate").folder
    limit = int(read_json(evaluated / EVALUATION)["max_new_tokens"])
    rows = list(judged(read_json(evaluated / ANSWERS), {pair.id: pair for pair in pairs}, places))
    wrong = [row for row in rows if row.wrong]
    lessons = Lessons(train, [row.pair for row in wrong])
    failures = [failure(row, lessons, limit=limit) for row in wrong]
    facts = askable(pairs) if section.probe != "none" else []
    asked = readable(evenly(facts, section.facts), section.prompts, _models(step)) if facts else []
    known, losses = looked_into(step, asked, train)
    few = section.probe == "likelihood" and not all(one.ranks for one in known["base"])
    if few:  # without enough other answers nothing was ranked, which is not to know nothing
        asked, known = [], {name: [] for name in known}
    levels: list[tuple[Level, Level]] = [(before.level, after.level) for before, after in zip(known["base"], known["tuned"], strict=True)]
    if probe := probed(section, known, len(facts), step.recipe.seed):
        probe = probe.model_copy(update={"verbatim": verbatim(asked, train, section.prompts)})
    suspected = suspects(train, losses, places=places, most=section.suspects) if section.suspects else ()
    return Diagnosis(
        n=len(rows),
        wrong=len(wrong),
        weak=weak_spots(rows, design(step.recipe.evaluate)),
        causes=dict(Counter(one.cause for one in failures).most_common()),
        failures=tuple(failures),
        facts=found_facts(rows, failures, _ids_by_group(train), asked=asked, known=known, places=places),
        transitions=transitions(levels),
        probe=probe,
        suspects=suspected,
        notices=_notices(probe, suspected, few=few),
    )


def looked_into(step: Step, asked: Sequence["Fact"], train: Sequence[Pair]) -> tuple[dict[str, list["Known"]], "Losses"]:
    """Return what base and tuned know of the facts, and their losses on the training pairs; each model is loaded once."""
    from builder.diagnose.suspects import Losses
    from trainer.knowledge import probe
    from trainer.loss import row_losses
    from trainer.machine import prepare
    from trainer.model import load, load_tokenizer
    from trainer.rows import pair_rows
    from trainer.templates import choose_template

    prepare()
    section = step.recipe.diagnose
    folders = _models(step)
    learned = train if section.suspects else []
    rows = pair_rows(learned, choose_template(load_tokenizer(folders["tuned"])))
    known: dict[str, list[Known]] = {}
    losses: dict[str, list[float]] = {}
    for name, folder in folders.items():
        if not asked and not rows:
            known[name], losses[name] = [], []
            continue
        model, tokenizer = load(folder)
        told = _told(step, list(folders).index(name) * len(asked), len(folders) * len(asked))
        examples = train if name == "base" else ()
        known[name] = (
            probe(model, tokenizer, asked, section=section, seed=step.recipe.seed, examples=examples, progress=told) if asked else []
        )
        if name == "tuned" or step.recipe.train.base != "embedded":  # the embedded base has never seen the template's marks
            losses[name] = [loss / row.trained for loss, row in zip(row_losses(model, rows), rows, strict=True)]
        del model  # before the next one is loaded: there may be no memory for both
    return known, Losses(after=losses["tuned"], before=losses.get("base"))


def _models(step: Step) -> dict[str, str]:
    from builder.model_stages import base_folder

    return {"base": base_folder(step.output("pretrain")), "tuned": str(step.output("train").folder / MODEL)}


def _told(step: Step, before: int, total: int) -> Callable[[int], None]:
    progress = step.work.progress("diagnose")
    return lambda count: progress(before + count, total, {})


def _ids_by_group(train: Sequence[Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for pair in train:
        found[pair.group].append(pair.id)
    return found


def _notices(probe: Probed | None, suspected: Sequence[Suspect], *, few: bool) -> tuple[str, ...]:
    disagree = sum(one.doubt == "conflict" for one in suspected)
    told = ["too few facts with different answers to rank them by likelihood; set diagnose.probe to answers"] if few else []
    if probe and probe.damaged:
        told.append(f"of {probe.facts} facts that were asked, the tuned model knows {probe.damaged} less well than the base did")
    if disagree:
        told.append(f"{disagree} training pairs ask what others ask and answer otherwise; kilopair diagnose names them")
    return tuple(told)
