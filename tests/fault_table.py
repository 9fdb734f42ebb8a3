"""The faults of the fault server by name."""

import gzip
import json
from collections.abc import Callable

from tests.fault_wires import (
    SAME_ID,
    Asked,
    Wire,
    altered,
    body,
    chunked,
    completion,
    dated,
    drip,
    encoded,
    good,
    good_completion,
    half_body,
    head_and_body,
    http,
    keep_alive_spaces,
    limited,
    moved,
    raw_content,
    refused,
    said,
    slow_body,
    with_message,
    without,
    wrapped,
    zipped,
)

HTML = b"<!doctype html><html><title>Log in</title><p>Please log in to the network.</p></html>"


def with_schema_only(fault: Callable[[Asked], Wire]) -> Callable[[Asked], Wire]:
    """A fault of the structured output: without a schema all is well."""
    return lambda asked: fault(asked) if asked.has_schema else good(asked)


def echo(asked: Asked) -> Wire:
    """Repeat the key and the prompt in the error, as servers have been seen to do."""
    prompt = asked.body["messages"][-1]["content"]
    return refused(400, message=f"bad request of {asked.headers.get('authorization', '')}: {prompt}")(asked)


def leak(asked: Asked) -> Wire:
    """Obey a document that asks for the instructions: repeat the system message in an otherwise good answer."""
    instructions = str(asked.body["messages"][0]["content"])
    return [http(200, encoded(completion(asked, json.dumps({"items": [], "note": instructions}))))]


def half_length(asked: Asked) -> Wire:
    raw = encoded(good_completion(asked))
    return [http(200, raw, {"Content-Length": str(len(raw) // 2)}), "fin"]


def stale(asked: Asked) -> Wire:
    """Close a kept connection on its next request without a word; a fresh one is served."""
    return ["fin"] if asked.served else good(asked)


def events(asked: Asked) -> Wire:
    made = completion(asked, None) | {"object": "chat.completion.chunk"}
    return [http(200, b"data: " + encoded(made) + b"\n\ndata: [DONE]\n\n", {"Content-Type": "text/event-stream"})]


REFUSALS: dict[str, Callable[[Asked], Wire]] = {
    "429": limited(Retry_After="1"),
    "429-soon": limited(Retry_After="0.05"),
    "429-date": dated(2.0),
    "429-date-skewed": dated(1.0, skew=-7200.0),
    "429-date-past": limited(Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429-negative": limited(Retry_After="-5"),
    "429-ms": limited(retry_after_ms="300", Retry_After="9"),
    "429-zero": limited(Retry_After="0"),
    "429-garbage": limited(Retry_After="soon"),
    "429-inf": limited(Retry_After="inf"),
    "429-nan": limited(Retry_After="nan"),
    "429-300": limited(Retry_After="300"),
    "429-hour": limited(Retry_After="3600"),
    "429-reset": limited(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="700ms"),
    "429-reset-tokens": limited(x_ratelimit_remaining_tokens="0", x_ratelimit_reset_tokens="0.7s"),
    "429-reset-minutes": limited(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="6m0s"),
    "429-plain": limited(),
    "quota": refused(429, {"Retry-After": "1"}, "You exceeded your current quota", code="insufficient_quota", type="insufficient_quota"),
    "402": refused(402, None, "Insufficient credits"),
    "billing": refused(429, None, "Billing hard limit has been reached", code="billing_hard_limit_reached"),
    "502-html": body(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html"),
    "503-after": refused(503, {"Retry-After": "0.3"}, "overloaded"),
    "peg-native": refused(500, None, "The model produced output that does not match the expected peg-native format"),
    "500-schema": with_schema_only(refused(500, None, "does not match the expected peg-native format")),
    "context": refused(400, None, "maximum context length is 8192 tokens", code="context_length_exceeded", type="invalid_request_error"),
    "context-llama": refused(400, None, "the request exceeds the available context size", type="exceed_context_size_error", n_ctx=8192),
    "422": body(422, b'{"detail": [{"loc": ["body", "messages"], "msg": "value is not valid"}]}'),
    "401": refused(401, None, "Incorrect API key provided", code="invalid_api_key"),
    "403": refused(403, None, "Forbidden"),
    "404": refused(404, None, "The model does not exist", code="model_not_found"),
    "policy": refused(400, None, "flagged by the content policy", code="content_policy_violation"),
    "no-retry": refused(500, {"x-should-retry": "false"}, "do not try again"),
    "301": moved(301, lambda asked: asked.elsewhere),
    "307": moved(307, lambda asked: asked.elsewhere),
    "308": moved(308, lambda asked: asked.elsewhere),
    "redirect-loop": moved(307, lambda asked: asked.here),
    "echo": echo,
    "leak": leak,
}
SOCKETS: dict[str, Callable[[Asked], Wire]] = {
    "fin": lambda asked: ["fin"],
    "rst": lambda asked: ["rst"],
    "stale": stale,
    "closes": lambda asked: [*good(asked), 0.02, "fin"],
    "hang": lambda asked: ["hang"],
    "half-headers": lambda asked: [b"HTTP/1.1 200 OK\r\nContent-Ty", "hang"],
    "slow-headers": lambda asked: list(drip(head_and_body(asked)[0])),
    "slow-body": slow_body,
    "keep-alive-spaces": keep_alive_spaces,
    "blank": body(200, b" \n\n   \n"),
    "half-body": half_body,
    "cut-chunks": lambda asked: [chunked(encoded(good_completion(asked))[:40], end=False), "fin"],
    "chunks": lambda asked: [chunked(encoded(good_completion(asked)))],
    "half-length": half_length,
    "gzip": zipped,
    "gzip-cut": lambda asked: zipped(asked, lambda raw: raw[: len(raw) // 2]),
    "gzip-lie": body(200, b'{"not": "zipped"}', **{"Content-Encoding": "gzip"}),
    "gzip-bomb": lambda asked: [http(200, gzip.compress(bytes(60_000_000), 9), {"Content-Encoding": "gzip"})],
    "huge": lambda asked: [http(200, b"", {"Content-Length": "100000000"}), *[b" " * 1_000_000] * 100],
    "big-header": lambda asked: [http(200, encoded(good_completion(asked)), {"X-Big": "x" * 100_000})],
    "garbage": lambda asked: [b"\x16\x03\x01 what is this\r\n\r\n", "fin"],
    "sse": events,
    "text-plain": lambda asked: [http(200, encoded(good_completion(asked)), {"Content-Type": "text/plain"})],
    "no-type": lambda asked: [http(200, encoded(good_completion(asked)), {"Content-Type": ""})],
}
CUT = '{"answer": "The answer is that employees'
BODIES: dict[str, Callable[[Asked], Wire]] = {
    "empty": body(200, b""),
    "half-json": body(200, b'{"choices": [{"mess'),
    "null": body(200, b"null"),
    "list": body(200, b"[]"),
    "string": body(200, b'"hello"'),
    "html": body(200, HTML, "text/html"),
    "204": lambda asked: [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "error-429": body(200, b'{"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}'),
    "error-500": body(200, b'{"error": {"message": "upstream failed", "code": 502}}'),
    "error-context": body(200, b'{"error": {"message": "too long", "code": "context_length_exceeded"}}'),
    "error-quota": body(200, b'{"error": {"message": "quota", "code": "insufficient_quota"}}'),
    "choices-missing": altered(without("choices")),
    "choices-empty": altered(lambda made: made | {"choices": []}),
    "choices-null": altered(lambda made: made | {"choices": None}),
    "message-null": altered(with_message(message=None)),
    "content-filter": said("", finish="content_filter"),
    "refusal": said(None, refusal="I cannot help with that."),
    "empty-text": said(""),
    "parts": wrapped(lambda text: [{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}]),
    "reasoning": said(None, reasoning_content="Let me think about that."),
    "tool-calls": lambda asked: [
        http(200, encoded(good_completion(Asked(asked.body | {"tools": TOOLS}, key=asked.key, number=asked.number))))
    ],
    "two-choices": altered(lambda made: made | {"choices": [made["choices"][0], made["choices"][0] | {"index": 1}]}),
    "odd-index": altered(with_message(index=7)),
    "finish-null": altered(with_message(finish_reason=None)),
    "finish-eos": altered(with_message(finish_reason="eos")),
    "finish-odd": altered(with_message(finish_reason="because")),
    "length": said(CUT, finish="length"),
    "spaces": said('{"answer": ' + " \n" * 400, finish="length"),
    "loop": said('{"answer": "' + "to the office and back " * 80, finish="length"),
    "fence": wrapped(lambda text: f"```json\n{text}\n```"),
    "think": wrapped(lambda text: f"<think>hm {{ well</think>{text}"),
    "prose": wrapped(lambda text: f"Sure! Here is what you asked for:\n{text}"),
    "bom": wrapped(lambda text: f"\ufeff{text}"),
    "nul": wrapped(lambda text: f"{text}\0"),
    "two-objects": wrapped(lambda text: f"{text}\n{text.replace('answer', 'other')}"),
    "array": wrapped(lambda text: f"[{text}]"),
    "trailing-comma": wrapped(lambda text: text.removesuffix("}") + ",}"),
    "single-quotes": said("{'answer': 'yes'}"),
    "nan": said('{"answer": NaN}'),
    "infinity": said('{"answer": -Infinity}'),
    "wrong-shape": said('{"answer": 5, "more": []}'),
    "surrogate": raw_content(rb"{\"answer\": \"a \ud800 b\"}"),
    "bad-utf8": raw_content(b'{\\"answer\\": \\"a \xff\xfe b\\"}'),
    "control": raw_content(b'{\\"answer\\": \\"a \x01\x02 b\\"}'),
    "usage-missing": altered(without("usage")),
    "usage-null": altered(lambda made: made | {"usage": None}),
    "usage-zero": altered(lambda made: made | {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
    "usage-strings": altered(lambda made: made | {"usage": {name: str(value) for name, value in made["usage"].items()}}),
    "same-id": altered(lambda made: made | {"id": SAME_ID}),
    "other-model": altered(lambda made: made | {"model": "other-7b"}),
}
TOOLS = [{"function": {"name": "reply", "parameters": {"type": "object", "properties": {"answer": {"type": "string"}}}}}]
FAULTS = REFUSALS | SOCKETS | BODIES
# What the random mix draws from: all of them end well when they are tried again soon.
MIXED = (
    "500",
    "502-html",
    "503-after",
    "429-soon",
    "fin",
    "rst",
    "half-body",
    "half-json",
    "empty",
    "cut-chunks",
    "blank",
    "null",
    "choices-null",
)


def fault(name: str) -> Callable[[Asked], Wire]:
    """Return the fault of that name; a bare status is an error body with that status."""
    return FAULTS[name] if name in FAULTS else refused(int(name), None, f"injected {json.dumps(name)}")
