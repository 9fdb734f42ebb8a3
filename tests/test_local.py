"""The local generator: llama.cpp in a process of its own, on a GGUF file that the test writes."""

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import psutil
import pytest

from generators.llm.answers import read_answer
from generators.llm.calls import Message, Request, canonical
from generators.llm.engine import Engine
from generators.llm.journal import Journal
from generators.llm.local import KEY_NAME, dialect_note, local_endpoint
from schemas.errors import EndpointError, InputError, RecipeError, UsageError
from schemas.recipe import BudgetSection, EndpointSection
from tests.tiny_gguf import write_gguf

SCHEMA = {
    "type": "object",
    "properties": {"number": {"enum": [1, 2, 3]}, "kind": {"enum": ["fact", "opinion"]}},
    "required": ["number", "kind"],
    "additionalProperties": False,
}
SLEEPER = """
import sys, time
from pathlib import Path
from generators.llm.local import local_endpoint
from schemas.recipe import EndpointSection
with local_endpoint(EndpointSection(model_file=Path(sys.argv[1]), concurrency=1, max_tokens=64)) as served:
    print(served.base_url, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny-chat.gguf")


def listens(base_url: str) -> bool:
    parts = urlsplit(base_url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def has_ended(base_url: str, *, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while listens(base_url) and time.monotonic() < until:
        time.sleep(0.02)
    return not listens(base_url)


def fail_in_use(file: Path, error: Exception, *, before: Callable[[EndpointSection], object]) -> None:
    with local_endpoint(EndpointSection(model_file=file, max_tokens=64)) as served:
        before(served)
        raise error


def kill(served: EndpointSection) -> None:
    port = urlsplit(served.base_url).port
    children = psutil.Process().children()
    serving = next(child for child in children if any(at.laddr and at.laddr.port == port for at in child.net_connections()))
    serving.kill()


def ask(served: EndpointSection, journal: Path) -> dict:
    """Ask the way that every other endpoint is asked."""
    asked = Request(served.model, (Message("user", "Name a fact."),), 400, {"seed": 1}, canonical(SCHEMA))

    async def run() -> bytes:
        with Journal(journal) as kept:
            async with Engine(served, BudgetSection(), kept) as engine:
                return (await engine.complete(asked)).raw

    return json.loads(read_answer(asyncio.run(run())).text)


def test_a_gguf_file_becomes_an_endpoint_that_ends_with_its_context(gguf_file, tmp_path):
    with local_endpoint(EndpointSection(model_file=gguf_file, max_tokens=512)) as served:
        answer = ask(served, tmp_path / "journal.sqlite")

    jsonschema.validate(answer, SCHEMA)
    assert served.model == "tiny-chat"
    assert urlsplit(served.base_url).hostname == "127.0.0.1"
    assert served.concurrency == 4, "as many as it answers at once: nothing waits there for its deadline"
    assert has_ended(served.base_url)
    assert KEY_NAME not in os.environ


def test_what_is_noted_of_a_server_of_ours_holds_for_its_next_port(gguf_file):
    notes, urls = set(), set()
    for _ in range(2):
        with local_endpoint(EndpointSection(model_file=gguf_file, max_tokens=64)) as served:
            notes.add(dialect_note(served))
            urls.add(served.base_url)
    other = EndpointSection(base_url="http://127.0.0.1:8000/v1", model="tiny-chat", model_file=gguf_file)

    assert (len(urls), notes) == (2, {f"dialect local {gguf_file.name} tiny-chat auto"})
    assert dialect_note(other) == "dialect http://127.0.0.1:8000/v1 tiny-chat auto"


def test_settings_of_the_recipe_outlive_the_change_of_endpoint(gguf_file):
    endpoint = EndpointSection(model_file=gguf_file, max_tokens=64, temperature=0.2, concurrency=2, timeout_seconds=33, attempts=7)
    with local_endpoint(endpoint) as served:
        unchanged = served.model_dump(exclude={"base_url", "model", "api_key_env"})

    assert unchanged == endpoint.model_dump(exclude={"base_url", "model", "api_key_env"})


def test_a_processor_gets_more_time_than_a_service_unless_the_recipe_sets_a_deadline(gguf_file):
    with local_endpoint(EndpointSection(model_file=gguf_file, max_tokens=64)) as served:
        seconds = served.timeout_seconds

    assert seconds == 900


def test_others_on_the_machine_cannot_use_the_server(gguf_file, tmp_path, monkeypatch):
    monkeypatch.setenv("ANOTHER_KEY", "guessed")
    with local_endpoint(EndpointSection(model_file=gguf_file, max_tokens=64)) as served:
        stranger = served.model_copy(update={"api_key_env": "ANOTHER_KEY"})
        with pytest.raises(EndpointError, match="ANOTHER_KEY is refused"):
            ask(stranger, tmp_path / "journal.sqlite")


def test_the_server_ends_when_the_run_fails(gguf_file):
    served = []
    with pytest.raises(ZeroDivisionError):
        fail_in_use(gguf_file, ZeroDivisionError(), before=served.append)

    assert has_ended(served[0].base_url)


def test_an_environment_variable_of_the_user_is_put_back(gguf_file, monkeypatch):
    monkeypatch.setenv(KEY_NAME, "mine")
    with local_endpoint(EndpointSection(model_file=gguf_file, max_tokens=64)):
        during = os.environ[KEY_NAME]

    assert during != "mine"
    assert os.environ[KEY_NAME] == "mine"


@pytest.mark.slow
def test_the_server_ends_when_the_run_is_killed(gguf_file):
    command = [sys.executable, "-c", SLEEPER, str(gguf_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        base_url = run.stdout.readline().strip()
        was_there = listens(base_url)
        run.send_signal(signal.SIGKILL)
        run.wait()

    assert was_there
    assert has_ended(base_url)


@pytest.mark.slow
def test_no_argument_of_a_process_holds_the_key(gguf_file):
    with local_endpoint(EndpointSection(model_file=gguf_file, max_tokens=64)) as served:
        key = os.environ[served.api_key_env].encode()
        titles = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]

    assert any(b"generators.llm.local" in title for title in titles)
    assert not any(key in title for title in titles)


def test_a_server_that_dies_in_use_is_named_as_the_cause(gguf_file):
    with pytest.raises(EndpointError, match=r"killed while it served tiny-chat\.gguf.*memory.*smaller"):
        fail_in_use(gguf_file, EndpointError("cannot reach the endpoint"), before=kill)


def test_an_error_of_the_endpoint_passes_through_while_the_server_is_well(gguf_file):
    with pytest.raises(EndpointError, match="no such model"):
        fail_in_use(gguf_file, EndpointError("no such model"), before=lambda served: None)


def test_without_a_model_file_the_recipe_is_wrong():
    with pytest.raises(RecipeError, match=r"endpoint\.model_file: not set"), local_endpoint(EndpointSection()):
        pass


def test_a_model_file_that_is_not_there_is_named(tmp_path):
    missing = tmp_path / "model.gguf"
    with pytest.raises(InputError, match=r"model\.gguf: no such file"), local_endpoint(EndpointSection(model_file=missing)):
        pass


def test_a_folder_or_a_file_of_another_kind_is_no_model_file(tmp_path):
    other = tmp_path / "model.safetensors"
    other.write_bytes(b"{}" * 20)

    with pytest.raises(InputError, match="not a GGUF file"), local_endpoint(EndpointSection(model_file=other)):
        pass
    with pytest.raises(InputError, match="is a directory"), local_endpoint(EndpointSection(model_file=tmp_path)):
        pass


def test_a_damaged_gguf_file_fails_with_what_llama_cpp_says(tmp_path):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + b"\0" * 60)

    with (
        pytest.raises(EndpointError, match=r"^llama\.cpp cannot serve damaged\.gguf .* it says: [^\n]*bad GGUF version[^\n]*$"),
        local_endpoint(EndpointSection(model_file=damaged)),
    ):
        pass


def test_a_server_that_does_not_start_in_time_is_given_up(gguf_file):
    endpoint = EndpointSection(model_file=gguf_file)
    with pytest.raises(EndpointError, match="has not loaded tiny-chat"), local_endpoint(endpoint, deadline=0):
        pass


def test_without_llama_cpp_the_message_says_how_to_install_it(gguf_file, monkeypatch):
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else known(name))

    with pytest.raises(UsageError, match=r'pip install "kilopair\[local\]"'), local_endpoint(EndpointSection(model_file=gguf_file)):
        pass
