"""Faults on real sockets: every way in which an endpoint can misbehave, by number as in the project's table of 68, and how a call ends then."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from generators.llm.answers import read_answer, read_json
from schemas.records import Reason
from tests.fault_run import Run, Server, fault_server, prompt, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("haste")]
KEY = "sk-test-SECRET-of-the-faults"


@dataclass(frozen=True)
class Row:
    """One way to fail: the fault, how often it happens, and how the call must end."""

    number: int
    fault: str
    times: int | str = 1  # "": always
    ends: str = "ok"  # ok, failed or stop
    hits: tuple[int, int] = (2, 2)
    seconds: tuple[float, float] = (0.0, 10.0)  # it ends at all, also on a busy machine
    words: str = ""  # in the message
    reason: Reason | None = None  # of the failure, or of the answer when the call ends well
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"row_{self.number:02}-{self.fault}-{self.times or 'always'}"


ALWAYS, ONCE, TWICE, THRICE = "", (1, 1), (2, 2), (3, 3)
PATIENT: dict[str, Any] = {"max_wait_seconds": 5.0}


def rows(number: int, *faults: str, **settings: Any) -> list[Row]:
    return [Row(number, fault, **settings) for fault in faults]


ROWS = [
    *rows(1, "429", seconds=(1.0, 10)),
    *rows(2, "429-date", seconds=(0.9, 10), settings=PATIENT),
    *rows(2, "429-date-skewed", "429-date-past", "429-negative", settings=PATIENT),
    *rows(3, "429-ms", seconds=(0.3, 10)),
    *rows(3, "429-zero", "429-garbage", "429-inf", "429-nan"),
    *rows(4, "429-300", "429-hour", times=ALWAYS, ends="stop", hits=ONCE, words="429"),
    *rows(5, "429-reset", "429-reset-tokens", seconds=(0.65, 10)),
    *rows(5, "429-reset-minutes", times=ALWAYS, ends="stop", hits=ONCE),
    *rows(6, "quota", "billing", "402", times=ALWAYS, ends="stop", hits=ONCE, words="credit"),
    *rows(8, "429-soon", "429-plain", times=ALWAYS, ends="stop", hits=(2, 60), words="429"),
    *rows(9, "500", "502-html", "503-after", "504", "520", "523", "529", times=2, hits=THRICE),
    *rows(10, "peg-native", times=ALWAYS, ends="failed", hits=THRICE, words="peg-native"),
    *rows(11, "408", "409", "425"),
    *rows(12, "context", "context-llama", times=ALWAYS, ends="failed", hits=ONCE),
    *rows(15, "400", "413", "422", times=ALWAYS, ends="failed", hits=ONCE),
    *rows(19, "policy", times=ALWAYS, ends="failed", hits=ONCE, reason=Reason.REFUSED),
    *rows(19, "content-filter", times=ALWAYS, hits=ONCE, reason=Reason.CONTENT_FILTER),
    *rows(19, "refusal", times=ALWAYS, hits=ONCE, reason=Reason.REFUSED),
    *rows(19, "empty-text", times=ALWAYS, hits=ONCE, reason=Reason.EMPTY_REPLY),
    *rows(20, "no-retry", times=ALWAYS, ends="failed", hits=ONCE),
    *rows(21, "301", "307", "308", times=ALWAYS, ends="stop", hits=ONCE, words="redirect"),
    *rows(22, "redirect-loop", times=ALWAYS, ends="stop", hits=ONCE, words="redirect"),
    *rows(24, "fin", "rst"),
    *rows(24, "rst", times=ALWAYS, ends="failed", hits=THRICE),
    *rows(24, "fin", times=ALWAYS, ends="failed", hits=(1, 4)),  # the first may have been about a connection that was kept too long
    *rows(26, "half-headers", "hang", seconds=(1.0, 10)),
    *rows(26, "half-headers", "hang", times=ALWAYS, ends="failed", hits=THRICE, seconds=(3.0, 10)),
    *rows(27, "slow-headers", "slow-body", seconds=(1.0, 10)),
    *rows(28, "keep-alive-spaces", "chunks", times=ALWAYS, hits=ONCE),
    *rows(29, "blank"),
    *rows(30, "half-body", "cut-chunks", "half-length"),
    *rows(31, "empty", "half-json", "null", "list", "string"),
    *rows(31, "empty", "half-json", "null", "list", "string", times=ALWAYS, ends="failed", hits=THRICE, reason=Reason.BAD_REPLY),
    *rows(32, "html"),
    *rows(33, "204"),
    *rows(34, "error-429", "error-500"),
    *rows(34, "error-context", times=ALWAYS, ends="failed", hits=ONCE),
    *rows(34, "error-quota", times=ALWAYS, ends="stop", hits=ONCE),
    *rows(35, "choices-missing", "choices-null", "message-null"),
    *rows(35, "choices-empty", times=ALWAYS, hits=ONCE, reason=Reason.NO_CHOICES),  # a paid answer of a kind of its own
    *rows(36, "parts", times=ALWAYS, hits=ONCE),
    *rows(37, "tool-calls", times=ALWAYS, hits=ONCE),
    *rows(37, "reasoning", times=ALWAYS, hits=ONCE, reason=Reason.EMPTY_REPLY),
    *rows(38, "two-choices", "odd-index", times=ALWAYS, hits=ONCE),
    *rows(39, "finish-null", "finish-eos", "finish-odd", times=ALWAYS, hits=ONCE),
    *rows(40, "length", times=ALWAYS, hits=ONCE, reason=Reason.CUT_REPLY),
    *rows(41, "spaces", "loop", times=ALWAYS, hits=ONCE, reason=Reason.DEGENERATE),
    *rows(47, "usage-missing", "usage-null", "usage-zero", "usage-strings", times=ALWAYS, hits=ONCE),
    *rows(50, "gzip", hits=(1, 2)),
    *rows(50, "gzip-cut", "gzip-lie"),
    *rows(51, "huge", "gzip-bomb", times=ALWAYS, ends="failed", hits=(1, 2), words="larg|compressed"),
    *rows(52, "big-header", hits=(1, 2)),
    *rows(52, "garbage"),
    *rows(52, "garbage", times=ALWAYS, ends="failed", hits=(1, 3)),
    *rows(53, "sse"),
    *rows(53, "sse", times=ALWAYS, ends="failed", hits=THRICE, reason=Reason.BAD_REPLY),
    *rows(54, "text-plain", "no-type", times=ALWAYS, hits=ONCE),
]


ABOUT_CONNECTIONS = frozenset({24, 25, 26, 30, 50, 51, 52})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with fault_server() as started:
        yield started


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOPAIR_TEST_KEY", KEY)


def text_of(made: Run, index: int = 0) -> str:
    return read_answer(made.outcomes[index].raw).text


def assert_funnel_adds_up(made: Run, hits: list[dict[str, Any]]) -> None:
    """What the server got is what the journal says was sent; every request has one final state; what is ok is stored."""
    states = Counter(made.states)
    refusals = int(made.figures["refused"])

    assert set(states) <= {"ok", "failed", "stop"}
    assert len(hits) == made.counts.calls + refusals
    assert states["ok"] == len(made.stored)
    assert all(KEY.encode() not in (entry.raw or b"") for entry in made.entries)
    assert all(KEY not in outcome.words for outcome in made.outcomes)
    if all("total_tokens" in hit["usage"] for hit in hits):
        told = made.counts.prompt_tokens + made.counts.completion_tokens
        served = sum(int(hit["usage"]["total_tokens"]) for hit in hits)
        assert told == served if not made.counts.lost_tokens else told <= served <= told + made.counts.lost_tokens


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_ends_as_its_row_says(row: Row, server: Server, tmp_path: Path):
    url = server.space(row.name)

    made = run(url, tmp_path / "journal.sqlite", [prompt(row.fault, row.times)], **row.settings)

    assert_ends_as_told(row, made, server.log(url), server.hits(url))


@pytest.mark.parametrize("row", [row for row in ROWS if row.number in ABOUT_CONNECTIONS], ids=lambda row: row.name)
def test_a_broken_connection_ends_the_same_way_without_aiohttp(row: Row, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("generators.llm.transport.find_spec", lambda _: None)
    url = server.space(f"plain-{row.name}")

    made = run(url, tmp_path / "journal.sqlite", [prompt(row.fault, row.times)], **row.settings)

    assert_ends_as_told(row, made, server.log(url), server.hits(url))


def assert_ends_as_told(row: Row, made: Run, log: dict[str, Any], hits: list[dict[str, Any]]) -> None:
    outcome = made.outcomes[0]
    assert outcome.state == row.ends, outcome.words
    assert row.hits[0] <= len(hits) <= row.hits[1]
    assert row.seconds[0] <= made.seconds <= row.seconds[1]
    assert log["elsewhere"] == 0
    assert any(word in outcome.words.lower() for word in row.words.split("|"))
    if row.ends == "ok":
        answer = read_answer(outcome.raw)
        assert answer.reason == row.reason
        assert row.reason or json.loads(answer.text) == {"answer": f"The answer to {row.fault}."}
        assert made.counts.prompt_tokens > 0
        assert made.counts.completion_tokens > 0
    elif row.reason:
        assert outcome.reason == row.reason
    assert_funnel_adds_up(made, hits)


@pytest.mark.parametrize(("number", "fault"), [(42, "fence"), (42, "think"), (42, "prose"), (42, "bom"), (42, "nul")])
def test_json_inside_of_other_text_is_found(number: int, fault: str, server: Server, tmp_path: Path):
    made = run(server.space(f"row-{number}"), tmp_path / "journal.sqlite", [prompt(fault)])

    assert read_json(text_of(made)).value == {"answer": f"The answer to {fault}."}


@pytest.mark.parametrize(("number", "fault"), [(43, "two-objects"), (43, "array"), (44, "nan"), (44, "infinity")])
def test_json_that_could_mean_two_things_or_no_number_is_refused(number: int, fault: str, server: Server, tmp_path: Path):
    made = run(server.space(f"row-{number}"), tmp_path / "journal.sqlite", [prompt(fault)])

    assert made.states == ["ok"]
    with pytest.raises(ValueError, match=r"\w"):
        read_json(text_of(made))


@pytest.mark.parametrize("fault", ["trailing-comma", "single-quotes"])
def test_row_44_json_that_had_to_be_mended_says_so(fault: str, server: Server, tmp_path: Path):
    made = run(server.space("row-44"), tmp_path / "journal.sqlite", [prompt(fault)])

    found = read_json(text_of(made))

    assert list(found.value) == ["answer"]
    assert found.flags


@pytest.mark.parametrize("fault", ["surrogate", "bad-utf8", "control"])
def test_row_46_what_is_no_text_breaks_nothing(fault: str, server: Server, tmp_path: Path):
    made = run(server.space("row-46"), tmp_path / "journal.sqlite", [prompt(fault), prompt("", key="beside")])

    assert made.states[0] == ("failed" if fault == "control" else "ok")
    assert text_of(made).encode("utf-8").decode().isprintable()
    assert [entry.raw for entry in made.entries if entry.raw is None] == []
    assert "beside" in text_of(made, 1)


def test_row_48_the_same_id_on_every_response_mixes_nothing_up(server: Server, tmp_path: Path):
    url = server.space("row-48")

    made = run(url, tmp_path / "journal.sqlite", [prompt("same-id", key=f"k{number}") for number in range(20)])

    assert [json.loads(text_of(made, number))["answer"] for number in range(20)] == [f"The answer to k{number}." for number in range(20)]
    assert_funnel_adds_up(made, server.hits(url))


def test_row_49_a_model_of_another_name_is_told_once(server: Server, tmp_path: Path):
    made = run(server.space("row-49"), tmp_path / "journal.sqlite", [prompt("other-model", key=f"k{number}") for number in range(5)])

    assert made.states == ["ok"] * 5
    assert len([notice for notice in made.notices if "other-7b" in notice]) == 1


def test_row_57_a_key_that_the_server_repeats_is_written_nowhere(server: Server, tmp_path: Path):
    made = run(server.space("row-57"), tmp_path / "journal.sqlite", [prompt("echo")])

    assert made.states == ["failed"]
    assert KEY not in made.outcomes[0].words + made.outcomes[0].raw.decode("utf-8", "replace") + " ".join(made.notices)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
