"""The command line as people use it: help at once, errors in one line, every command on a small workspace."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from builder.cli.main import COMMANDS, group, main
from schemas.errors import KilopairError

HEAVY = (
    "torch",
    "transformers",
    "trl",
    "datasets",
    "pandas",
    "openai",
    "pydantic",
    "jsonschema",
    "yaml",
    "rich",
    "numpy",
    "lemminflect",
    "markdown_it",
)
PAGE = """\
# Leave handbook

## Carrying over annual leave

You can carry over up to 5 days of annual leave into the next year. Carried-over annual leave expires on 31 March.

## How to request annual leave

To request annual leave:

1. Open Rota and choose **New request**.
2. Enter the first and the last day.
3. Choose your manager and press Send.

## Sick leave

You must tell your manager before 9:30 if you are ill. If you are ill for more than 3 days, send a medical certificate to the people team.
"""


def kilopair(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "builder.cli.main", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environment()
    )


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "COLUMNS": "120"}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    (folder / "pages").mkdir()
    (folder / "pages" / "leave.md").write_text(PAGE)
    (folder / "pages" / "empty.md").write_text("")
    assert kilopair("init", "pages", "--company", "Tarnwell", folder=folder).returncode == 0
    return folder


@pytest.fixture
def project(begun: Path, tmp_path: Path) -> Path:
    return shutil.copytree(begun, tmp_path, dirs_exist_ok=True)


def test_help_imports_nothing_heavy():
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "builder.cli.main", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )

    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert imported & set(HEAVY) == set()
    assert "click" in imported


def test_help_names_every_command_with_a_line():
    shown = CliRunner().invoke(group, ["--help"]).output

    for name, (_, text) in COMMANDS.items():
        assert re.search(rf"^\s+{name}\s+{re.escape(text)}$", shown, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str):
    result = CliRunner().invoke(group, [name, "--help"])

    assert result.exit_code == 0
    assert COMMANDS[name][1].rstrip(".").split(";")[0][:40] in " ".join(result.output.split())


def test_an_unknown_command_names_the_nearest(tmp_path: Path):
    result = kilopair("trian", folder=tmp_path)

    assert result.returncode == 2
    assert "did you mean train?" in result.stderr


@pytest.mark.parametrize("arguments", [["run"], ["status"], ["explain", "pair-1"], ["export"], ["chat", "-m", "x"], ["train", "--quiet"]])
def test_a_missing_recipe_is_one_line_and_exit_code_2(arguments: list[str], tmp_path: Path):
    result = kilopair(*arguments, folder=tmp_path)

    assert result.returncode == 2
    assert result.stderr == "kilopair: recipe.yaml: no such recipe; write one with kilopair init\n"


def test_an_error_is_also_a_json_line_when_asked_for(tmp_path: Path):
    result = kilopair("run", "--json", folder=tmp_path)

    assert result.returncode == 2
    assert json.loads(result.stdout)["event"] == "error"


def test_a_bug_shows_its_traceback_and_our_own_errors_do_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def bug(**_: object) -> None:
        raise ZeroDivisionError

    def ours(**_: object) -> None:
        raise KilopairError("the roof leaks; call someone")

    monkeypatch.setattr(group, "main", bug)
    with pytest.raises(ZeroDivisionError):
        main(["run"])
    monkeypatch.setattr(group, "main", ours)
    with pytest.raises(SystemExit) as ended:
        main(["run"])

    assert ended.value.code == 1
    assert capsys.readouterr().err == "kilopair: the roof leaks; call someone\n"


def test_a_caller_of_the_command_as_a_function_keeps_its_own_signals():
    """SIGTERM is the command's only while it runs."""
    found = []
    before = signal.signal(signal.SIGTERM, lambda *_: found.append("mine"))
    try:
        with pytest.raises(SystemExit):
            main(["status", "none.yaml"])
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SystemExit):
            main(["--version"])
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert found == ["mine", "mine"]


def test_init_refuses_to_overwrite_and_refuses_a_missing_folder(project: Path):
    again = kilopair("init", "pages", folder=project)
    missing = kilopair("init", "nowhere", "-o", "b.yaml", folder=project)

    assert (again.returncode, missing.returncode) == (2, 2)
    assert "--force" in again.stderr
    assert "nowhere" in missing.stderr


def test_the_stages_run_from_a_written_recipe_and_say_what_they_did(project: Path):
    first = kilopair("generate", folder=project)
    second = kilopair("generate", folder=project)

    assert first.returncode == 0, first.stderr
    assert "1 documents; 1 dropped (1 empty)" in first.stderr
    assert second.stderr.count("already done") == 5
    pairs = json.loads((project / "workspace" / "manifest.json").read_text())["stages"]["validate"]["counts"]["kept"]
    assert pairs > 3


def test_quiet_says_nothing_and_json_says_it_line_by_line(project: Path):
    quiet = kilopair("read", "--quiet", folder=project)
    as_json = kilopair("generate", "--json", folder=project)

    assert (quiet.stdout, quiet.stderr) == ("", "")
    events = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [event["stage"] for event in events if event["event"] == "finished"] == ["read", "check", "chunk", "generate", "validate"]
    assert [event["fresh"] for event in events if event["event"] == "finished"] == [False, False, False, True, True]


def test_status_tells_done_from_to_do_and_makes_nothing(project: Path):
    kilopair("read", folder=project)
    (project / "pages" / "leave.md").write_text(PAGE + "\n## More\n\nYou can take up to 2 days of leave a year for volunteering.\n")

    stale = kilopair("status", folder=project)
    kilopair("read", folder=project)
    fresh = kilopair("status", "--json", folder=project)

    assert "done  read" not in stale.stdout
    assert [name for name, output in json.loads(fresh.stdout).items() if output] == ["read", "check", "chunk"]


def test_explain_leads_from_a_draft_back_to_the_characters_of_the_document(project: Path):
    kilopair("generate", folder=project)
    draft = json.loads((project / "workspace" / "drafts.jsonl").read_text().splitlines()[0])

    lineage = kilopair("explain", draft["id"], folder=project)
    unknown = kilopair("explain", "pair-zzz", folder=project)

    assert lineage.returncode == 0, lineage.stderr
    for part in (draft["instruction"], "leave.md", draft["provenance"]["chunk_id"], "Leave handbook"):
        assert part in lineage.stdout
    assert unknown.returncode == 5
    assert "an id of this workspace is" in unknown.stderr


def test_a_folder_without_readable_documents_is_an_error_with_advice(project: Path):
    (project / "pages" / "leave.md").unlink()

    result = kilopair("read", folder=project)

    assert result.returncode == 3
    assert "1 empty" in result.stderr


def test_doctor_finds_the_machine_fit_and_a_wrong_recipe_unfit(project: Path):
    good = kilopair("doctor", folder=project)
    (project / "bad.yaml").write_text("curate: {kept: 1}\n")
    bad = kilopair("doctor", "bad.yaml", "--json", folder=project)

    assert good.returncode == 0, good.stdout
    assert bad.returncode == 1
    assert [finding["what"] for finding in json.loads(bad.stdout) if not finding["good"]] == ["recipe"]
