"""The pages of a review without a browser: a client of the real server, and what is in a page that should not be there."""

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from starlette.testclient import TestClient

from builder.recipe_file import load_recipe
from builder.review.security import Doorkeeper, csrf_of
from builder.review.serve import opened_desk
from builder.review.server import application
from builder.review.sources import Sources

HOST = "127.0.0.1:8765"
# Elements that load, run or send something; each may only name what is ours.
_ADDRESSES = {"href", "src", "action", "formaction", "data", "srcset", "poster", "xlink:href"}
_OURS = ("/", "?", "#")
_FOREIGN = {"iframe", "object", "embed", "base", "style", "audio", "video", "applet", "frame", "math", "marquee", "img", "noscript"}


class Client:
    """A reviewer's client: reads pages and sends decisions as a page does."""

    def __init__(self, client: TestClient, token: str, reviewer: str) -> None:
        self._client, self._token, self.reviewer = client, token, reviewer

    def page(self, path: str) -> str:
        """The HTML of a page, which must be safe to look at."""
        reply = self._client.get(path)
        assert reply.status_code == 200, (path, reply.text[:300])
        assert unsafe(reply.text) == [], path
        return reply.text

    def get(self, path: str):
        return self._client.get(path)

    def post(self, path: str, body: object):
        return self._client.post(path, json=body, headers={"x-kilopair-csrf": csrf_of(self._token)})

    def decide(self, *events: dict):
        return self.post("/api/decisions", {"events": list(events)})

    def named(self, reviewer: str) -> "Client":
        """Another reviewer."""
        other = TestClient(self._client.app, base_url=f"http://{HOST}", raise_server_exceptions=False, follow_redirects=True)
        other.cookies = dict(self._client.cookies) | {f"kilopair-name-{HOST.partition(':')[2]}": reviewer}
        return Client(other, self._token, reviewer)


@contextmanager
def reviewing(project: Path, *, name: str = "ann") -> Iterator[Client]:
    """Serve the workspace of `project`/recipe.yaml to a client."""
    recipe = load_recipe(project / "recipe.yaml")
    with opened_desk(recipe, project, Sources.of((project / recipe.workspace).resolve())) as desk:
        door = Doorkeeper(desk.token, frozenset({HOST}), name, 8765)
        with TestClient(application(desk, door), base_url=f"http://{HOST}", follow_redirects=True) as client:
            assert client.get(f"/?token={desk.token}").status_code == 200
            yield Client(client, desk.token, name)


def unsafe(page: str) -> list[str]:
    """Return what in a page would run, be styled or be fetched although no file of ours says so."""
    parser = _Elements()
    parser.feed(page)
    parser.close()
    return parser.found


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [f"<{tag}>"] if tag in _FOREIGN or (tag == "script" and not given.get("src", "").startswith("/static/")) else []
        self.found += [f"<{tag} {name}>" for name in given if name.startswith("on") or name in ("style", "srcdoc", "autofocus")]
        self.found += [
            f"<{tag} {name}={value[:40]}>"
            for name, value in given.items()
            if name in _ADDRESSES and (not value.startswith(_OURS) or value.startswith(("//", "/\\")))
        ]
        self.found += [f"<{tag} {given}>" for name in given if tag == "meta" and name == "http-equiv"]

    handle_startendtag = handle_starttag
