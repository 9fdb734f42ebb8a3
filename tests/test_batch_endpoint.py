"""Submit, status and fetch against a real server with Files and Batches, cut off between any two steps."""

import asyncio
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from generators.llm.batch import export, sent_files
from generators.llm.batch_client import fetch, look, returned, submit
from generators.llm.batch_desk import Desk, desk
from generators.llm.batch_files import Ledger, custom_id
from generators.llm.batch_results import import_results
from generators.llm.calls import Message, Request
from generators.llm.journal import Cost, Journal
from schemas.errors import EndpointError, InputError
from schemas.recipe import EndpointSection

KEY = "sk-secret-of-the-tests"


def request(number: int) -> Request:
    return Request("large", (Message("user", f"question {number}"),), 64, slot=f"question_answering/{number}")


def body(one: Request) -> bytes:
    return json.dumps({"model": one.model, "messages": [{"role": "user", "content": one.messages[0].content}]}).encode()


class Handler(BaseHTTPRequestHandler):
    """Keeps files and batches; `plan` says how a batch ends: its status, and what becomes of each line."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "Server"  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        self.server.seen.append(f"GET {self.path.partition('?')[0]}")
        self.server.headers_seen.append(dict(self.headers))
        path, _, query = self.path.removeprefix("/v1").partition("?")
        if path in self.server.lacking:
            return self.send({"error": {"message": "no such route"}}, status=404)
        if path == "/files":
            return self.page([file | {"object": "file"} for file in self.server.files.values()], query)
        if path == "/batches":
            return self.page(list(self.server.batches.values()), query)
        if match := re.fullmatch(r"/files/(.+)/content", path):
            return self.send_raw(self.server.contents[match[1]], "application/jsonl")
        if path.removeprefix("/batches/") in self.server.batches:
            return self.send(self.server.end(path.removeprefix("/batches/")))
        return self.send({"error": {"message": "no such batch"}}, status=404)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self.chunked()
        self.server.seen.append(f"POST {self.path}")
        self.server.headers_seen.append(dict(self.headers))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            return self.send({"error": {"message": f"wrong key {self.headers['Authorization']}"}}, status=401)
        if self.path == "/v1/files":
            name = re.search(rb'filename="([^"]+)"', raw)
            part = next(part for part in raw.split(b"--" + self.boundary()) if b'name="file"' in part)
            content = part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            return self.send(self.server.keep(name[1].decode() if name else "", content))
        if self.path == "/v1/batches":
            return self.send(self.server.start(json.loads(raw)))
        return self.send({"error": {"message": "no such route"}}, status=404)

    def boundary(self) -> bytes:
        return self.headers["Content-Type"].partition("boundary=")[2].encode()

    def chunked(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def page(self, rows: list, query: str):
        """Two rows a page, so that who looks at the first page only does not find what is on the second."""
        after = re.search(r"after=([^&]+)", query)
        start = [row["id"] for row in rows].index(after[1]) + 1 if after else 0
        self.send({"object": "list", "data": rows[start : start + 2], "has_more": start + 2 < len(rows)})

    def send(self, value: Any, *, status: int = 200):
        self.send_raw(json.dumps(value).encode(), "application/json", status=status)

    def send_raw(self, raw: bytes, kind: str, *, status: int = 200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def answered(line: dict) -> dict:
    body = {"choices": [{"message": {"content": f"yes, {KEY}"}, "finish_reason": "stop"}], "usage": {}}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.contents, self.batches = {}, {}, {}
        self.seen: list[str] = []
        self.headers_seen: list[dict] = []
        self.lacking: set[str] = set()
        self.plan: Callable[[list[dict]], tuple[str, list[dict] | None, list[dict] | None]] = lambda lines: (
            "completed",
            [answered(line) for line in reversed(lines)],
            None,
        )
        self.errors: list[dict] = []

    def keep(self, name: str, content: bytes) -> dict:
        self.contents[f"file-{len(self.contents)}"] = content
        file = {"id": f"file-{len(self.contents) - 1}", "filename": name, "bytes": len(content), "created_at": 0, "purpose": "batch"}
        self.files[file["id"]] = file | {"status": "processed", "object": "file"}
        return self.files[file["id"]]

    def start(self, asked: dict) -> dict:
        batch = {"id": f"batch-{len(self.batches)}", "object": "batch", "created_at": 0, "status": "validating", **asked}
        self.batches[batch["id"]] = batch
        return batch

    def end(self, name: str) -> dict:
        lines = [json.loads(line) for line in self.contents[self.batches[name]["input_file_id"]].splitlines()]
        status, output, errors = self.plan(lines)
        ids = {}
        for kind, rows in (("output_file_id", output), ("error_file_id", errors)):
            if rows is not None:
                ids[kind] = self.keep(f"{name}-{kind}", b"".join(json.dumps(row).encode() + b"\n" for row in rows))["id"]
        counts = {"total": len(lines), "completed": len(output or []), "failed": len(errors or [])}
        said = {"errors": {"object": "list", "data": self.errors}} if self.errors else {}
        return self.batches[name] | {"status": status, "request_counts": counts, **ids, **said}

    def count(self, what: str) -> int:
        return self.seen.count(what)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TESTS_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Ambient: secret")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def journal(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as opened:
        export(
            [request(number) for number in range(5)],
            tmp_path / "out",
            journal=opened,
            ledger=Ledger(tmp_path / "batch"),
            body=body,
            max_lines=3,
        )
        yield opened


def at(server: Server, journal: Journal, work: Callable[[Desk], Any]) -> Any:
    async def run() -> Any:
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        async with desk(EndpointSection(base_url=url, model="large", api_key_env="TESTS_KEY", timeout_seconds=10), journal) as opened:
            return await work(opened)

    return asyncio.run(run())


def taken_in(server: Server, journal: Journal, folder: Path):
    fetched = at(server, journal, lambda opened: fetch(opened, folder / "results"))
    files = [path for one in fetched for path in one.files]
    funnel = import_results(files, journal=journal, ledger=Ledger(folder / "batch"), cost=lambda *_: Cost())
    returned(journal, fetched)
    return fetched, funnel


def states(journal: Journal) -> list[str]:
    return [file.state for file in sent_files(journal)]


def test_a_batch_goes_out_is_looked_at_and_comes_back_whole(server: Server, journal: Journal, tmp_path: Path):
    sent = at(server, journal, submit)
    standing = at(server, journal, look)
    _, funnel = taken_in(server, journal, tmp_path)

    assert [file.state for file in sent] == ["submitted", "submitted"]
    assert [(one.status, one.total, one.completed) for one in standing] == [("completed", 3, 3), ("completed", 2, 2)]
    assert (funnel.answered, funnel.lines) == (5, 5)
    assert states(journal) == ["returned", "returned"]
    assert all(journal.get(request(number)) for number in range(5))
    uploaded = [json.loads(line) for line in server.contents["file-0"].splitlines()]
    assert [line["custom_id"] for line in uploaded] == [custom_id(request(number)) for number in range(3)]
    assert {batch["completion_window"] for batch in server.batches.values()} == {"24h"}


def test_nothing_ambient_is_sent_and_an_echoed_key_is_not_kept(server: Server, journal: Journal, tmp_path: Path):
    at(server, journal, submit)
    taken_in(server, journal, tmp_path)

    assert not any("X-Ambient" in headers or "OpenAI-Organization" in headers for headers in server.headers_seen)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in written if KEY.encode() in path.read_bytes()] == []
    stored = journal.get(request(0))
    assert stored is not None
    assert b"yes, [key]" in stored.raw


def test_submitting_again_does_nothing(server: Server, journal: Journal):
    at(server, journal, submit)

    again = at(server, journal, submit)

    assert again == []
    assert (server.count("POST /v1/files"), server.count("POST /v1/batches")) == (2, 2)


class KilledError(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.mark.parametrize("cut", range(8))
def test_a_kill_at_any_write_of_the_journal_doubles_nothing(server: Server, journal: Journal, monkeypatch: pytest.MonkeyPatch, cut: int):
    write, done = journal.set_note, []

    def cut_off(name: str, value: str) -> None:
        if len(done) == cut:
            raise KilledError
        done.append(name)
        write(name, value)

    monkeypatch.setattr(journal, "set_note", cut_off)
    with pytest.raises(KilledError):
        at(server, journal, submit)
    monkeypatch.setattr(journal, "set_note", write)
    at(server, journal, submit)

    assert (server.count("POST /v1/files"), server.count("POST /v1/batches")) == (2, 2)
    assert states(journal) == ["submitted", "submitted"]
    assert {file.batch_id for file in sent_files(journal)} == set(server.batches)


def test_a_submit_that_may_have_arrived_is_not_repeated_unless_asked_for(server: Server, journal: Journal, monkeypatch: pytest.MonkeyPatch):
    write = journal.set_note
    monkeypatch.setattr(
        journal, "set_note", lambda name, value: (_ for _ in ()).throw(KilledError) if "batch-0" in value else write(name, value)
    )
    with pytest.raises(KilledError):
        at(server, journal, submit)
    monkeypatch.setattr(journal, "set_note", write)
    server.lacking = {"/batches"}

    with pytest.raises(EndpointError, match="whether it arrived is not known"):
        at(server, journal, submit)
    before = server.count("POST /v1/batches")
    at(server, journal, lambda opened: submit(opened, is_again=True))

    assert before == 1
    assert server.count("POST /v1/batches") == 3


def test_an_endpoint_that_lists_no_files_gets_a_cut_off_upload_again(server: Server, journal: Journal, monkeypatch: pytest.MonkeyPatch):
    write = journal.set_note
    monkeypatch.setattr(
        journal, "set_note", lambda name, value: (_ for _ in ()).throw(KilledError) if "file-0" in value else write(name, value)
    )
    with pytest.raises(KilledError):
        at(server, journal, submit)
    monkeypatch.setattr(journal, "set_note", write)
    server.lacking = {"/files"}

    at(server, journal, submit)

    assert (server.count("POST /v1/files"), server.count("POST /v1/batches")) == (3, 2)


def failed_line(line: dict) -> dict:
    return {"custom_id": line["custom_id"], "response": {"status_code": 0, "request_id": "", "body": None}, "error": None}


@pytest.mark.parametrize("status", ["expired", "cancelled", "failed", "completed"])
def test_an_ended_batch_gives_what_it_has_and_the_rest_can_go_out_again(server: Server, journal: Journal, tmp_path: Path, status: str):
    server.plan = lambda lines: (status, [answered(line) for line in lines[:1]], [failed_line(line) for line in lines[1:]])
    at(server, journal, submit)

    _, funnel = taken_in(server, journal, tmp_path)
    left = [request(number) for number in range(5) if not journal.get(request(number))]
    again = export(left, tmp_path / "out", journal=journal, ledger=Ledger(tmp_path / "batch"), body=body)

    assert (funnel.lines, funnel.answered, funnel.failed) == (5, 2, 3)
    assert funnel.problems == {"status 0": 3}
    assert (again.out, sum(file.lines for file in again.files)) == (0, 3)


def test_a_completed_batch_without_any_file_leaves_everything_to_be_asked(server: Server, journal: Journal, tmp_path: Path):
    server.plan = lambda _: ("completed", None, None)
    at(server, journal, submit)

    fetched, funnel = taken_in(server, journal, tmp_path)

    assert [one.files for one in fetched] == [(), ()]
    assert funnel.lines == 0
    assert states(journal) == ["returned", "returned"]


def test_a_batch_refused_for_its_form_says_why(server: Server, journal: Journal, tmp_path: Path):
    server.plan = lambda _: ("failed", None, None)
    server.errors = [{"code": "bad", "message": "line 1:\n no such model", "line": 1}]
    at(server, journal, submit)

    fetched, _ = taken_in(server, journal, tmp_path)

    assert fetched[0].standing.problem == "line 1: no such model"


def test_a_batch_under_way_stays_out(server: Server, journal: Journal, tmp_path: Path):
    server.plan = lambda _: ("in_progress", None, None)
    at(server, journal, submit)

    fetched, funnel = taken_in(server, journal, tmp_path)

    assert [one.standing.status for one in fetched] == ["in_progress", "in_progress"]
    assert funnel.lines == 0
    assert states(journal) == ["submitted", "submitted"]


def test_a_kill_between_download_and_import_costs_nothing(server: Server, journal: Journal, tmp_path: Path):
    at(server, journal, submit)
    fetched = at(server, journal, lambda opened: fetch(opened, tmp_path / "results"))
    import_results(fetched[0].files, journal=journal, ledger=Ledger(tmp_path / "batch"), cost=lambda *_: Cost())

    _, funnel = taken_in(server, journal, tmp_path)

    assert (funnel.lines, funnel.answered) == (2, 2)
    assert states(journal) == ["returned", "returned"]


def test_an_endpoint_without_files_is_said_with_the_other_way(server: Server, journal: Journal):
    server.lacking = {"/batches/batch-0"}
    at(server, journal, submit)

    with pytest.raises(EndpointError, match="kilopair batch import"):
        at(server, journal, look)


def test_a_refused_key_is_one_line_without_the_key(server: Server, journal: Journal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TESTS_KEY", "sk-wrong")

    with pytest.raises(EndpointError, match="TESTS_KEY is refused") as refused:
        at(server, journal, submit)

    assert "sk-wrong" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert states(journal) == ["uploading", "exported"]


def test_a_changed_or_missing_file_is_not_submitted(server: Server, journal: Journal):
    path = Path(sent_files(journal)[0].path)
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(InputError, match="was changed"):
        at(server, journal, submit)
    path.unlink()

    with pytest.raises(InputError, match="cannot be read"):
        at(server, journal, submit)

    assert server.seen == []
