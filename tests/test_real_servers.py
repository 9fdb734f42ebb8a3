"""The engine against servers that nobody here wrote: llama.cpp, aimock (which injects faults) and `transformers serve`."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

from generators.alpaca.asks import Ask, Passage, Style
from generators.alpaca.conversation import converse
from generators.alpaca.tasks import load_tasks
from generators.llm.answers import read_answer, read_json
from generators.llm.batch import export
from generators.llm.batch_client import fetch, look, returned, submit
from generators.llm.batch_desk import desk
from generators.llm.batch_files import Ledger
from generators.llm.batch_results import import_results
from generators.llm.calls import Message, Reply, Request, RequestFailedError, canonical
from generators.llm.dialect import Dialect
from generators.llm.engine import Engine
from generators.llm.journal import Cost, Journal
from generators.llm.local import local_endpoint
from schemas.errors import EndpointError
from schemas.recipe import BudgetSection, EndpointSection
from schemas.records import Chunk, Document, Draft, Dropped, Reason
from tests.tiny_gguf import write_gguf

pytestmark = pytest.mark.slow
AIMOCK = Path(__file__).parent / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
ANSWER = "The warranty covers 24 months."
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}, "kind": {"enum": ["fact", "opinion"]}},
    "required": ["word", "kind"],
    "additionalProperties": False,
}


def request(text: str, *, model: str, schema: bool = True, **changes) -> Request:
    asked = Request(model, (Message("user", text),), 300, {"temperature": 0.7}, canonical(SCHEMA) if schema else None)
    return asked.but(**changes)


async def outcome(engine: Engine, asked: Request) -> Reply | RequestFailedError:
    try:
        return await engine.complete(asked)
    except RequestFailedError as failure:
        return failure


def ask_all(endpoint: EndpointSection, requests: list[Request], journal: Path) -> tuple[list[Reply | RequestFailedError], Dialect | None]:
    """Ask all at once, and return what became of each, and the dialect that the engine settled on."""

    async def run() -> tuple[list[Reply | RequestFailedError], Dialect | None]:
        with Journal(journal) as kept:
            async with Engine(endpoint, BudgetSection(), kept) as engine:
                found = await asyncio.gather(*(outcome(engine, asked) for asked in requests))
                return found, engine._dialect

    return asyncio.run(run())


def verdict(found: Reply | RequestFailedError) -> str:
    """Say what a reply is worth, or why there is none."""
    if isinstance(found, RequestFailedError):
        return found.reason.value
    answer = read_answer(found.raw)
    if answer.reason is not None:
        return answer.reason.value
    try:
        jsonschema.validate(read_json(answer.text).value, SCHEMA)
    except (ValueError, jsonschema.ValidationError):
        return "not as asked"
    return "good"


@contextmanager
def started(command: list[str], log: Path, *, says: str, **variables: str) -> Iterator[str]:
    """Start a server and give what `says` finds in its log, once it is there."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | variables)
    try:
        until = time.monotonic() + 120
        while not (found := re.search(says, log.read_text(errors="replace"))):
            assert server.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < until, f"no start within 120 s: {log.read_text(errors='replace')[-2000:]}"
            time.sleep(0.05)
        yield found[1]
    finally:
        server.kill()
        server.wait()


# llama.cpp


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Iterator[EndpointSection]:
    file = write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")
    with local_endpoint(EndpointSection(model_file=file, max_tokens=512, concurrency=64, attempts=3)) as served:
        yield served


def test_the_probe_finds_that_llama_cpp_holds_replies_to_their_schema(llama, tmp_path):
    _, dialect = ask_all(llama, [request("Name a word.", model=llama.model)], tmp_path / "journal.sqlite")

    assert dialect is not None
    assert dialect.rung == "json_schema"


def test_a_crowd_of_requests_at_llama_cpp_ends_with_a_reply_or_a_reason_each(llama, tmp_path):
    requests = [request(f"Name a word, number {number}.", model=llama.model) for number in range(64)]
    crowd = llama.model_copy(update={"concurrency": 64})  # on 4 slots

    found, _ = ask_all(crowd, requests, tmp_path / "journal.sqlite")

    verdicts = Counter(map(verdict, found))
    assert verdicts.total() == 64
    assert verdicts["good"] >= 32, verdicts
    assert {reply.key for reply in found if isinstance(reply, Reply)} <= {asked.key for asked in requests}


def test_the_answers_of_llama_cpp_are_not_asked_for_twice(llama, tmp_path):
    requests = [request(f"Name a word, number {number}.", model=llama.model) for number in range(4)]
    first, _ = ask_all(llama, requests, tmp_path / "journal.sqlite")
    again, _ = ask_all(llama, requests, tmp_path / "journal.sqlite")

    replies = [(one, two) for one, two in zip(first, again, strict=True) if isinstance(one, Reply) and isinstance(two, Reply)]
    assert replies
    assert all(two.from_journal and one.raw == two.raw for one, two in replies)


def test_a_key_that_llama_cpp_refuses_stops_the_run(llama, tmp_path, monkeypatch):
    monkeypatch.setenv("WRONG_KEY", "sk-wrong")
    stranger = llama.model_copy(update={"api_key_env": "WRONG_KEY"})

    with pytest.raises(EndpointError, match="WRONG_KEY") as caught:
        ask_all(stranger, [request("Name a word.", model=llama.model)], tmp_path / "journal.sqlite")
    assert "sk-wrong" not in str(caught.value)


def test_a_prompt_that_llama_cpp_has_no_room_for_fails_alone(llama, tmp_path):
    short, long = request("Name a word.", model=llama.model), request("Name a word. " * 2000, model=llama.model)

    (short_reply, long_failure), _ = ask_all(llama, [short, long], tmp_path / "journal.sqlite")

    assert isinstance(short_reply, Reply)
    assert isinstance(long_failure, RequestFailedError)
    assert "too long" in str(long_failure)


def test_what_llama_cpp_makes_up_becomes_no_draft(llama, tmp_path, passage):
    style = Style(
        company="Tarnwell", voice="clear", language="English", wordings=1, samples=1, labels={}, extraction_schema=None,
        model=llama.model, temperature=0.7, max_tokens=512,
    )  # fmt: skip
    tasks = load_tasks(["question_answering", "summarization", "rewriting"], root=tmp_path)

    async def run() -> list[list[Draft | Dropped]]:
        with Journal(tmp_path / "journal.sqlite") as journal:
            async with Engine(llama, BudgetSection(), journal) as engine:
                asks = [Ask(task, (passage,), count=2) for task in tasks]
                return await asyncio.gather(*(converse(ask, style=style, complete=engine.complete) for ask in asks))

    ends = asyncio.run(run())

    assert all(ends), "every ask has an end"
    assert all(isinstance(end, Dropped) and isinstance(end.reason, Reason) for of_one in ends for end in of_one)


@pytest.fixture
def passage() -> Passage:
    text = "The warranty of the lathe covers 24 months. It starts on the day of delivery."
    document = Document.of(path="warranty.md", title="Warranty", format="md", text=text, raw=b"")
    return Passage(document, Chunk.of(document, 0, len(text), ("Warranty",), 20))


# aimock


@contextmanager
def aimock(folder: Path, *flags: str, **variables: str) -> Iterator[EndpointSection]:
    """Start aimock, which gives the same answer to every request, save for the faults that the flags ask for."""
    if (node := shutil.which("node")) is None or not AIMOCK.exists():
        pytest.skip("aimock is not installed: it needs Node 20, then `npm ci --prefix tests`")
    fixtures = folder / "fixtures.json"
    fixtures.write_text(json.dumps({"fixtures": [{"match": {}, "response": {"content": json.dumps({"word": ANSWER, "kind": "fact"})}}]}))
    command = [node, str(AIMOCK), "--port", "0", "--fixtures", str(fixtures), *flags]
    with started(command, folder / "aimock.log", says=r"listening on (http://\S+)", **variables) as url:
        yield EndpointSection(base_url=f"{url}/v1", model="gpt-4o", structured="json_schema", concurrency=16, timeout_seconds=10)


@pytest.mark.parametrize(
    ("flags", "lost"),
    [
        pytest.param(("--chaos-ratelimit", "0.3"), 0, id="rate limits"),
        pytest.param(("--chaos-latency", "300"), 0, id="delays"),
        pytest.param(("--chaos-drop", "0.15", "--chaos-malformed", "0.15", "--chaos-disconnect", "0.15"), 4, id="a mix of faults"),
    ],
)
def test_every_request_to_aimock_ends_whatever_it_injects(flags, lost, tmp_path):
    with aimock(tmp_path, *flags) as endpoint:
        requests = [request(f"Question {number}", model=endpoint.model) for number in range(40)]
        found, _ = ask_all(endpoint.model_copy(update={"attempts": 8}), requests, tmp_path / "journal.sqlite")

    verdicts = Counter(map(verdict, found))
    assert verdicts.total() == 40
    assert verdicts["good"] >= 40 - lost, verdicts
    assert all(one.key == asked.key for one, asked in zip(found, requests, strict=True) if isinstance(one, Reply))


def test_nothing_but_faults_ends_the_run_and_says_why(tmp_path):
    with aimock(tmp_path, "--chaos-drop", "1") as endpoint:
        hopeless = endpoint.model_copy(update={"attempts": 2, "max_wait_seconds": 2.0})
        requests = [request(f"Question {number}", model=endpoint.model) for number in range(40)]

        with pytest.raises(EndpointError, match="answers so far are kept"):
            ask_all(hopeless, requests, tmp_path / "journal.sqlite")


def test_a_key_that_aimock_refuses_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WRONG_KEY", "sk-wrong")
    with aimock(tmp_path, AIMOCK_API_KEYS="sk-right") as endpoint:
        stranger = endpoint.model_copy(update={"api_key_env": "WRONG_KEY"})
        with pytest.raises(EndpointError, match="WRONG_KEY"):
            ask_all(stranger, [request("Question", model=endpoint.model)], tmp_path / "journal.sqlite")


def test_a_batch_goes_through_the_files_and_batches_of_aimock(tmp_path):
    async def round_trip(endpoint: EndpointSection, journal: Journal, ledger: Ledger) -> list[Path]:
        async with desk(endpoint, journal) as at:
            assert len(await submit(at)) == 1
            until = time.monotonic() + 20
            while not all(standing.status == "completed" for standing in await look(at)):
                assert time.monotonic() < until
                await asyncio.sleep(0.1)
            fetched = await fetch(at, tmp_path)
            returned(journal, fetched)
            assert await submit(at) == [], "what is back is not sent again"
            return [path for one in fetched for path in one.files]

    with aimock(tmp_path) as endpoint, Journal(tmp_path / "journal.sqlite") as journal:
        requests = [request(f"Question {number}", model=endpoint.model) for number in range(5)]
        ledger = Ledger(tmp_path / "batches")
        sent = export(requests, tmp_path / "batches", journal=journal, ledger=ledger, body=Dialect().body)
        files = asyncio.run(round_trip(endpoint, journal, ledger))
        funnel = import_results(files, journal=journal, ledger=ledger, cost=lambda *_: Cost())
        replies = [journal.get(asked) for asked in requests]

    assert [file.lines for file in sent.files] == [5]
    assert (funnel.lines, funnel.answered, funnel.failed, funnel.unknown) == (5, 5, 0, 0)
    assert all(reply is not None and reply.source == "batch" for reply in replies)


# transformers serve


@pytest.fixture(scope="module")
def transformers_serve(tmp_path_factory) -> Iterator[EndpointSection]:
    from tests.tiny_models import chat_tokenizer, saved

    folder = tmp_path_factory.mktemp("serve")
    model = saved(folder / "tiny", "llama", chat_tokenizer())
    command = [str(Path(sys.executable).with_name("transformers")), "serve", model, "--host", "127.0.0.1", "--port", "0", "--device", "cpu"]
    variables = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache")}
    with started(command, folder / "serve.log", says=r"running on (http://[\w.:]+)", **variables) as url:
        yield EndpointSection(base_url=f"{url}/v1", model=model, concurrency=2, timeout_seconds=30, attempts=2)


def test_the_probe_notices_that_transformers_serve_ignores_the_schema(transformers_serve, tmp_path):
    model = transformers_serve.model
    found, dialect = ask_all(transformers_serve, [request("Hello?", model=model).but(max_tokens=40)], tmp_path / "journal.sqlite")

    assert dialect is not None
    assert dialect.rung == "text"
    assert verdict(found[0]) != "good", "random weights write no JSON, and nothing holds them to it"


def test_transformers_serve_answers_every_request_though_it_ignores_n(transformers_serve, tmp_path):
    model = transformers_serve.model
    requests = [
        request(f"Hello {number}?", model=model, schema=False, max_tokens=20, parameters={"n": 2, "seed": number}) for number in range(6)
    ]

    found, _ = ask_all(transformers_serve.model_copy(update={"structured": "text"}), requests, tmp_path / "journal.sqlite")

    assert len(found) == 6
    assert any(isinstance(one, Reply) and len(json.loads(one.raw)["choices"]) == 1 for one in found)
