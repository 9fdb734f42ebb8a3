"""Where the endpoint is and who may use it: URL, key, model, and what is sent along."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from generators.llm.calls import Message, Request
from generators.llm.endpoint import access, check_endpoint
from generators.llm.engine import Engine
from generators.llm.journal import Journal
from schemas.errors import EndpointError, RecipeError
from schemas.recipe import BudgetSection, EndpointSection

KEY, KEY_NAME = "sk-test-SECRET-123", "KILOPAIR_TEST_KEY"
SERVER = Path(__file__).with_name("fake_endpoint.py")


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_NAME, KEY)


@contextmanager
def fake_endpoint(*faults, **options):
    """Start the server of fake_endpoint.py; yield its URL."""
    settings = {"key": KEY, **options, "faults": json.dumps(faults)}
    arguments = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    with subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}/v1"
        finally:
            server.kill()


def log(url, name="_log"):
    with urllib.request.urlopen(url.removesuffix("v1") + name) as response:
        return json.load(response)


def endpoint(url, **settings):
    return EndpointSection(**{"base_url": url, "model": "fake-small", "api_key_env": KEY_NAME, "attempts": 2} | settings)


def complete(folder, section):
    """Ask one question through the engine."""

    async def main():
        with Journal(folder / "journal.sqlite") as journal:
            async with Engine(section, BudgetSection(), journal) as engine:
                return await engine.complete(Request("fake-small", (Message("user", "hello"),), 50))

    return asyncio.run(main())


def test_nothing_of_the_environment_is_sent_along(tmp_path, monkeypatch):
    for name, value in {
        "OPENAI_API_KEY": "sk-of-another",
        "OPENAI_ORG_ID": "org-secret",
        "OPENAI_PROJECT_ID": "project-secret",
        "OPENAI_CUSTOM_HEADERS": "X-Secret: custom\nAuthorization: Bearer ambient",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    with fake_endpoint() as url:
        complete(tmp_path, endpoint(url))
        headers = {name.lower(): value for name, value in log(url)["chats"][-1]["headers"].items()}

    assert headers.pop("authorization") == f"Bearer {KEY}"
    assert set(headers) - {"connection"} == {"host", "accept", "content-type", "content-length", "user-agent", "accept-encoding"}


def test_a_local_endpoint_needs_no_key_and_is_not_sent_the_one_of_openai(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with fake_endpoint(key="") as url:
        complete(tmp_path, EndpointSection(base_url=url, model="fake-small"))

        assert log(url)["chats"][0]["headers"]["authorization"] == "Bearer none"


def test_a_wrong_key_is_refused_before_the_first_paid_call_and_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_NAME, "sk-wrong-SECRET")
    with fake_endpoint() as url:
        with pytest.raises(EndpointError, match=f"the key in {KEY_NAME} is refused") as error:
            complete(tmp_path, endpoint(url))

        assert log(url)["chats"] == []
    assert "SECRET" not in str(error.value)
    assert b"SECRET" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_model_that_is_not_there_is_named_with_the_nearest(tmp_path):
    with fake_endpoint() as url, pytest.raises(EndpointError, match="has no model fake-smal; did you mean fake-small"):
        check_endpoint(endpoint(url, model="fake-smal"))


def test_an_endpoint_without_a_list_of_models_is_taken_as_it_is(tmp_path):
    with fake_endpoint(models="") as url:
        check_endpoint(endpoint(url, model="whatever"))


def test_an_endpoint_that_is_not_there_is_named_with_what_to_do():
    with pytest.raises(
        EndpointError, match=r"cannot reach the endpoint http://127\.0\.0\.1:9/v1 \(.*\); start the endpoint, or correct endpoint\.base_url"
    ):
        check_endpoint(endpoint("http://127.0.0.1:9/v1"))


def test_a_key_is_cleaned_checked_and_never_shown(monkeypatch):
    monkeypatch.setenv(KEY_NAME, f"  {KEY}\n")
    granted = access(endpoint("https://api.example.com/v1/chat/completions"))

    assert (granted.key, granted.base_url) == (KEY, "https://api.example.com/v1")
    assert "SECRET" not in repr(granted)
    monkeypatch.setenv(KEY_NAME, "sk-SECRET\nsecond line")
    with pytest.raises(EndpointError, match=f"{KEY_NAME} does not hold a key") as error:
        access(endpoint("https://api.example.com/v1"))
    assert "SECRET" not in str(error.value)


def test_a_missing_key_says_how_to_give_it(monkeypatch):
    monkeypatch.delenv(KEY_NAME)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    with pytest.raises(EndpointError, match=f"no key: {KEY_NAME} is not set; export {KEY_NAME}="):
        access(endpoint("https://api.example.com/v1"))
    with pytest.raises(EndpointError, match=r"OPENAI_API_KEY is sent to other hosts than openai\.com only when the recipe names it"):
        access(EndpointSection(base_url="https://api.example.com/v1"))
    assert access(EndpointSection(base_url="https://api.openai.com/v1")).key == KEY


@pytest.mark.parametrize(
    ("url", "is_openai"),
    [
        ("https://openai.com/v1", True),
        ("https://API.OpenAI.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://notopenai.com/v1", False),
        ("https://openai.com.example/v1", False),
    ],
)
def test_only_hosts_under_openai_com_are_taken_for_it(url, is_openai):
    assert access(endpoint(url)).is_openai is is_openai


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://host.example/v1", "in the clear; use https"),
        ("http://169.254.169.254/v1", "link-local"),
        ("http://127.0.0.1:99999/v1", "port out of range"),
    ],
)
def test_a_url_that_cannot_or_must_not_be_sent_documents_is_refused(url, message):
    with pytest.raises(RecipeError, match=message):
        access(endpoint(url))


def test_the_generator_can_be_imported_without_its_heavy_libraries():
    code = "import sys, generators.alpaca.generate; print({'openai', 'httpx2', 'jsonschema', 'yaml'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])

    assert loaded.stdout.strip() == "set()"
