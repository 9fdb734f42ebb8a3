"""What the fault server puts on the wire: for every fault a list of steps.

A step is bytes to send, a pause in seconds, or how the connection goes on after that: "fin" (closed), "rst" (reset),
"hang" (open and silent). A list that ends without one keeps the connection for the next request.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

Step = bytes | float | str
Wire = Sequence[Step]
SAME_ID = "chatcmpl-the-same-for-everybody"


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it; `number` counts the requests of its key, from 1."""

    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    key: str = ""
    number: int = 1
    elsewhere: str = ""  # URL of a listener where nothing may ever arrive
    here: str = ""
    served: int = 0  # requests that this connection has answered before

    @property
    def has_schema(self) -> bool:
        return "response_format" in self.body or "tools" in self.body


def http(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return a response with its head; a header of None is left out."""
    head = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in head.items() if value)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def filler(schema: dict[str, Any], text: str) -> Any:
    """Return a value that a schema allows, with `text` where it asks for words."""
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        return filler(schema["anyOf"][0], text)
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        return {name: filler(each, text) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [filler(schema.get("items", {}), text)] * max(1, schema.get("minItems", 1))
    least = schema.get("minimum", 1)
    return {"string": text, "integer": int(least), "number": float(least), "boolean": True, "null": None}[kind]


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema that a request asks for, in whichever way."""
    if tools := body.get("tools"):
        return tools[0]["function"].get("parameters", {})
    return body.get("response_format", {}).get("json_schema", {}).get("schema")


def answer_text(asked: Asked) -> str:
    """Return the good answer to a request: the same for the same key, at any time."""
    schema = schema_of(asked.body)
    words = f"The answer to {asked.key or 'your question'}."
    if schema is not None:
        return json.dumps(filler(schema, words))
    return json.dumps({"answer": words})


def completion(asked: Asked, content: Any, *, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """Return a chat completion around a content."""
    return {
        "id": f"chatcmpl-{asked.key}-{asked.number}",
        "object": "chat.completion",
        "created": 0,
        "model": asked.body.get("model", ""),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}],
        "usage": usage(asked, content if isinstance(content, str) else ""),
    }


def usage(asked: Asked, content: str) -> dict[str, int]:
    prompt, reply = max(1, len(json.dumps(asked.body)) // 4), max(1, len(content) // 4)
    return {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply}


def good_completion(asked: Asked) -> dict[str, Any]:
    """Return the good answer, as a tool call when that was asked for."""
    if not asked.body.get("tools"):
        return completion(asked, answer_text(asked))
    call = {
        "id": "call-1",
        "type": "function",
        "function": {"name": asked.body["tools"][0]["function"]["name"], "arguments": answer_text(asked)},
    }
    return completion(asked, None, finish="tool_calls", tool_calls=[call])


def good(asked: Asked) -> Wire:
    return [http(200, encoded(good_completion(asked)))]


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def refused(status: int, headers: dict[str, str] | None = None, message: str = "injected", **error: Any) -> Callable[[Asked], Wire]:
    """Return a fault that is an error status with the usual error body."""
    return lambda asked: [http(status, encoded({"error": {"message": message, **error}}), headers)]


def limited(**headers: str) -> Callable[[Asked], Wire]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refused(429, named, "Rate limit reached", code="rate_limit_exceeded", type="requests")


def dated(seconds: float, skew: float = 0.0) -> Callable[[Asked], Wire]:
    """Refuse with an HTTP date; the server's own clock, in Date, is off by `skew`."""

    def wire(asked: Asked) -> Wire:
        now = datetime.now(UTC) + timedelta(seconds=skew)
        dates = {"Date": format_datetime(now, usegmt=True), "Retry_After": format_datetime(now + timedelta(seconds=seconds), usegmt=True)}
        return limited(**dates)(asked)

    return wire


def moved(status: int, where: Callable[[Asked], str]) -> Callable[[Asked], Wire]:
    return lambda asked: [http(status, b"", {"Location": where(asked)})]


def body(status: int, raw: bytes, kind: str = "application/json", **headers: str) -> Callable[[Asked], Wire]:
    return lambda asked: [http(status, raw, {"Content-Type": kind, **headers})]


def said(content: Any, *, finish: str | None = "stop", **message: Any) -> Callable[[Asked], Wire]:
    """Return a fault that is a complete chat completion with that content."""
    return lambda asked: [http(200, encoded(completion(asked, content, finish=finish, **message)))]


def wrapped(change: Callable[[str], Any], **message: Any) -> Callable[[Asked], Wire]:
    """Return a fault that changes the good content."""
    return lambda asked: [http(200, encoded(completion(asked, change(answer_text(asked)), **message)))]


def altered(change: Callable[[dict[str, Any]], Any]) -> Callable[[Asked], Wire]:
    """Return a fault that changes the good chat completion."""
    return lambda asked: [http(200, encoded(change(completion(asked, answer_text(asked)))))]


def raw_content(content: bytes) -> Callable[[Asked], Wire]:
    """Return a fault with bytes inside of the content that json.dumps would never write."""

    def wire(asked: Asked) -> Wire:
        return [http(200, encoded(completion(asked, "@@")).replace(b"@@", content))]

    return wire


def zipped(asked: Asked, change: Callable[[bytes], bytes] = lambda raw: raw) -> Wire:
    return [http(200, change(gzip.compress(encoded(good_completion(asked)))), {"Content-Encoding": "gzip"})]


def chunked(raw: bytes, *, end: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + f"{len(raw):x}".encode() + b"\r\n" + raw + b"\r\n" + (b"0\r\n\r\n" if end else b"")


def drip(raw: bytes, pause: float = 0.5) -> Iterator[Step]:
    """Yield a response byte by byte."""
    for byte in raw:
        yield bytes([byte])
        yield pause


def head_and_body(asked: Asked) -> tuple[bytes, bytes]:
    head, _, rest = http(200, encoded(good_completion(asked))).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def half_body(asked: Asked) -> Wire:
    head, rest = head_and_body(asked)
    return [head + rest[: len(rest) // 2], "fin"]


def slow_body(asked: Asked) -> Wire:
    head, rest = head_and_body(asked)
    return [head, *drip(rest)]


def keep_alive_spaces(asked: Asked) -> Wire:
    """Spaces and newlines while the model thinks, then the JSON (as gateways do to keep proxies patient)."""
    rest = encoded(good_completion(asked))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(rest) + 6}\r\n\r\n".encode()
    return [head, b"\n", 0.05, b" \n", 0.05, b"\r\n ", rest]


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda made: {key: value for key, value in made.items() if key != name}


def with_message(**message: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda made: made | {"choices": [made["choices"][0] | message]}
