"""Who may ask the review server: only this machine's reviewer, by a page that the server itself made.

Every answer, errors included, carries a content policy without inline code. A request must name a host that the server goes by (a
rebound DNS name does not, CVE-2018-5702 and its kin), hold the session's cookie, and, if it changes anything, come from a page of
the same origin with the token of that page. The session's token stays in the workspace, so that open pages survive a restart.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import WorkspaceError
from schemas.review import LONGEST_NAME

TOKEN_FILE = ".review-token"  # noqa: S105 a file's name
CSRF_HEADER = "x-kilopair-csrf"
SAFE, OURS = ("GET", "HEAD"), ("none", "same-origin")  # methods, and sites in Sec-Fetch-Site
YEAR = 365 * 24 * 3600
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_CLOSED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>kilopair review</title>
<h1>Not open to this browser</h1><p>Open the link that <code>kilopair review</code> printed; it ends in <code>?token=…</code></p></html>"""


def session_token(workspace: Path) -> str:
    """Return the token of the sessions of a workspace, made at the first time; only its owner can read the file.

    Raises:
        WorkspaceError: the file cannot be made or read.
    """
    path = workspace / TOKEN_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            token = file.read().strip()
            if len(token) < 32:
                token = secrets.token_urlsafe(32)
                file.seek(0)
                file.write(token + "\n")
                file.truncate()
            return token
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path}: cannot be used ({error.__class__.__name__}); delete it and start again") from None


def csrf_of(token: str) -> str:
    """Return what a page must send with whatever it changes: the same after a restart, and nothing that opens a session."""
    return hmac.new(token.encode(), b"kilopair review csrf", hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Doorkeeper:
    """What opens a session: its token, and the hosts (with ports) that the server goes by."""

    token: str
    hosts: frozenset[str]
    reviewer: str
    port: int

    @property
    def session_cookie(self) -> str:
        """The name of the session's cookie: cookies know no port, and another workspace may be served on another."""
        return f"kilopair-{self.port}"

    @property
    def name_cookie(self) -> str:
        """The name of the cookie that holds who reviews in this browser."""
        return f"kilopair-name-{self.port}"

    def name_in(self, cookies: Mapping[str, str]) -> str:
        """Return who reviews in the browser that sent these cookies."""
        return unquote(cookies.get(self.name_cookie, ""))[:LONGEST_NAME].strip() or self.reviewer

    def named(self, response: Response, name: str) -> Response:
        """Have the browser remember who reviews in it."""
        response.set_cookie(self.name_cookie, quote(name), max_age=YEAR, path="/", httponly=True, samesite="strict")
        return response

    def lets_in(self, cookies: Mapping[str, str]) -> bool:
        """Whether the cookies hold the session."""
        return same(cookies.get(self.session_cookie, ""), self.token)


class Guard:
    """Lets a request through to the pages, or answers it: 421 another host, 403 no session, another origin, no token of a page."""

    def __init__(self, app: ASGIApp, *, door: Doorkeeper) -> None:
        self._app = app
        self._door = door
        self._origins = frozenset(f"http://{host}" for host in door.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a websocket is not accepted
        answer = self._answer(scope) or self._app
        await answer(scope, receive, _with_headers(send))

    def _answer(self, scope: Scope) -> Response | None:
        """Return the answer to a request that goes no further."""
        headers = Headers(scope=scope)
        return self._strange(scope, headers) or self._entered(scope, headers) or self._unknown(scope, headers)

    def _strange(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse what was sent to another host, or by a page of another origin."""
        if headers.getlist("host") != [headers.get("host")] or headers["host"].lower() not in self._door.hosts:
            return _refused(421, "this server goes by another name; open the link that kilopair review printed")
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if (origin is not None and origin.lower() not in self._origins) or (scope["method"] not in SAFE and site not in OURS):
            return _refused(403, "another page asked for this")
        return None

    def _unknown(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse who has no session, and changes that no page of the session asks for; let others in by their name."""
        cookies = Request(scope).cookies
        if not self._door.lets_in(cookies):
            wants_page = scope["method"] == "GET" and not scope["path"].startswith(("/api/", "/static/"))
            return HTMLResponse(_CLOSED, 403) if wants_page else _refused(403, "no session; open the link that kilopair review printed")
        if scope["method"] not in SAFE and not same(headers.get(CSRF_HEADER, ""), csrf_of(self._door.token)):
            return _refused(403, "the page is of another session; load it again")
        scope.setdefault("state", {})["reviewer"] = self._door.name_in(cookies)
        return None

    def _entered(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the way in of who brings the token: a cookie, and the same address without it."""
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = next((value for name, value in given if name == "token"), None)
        if token is None or scope["method"] != "GET":
            return None
        if not same(token, self._door.token):
            return HTMLResponse(_CLOSED, 403)
        rest = urlencode([(name, value) for name, value in given if name != "token"])
        path = "/" + quote(scope["path"].lstrip("/\\"))
        response = _onward(path + (f"?{rest}" if rest else ""), headers)
        response.set_cookie(self._door.session_cookie, self._door.token, max_age=YEAR, path="/", httponly=True, samesite="strict")
        return response


def _onward(address: str, headers: Headers) -> Response:
    """Lead to another address, after a link on another site by a page of ours: else the browser would keep the strict cookie back."""
    if headers.get("sec-fetch-site", "none") in OURS:
        return RedirectResponse(address, 303)
    return HTMLResponse(
        f'<!doctype html><meta charset="utf-8"><title>kilopair</title><meta http-equiv="refresh" content="0;url={escape(address)}">'
    )


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _refused(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)


def _with_headers(send: Send) -> Send:
    """Put the headers of every answer on an answer."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sent
