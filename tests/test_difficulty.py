"""How hard a pair is: known where it is made, kept to the dataset, and what a choice can be balanced by."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from builder.caps import difficulty_of
from builder.pipeline import run
from builder.recipe_file import load_recipe
from builder.step import DRAFTS, PAIRS
from builder.store import read_records
from generators.alpaca.tasks import load_tasks, shipped_tasks
from generators.difficulty import DIFFICULTIES, FIELD, harder
from generators.extractive.catalogue import difficulty_of as level_of
from generators.extractive.catalogue import families
from schemas.records import Draft, Dropped, Pair
from tests.leave_project import answer_everything, kilopair, leave_project
from tests.test_conversation import Model, reply, talk
from tests.test_tasks import GOOD, ask, task_named
from tests.test_validate import draft, outcome

PAGES = ("policies/leave-policy-v3.md", "security/incident-playbook.txt", "products/fathom-plans.html")


def test_every_family_of_the_rules_and_every_shipped_task_has_a_level():
    levels = {name: level_of(family.rules[0] if family.rules else None, family.task) for name, family in families().items()}
    tasks = load_tasks(shipped_tasks(), root=Path())

    assert set(levels.values()) == set(DIFFICULTIES)
    assert (levels["definition"], levels["procedure"], levels["condition"], levels["ticket"]) == ("basic", "detailed", "applied", "applied")
    assert level_of("no such rule", "no such task") is None
    silent = {task.name for task in tasks if not task.is_levelled and task.settings.difficulty is None}
    assert silent == {"wording"}  # it has that of the fact that it words
    assert {task.name for task in tasks if task.is_levelled and task.settings.difficulty} == set()


@pytest.mark.parametrize(
    ("level", "above"), [("basic", "detailed"), ("detailed", "applied"), ("applied", "applied"), (None, "detailed"), ("odd", "detailed")]
)
def test_harder_is_the_level_above(level, above):
    assert harder(level) == above


def heard(name: str, **changes) -> list[Draft]:
    """The drafts of a good reply to an ask with these changes."""
    return talk(Model(reply(GOOD[name])), name, about=replace(ask(task_named(name)), **changes))


@pytest.mark.parametrize("level", DIFFICULTIES)
def test_a_draft_has_the_level_of_its_ask_where_the_prompt_sets_it(level):
    assert {record.extra[FIELD] for record in heard("question_answering", difficulty=level)} == {level}


def test_a_draft_of_another_task_has_the_level_of_the_task():
    assert {record.extra[FIELD] for record in heard("extraction", difficulty="applied")} == {"detailed"}


@pytest.mark.parametrize(("level", "above"), [("basic", "detailed"), ("detailed", "applied"), ("", "detailed")])
def test_a_harder_version_is_one_level_above_the_pair_it_starts_from(level, above):
    seeds = tuple(seed.model_copy(update={"extra": {FIELD: level} if level else {}}) for seed in ask(task_named("evolution")).seeds)

    assert {record.extra[FIELD] for record in heard("evolution", seeds=seeds)} == {above}


def test_a_wording_of_a_model_has_the_level_of_the_fact():
    about = ask(task_named("wording"))
    facts = tuple(fact.model_copy(update={"extra": {FIELD: "applied"}}) for fact in about.seeds)

    assert {record.extra[FIELD] for record in heard("wording", seeds=facts)} == {"applied"}


def test_a_users_schema_is_about_their_own_fields_unless_it_names_the_difficulty():
    theirs = {"type": "object", "properties": {"level": {"enum": ["easy"]}}, "additionalProperties": False}
    ours = {"type": "object", "properties": {FIELD: {"enum": ["basic"]}}, "additionalProperties": False}

    (good,) = outcome(draft(extra={"level": "easy", FIELD: "basic"}), extra_schema=theirs)
    (bad,) = outcome(draft(extra={FIELD: "applied"}), extra_schema=ours)

    assert isinstance(good, Pair)
    assert good.extra == {"level": "easy", FIELD: "basic"}
    assert isinstance(bad, Dropped)


def chosen(folder: Path) -> list[Pair]:
    stages = json.loads((folder / "workspace" / "manifest.json").read_text())["stages"]
    return list(read_records(folder / "workspace" / stages["curate"]["folder"] / PAIRS, Pair))


def test_a_run_of_the_rules_can_be_balanced_by_difficulty(tmp_path: Path, root: Path):
    (tmp_path / "pages").mkdir()
    for name in PAGES:
        (tmp_path / "pages" / Path(name).name).write_text((root / "datasets" / "tarnwell" / name).read_text())
    (tmp_path / "recipe.yaml").write_text(
        "company: Tarnwell\ndocuments: {path: pages}\ncurate: {target: 60, per_document: 1, per_opening: 1, per_task: 1}\n"
    )

    def mix(*overrides: str) -> Counter[str]:
        done = run(load_recipe(tmp_path / "recipe.yaml", overrides), tmp_path, until="curate")
        return Counter(map(difficulty_of, read_records(done.outputs["curate"].folder / PAIRS, Pair)))

    free, even = mix(), mix("choose.per_difficulty=0.34")

    assert max(free.values()) > 0.4 * 60
    assert set(even) <= set(DIFFICULTIES)
    assert even.total() == 60
    assert max(even.values()) <= max(21, max(free.values()) - 1)


def test_a_run_of_a_model_keeps_the_levels_to_the_dataset(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(leave_project(tmp_path))
    answer_everything(tmp_path)
    kilopair("split", "recipe.yaml", "-q")

    pairs = chosen(tmp_path)
    drafts = list(read_records(tmp_path / "workspace" / DRAFTS, Draft))
    rows = [json.loads(line) for line in (tmp_path / "workspace" / PAIRS).read_text().splitlines()]

    assert {str(one.extra[FIELD]) for one in drafts} <= set(DIFFICULTIES)
    assert all(difficulty_of(pair) in DIFFICULTIES for pair in pairs)
    assert all(row["extra"][FIELD] in DIFFICULTIES for row in rows)
