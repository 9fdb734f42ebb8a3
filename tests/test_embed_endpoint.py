"""Vectors of an endpoint, against a real HTTP server on loopback."""

import base64
import json
import re
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from builder.curation.embed import Embedded, Remembered
from schemas.errors import EndpointError
from schemas.recipe import EndpointSection

KEY, KEY_NAME = "sk-test-SECRET-123", "KILOPAIR_TEST_KEY"


class Handler(BaseHTTPRequestHandler):
    """Speaks /v1/embeddings: a vector of letter counts for each text, shuffled; too long from `longest` characters on in a batch."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.asked.append((self.path, body, self.headers["Authorization"]))
            fault = server.faults.pop(0) if server.faults else None
        if self.headers["Authorization"] != f"Bearer {KEY}":
            return self.send({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401)
        if fault:
            return self.send(*fault)
        if sum(map(len, body["input"])) > server.longest:
            return self.send({"error": {"message": "maximum context length exceeded", "code": "context_length_exceeded"}}, 400)
        found = [{"object": "embedding", "index": index, "embedding": self.packed(text)} for index, text in enumerate(body["input"])]
        return self.send({"object": "list", "data": found[::-1], "model": body["model"]})

    def packed(self, text):
        row = letters(text)
        return base64.b64encode(np.array(row, "<f4").tobytes()).decode() if self.server.base64 else row

    def send(self, value, status=200):
        raw = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def letters(text):
    return [float(text.count(letter)) for letter in "abcde "] + [1.0]


def expected(texts):
    rows = np.array([letters(text) for text in texts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@contextmanager
def served(*faults, longest=10_000, packed=False):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.lock, server.asked, server.faults, server.longest, server.base64 = threading.Lock(), [], list(faults), longest, packed
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield (
            server,
            EndpointSection(
                base_url=f"http://127.0.0.1:{server.server_address[1]}/v1",
                model="embed-small",
                api_key_env=KEY_NAME,
                attempts=3,
                timeout_seconds=5,
            ),
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_NAME, KEY)


TEXTS = [f"{letter} case {letter * number}" for number, letter in enumerate("abcdeabcdeabc")]


@pytest.mark.parametrize("packed", [False, True])
def test_texts_go_in_batches_and_vectors_come_back_in_order(packed):
    with served(packed=packed) as (server, endpoint):
        rows = Embedded(endpoint, batch=4)(TEXTS)

        assert np.allclose(rows, expected(TEXTS), atol=1e-6)
        assert rows.dtype == np.float32
        assert sorted(len(body["input"]) for _, body, _ in server.asked) == [1, 4, 4, 4]
        assert {path for path, *_ in server.asked} == {"/v1/embeddings"}
        assert {body["model"] for _, body, _ in server.asked} == {"embed-small"}


def test_a_second_run_asks_nothing(tmp_path):
    with served() as (server, endpoint):
        first = Remembered(Embedded(endpoint, batch=8), tmp_path / "v.sqlite")(TEXTS)
        asked = len(server.asked)

        second = Remembered(Embedded(endpoint, batch=8), tmp_path / "v.sqlite")(TEXTS[::-1])

        assert len(server.asked) == asked
        assert np.array_equal(second[::-1], first)
    assert KEY.encode() not in (tmp_path / "v.sqlite").read_bytes()


def test_a_batch_that_is_too_long_is_halved_and_a_text_that_is_shows_its_beginning():
    texts = ["a" * 40, "b" * 40, "c" * 90 + "d" * 90]
    with served(longest=100) as (server, endpoint):
        rows = Embedded(endpoint, batch=3)(texts)

        assert np.allclose(rows, expected([*texts[:2], "c" * 90]), atol=1e-6)
        assert Counter(len(body["input"]) for _, body, _ in server.asked) == {3: 1, 2: 1, 1: 4}


def test_trouble_of_the_server_and_of_the_rate_is_tried_again(haste):
    troubles = [({"error": {"message": "oops"}}, 500), ({"error": {"message": "slow down, try again in 0.1s"}}, 429)]
    with served(*troubles) as (server, endpoint):
        rows = Embedded(endpoint, batch=32)(TEXTS)

        assert np.allclose(rows, expected(TEXTS), atol=1e-6)
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (({"error": {"message": "no such model", "code": "model_not_found"}}, 404), "no such model or path; correct endpoint.model"),
        (({"data": [{"index": 0, "embedding": [1.0]}]}, 200), "answered 13 texts with 1 vectors .*is its model an embedding model"),
        (({"choices": []}, 200), "with 0 vectors that can be used"),
        (({"data": [{"index": 0, "embedding": "no base64!"}]}, 200), "with 0 vectors that can be used"),
        (({"error": {"message": "flagged", "code": "content_filter"}}, 400), "refused the passage"),
    ],
)
def test_what_no_other_try_would_cure_ends_the_run_in_one_line(answer, said):
    with served(answer) as (server, endpoint):
        with pytest.raises(EndpointError, match=said) as error:
            Embedded(endpoint, batch=32)(TEXTS)

        assert len(server.asked) == 1
    assert "\n" not in str(error.value)


def test_a_wrong_key_is_refused_and_never_shown(monkeypatch):
    monkeypatch.setenv(KEY_NAME, "sk-wrong-SECRET")
    with served() as (_, endpoint), pytest.raises(EndpointError, match=f"the key in {KEY_NAME} is refused") as error:
        Embedded(endpoint, batch=32)(TEXTS)

    assert "SECRET" not in str(error.value)


def test_a_server_that_fails_every_time_is_given_up_with_what_it_said(haste):
    with served(*[({"error": {"message": "broken"}}, 500)] * 9) as (server, endpoint):
        with pytest.raises(EndpointError, match=r"3 tries brought no answer.*vectors so far are kept"):
            Embedded(endpoint, batch=32)(TEXTS)

        assert len(server.asked) == 3


def test_an_endpoint_that_is_not_there_is_named():
    endpoint = EndpointSection(base_url="http://127.0.0.1:9/v1", model="e", api_key_env=KEY_NAME, attempts=1, max_wait_seconds=0.2)

    with pytest.raises(EndpointError, match=r"cannot reach the endpoint http://127\.0\.0\.1:9/v1"):
        Embedded(endpoint, batch=32)(TEXTS)


def test_a_blank_text_is_sent_as_something():
    with served() as (server, endpoint):
        Embedded(endpoint, batch=32)([""])

        assert server.asked[0][1]["input"] == [" "]


def dead(port, **changes):
    return EndpointSection(base_url=f"http://127.0.0.1:{port}/v1", model="e", api_key_env=KEY_NAME, **changes)


def test_nobody_at_the_address_is_known_after_the_tries_of_one_request_however_long_the_endpoint_may_be_down():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, so nobody else takes the port, and not listening
        started = time.monotonic()

        with pytest.raises(EndpointError) as error:
            Embedded(dead(closed.getsockname()[1], attempts=2, max_wait_seconds=900), batch=1)(TEXTS)

        assert time.monotonic() - started < 3
    assert re.fullmatch(
        r"cannot reach the endpoint http://127\.0\.0\.1:\d+/v1 \(connection refused\), in 2 tries; "
        r"start it, correct embed\.base_url .*, or set embed\.by to lexical.*",
        str(error.value),
    )


def test_an_endpoint_that_takes_connections_and_never_answers_is_given_up_after_its_deadline():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        started = time.monotonic()

        with pytest.raises(
            EndpointError, match=r"endpoint http://127\.0\.0\.1:\d+/v1, model e: takes .* no answer within 0\.3 seconds; start"
        ):
            Embedded(dead(silent.getsockname()[1], timeout_seconds=0.3), batch=1)(TEXTS)

        assert time.monotonic() - started < 3


def test_an_endpoint_that_answers_nothing_but_vectors_is_there():
    with served() as (server, endpoint):  # it refuses to list its models
        Embedded(endpoint, batch=32)(TEXTS)

        assert len(server.asked) == 1
