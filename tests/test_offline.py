"""The commands around the generate step on a small workspace: by files, by recording, and without any endpoint."""

import json
from pathlib import Path

import pytest

from schemas.errors import EndpointError, KilopairError, RecipeError, UsageError
from tests.leave_project import RECIPE, answer, answer_everything, asked, exported, kept, kilopair, leave_project, taken_in


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return leave_project(tmp_path)


@pytest.fixture
def answered(project: Path) -> Path:
    return answer_everything(project)


def test_a_dry_run_says_what_would_be_asked_and_sends_nothing(project: Path):
    priced = ("--set", "budget.usd_per_million_input=1", "--set", "budget.usd_per_million_output=2")
    foreseen = asked("generate", "recipe.yaml", "--dry-run", *priced)
    shown = kilopair("generate", "recipe.yaml", "--dry-run")

    estimate = foreseen["estimate"]
    assert foreseen["conversations"] == 3
    assert estimate["calls"]["p50"] == 3
    assert 0 < estimate["usd"]["p50"] < estimate["usd"]["p90"]
    assert "3 conversations" in shown
    assert "not known" in shown
    assert not (project / "workspace" / "drafts.jsonl").exists()


def test_a_batch_that_came_back_needs_no_endpoint(answered: Path):
    kilopair("generate", "recipe.yaml", "--quiet")

    facts = asked("journal", "recipe.yaml")
    assert kept(answered)["generate"] == 3
    assert kept(answered)["validate"] == 3
    assert (facts["by_source"], facts["by_task"]) == ({"batch": 3}, {"question_answering": 3})
    assert (facts["calls"], facts["prompt_tokens"], facts["completion_tokens"]) == (0, 270, 120)


def test_repairs_of_what_came_back_go_out_with_the_next_export(project: Path):
    _, lines = exported()
    taken_in(project, [answer(lines[0], quote="You may fly to the moon."), *map(answer, lines[1:])])

    facts, repairs = exported()
    taken_in(project, [answer(line) for line in repairs])
    kilopair("generate", "recipe.yaml", "--quiet")

    assert facts["requests"] == 1
    assert "You may fly to the moon." in repairs[0]["body"]["messages"][-2]["content"]
    assert kept(project)["validate"] == 3


def test_what_failed_in_a_batch_is_asked_online(project: Path):
    _, lines = exported()
    failed = {"custom_id": lines[1]["custom_id"], "response": None, "error": {"code": "batch_expired", "message": "expired"}}
    funnel = taken_in(project, [answer(lines[0]), failed, answer(lines[2]), answer(lines[2])])

    with pytest.raises(EndpointError, match="cannot reach"):
        kilopair("generate", "recipe.yaml", "--quiet")

    assert (funnel["answered"], funnel["already_there"], funnel["failed"], funnel["unknown"]) == (2, 1, 1, 0)


@pytest.mark.parametrize(("host", "usd"), [("api.openai.com", 85e-6), ("notopenai.com", 170e-6)])
def test_a_batch_costs_half_where_openai_answers_it_and_nowhere_else(project: Path, host: str, usd: float):
    _, lines = exported()
    (project / "results.jsonl").write_text(json.dumps(answer(lines[0])))
    priced = ("--set", "budget.usd_per_million_input=1", "--set", "budget.usd_per_million_output=2")

    asked("batch", "import", "recipe.yaml", "results.jsonl", "--set", f"endpoint.base_url=https://{host}/v1", *priced)

    assert asked("journal", "recipe.yaml")["usd"] == pytest.approx(usd)


def test_answers_survive_a_change_of_the_recipe_between_export_and_import(project: Path):
    _, lines = exported()
    (project / "recipe.yaml").write_text(RECIPE.replace("Tarnwell", "Marshgate"))

    funnel = taken_in(project, [answer(line) for line in lines])
    again = asked("reparse", "recipe.yaml")

    assert funnel["answered"] == 3
    assert again["after"]["validate"] == 3


def test_only_what_fits_the_budget_goes_out(project: Path):
    facts, lines = exported("--set", "budget.max_calls=2")
    more, _ = exported("--set", "budget.max_calls=2")

    assert (facts["requests"], len(lines), facts["left_out"]["over_budget"]) == (2, 2, 1)
    assert (more["requests"], more["left_out"]) == (0, {"out": 2, "too_large": 0, "over_budget": 1})


def test_the_way_to_hold_replies_to_a_schema_is_chosen_without_asking(project: Path):
    plain, lines = exported()
    held, held_lines = exported("--set", "endpoint.structured=json_schema", "--again")

    assert (plain["rung"], "response_format" in lines[0]["body"]) == ("text", False)
    assert (held["rung"], held_lines[0]["body"]["response_format"]["type"]) == ("json_schema", "json_schema")
    assert [line["custom_id"] for line in held_lines] == [line["custom_id"] for line in lines]


def test_reparse_makes_pairs_anew_and_leaves_generate_to_ask_for_the_rest(project: Path):
    _, lines = exported()
    taken_in(project, [answer(line) for line in lines[:2]])

    again = asked("reparse", "recipe.yaml")
    shown = kilopair("reparse", "recipe.yaml")

    assert again["before"]["generate"] == 0
    assert (again["after"]["validate"], again["after"]["split"]) == (2, 2)
    assert again["never_asked"] >= 1
    assert "kilopair generate asks" in shown
    with pytest.raises(EndpointError):
        kilopair("generate", "recipe.yaml", "--quiet")


def test_a_changed_check_is_applied_by_reparse_without_key_and_endpoint(answered: Path):
    first = asked("reparse", "recipe.yaml")
    second = asked("reparse", "recipe.yaml", "--set", "curate.max_words=13", "--set", "endpoint.api_key_env=NO_SUCH_KEY")

    assert first["after"]["validate"] == 3
    assert second["before"] == first["after"]
    assert 0 < second["after"]["validate"] < 3


def test_a_recording_makes_the_same_pairs_elsewhere(answered: Path, tmp_path: Path):
    kilopair("generate", "recipe.yaml", "--quiet")
    count = asked("record", "recipe.yaml", "answers.jsonl")["answers"]
    drafts = (answered / "workspace" / "drafts.jsonl").read_bytes()

    kilopair("generate", "recipe.yaml", "--quiet", "--set", "workspace=other", "--set", "endpoint.replay=answers.jsonl")

    assert count == 3
    assert (answered / "other" / "drafts.jsonl").read_bytes() == drafts
    facts = asked("journal", "recipe.yaml", "--set", "workspace=other")
    assert facts["by_source"] == {"replay": 3}
    assert facts["recordings"][0]["name"] == "answers.jsonl"


def test_a_pilot_whose_answers_are_there_estimates_from_them(answered: Path):
    facts = asked("generate", "recipe.yaml", "--pilot", "2")

    assert facts["pilot"]["asks"] == 2
    assert facts["conversations"] == 0
    assert facts["estimate"]["measured"] == 3
    assert facts["estimate"]["calls"]["p90"] == 0


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        (["generate", "recipe.yaml", "--dry-run", "--pilot", "3"], UsageError, "use one of them"),
        (["generate", "recipe.yaml", "--dry-run", "--set", "generate.generator=extractive"], UsageError, "asks no model"),
        (["journal", "recipe.yaml"], UsageError, "no journal yet"),
        (["reparse", "recipe.yaml"], UsageError, "no journal yet"),
        (["record", "recipe.yaml", "x.jsonl"], UsageError, "no journal yet"),
        (["batch", "import", "recipe.yaml", "x.jsonl"], UsageError, "no journal yet"),
        (["batch", "export", "recipe.yaml", "--set", "budget.max_usd=1"], RecipeError, "price"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(project: Path, arguments: list[str], error: type[KilopairError], problem: str):
    with pytest.raises(error, match=problem):
        kilopair(*arguments)


def test_submitting_nothing_says_how_to_export(answered: Path):
    with pytest.raises(UsageError, match="kilopair batch export"):
        kilopair("batch", "submit", "recipe.yaml")


def test_the_figures_are_shown_in_words(answered: Path):
    shown = kilopair("journal", "recipe.yaml")
    funnel = kilopair("batch", "import", "recipe.yaml", "results.jsonl")

    assert "answered   3 (batch 3)" in shown
    assert "question_answering 3" in shown
    assert "3 lines: 0 answered, 3 already there, 0 failed (still to be asked), 0 unknown" in funnel
