"""The stages of the model: a base, the tuned model, and base against tuned on what neither was trained on."""

from functools import partial
from pathlib import Path

from builder.ask import extraction_schema
from builder.held_out_material import CODE as MATERIAL
from builder.probes import probe_reads, ready
from builder.step import ANSWERS, EVALUATION, MODEL, RUNS, Step
from builder.store import read_json, write_json
from builder.win_rate import questions_of, with_win_rate
from builder.workspace import Counts, Output
from schemas.errors import RecipeError
from schemas.recipe import Recipe
from schemas.records import content_id
from schemas.training import TEMPLATE_FILES, TrainSection
from trainer.evaluation.declared import design

UNIONS = {"paraphrase": ("paraphrase_seen", "paraphrase_unseen")}
PRETRAIN = tuple(f"trainer.{name}" for name in ("base", "tokenizer", "optimizer", "rows", "templates", "machine"))


def pretrain(step: Step) -> Output:
    """The embedded base model from the documents' raw text, or a note of the base that the recipe names."""
    recipe = step.recipe
    if made := step.work.outputs.get("pretrain"):  # before its turn, because the choice of the pairs asked it
        return made
    if recipe.train.base != "embedded":
        found = check_base(recipe, step.root)
        base = str(found.resolve()) if found.is_dir() else recipe.train.base
        reads = {"base": base, "files": folder_stamp(found)}
        return step.work.stage("pretrain", reads=reads, code=("schemas.training",), make=partial(_note_base, base))

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
    section, template = with_template(recipe.train, step.root)
    section, general = with_replay(section, step.root)

    def make(folder: Path) -> Counts:
        from trainer.sft import train as tune

        pairs = step.pairs("split")
        return tune(
            [pair for pair in pairs if pair.split == "train"],
            [pair for pair in pairs if pair.split == "validation"],
            [document.text for document in step.documents()],
            base=base_folder(step.output("pretrain")),
            section=section,
            seed=recipe.seed,
            folder=folder / MODEL,
            progress=step.work.progress("train"),
            runs=step.work.folder / RUNS,
        )

    settings = recipe.train.model_dump(mode="json", exclude={"keep", "log"})  # they leave the result as it is
    reads = {**step.contents("read", "split", "pretrain"), **settings, **template, **general, "seed": recipe.seed}
    return step.work.stage("train", reads=reads, code=("trainer",), make=make)


def with_template(section: TrainSection, root: Path) -> tuple[TrainSection, dict[str, str]]:
    """Return the section with its template's file where it lies, and what the training reads of that file: its text.

    Raises:
        RecipeError: there is no such file.
    """
    if not section.template.endswith(TEMPLATE_FILES):
        return section, {}
    path = root / section.template
    try:
        return section.model_copy(update={"template": str(path)}), {"template": path.read_text(encoding="utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"train.template: {path}: cannot be read ({error}); give the path of a Jinja file") from None


def with_replay(section: TrainSection, root: Path) -> tuple[TrainSection, dict[str, str]]:
    """Return the section with its general text where it lies, and what the training reads of it: its content.

    Raises:
        InputError: there is no such text.
    """
    if section.replay_text is None or not section.replay:
        return section, {}
    from trainer.replay import read_general

    place = root / section.replay_text
    return section.model_copy(update={"replay_text": place}), {"replay_text": content_id("general", *read_general(place))}


def evaluate(step: Step) -> Output:
    """Base against tuned on the two held-out sets, which are never mixed; what else they are asked; whose answers a judge prefers."""
    section = step.recipe.evaluate
    questions_of(step.recipe)  # refused before the answers, not after

    def make(folder: Path) -> Counts:
        from builder.declared import notice
        from builder.held_out_material import material_of
        from builder.split import held_out, prove
        from trainer.evaluate import evaluate as compare

        probe = ready(step)
        models = {"base": base_folder(step.output("pretrain")), "tuned": str(step.output("train").folder / MODEL)}
        pairs = step.pairs("split")
        prove(pairs)  # nobody has put a pair of train among them since they were divided
        material, progress = material_of(step, pairs), step.work.progress("evaluate")
        result, answers = compare(held_out(pairs), models=models, unions=UNIONS, section=section, progress=progress, material=material)
        result["notices"] += notice(result["declared"])
        write_json(folder / EVALUATION, {**result, **probe(models)})
        write_json(folder / ANSWERS, answers)
        return {"questions": len(answers), "systems": list(result["systems"]), "verdict": result["verdict"], "notices": result["notices"]}

    reads = {**step.contents("split", "pretrain", "train"), **section.model_dump(mode="json", exclude={"win_rate"})}
    reads |= {**step.contents("read", "chunk"), "extraction_schema": extraction_schema(step.recipe, step.root)}
    reads |= probe_reads(step.recipe, step.root)
    output = step.work.stage("evaluate", reads=reads, code=("trainer", "builder.probes", *MATERIAL), make=make)
    return with_win_rate(step, output, design(section))


def folder_stamp(folder: Path) -> list[list[str | int]]:
    """Names, sizes and times of a local model's files (hashing gigabytes at every run would be slow)."""
    if not folder.is_dir():
        return []
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(folder.iterdir()) if path.is_file()]
