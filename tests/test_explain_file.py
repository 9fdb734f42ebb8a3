"""What became of each row of a curated file, and why, in a line that a person can follow."""

import json

import pytest
from click.testing import CliRunner

from builder.cli.look import explain
from builder.curate_file import Source, curate_file
from builder.curation.table import table
from builder.explain_file import explain_row
from builder.recipe_file import load
from builder.store import read_records
from schemas.curation_file import FileRecipe
from schemas.errors import UsageError, WorkspaceError
from schemas.records import Dropped, Pair

QUESTION, ANSWER = "Who keeps the harbour lamp lit in the long winter nights?", "The keeper of the harbour does that with two helpers."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("explained")
    other = [
        {"question": f"{verb} the {thing} after dark, please?", "answer": f"The {thing} is for number {number} to {verb.lower()} at night."}
        for number, (verb, thing) in enumerate((verb, thing) for verb in ("Paint", "Sell", "Lock") for thing in ("mill", "kiln", "barn"))
    ]
    rows = [
        {"question": QUESTION, "answer": ANSWER},
        {"question": f"Please, {QUESTION}", "answer": ANSWER},
        *other,
        {"question": "a?", "answer": ""},
    ]
    (place / "lamp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = load(FileRecipe, None, ["curate.target=8", "curate.per_opening=0.5", "split.siblings=false"])
    curate_file(Source(table(place / "lamp.jsonl"), {}), place / "out", recipe=recipe)
    return place / "out"


def test_a_chosen_pair_tells_its_pick_its_gain_its_copies_and_its_limits(folder):
    told = explain_row(folder, "lamp.jsonl:1")
    text = told.as_text()

    assert isinstance(told.record, Pair)
    assert f"question  {QUESTION}" in text
    assert f"pick      {told.record.scores['pick']:.0f} of 8" in text
    assert f"gain      {told.record.scores['gain']:.3%}: what it adds" in text
    assert "cluster   copies dropped: 1" in text
    assert "limit     opening 'who keeps the' has 1 of 4 pairs" in text
    assert "dropped at dedup: near duplicate (ROUGE-L" in text
    assert f"Please, {QUESTION} → {ANSWER}" in text


def test_a_dropped_one_tells_stage_reason_and_twin(folder):
    (record,) = (record for record in read_records(folder / "dropped.jsonl", Dropped) if record.stage == "dedup")

    text = explain_row(folder, record.id[:12]).as_text()

    assert f"pair      {record.id}\nrow       lamp.jsonl row 2" in text
    assert f"became    dropped at dedup: near duplicate ({record.detail})" in text
    twin = next(line for line in text.splitlines() if line.startswith("twin"))
    assert "chosen as number" in twin
    assert QUESTION in twin


def test_one_that_was_not_selected_tells_the_chosen_pair_nearest_to_it(folder):
    record = next(record for record in read_records(folder / "dropped.jsonl", Dropped) if record.stage == "select")

    assert "nearest chosen pair-" in record.detail
    assert "twin      pair-" in explain_row(folder, record.id).as_text()


def test_a_row_that_was_no_pair_is_found_by_its_number(folder):
    text = explain_row(folder, "lamp.jsonl:12").as_text()

    assert "became    dropped at import: blank (row 12: it has no response)" in text


def test_every_row_of_the_file_can_be_explained(folder):
    told = [explain_row(folder, f"lamp.jsonl:{number}") for number in range(1, 13)]

    assert sum(isinstance(one.record, Pair) for one in told) == 8
    assert all("became" in one.as_text() for one in told)


@pytest.mark.parametrize(
    ("name", "said"), [("nobody", "no row has this id; an id of this folder is pair-.*, a row lamp.jsonl:"), ("pair-", "rows begin with")]
)
def test_an_id_that_is_of_none_or_of_several_is_said(folder, name, said):
    with pytest.raises(WorkspaceError, match=said):
        explain_row(folder, name)


def test_a_folder_without_results_is_said(tmp_path):
    with pytest.raises(UsageError, match="holds no result of kilopair curate FILE"):
        explain_row(tmp_path, "pair-1")


def test_the_command_speaks_words_and_json(folder):
    words = CliRunner().invoke(explain, ["lamp.jsonl:1", "--from", str(folder)])
    parsed = json.loads(CliRunner().invoke(explain, ["lamp.jsonl:1", "--from", str(folder), "--json"]).output)

    assert "became    chosen, in" in words.output
    assert parsed["record"]["instruction"] == QUESTION
    assert [other["stage"] for other in parsed["others"]] == ["dedup"]
