"""Runs and files that choose by what the base makes of pairs: in the right order, once, shown, and off unless asked for."""

import json
from pathlib import Path

import pytest

from builder.curate_file import Source, curate_file
from builder.curation.table import table
from builder.lineage import explain
from builder.pipeline import run, status
from builder.recipe_file import load, load_recipe
from builder.report.chosen import student
from builder.step import PAIRS, QUARANTINE
from builder.store import read_records
from schemas.curation_file import FileRecipe
from schemas.errors import RecipeError
from schemas.records import Dropped, Pair
from tests.test_curate_file import rows, written
from tests.tiny_models import chat_tokenizer, saved

RECIPE = """\
company: Tarnwell
documents: {path: pages}
curate: {target: 40, per_document: 1.0, per_opening: 1.0, per_task: 1.0}
base: {vocabulary: 500, width: 32, layers: 1, heads: 2, tokens: 4000}
choose: {student: ifd}
"""
PAGES = ("policies/leave-policy-v3.md", "security/incident-playbook.txt")


class Told:
    """A watch that remembers which stages ended, and which of them were made."""

    def __init__(self):
        self.ended = []

    def started(self, stage):
        pass

    def advanced(self, stage, done, total, figures):
        pass

    def finished(self, stage, counts, *, seconds, fresh):
        self.ended.append((stage, fresh))


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    root = Path(__file__).parent.parent
    folder = tmp_path_factory.mktemp("project")
    (folder / "pages").mkdir()
    for name in PAGES:
        (folder / "pages" / Path(name).name).write_text((root / "datasets" / "tarnwell" / name).read_text())
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def made(project: Path, *overrides: str, until: str = "curate"):
    watch = Told()
    return run(load_recipe(project / "recipe.yaml", overrides), project, until=until, watch=watch), watch


def curated(done) -> tuple[list[Pair], list[Dropped]]:
    folder = done.outputs["curate"].folder
    return list(read_records(folder / PAIRS, Pair)), list(read_records(folder / QUARANTINE, Dropped))


def test_the_base_is_made_before_the_choice_scores_its_pairs_and_a_second_run_does_nothing(project: Path):
    first, watch = made(project)
    pairs, dropped = curated(first)
    again, second = made(project)

    stages = [stage for stage, fresh in watch.ended if fresh]
    assert stages.index("pretrain") < stages.index("curate")
    assert [stage for stage, _ in watch.ended].count("pretrain") == 1
    assert not any(fresh for _, fresh in second.ended)
    assert again.outputs["curate"].content == first.outputs["curate"].content
    assert len(pairs) == 40
    assert all({"student", "student/given", "student/alone", "student/ifd", "quality"} <= pair.scores.keys() for pair in pairs)
    after = [record.record["scores"] for record in dropped if record.stage == "select" and "student" in record.record["scores"]]
    worth = [pair.scores["student"] for pair in pairs]
    assert sum(worth) / len(worth) > sum(scores["student"] for scores in after) / len(after)


def test_what_is_up_to_date_is_known_without_making_anything(project: Path):
    made(project)
    recipe = load_recipe(project / "recipe.yaml")

    found = status(recipe, project)
    other = status(load_recipe(project / "recipe.yaml", ["seed=5"]), project)

    assert found["curate"] is not None
    assert found["pretrain"] is not None
    assert other["curate"] is None


def test_another_base_chooses_anew_and_no_student_needs_no_base(project: Path, tmp_path: Path):
    base = saved(tmp_path / "base", "llama", chat_tokenizer())

    done, watch = made(project, f"choose.base={base}", "choose.student=likelihood")
    by_base = curated(done)[0]  # before other outputs take the place of this one
    by_train = curated(made(project, f"train.base={base}", "choose.student=likelihood")[0])[0]
    without, third = made(project, "choose.student=none")

    assert by_base == by_train
    assert "pretrain" not in {stage for stage, _ in (*watch.ended, *third.ended)}
    assert not any("student" in pair.scores for pair in curated(without)[0])
    (Path(base) / "config.json").touch()
    assert made(project, f"choose.base={base}", "choose.student=likelihood")[0].outputs["curate"].fresh


def test_explain_and_the_report_show_the_scores(project: Path):
    done, _ = made(project, until="split")
    pairs, dropped = curated(done)
    left = next(record for record in dropped if record.stage == "select" and "student" in record.record["scores"])

    chosen, gone = (explain(project / "workspace", name).as_text() for name in (pairs[0].id, left.id))
    section = student("ifd", pairs, dropped)

    assert f"scores    student/ifd {pairs[0].scores['student/ifd']:g}" in chosen
    assert "scores    student/given" in gone
    assert section["pairs"] > len(pairs)
    assert section["useless"] <= section["pairs"]
    assert [row["all"] > 0 for row in section["rows"]] == [True] * 3
    assert student("none", pairs, dropped) == {}


def of_file(folder: Path, rows_of: list[dict], *overrides: str, name: str = "out"):
    recipe = load(FileRecipe, None, ["split.siblings=false", *overrides])
    report = curate_file(Source(table(written(folder, rows_of)), {}), folder / name, recipe=recipe)
    return report, list(read_records(folder / name / "curated.jsonl", Pair))


def test_pairs_of_a_file_are_chosen_by_a_base_that_is_named(tmp_path: Path):
    base = saved(tmp_path / "base", "llama", chat_tokenizer())

    _, pairs = of_file(tmp_path, rows(60), "curate.target=20", "choose.student=ifd", f"choose.base={base}")
    _, same = of_file(tmp_path, rows(60), "curate.target=20", "choose.student=ifd", f"choose.base={base}", name="again")

    assert len(pairs) == 20
    assert all(0 <= pair.scores["student"] < 1 for pair in pairs)
    assert pairs == same


def test_of_several_answers_in_a_file_the_likeliest_to_the_base_is_kept(tmp_path: Path):
    base = saved(tmp_path / "base", "llama", chat_tokenizer())
    asked = "Write a line about the old harbour."
    answers = ["Boats sleep where gulls complain.", "Grey stones remember every tide.", "Salt and rope and patient men."]
    made_rows = [*rows(12), *({"question": asked, "answer": answer} for answer in answers)]
    settings = ("curate.target=13", "curate.per_opening=1.0", f"choose.base={base}")

    plain = {pair.output for pair in of_file(tmp_path, made_rows, *settings, name="plain")[1]}
    _, pairs = of_file(tmp_path, made_rows, *settings, "choose.student=likelihood", name="likely")
    losses = {}
    from trainer.student import Student

    for answer in answers:
        (signal,) = Student(base)([pairs[0].model_copy(update={"id": answer, "instruction": asked, "input": "", "output": answer})])
        losses[answer] = signal.given

    kept = [pair.output for pair in pairs if pair.instruction == asked]
    assert kept == [min(losses, key=lambda answer: losses[answer])]
    assert len(plain & set(answers)) == 1


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["choose.student=ifd"], r"choose\.student is ifd, which asks a model; name it: --set choose\.base=FOLDER"),
        (["choose.student=ifd", "choose.base=./nowhere"], r"choose\.base: no such folder: nowhere"),
        (["choose.student=best"], r"choose\.student"),
    ],
)
def test_a_student_that_is_not_there_is_said_before_anything_is_made(tmp_path: Path, overrides, said):
    with pytest.raises(RecipeError, match=said):
        of_file(tmp_path, rows(10), *overrides)

    assert not (tmp_path / "out").exists()


def test_the_settings_are_in_the_manifest(tmp_path: Path):
    base = saved(tmp_path / "base", "llama", chat_tokenizer())

    of_file(tmp_path, rows(30), "curate.target=10", "choose.student=likelihood", f"choose.base={base}")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["recipe"]["choose"]["student"] == "likelihood"
