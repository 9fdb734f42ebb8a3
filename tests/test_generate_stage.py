"""The generate stage seen from outside: where its answers came from, what is out in a batch, and what goes on after a reparse."""

import json
from pathlib import Path

import pytest

from builder.cli.display import Log
from generators.llm.batch import sent_files
from generators.llm.batch_files import Ledger
from generators.llm.dialect import Dialect
from generators.llm.journal import Journal
from generators.llm.local import dialect_note
from schemas.errors import EndpointError, KilopairError, UsageError, WorkspaceError
from schemas.recipe import EndpointSection
from tests.leave_project import RECIPE, answer, answer_everything, asked, exported, kept, kilopair, leave_project, taken_in


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return leave_project(tmp_path)


@pytest.fixture
def answered(project: Path) -> Path:
    return answer_everything(project)


def counts(workspace: Path) -> dict:
    return json.loads((workspace / "manifest.json").read_text())["stages"]["generate"]["counts"]


def test_the_manifest_says_how_many_answers_came_from_where(answered: Path):
    kilopair("generate", "recipe.yaml", "--quiet")
    kilopair("record", "recipe.yaml", "answers.jsonl", "--quiet")
    kilopair("generate", "recipe.yaml", "--quiet", "--set", "workspace=other", "--set", "endpoint.replay=answers.jsonl")

    batch, replay = counts(answered / "workspace"), counts(answered / "other")
    assert (batch["answers"], batch["notices"]) == ({"batch": 3}, [])
    assert replay["answers"] == {"replay": 3}
    assert [notice for notice in replay["notices"] if "answers.jsonl" in notice]


def test_the_ledger_of_what_is_covered_lies_in_the_workspace(answered: Path):
    kilopair("generate", "recipe.yaml", "--quiet")
    generated = json.loads((answered / "workspace" / "coverage.json").read_text())
    kilopair("reparse", "recipe.yaml", "--quiet")

    assert generated
    assert json.loads((answered / "workspace" / "coverage.json").read_text()) == generated


@pytest.mark.parametrize("command", [("generate", "recipe.yaml"), ("generate", "recipe.yaml", "--pilot", "1"), ("split", "recipe.yaml")])
def test_what_is_out_in_a_batch_is_not_asked_online(project: Path, command: tuple[str, ...]):
    exported()

    with pytest.raises(WorkspaceError, match=r"3 requests are out in a batch.*kilopair batch fetch.*kilopair batch forget"):
        kilopair(*command, "--quiet")


def test_a_request_that_is_out_is_not_asked_online_though_a_page_came_back_for_it_once(project: Path):
    _, lines = exported()
    ledger = Ledger(project / "workspace" / "batch")
    with Journal(project / "workspace" / "journal.sqlite") as journal:
        for request in filter(None, (ledger.find(line["custom_id"]) for line in lines)):
            journal.put(request, b"<html>", source="online")

    with pytest.raises(WorkspaceError, match="3 requests are out in a batch"):
        kilopair("generate", "recipe.yaml", "--quiet")


def test_a_batch_that_is_given_up_is_asked_online_and_may_still_come_back(project: Path):
    _, lines = exported()
    (given_up,) = asked("batch", "forget", "recipe.yaml")
    with pytest.raises(EndpointError, match="cannot reach"):
        kilopair("generate", "recipe.yaml", "--quiet")

    late = taken_in(project, [answer(line) for line in lines])

    assert given_up["requests"] == 3
    assert late["answered"] == 3
    with pytest.raises(UsageError, match="no batch is out"):
        kilopair("batch", "forget", "recipe.yaml")


def test_the_exported_file_taken_for_its_results_brings_nothing_back(project: Path):
    facts, _ = exported()
    funnel = asked("batch", "import", "recipe.yaml", *facts["files"])

    with Journal(project / "workspace" / "journal.sqlite") as journal:
        waiting = [file.is_out for file in sent_files(journal)]
    assert (funnel["unknown"], funnel["failed"]) == (3, 0)
    assert list(funnel["problems"]) == ["a request, not a result: name the file that came back"]
    assert waiting == [True]


def test_a_run_goes_on_with_what_reparse_made_and_sends_nothing(answered: Path):
    (answered / "recipe.yaml").write_text(RECIPE.replace("Tarnwell", "Marshgate"))
    again = asked("reparse", "recipe.yaml")

    kilopair("split", "recipe.yaml", "--quiet")

    assert kept(answered) == {name: again["after"][name] for name in ("generate", "validate", "split")}
    assert counts(answered / "workspace")["reparsed"]
    assert "done  split" in kilopair("status", "recipe.yaml")


def test_generate_asks_anew_and_what_it_made_counts_from_then_on(answered: Path):
    kilopair("reparse", "recipe.yaml", "--quiet")
    kilopair("generate", "recipe.yaml", "--quiet")
    kilopair("split", "recipe.yaml", "--quiet")

    assert "reparsed" not in counts(answered / "workspace")


def test_a_reparse_of_another_recipe_stands_in_for_nothing(answered: Path):
    kilopair("reparse", "recipe.yaml", "--quiet")

    with pytest.raises(EndpointError):
        kilopair("split", "recipe.yaml", "--quiet", "--set", "company=Marshgate")


def test_a_reparse_that_finds_nothing_stands_in_for_nothing(answered: Path):
    (answered / "recipe.yaml").write_text(RECIPE.replace("question_answering", "rewriting"))
    with pytest.raises(WorkspaceError, match="no usable answer"):
        kilopair("reparse", "recipe.yaml", "--quiet")

    with pytest.raises(EndpointError):
        kilopair("split", "recipe.yaml", "--quiet")


def test_a_setting_that_the_endpoint_refused_is_named(project: Path):
    asked = RECIPE.replace("model: large", "model: large, parameters: {top_p: 0.5, seed: 1}")
    (project / "recipe.yaml").write_text(f"{asked}judge: {{pairs: none}}\n")  # or the last export makes the drafts to ask the judge about
    answer_everything(project)
    known = Dialect(rung="text", left_out=frozenset({"top_p", "temperature"}))
    with Journal(project / "workspace" / "journal.sqlite") as journal:
        journal.set_note(dialect_note(EndpointSection(base_url="http://127.0.0.1:9/v1", model="large")), known.to_text())

    kilopair("generate", "recipe.yaml", "--quiet")

    assert counts(project / "workspace")["notices"] == ["the endpoint refuses top_p, so requests go without; take it out of the recipe"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("lost.jsonl", None, r"decontaminate\.files: .*lost\.jsonl: no such file or directory; give the path of a file"),
        ("empty.jsonl", "", r"empty\.jsonl: no rows, so nothing to look for"),
        ("names.csv", "city,country\nOslo,Norway\n", r"names\.csv: no column is known to hold questions; its columns are city, country"),
        ("torn.jsonl", '{"question": "How ', r"torn\.jsonl row 1: .*repair it or take it out"),
        ("notes.docx", "How?", r"notes\.docx: of a kind that cannot be read"),
    ],
)
def test_an_evaluation_file_that_curate_would_stop_at_is_refused_before_a_request_is_made(
    project: Path, name: str, text: str | None, problem: str
):
    if text is not None:
        (project / name).write_text(text)

    with pytest.raises(KilopairError, match=problem) as refused:
        kilopair("batch", "export", "recipe.yaml", "--quiet", "--set", f"decontaminate.files=[{name}]")

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--set", "generate.generator=extractive")])
def test_generate_looks_into_the_files_that_curate_will_read(project: Path, more: tuple[str, ...]):
    with pytest.raises(KilopairError, match=r"lost\.jsonl: no such file"):
        kilopair("generate", "recipe.yaml", "--quiet", "--set", "decontaminate.files=[lost.jsonl]", *more)

    assert not (project / "workspace" / "drafts.jsonl").exists()


def test_a_run_with_an_evaluation_file_drops_what_it_asks(answered: Path):
    kilopair("generate", "recipe.yaml", "--quiet")
    asked_before = json.loads((answered / "workspace" / "drafts.jsonl").read_text().splitlines()[0])["instruction"]
    (answered / "ours.jsonl").write_text(json.dumps({"question": asked_before}) + "\n")

    kilopair("split", "recipe.yaml", "--quiet", "--set", "decontaminate.files=[ours.jsonl]")

    dropped = json.loads((answered / "workspace" / "manifest.json").read_text())["stages"]["curate"]["counts"]["dropped"]
    assert dropped["contaminated"] >= 1


def test_a_rubric_that_is_none_is_refused_before_anything_is_asked(project: Path):
    (project / "rubric.yaml").write_text("criteria: 7\n")

    with pytest.raises(KilopairError, match=r"rubric\.yaml"):
        kilopair("generate", "recipe.yaml", "--quiet", "--set", "judge.rubric=rubric.yaml")


def test_notices_are_part_of_the_json_and_a_line_each_for_people(answered: Path, capsys: pytest.CaptureFixture[str]):
    kilopair("record", "recipe.yaml", "answers.jsonl", "--quiet")
    there = ("--set", "workspace=other", "--set", "endpoint.replay=answers.jsonl")
    events = [json.loads(line) for line in kilopair("generate", "recipe.yaml", "--json", *there).splitlines()]

    (made,) = [event for event in events if (event["event"], event["stage"]) == ("finished", "generate")]
    Log().finished("generate", {**made["counts"], "over_budget": True}, seconds=1.0, fresh=True)
    line, note, budget = capsys.readouterr().err.splitlines()
    assert "3 drafts from 3 of 3 chunks, answers: 3 replay" in line
    assert note.startswith("note: answers were replayed from the recording answers.jsonl")
    assert budget.startswith("note: the budget is reached")
