"""The offline batch lane: files that keep the limits, results in any state, and steps at the endpoint that a kill cannot double."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.llm.batch import Exported, export, sent_files
from generators.llm.batch_files import Ledger, custom_id, request_from_json, request_json
from generators.llm.batch_results import Funnel, import_results
from generators.llm.calls import Message, Request
from generators.llm.dialect import Dialect
from generators.llm.journal import Cost, Journal
from schemas.errors import InputError, WorkspaceError


def request(number: int, *, model: str = "large", text: str = "") -> Request:
    turns = (Message("system", "Be brief."), Message("user", f"question {number} {text}"))
    return Request(model, turns, 64, {"temperature": 0.5}, '{"type":"object"}', slot=f"question_answering/{number}")


def good(one: Request, text: str = "yes") -> dict:
    body = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": {}}
    return {"id": "r", "custom_id": custom_id(one), "response": {"status_code": 200, "request_id": "x", "body": body}, "error": None}


class Lane:
    """A journal and a ledger in a folder, and the two commands on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder / "journal.sqlite")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "batch")

    def export(self, requests: list[Request], **limits) -> Exported:
        return export(requests, self.folder / "out", journal=self.journal, ledger=self.ledger, body=Dialect().body, **limits)

    def take(self, *paths: Path) -> Funnel:
        return import_results(paths, journal=self.journal, ledger=self.ledger, cost=lambda *_: Cost(3, 2, 0.5))

    def results(self, *lines: object, name: str = "results.jsonl") -> Path:
        path = self.folder / name
        path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
        return path


@pytest.fixture
def lane(tmp_path: Path):
    with Lane(tmp_path) as opened:
        yield opened


def test_the_files_are_batch_lines_of_what_would_be_sent_and_a_manifest_says_so(lane: Lane):
    written = lane.export([request(1), request(2)])

    (file,) = written.files
    lines = [json.loads(line) for line in (written.folder / file.name).read_text().splitlines()]
    assert [line["custom_id"] for line in lines] == [request(1).key[:32], request(2).key[:32]]
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    assert lines[0]["body"] == json.loads(Dialect().body(request(1)))
    manifest = json.loads((written.folder / "manifest.json").read_text())
    assert (manifest["files"][0]["lines"], manifest["files"][0]["sha256"]) == (2, file.sha256)
    assert manifest["files"][0]["reply_tokens"] == 128
    assert manifest["files"][0]["prompt_tokens"] > 10


def test_only_the_owner_can_read_what_holds_documents(lane: Lane):
    written = lane.export([request(1)])

    paths = [*written.folder.iterdir(), *(lane.folder / "batch").rglob("*.jsonl")]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert len(paths) == 3


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.sampled_from(["large", "small"]), st.integers(0, 400)), max_size=25),
    max_lines=st.integers(1, 7),
    max_bytes=st.integers(350, 2000),
)
def test_every_request_is_in_one_file_of_its_model_within_the_limits(tmp_path_factory, sizes, max_lines, max_bytes):
    requests = [request(number, model=model, text="x" * length) for number, (model, length) in enumerate(sizes)]
    with Lane(tmp_path_factory.mktemp("lane")) as lane:
        written = lane.export(requests, max_lines=max_lines, max_bytes=max_bytes)

        seen = []
        for file in written.files:
            raw = (written.folder / file.name).read_bytes()
            lines = [json.loads(line) for line in raw.splitlines()]
            assert len(lines) == file.lines <= max_lines
            assert len(raw) <= max_bytes
            assert {line["body"]["model"] for line in lines} == {file.model}
            seen += [line["custom_id"] for line in lines]
        assert len(seen) == len(set(seen)) == len(requests) - written.too_large
        assert written.out == 0


def test_what_is_out_is_not_exported_twice_unless_asked_for(lane: Lane):
    lane.export([request(1), request(2)])

    more = lane.export([request(1), request(2), request(3)])
    none = lane.export([request(1), request(2), request(3)])
    again = lane.export([request(1), request(2), request(3)], is_again=True)

    assert (more.out, [file.lines for file in more.files]) == (2, [1])
    assert (none.out, none.files) == (3, ())
    assert [file.lines for file in again.files] == [3]


def test_nothing_is_spent_by_an_export(lane: Lane):
    before = lane.journal.counts

    lane.export([request(1)])

    assert lane.journal.counts == before


def test_answers_land_in_the_journal_and_what_failed_can_go_out_again(lane: Lane):
    one, two = request(1), request(2)
    lane.export([one, two])
    failed = {"custom_id": custom_id(two), "response": {"status_code": 500, "body": {"error": {"message": "too  bad"}}}, "error": None}

    funnel = lane.take(lane.results(failed, good(one, "grüß")))
    again = lane.export([two])

    assert (funnel.lines, funnel.answered, funnel.failed) == (2, 1, 1)
    assert funnel.problems == {"status 500: too bad": 1}
    stored = lane.journal.get(one)
    assert stored is not None
    assert (stored.source, json.loads(stored.raw)["choices"][0]["message"]["content"]) == ("batch", "grüß")
    assert lane.journal.get(two) is None
    assert (again.out, len(again.files)) == (0, 1)
    assert (lane.journal.counts.prompt_tokens, lane.journal.counts.usd, lane.journal.counts.calls) == (3, 0.5, 0)


def test_a_page_that_was_stored_online_answers_no_request_that_failed_in_a_batch(lane: Lane):
    lane.export([request(1)])
    lane.journal.put(request(1), b"<html>", source="online")

    funnel = lane.take(lane.results({"custom_id": custom_id(request(1)), "response": None, "error": {"code": "batch_expired"}}))

    assert (funnel.failed, funnel.already_there) == (1, 0)


def test_a_file_whose_results_are_not_back_stays_out(lane: Lane):
    requests = [request(number) for number in range(4)]
    lane.export(requests, max_lines=2)

    lane.take(lane.results(good(requests[3])))
    again = lane.export(requests[:3])

    assert [file.state for file in sent_files(lane.journal)] == ["exported", "returned", "exported"]
    assert again.out == 2
    assert [file.lines for file in again.files] == [1]


def test_results_are_known_by_any_later_workspace_that_exports_the_same(lane: Lane, tmp_path: Path):
    lane.export([request(1)])
    results = lane.results(good(request(1)))
    (tmp_path / "new").mkdir()
    with Lane(tmp_path / "new") as other:
        before = other.take(results)
        other.export([request(1)])
        after = other.take(results)

    assert (before.unknown, after.answered) == (1, 1)


def test_the_whole_request_survives_the_ledger(lane: Lane):
    odd = replace(request(1, text='"\u2028\n\\ü'), variant="sample-2", schema=None, parameters={"a": {"b": [1, None]}})
    lane.export([odd])

    found = lane.ledger.find(custom_id(odd))

    assert found == odd
    assert found is not None
    assert (found.key, found.slot, found.max_tokens) == (odd.key, odd.slot, 64)
    assert request_from_json(json.loads(json.dumps(request_json(odd)))) == odd


def test_a_damaged_ledger_says_what_to_do(lane: Lane):
    lane.export([request(1)])
    (path,) = (lane.folder / "batch").rglob("*.jsonl")
    path.write_bytes(path.read_bytes()[:80] + b"\n")

    with pytest.raises(WorkspaceError, match="export again"):
        lane.take(lane.results(good(request(1))))


BODY = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
BROKEN = {
    "status 0": {"response": {"status_code": 0, "body": None, "request_id": ""}, "error": None},
    "null": {"response": None, "error": None},
    "expired": {"response": None, "error": {"code": "batch_expired", "message": "This request could not be executed"}},
    "absent": {},
    "no completion": {"response": {"status_code": 200, "body": {"error": {"message": "no"}}}, "error": None},
    "text body": {"response": {"status_code": 200, "body": "<html>"}, "error": None},
    "vllm": {"response": {"status_code": 400, "body": {"object": "error", "message": "too long"}}, "error": {"message": "too long"}},
}
NO_RESULT = [b"{\n", b'"text"\n', b"[1]\n", b"null\n", b"\xff\xfe\n", b"{}\n", b'{"custom_id": 3}\n', b"[" * 5000 + b"\n"]
KNOWN = [request(number) for number in range(5)]
NO_RESULT += [json.dumps({"custom_id": custom_id(one), "method": "POST", "body": {}}).encode() + b"\n" for one in KNOWN[:2]]
LINES = st.one_of(
    st.tuples(st.just("good"), st.integers(0, 4)),
    st.tuples(st.just("stranger"), st.integers(10, 12)),
    st.tuples(st.sampled_from(sorted(BROKEN)), st.integers(0, 4)),
    st.tuples(st.just("no result"), st.integers(0, len(NO_RESULT) - 1)),
)


def line(kind: str, number: int) -> bytes:
    if kind == "no result":
        return NO_RESULT[number]
    if kind in {"good", "stranger"}:
        return json.dumps(good(request(number))).encode() + b"\n"
    return json.dumps({"id": "e", "custom_id": custom_id(request(number)), **BROKEN[kind]}).encode() + b"\n"


def ends(funnel: Funnel) -> int:
    return funnel.answered + funnel.already_there + funnel.failed + funnel.unknown


@settings(max_examples=80, deadline=None)
@given(mixture=st.lists(LINES, max_size=30), there=st.sets(st.integers(0, 4)), cut=st.integers(0, 30), data=st.data())
def test_every_line_ends_in_exactly_one_count_whatever_the_order_and_again(tmp_path_factory, mixture, there, cut, data):
    shuffled = data.draw(st.permutations(mixture))
    answered = {number for kind, number in mixture if kind == "good"}
    funnels = []
    for lines, halves in ((mixture, 1), (shuffled, 2)):
        with Lane(tmp_path_factory.mktemp("lane")) as lane:
            lane.export(KNOWN)
            for number in there:
                lane.journal.put(KNOWN[number], json.dumps(BODY).encode(), source="online")
            raw = [line(*one) for one in lines]
            parts = [raw] if halves == 1 else [raw[:cut], raw[cut:]]
            paths = [lane.results(*part, b"\n", name=f"results-{number}.jsonl") for number, part in enumerate(parts)]
            funnels.append(lane.take(*paths))
            have = {number for number in range(5) if lane.journal.get(KNOWN[number])}
            second = lane.take(*reversed(paths))

            assert have == answered | there
            assert second.answered == 0
            assert ends(second) == second.lines == len(mixture)
            assert (second.failed, second.unknown) == (funnels[-1].failed, funnels[-1].unknown)

    first = funnels[0]
    assert funnels[1] == first
    assert ends(first) == first.lines == len(mixture)
    assert first.answered == len(answered - there)
    assert first.unknown == sum(kind in {"stranger", "no result"} for kind, _ in mixture)
    assert first.failed == sum(kind in BROKEN and number not in answered | there for kind, number in mixture)
    assert sum(first.problems.values()) == first.failed + first.unknown


def test_a_torn_last_line_costs_only_itself(lane: Lane):
    lane.export(KNOWN)
    whole = [json.dumps(good(one)).encode() + b"\n" for one in KNOWN]
    path = lane.folder / "torn.jsonl"
    path.write_bytes(b"".join(whole)[:-40])

    torn = lane.take(path)
    path.write_bytes(b"".join(whole))
    mended = lane.take(path)

    assert (torn.answered, torn.unknown) == (4, 1)
    assert (mended.answered, mended.already_there) == (1, 4)


def test_a_line_without_end_is_counted_once_and_not_held(lane: Lane, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("generators.llm.batch_results.MAX_LINE", 1000)
    lane.export(KNOWN)

    funnel = lane.take(lane.results(b"x" * 5500 + b"\n", good(KNOWN[0]), b"y" * 2000))

    assert (funnel.lines, funnel.answered, funnel.unknown) == (3, 1, 2)


def test_a_wrong_file_name_is_said_before_anything_is_taken_in(lane: Lane):
    lane.export(KNOWN)

    with pytest.raises(InputError, match=r"nowhere.jsonl: cannot be read"):
        lane.take(lane.results(good(KNOWN[0])), lane.folder / "nowhere.jsonl")

    assert lane.journal.get(KNOWN[0]) is None
