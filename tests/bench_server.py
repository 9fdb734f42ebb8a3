"""The loopback server that every side of the engine's benchmark talks to: HTTP/1.1 on asyncio's own sockets, no framework.

    python tests/bench_server.py

It prints {"port": ...} and serves until it is killed. Each chat completion is answered truthfully from the passage that it
shows, as `fake_endpoint` answers, so that all items hold; what is held to another schema gets a value of that schema.
"""

import asyncio
import json
from typing import Any

from fake_endpoint import completion, filler, items

MODELS = {"object": "list", "data": [{"id": "bench", "object": "model"}]}


class Answerer(asyncio.Protocol):
    """One connection: requests are answered in the order in which they come."""

    transport: Any

    def connection_made(self, transport):
        self.transport, self.received = transport, bytearray()

    def data_received(self, data):
        self.received += data
        while (request := taken(self.received)) is not None:
            raw = json.dumps(answer(*request)).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
            self.transport.write(head.encode() + raw)


def taken(received):
    """Take the first request out of what was received: its first line and its body, or None while it is not complete."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *headers = bytes(received[:end]).decode("latin-1").split("\r\n")
    named = {name.lower(): value for name, _, value in (header.partition(":") for header in headers)}
    whole = end + 4 + int(named.get("content-length", 0))
    if len(received) < whole:
        return None
    body = bytes(received[end + 4 : whole])
    del received[:whole]
    return first, body


def answer(first, body):
    if not body:
        return MODELS
    asked = json.loads(body)
    held = asked.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties", {})
    said = {name: filler(schema) for name, schema in held.items()} | ({"items": items(asked)} if "items" in held or not held else {})
    made = completion(asked, json.dumps(said))
    usage = made["usage"]
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]  # curator fails without it
    return made


async def main():
    server = await asyncio.get_running_loop().create_server(Answerer, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
