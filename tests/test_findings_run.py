"""What is found decides what a run reads and whether it goes on: masked before anything is kept, stopped before anything is asked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from builder.cli.main import group
from builder.forget import forget
from builder.pipeline import run, status
from builder.recipe_file import load_recipe
from builder.store import read_records
from schemas.errors import InputError
from schemas.records import Document, Draft, Dropped, Pair, Reason
from tests.test_forget import PAGES, RECIPE, SECRET_WORDS, holders

KEY = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF" + "2gH4"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    for name, text in PAGES.items():
        (tmp_path / "pages" / name).write_text(text)
    (tmp_path / "pages" / "desks.md").write_text(f"---\napi_key: {KEY}\n---\n{PAGES['desks.md']}\nThe token of the portal is {KEY}.\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_no_file_of_the_workspace_ever_holds_a_secret(project: Path):
    done = run(load_recipe(project / "recipe.yaml"), project, until="split")

    desks = next(one for one in read_records(done.workspace / "documents.jsonl", Document) if one.path == "desks.md")
    assert holders(done.workspace, KEY) == holders(done.workspace, KEY[5:]) == []
    assert "The token of the portal is [secret]••" in desks.text
    assert json.loads((done.workspace / "findings.json").read_text())[0]["sentence"].startswith("desks.md:")


def test_a_run_stops_before_anything_is_asked_and_goes_on_when_the_recipe_allows_it(project: Path):
    with pytest.raises(InputError, match="the recipe says stop at 1 of the findings"):
        run(load_recipe(project / "recipe.yaml", ["findings.secret=stop"]), project, until="split")

    stopped = status(load_recipe(project / "recipe.yaml", ["findings.secret=stop"]), project)
    assert [name for name, output in stopped.items() if output] == ["read", "check"]
    assert holders(project / "workspace", KEY) == []
    assert run(load_recipe(project / "recipe.yaml"), project, until="chunk").outputs["chunk"].counts["documents"] == 3


def test_check_ends_with_1_where_the_recipe_says_stop(project: Path):
    arguments = ["check", str(project / "recipe.yaml"), "--set", "findings.secret=stop"]

    result = CliRunner().invoke(group, arguments)

    assert result.exit_code == 1
    assert "**stop** desks.md:" in result.stdout
    assert KEY not in result.stdout
    assert CliRunner().invoke(group, arguments[:2]).exit_code == 0


def test_a_forgotten_document_is_read_no_more_and_leaves_drafts_pairs_and_dataset(project: Path):
    recipe = load_recipe(project / "recipe.yaml")
    workspace = run(recipe, project, until="split").workspace
    before, drafts = list(read_records(workspace / "pairs.jsonl", Pair)), list(read_records(workspace / "drafts.jsonl", Draft))
    gone = next(one.id for one in read_records(workspace / "documents.jsonl", Document) if one.path == "travel.md")
    forget(workspace, "travel.md")

    done = run(recipe, project, until="split")
    (project / "pages" / "moved.md").write_text(PAGES["travel.md"])
    again = run(recipe, project, until="split")

    after = list(read_records(workspace / "pairs.jsonl", Pair))
    dropped = [one for one in read_records(workspace / "quarantine.jsonl", Dropped) if one.reason == Reason.FORGOTTEN]
    assert done.outputs["read"].counts["dropped"] == {"forgotten": 1}
    assert again.outputs["read"].counts["dropped"] == {"forgotten": 2}
    assert {one.id for one in dropped} == {"travel.md", "moved.md"}
    assert {pair.provenance.document_id for pair in after} == {pair.provenance.document_id for pair in before} - {gone}
    assert list(read_records(workspace / "drafts.jsonl", Draft)) == [draft for draft in drafts if draft.provenance.document_id != gone]
    assert len(after) < len(before)
    assert holders(workspace, SECRET_WORDS) == []
    assert forget(workspace, "travel.md").still == ()
