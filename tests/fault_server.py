"""A raw asyncio HTTP server on loopback that speaks the OpenAI chat protocol and can fail in every way on a real socket.

    python -m tests.fault_server --port 0 --options '{"mix": 0.3, "seed": 7}'

It prints {"port": ..., "elsewhere": ...} and serves until it is killed. A prompt that contains `[[FAULT:TIMES:KEY]]` gets that
fault of tests/fault_table.py (or, when it is a number, that status) the first TIMES times that KEY is asked for, always when TIMES is empty; then,
and without FAULT, it gets a good answer that depends on KEY only. The first part of a path chooses a space with counts and options of its
own: /NAME/v1/chat/completions; POST /NAME/_setup sets its options, GET /NAME/_log returns what was asked and what was done:
{"chats": [...], "models": requests for the list of models, "elsewhere": connections to the place where redirects point}.
"""

import argparse
import asyncio
import json
import random
import re
import signal
import socket
import ssl
import struct
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.fault_table import MIXED, fault
from tests.fault_wires import Asked, Wire, encoded, good, http, refused, said
from tests.limiters import Limiter, limiter

MARK = re.compile(r"\[\[([\w-]*):(\d*):([\w./-]+)\]\]")
HANG_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """How a space behaves beyond what its prompts ask for."""

    models: tuple[str, ...] = ("m",)
    always: str = ""  # this fault for every chat request, whatever its prompt
    after: int = 0  # but only after so many
    refuses: tuple[str, ...] = ()  # fields of the body that are answered with a 400
    ignores_schema: bool = False
    mix: float = 0.0  # share of requests with a random fault of MIXED
    worst: int = 3  # most random faults per key
    seed: int = 0
    limiter: str = ""
    rate: float = 50.0
    retry_after: str = "1"
    delay: float = 0.0
    content: str = ""  # the good answer, in place of one that fits the schema


@dataclass
class Entry:
    """One chat request: what was asked and what was done."""

    key: str
    number: int
    fault: str
    at: float
    fields: list[str]
    usage: dict[str, int]
    done: bool = False  # the whole response was sent


@dataclass
class Space:
    """What is counted and set for one part of the server."""

    options: Options = field(default_factory=Options)
    limits: Limiter | None = None
    chats: list[Entry] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    models: int = 0

    def set_up(self, options: dict[str, Any]) -> None:
        self.options = Options(**options)
        self.limits = limiter(self.options.limiter, self.options.rate) if self.options.limiter else None

    def fault(self, name: str, times: str, key: str) -> str:
        """Return the name of the fault that this request gets, "" for none."""
        number = self.counts[key]
        if self.options.always and len(self.chats) >= self.options.after:
            return self.options.always
        if name and (not times or number <= int(times)):
            return name
        draw = random.Random(f"{self.options.seed} {key} {number}")
        if key and number <= self.options.worst and draw.random() < self.options.mix:
            return draw.choice(MIXED)
        return ""

    def take(self, body: dict[str, Any]) -> Entry:
        """Note a request, and decide on it."""
        mark = MARK.search("\n".join(str(message.get("content")) for message in body["messages"]))
        name, times, key = mark.groups() if mark else ("", "", "")
        self.counts[key] = self.counts.get(key, 0) + 1
        chosen = self.fault(name, times, key)
        if self.limits is not None and self.limits.wait(time.monotonic()) > 0:
            chosen = "limit"
        entry = Entry(key, self.counts[key], chosen, time.monotonic(), sorted(body), {})
        self.chats.append(entry)
        return entry

    def wire(self, entry: Entry, asked: Asked) -> Wire:
        """Return what goes on the wire for a request."""
        if found := [name for name in self.options.refuses if name in asked.body]:
            entry.fault = f"refuses {found[0]}"
            error = {"param": found[0], "code": "unsupported_parameter", "type": "invalid_request_error"}
            return refused(400, None, f"Unsupported parameter: '{found[0]}' is not supported with this model.", **error)(asked)
        if entry.fault == "limit":
            return refused(429, {"Retry-After": self.options.retry_after}, "Rate limit reached", code="rate_limit_exceeded")(asked)
        wire = fault(entry.fault)(asked) if entry.fault else said(self.options.content)(asked) if self.options.content else good(asked)
        entry.usage = usage_of(wire)
        return wire


class FaultServer:
    """The server; `elsewhere` is a second listener where nothing may ever arrive."""

    def __init__(self) -> None:
        self.spaces: dict[str, Space] = {}
        self.elsewhere = 0
        self.elsewhere_url = ""

    async def start(self, port: int = 0, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port."""
        other = await asyncio.start_server(self._arrived, "127.0.0.1", 0)
        self.elsewhere_url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}/v1/chat/completions"
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=tls, backlog=1024)
        return self.server.sockets[0].getsockname()[1]

    async def _arrived(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.elsewhere += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = 0
        with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError, ssl.SSLError):
            while (asked := await self._read(reader, served)) is not None:
                served += 1
                if not await self._answer(*asked, writer):
                    break
        with suppress(ConnectionError, ssl.SSLError, RuntimeError):
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, served: int) -> tuple[str, str, Asked] | None:
        """Return method, path and content of the next request of a connection, None at its end."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        here = f"http://{headers.get('host', '')}{path}"
        asked = Asked(json.loads(raw or b"{}"), headers, elsewhere=self.elsewhere_url, here=here, served=served)
        return method, path, asked

    async def _answer(self, method: str, path: str, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Answer a request; say whether the connection goes on."""
        name, _, rest = path.strip("/").partition("/")
        if name == "v1" or name.startswith("_"):
            name, rest = "", path.strip("/")
        space = self.spaces.setdefault(name, Space())
        if method == "POST" and rest == "v1/chat/completions":
            return await self._chat(space, asked, writer)
        writer.write(self._other(space, rest, asked))
        await writer.drain()
        return True

    def _other(self, space: Space, rest: str, asked: Asked) -> bytes:
        if rest == "_setup":
            space.set_up(asked.body)
            return http(200, b"{}")
        if rest == "_log":
            return http(
                200, encoded({"chats": [asdict(entry) for entry in space.chats], "models": space.models, "elsewhere": self.elsewhere})
            )
        if rest == "v1/models":
            space.models += 1
            return http(200, encoded({"object": "list", "data": [{"id": model, "object": "model"} for model in space.options.models]}))
        return http(404, encoded({"error": {"message": "no such path"}}))

    async def _chat(self, space: Space, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        entry = space.take(asked.body)
        known = Asked(asked.body, asked.headers, entry.key, entry.number, asked.elsewhere, asked.here, asked.served)
        if space.options.ignores_schema:
            plain = {name: value for name, value in asked.body.items() if name not in {"response_format", "tools", "tool_choice"}}
            known = Asked(plain, asked.headers, entry.key, entry.number, asked.elsewhere, asked.here, asked.served)
        await asyncio.sleep(space.options.delay)
        goes_on = await play(space.wire(entry, known), writer)
        entry.done = True
        return goes_on


def usage_of(wire: Wire) -> dict[str, int]:
    """Return what a whole chat completion on the wire says it took."""
    if len(wire) != 1 or not isinstance(wire[0], bytes):
        return {}
    try:
        made = json.loads(wire[0].partition(b"\r\n\r\n")[2])
        return (made["usage"] or {}) if made["choices"] else {}
    except (ValueError, TypeError, KeyError):
        return {}


async def play(wire: Wire, writer: asyncio.StreamWriter) -> bool:
    """Put a wire on the socket; say whether the connection goes on."""
    for step in wire:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == "hang":
            await asyncio.sleep(HANG_SECONDS)
        else:
            if step == "rst":
                plug: socket.socket = writer.get_extra_info("socket")
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            return False
    return True


async def serve(options: argparse.Namespace) -> None:
    server = FaultServer()
    space = server.spaces.setdefault("", Space())
    space.set_up(options.options)
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate)
    port = await server.start(options.port, tls=tls)
    print(json.dumps({"port": port, "elsewhere": server.elsewhere_url}), flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--certificate", default="", help="PEM file with key and certificate: serve TLS")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
