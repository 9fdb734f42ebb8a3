"""The commands around the generate step on a small workspace: by files, by recording, and without any endpoint."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from builder.cli.main import group
from schemas.errors import EndpointError, KilopairError, RecipeError, UsageError

PAGE = """\
# Leave handbook

## Carrying over annual leave

You can carry over up to 5 days of annual leave into the next year. Carried-over annual leave expires on 31 March.

## Sick leave

You must tell your manager before 9:30 if you are ill. If you are ill for more than 3 days, send a medical certificate to the people team.

## Requesting annual leave

Enter the first and the last day of your leave in Rota. Your manager answers within 2 working days of the request.
"""
RECIPE = """\
company: Tarnwell
documents: {path: pages}
generate: {generator: openai, tasks: [question_answering], target: 3, items_per_request: 1, wordings: 1}
endpoint: {base_url: "http://127.0.0.1:9/v1", model: large, max_wait_seconds: 1}
split: {test: 0, validation: 0, paraphrase: 0}
"""


def answer(line: dict, *, quote: str = "") -> dict:
    """Answer a line of a batch truthfully: one item on the first sentence of its passage."""
    text = "\n".join(message["content"] for message in line["body"]["messages"])
    passage = re.findall(r"<(passage-\w+)>\nDocument:.*?\n\n(.+?)\n</\1>", text, re.DOTALL)[-1][1]
    sentence = re.findall(r"(?m)^[A-Z][^.\n]*\.", passage)[0]
    item = {"wordings": [f"Tarnwell rules: {' '.join(sentence.split()[:9])} what?"], "output": sentence, "quotes": [quote or sentence]}
    message = {"role": "assistant", "content": json.dumps({"items": [item]})}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 90, "completion_tokens": 40}}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "leave.md").write_text(PAGE)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kilopair(*arguments: str) -> str:
    result = CliRunner().invoke(group, list(arguments), catch_exceptions=False, standalone_mode=False)
    return result.stdout


def asked(*arguments: str) -> dict:
    return json.loads(kilopair(*arguments, "--json"))


def exported(project: Path, *arguments: str) -> tuple[dict, list[dict]]:
    facts = asked("batch", "export", "recipe.yaml", *arguments)
    return facts, [json.loads(line) for name in facts["files"] for line in Path(name).read_text().splitlines()]


def taken_in(project: Path, results: list[dict]) -> dict:
    (project / "results.jsonl").write_text("".join(json.dumps(result) + "\n" for result in results))
    return asked("batch", "import", "recipe.yaml", "results.jsonl")


@pytest.fixture
def answered(project: Path) -> Path:
    """A project whose batch came back, so that it needs no endpoint any more."""
    for _ in range(6):
        facts, lines = exported(project)
        if not facts["requests"]:
            break
        taken_in(project, [answer(line) for line in lines])
    return project


def kept(project: Path) -> dict[str, int]:
    stages = json.loads((project / "workspace" / "manifest.json").read_text())["stages"]
    return {name: stages[name]["counts"]["kept"] for name in ("generate", "validate", "split") if name in stages}


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
    _, lines = exported(project)
    taken_in(project, [answer(lines[0], quote="You may fly to the moon."), *map(answer, lines[1:])])

    facts, repairs = exported(project)
    taken_in(project, [answer(line) for line in repairs])
    kilopair("generate", "recipe.yaml", "--quiet")

    assert facts["requests"] == 1
    assert "You may fly to the moon." in repairs[0]["body"]["messages"][-2]["content"]
    assert kept(project)["validate"] == 3


def test_what_failed_in_a_batch_is_asked_online(project: Path):
    _, lines = exported(project)
    failed = {"custom_id": lines[1]["custom_id"], "response": None, "error": {"code": "batch_expired", "message": "expired"}}
    funnel = taken_in(project, [answer(lines[0]), failed, answer(lines[2]), answer(lines[2])])

    with pytest.raises(EndpointError, match="cannot reach"):
        kilopair("generate", "recipe.yaml", "--quiet")

    assert (funnel["answered"], funnel["already_there"], funnel["failed"], funnel["unknown"]) == (2, 1, 1, 0)


def test_answers_survive_a_change_of_the_recipe_between_export_and_import(project: Path):
    _, lines = exported(project)
    (project / "recipe.yaml").write_text(RECIPE.replace("Tarnwell", "Marshgate"))

    funnel = taken_in(project, [answer(line) for line in lines])
    again = asked("reparse", "recipe.yaml")

    assert funnel["answered"] == 3
    assert again["after"]["validate"] == 3


def test_only_what_fits_the_budget_goes_out(project: Path):
    facts, lines = exported(project, "--set", "budget.max_calls=2")
    more, _ = exported(project, "--set", "budget.max_calls=2")

    assert (facts["requests"], len(lines), facts["left_out"]["over_budget"]) == (2, 2, 1)
    assert (more["requests"], more["left_out"]) == (0, {"out": 2, "too_large": 0, "over_budget": 1})


def test_the_way_to_hold_replies_to_a_schema_is_chosen_without_asking(project: Path):
    plain, lines = exported(project)
    held, held_lines = exported(project, "--set", "endpoint.structured=json_schema", "--again")

    assert (plain["rung"], "response_format" in lines[0]["body"]) == ("text", False)
    assert (held["rung"], held_lines[0]["body"]["response_format"]["type"]) == ("json_schema", "json_schema")
    assert [line["custom_id"] for line in held_lines] == [line["custom_id"] for line in lines]


def test_reparse_makes_pairs_anew_and_leaves_generate_to_ask_for_the_rest(project: Path):
    _, lines = exported(project)
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
