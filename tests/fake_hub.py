"""A Hub on loopback that takes a repository and one commit, as huggingface_hub sends them, and remembers what it was sent."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """Where it is, the repositories that were asked for, the files that came, and the keys that were shown."""

    url: str = ""
    repositories: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    refuses: bool = False


@contextmanager
def fake_hub() -> Iterator[Hub]:
    """Serve a hub as long as the context lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        self._send(200, {"sha": "0" * 40, "id": "acme/tarnwell", "siblings": []})

    def do_HEAD(self) -> None:
        self._send(200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.hub.keys.add(self.headers.get("authorization", ""))
        if self.hub.refuses:
            self._send(403, {"error": f"no write access for {self.headers.get('authorization')}"})
        elif self.path.endswith("/repos/create"):
            self.hub.repositories.append(json.loads(body))
            self._send(200, {"url": f"{self.hub.url}/acme/tarnwell", "id": "acme/tarnwell", "name": "acme/tarnwell"})
        elif "/preupload/" in self.path:
            asked = json.loads(body)["files"]
            self._send(200, {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]})
        elif "/commit/" in self.path:
            lines = [json.loads(line) for line in body.splitlines()]
            self.hub.files |= {line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"}
            self._send(200, {"commitUrl": f"{self.hub.url}/acme/tarnwell/commit/1", "commitOid": "1", "success": True})
        else:
            self._send(200, {})

    def _send(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
