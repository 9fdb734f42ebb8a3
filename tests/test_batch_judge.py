"""The judge by files: what it would ask goes out when the generator has its answers, and with the results in, nothing is sent."""

import json
from pathlib import Path

import pytest

from schemas.errors import UsageError, WorkspaceError
from tests.judge_endpoint import by_rule
from tests.leave_project import answer, asked, exported, kilopair, leave_project, taken_in

JUDGED = "\njudge: {pairs: all}\ncurate: {per_document: 1.0, per_task: 1.0, per_opening: 1.0}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(leave_project(tmp_path))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("model: large,", "model: large, structured: json_schema,") + JUDGED)
    return tmp_path


def verdict(line: dict) -> dict:
    """Judge the pairs of a line of a batch by the rule of the tests."""
    body = line["body"]
    said = by_rule(body["messages"], body["response_format"]["json_schema"]["schema"])
    message = {"role": "assistant", "content": said}
    answered = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 40},
    }
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": answered}, "error": None}


def chosen(project: Path) -> list[dict]:
    folder = json.loads((project / "workspace" / "manifest.json").read_text())["stages"]["curate"]["folder"]
    return [json.loads(line) for line in (project / "workspace" / folder / "pairs.jsonl").read_text().splitlines()]


def test_generator_and_judge_by_files_and_then_a_run_that_sends_nothing(project: Path):
    first, lines = exported()
    taken_in(project, [answer(line) for line in lines])
    second, judged = exported()
    waiting, _ = exported()
    funnel = taken_in(project, [verdict(line) for line in judged])
    third, _ = exported()
    kilopair("curate", "recipe.yaml", "-q")

    assert (first["asker"], second["asker"]) == ("generator", "judge")
    assert second["requests"] == len(judged) == funnel["answered"] >= 1
    assert (waiting["requests"], waiting["left_out"]["out"]) == (0, len(judged))
    assert third["requests"] == 0
    pairs = chosen(project)
    assert len(pairs) >= 3
    assert all(pair["scores"]["judge"] == 1.0 for pair in pairs)
    facts = asked("journal", "recipe.yaml")
    assert facts["calls"] == 0
    assert facts["by_source"] == {"batch": len(lines) + len(judged)}
    assert facts["by_task"]["judge"] == len(judged)


def test_what_the_judge_has_out_is_not_asked_online_as_well(project: Path):
    _, lines = exported()
    taken_in(project, [answer(line) for line in lines])
    exported()

    with pytest.raises(WorkspaceError, match="are out in a batch, and asked now they would be paid twice"):
        kilopair("curate", "recipe.yaml", "-q")


def test_pairs_of_the_rules_are_judged_by_files_too_at_the_price_of_the_judge(project: Path):
    settings = ("--set", "generate.generator=extractive", "--set", "judge.model=text-judge", "--set", "budget.usd_per_million_input=1000",
                "--set", "budget.usd_per_million_output=0")  # fmt: skip

    facts, lines = exported(*settings)
    (project / "results.jsonl").write_text("".join(json.dumps(verdict(line)) + "\n" for line in lines))
    asked("batch", "import", "recipe.yaml", "results.jsonl", *settings)
    kilopair("curate", "recipe.yaml", "-q", *settings)

    assert facts["asker"] == "judge"
    assert {line["body"]["model"] for line in lines} == {"text-judge"}
    assert all("judge" in pair["scores"] for pair in chosen(project))
    assert asked("journal", "recipe.yaml")["usd"] == pytest.approx(len(lines) * 0.2)


def test_a_cap_holds_back_requests_of_the_judge_as_well(project: Path):
    _, lines = exported()
    taken_in(project, [answer(line) for line in lines])

    facts, judged = exported("--set", "budget.max_tokens=10")

    assert (facts["requests"], judged) == (0, [])
    assert facts["left_out"]["over_budget"] >= 1


def test_an_export_says_for_whom_and_a_recipe_that_asks_nobody_is_told_so(project: Path):
    _, lines = exported()
    taken_in(project, [answer(line) for line in lines])

    told = kilopair("batch", "export", "recipe.yaml")

    assert "requests of the judge exported" in told
    with pytest.raises(UsageError, match="asks no model"):
        kilopair("batch", "export", "recipe.yaml", "--set", "generate.generator=extractive", "--set", "judge.pairs=none")
