"""`kilopair run` with an LLM: a real HTTP server on loopback that answers badly at times, and a run that is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

KEY = "sk-test-SECRET-end-to-end-4711"
FAULTS = [
    {"fault": "500", "times": 4},
    {"fault": "429", "times": 6},
    {"fault": "bad_json", "times": 4},
    {"fault": "half_json", "times": 3},
    {"fault": "drop", "times": 3},
    {"fault": "refusal", "match": "Bereavement leave"},
    {"fault": "length", "times": 2},
]
PAGES = ("policies/leave-policy-v3.md", "policies/expense-policy.md", "security/security-policy.md")
RECIPE = """\
company: Tarnwell
documents: {{path: pages}}
generate: {{generator: openai, tasks: [question_answering]}}
endpoint: {{base_url: "{url}", model: big, api_key_env: KILOPAIR_TEST_KEY, concurrency: {concurrency}}}
curate: {{target: 120, per_document: 1.0, per_opening: 1.0, per_task: 1.0}}
base: {{vocabulary: 600, width: 64, layers: 2, heads: 2, tokens: 8000}}
train: {{tokens: 120000, batch_tokens: 512}}
evaluate: {{limit: 3, max_new_tokens: 16}}
"""
CONCURRENCY = 4
PAID = {None, "bad_json", "half_json", "refusal", "length"}


@pytest.fixture
def endpoint() -> Iterator[str]:
    script = Path(__file__).with_name("fake_endpoint.py")
    arguments = ["--port", "0", "--models", "big", "--key", KEY, "--delay", "0.15", "--faults", json.dumps(FAULTS)]
    process = subprocess.Popen([sys.executable, str(script), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/v1"
    finally:
        process.kill()
        process.wait()


def asked(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/_log") as answer:
        return json.load(answer)["chats"]


def kilopair(*arguments: str, folder: Path, key: str = KEY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "builder.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | {"KILOPAIR_TEST_KEY": key})


@pytest.fixture
def project(tmp_path: Path, root: Path, endpoint: str) -> Path:
    (tmp_path / "pages").mkdir()
    for name in PAGES:
        (tmp_path / "pages" / Path(name).name).write_text((root / "datasets" / "tarnwell" / name).read_text())
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=endpoint, concurrency=CONCURRENCY))
    return tmp_path


@pytest.mark.slow
def test_a_run_against_a_faulty_endpoint_that_is_killed_ends_with_a_report_and_pays_nothing_twice(project: Path, endpoint: str):
    command = [sys.executable, "-m", "builder.cli.main", "generate", "--quiet"]
    draw = random.Random(11)
    kills = 0
    for _ in range(20 if os.environ.get("KILOPAIR_SOAK") else 3):
        process = subprocess.Popen(command, cwd=project, env=os.environ | {"KILOPAIR_TEST_KEY": KEY})
        titles = [path.read_bytes() for path in Path("/proc").glob(f"{process.pid}/task/*/c[mo]*") if path.name in {"cmdline", "comm"}]
        assert KEY.encode() not in b"".join(titles)
        try:
            process.wait(draw.uniform(1.5, 2.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1

    result = kilopair("run", folder=project)

    assert result.returncode == 0, result.stderr
    assert kills > 0
    log = asked(endpoint)
    answered = Counter(entry["sha"] for entry in log if entry["done"] and entry["fault"] in PAID)
    assert sum(count - 1 for count in answered.values()) <= CONCURRENCY * kills
    stages = json.loads((project / "workspace" / "manifest.json").read_text())["stages"]
    assert stages["generate"]["counts"]["kept"] == stages["validate"]["counts"]["in"]
    assert stages["generate"]["counts"]["dropped"]["refused"] >= 1
    assert stages["generate"]["counts"]["chunks_with_drafts"] >= 0.8 * stages["generate"]["counts"]["chunks"]
    assert (project / "workspace" / "report.html").exists()

    before = len(log)
    again = kilopair("run", folder=project)
    assert again.returncode == 0
    assert len(asked(endpoint)) == before

    written = [path for path in project.rglob("*") if path.is_file()]
    assert [path.name for path in written if KEY.encode() in path.read_bytes()] == []
    assert KEY not in result.stdout + result.stderr + again.stdout + again.stderr


@pytest.mark.slow
def test_a_wrong_key_or_model_is_said_before_the_first_paid_call(project: Path, endpoint: str):
    wrong_key = kilopair("run", folder=project, key="sk-wrong-SECRET")
    wrong_model = kilopair("run", "--set", "endpoint.model=bigg", folder=project)
    nobody = kilopair("run", "--set", "endpoint.base_url=http://127.0.0.1:9/v1", folder=project)

    assert [result.returncode for result in (wrong_key, wrong_model, nobody)] == [4, 4, 4]
    assert "KILOPAIR_TEST_KEY" in wrong_key.stderr
    assert "did you mean big?" in wrong_model.stderr or "big" in wrong_model.stderr
    assert "127.0.0.1:9" in nobody.stderr
    assert all("Traceback" not in result.stderr and "SECRET" not in result.stderr for result in (wrong_key, wrong_model, nobody))
    assert asked(endpoint) == []
