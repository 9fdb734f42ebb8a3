"""Who may ask the review server, and what no answer, log line or error gives away; asked over real sockets, as an attacker would."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.review.log import ReviewLog
from builder.review.security import HEADERS, TOKEN_FILE, csrf_of, session_token
from builder.review.serve import listening, opened_browser, serve
from builder.review.sitting import Sitting
from schemas.errors import UsageError, WorkspaceError
from tests.review_browser import open_chromium, painted
from tests.review_side import Made, Reviewer, event, made, served

DATASET = made(documents=1)
COMMAND = [str(Path(sys.executable).parent / "kilopair"), "review", "recipe.yaml", "--no-open", "--json", "--name", "ann"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder, DATASET.write(folder)) as link:
        yield link


@pytest.fixture(scope="module")
def ann(url: str) -> Reviewer:
    return Reviewer(url)


@pytest.fixture
def stranger(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url.partition("/?")[0], trust_env=False)


def raw(url: str, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> http.client.HTTPResponse:
    """Ask with exactly these headers and this path, as no well-behaved client would."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in (headers | ({"Content-Length": str(len(body))} if body else {})).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


def known(ann: Reviewer, **more: str) -> dict[str, str]:
    """The headers of a request that is in order."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ann.http.cookies.jar)
    return {"Host": ann.http.base_url.netloc.decode(), "Cookie": cookies, "X-Kilopair-CSRF": ann.http.headers["x-kilopair-csrf"]} | more


def accepted(pair_number: int = 0) -> bytes:
    return json.dumps({"events": [event("accept", DATASET.chosen[pair_number].id)]}).encode()


@pytest.mark.parametrize(
    "path", ["/", "/api/items", "/api/facets", "/static/kilopair.css", "/document/x", "/explore/funnel", "/nowhere", "/?token=wrong"]
)
def test_nothing_is_shown_without_the_token(stranger: httpx2.Client, path: str):
    reply = stranger.get(path)

    assert reply.status_code == 403
    assert "Manual" not in reply.text
    assert "csrf" not in reply.text


def test_the_link_opens_a_session_and_vanishes_from_the_address(stranger: httpx2.Client, url: str):
    reply = stranger.get(url + "&task=how_to&state=undecided")

    assert reply.status_code == 303
    assert reply.headers["location"] == "/?task=how_to&state=undecided"
    cookie = reply.headers["set-cookie"]
    assert {"httponly", "path=/", "samesite=strict"} <= {part.strip().casefold() for part in cookie.split(";")}
    assert cookie.startswith(f"kilopair-{urlsplit(url).port}=")  # cookies know no port


def test_a_link_on_another_site_opens_a_session_by_a_page_of_ours(stranger: httpx2.Client, url: str):
    reply = stranger.get(url + '&text="><script>', headers={"Sec-Fetch-Site": "cross-site"})

    assert reply.status_code == 200
    assert 'http-equiv="refresh" content="0;url=/?text=%22%3E%3Cscript%3E"' in reply.text


def test_the_link_leads_nowhere_else(url: str):
    host = urlsplit(url).netloc
    for path in ("//evil.example/", "/\\evil.example", "//evil.example/%2e%2e"):
        reply = raw(url, "GET", f"{path}?{urlsplit(url).query}", {"Host": host})
        assert reply.status == 303
        assert (reply.headers["location"] + "  ")[1] not in "/\\"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "127.0.0.1:{port}.evil.example", ""])
def test_a_host_that_the_server_does_not_go_by_is_refused(ann: Reviewer, url: str, host: str):
    named = host.format(port=urlsplit(url).port)
    for method, path in (("GET", "/"), ("POST", "/api/decisions"), ("GET", f"/?{urlsplit(url).query}")):
        reply = raw(url, method, path, known(ann, Host=named), accepted() if method == "POST" else b"")
        assert reply.status == 421
        assert "set-cookie" not in reply.headers


def test_the_server_goes_by_localhost_too(ann: Reviewer, url: str):
    assert raw(url, "GET", "/api/facets", known(ann, Host=f"localhost:{urlsplit(url).port}")).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", "file://"])
def test_a_page_of_another_origin_is_refused(ann: Reviewer, folder: Path, url: str, origin: str):
    reply = raw(url, "POST", "/api/decisions", known(ann, Origin=origin), accepted())

    assert reply.status == 403
    with ReviewLog(folder) as log:
        assert log.last() == 0


def test_a_change_that_another_site_asks_for_is_refused(ann: Reviewer, url: str):
    for site in ("cross-site", "same-site"):
        assert raw(url, "POST", "/api/decisions", known(ann, **{"Sec-Fetch-Site": site}), accepted()).status == 403


@pytest.mark.parametrize("path", ["/api/decisions", "/api/bulk", "/api/check", "/api/lease", "/api/name", "/api/playground/ask"])
@pytest.mark.parametrize("token", ["", "wrong", "\x80"])
def test_a_change_needs_the_token_of_the_page(ann: Reviewer, url: str, path: str, token: str):
    assert raw(url, "POST", path, known(ann, **{"X-Kilopair-CSRF": token}), accepted()).status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_change_nothing(ann: Reviewer, url: str, method: str):
    assert raw(url, method, "/api/decisions", known(ann), accepted()).status == 405
    assert raw(url, method, "/api/decisions", {"Host": known(ann)["Host"]}, accepted()).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py", "/static/..%2fserver.py", "/static/%2e%2e/%2e%2e/log.py", "/static/review.html", "/static//etc/passwd",
        "/static/..%5c..%5cserver.py", "/static/kilopair.css%00.js", "/static/", "/static/.", "/document/../../recipe.yaml",
        "/document/%2e%2e%2f%2e%2e%2frecipe.yaml", "/api/item/..%2f..%2f.review-token",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_pages(ann: Reviewer, url: str, path: str):
    assert raw(url, "GET", path, known(ann)).status == 404


def test_every_answer_has_the_headers_that_protect(ann: Reviewer, stranger: httpx2.Client, url: str):
    asked = [
        ann.http.get("/"), ann.http.get("/api/items"), ann.http.get("/static/kilopair.css"), ann.http.get("/nowhere"), ann.http.get("/favicon.ico"),
        ann.http.get("/explore/funnel"), ann.http.get(f"/document/{DATASET.documents[0].id}"), ann.http.post("/api/decisions", content=b"?"),
        ann.http.put("/"), stranger.get("/"), stranger.get(url), stranger.get("/", headers={"Host": "evil.example"}),
        ann.http.post("/api/decisions", content=b" " * 9_000_000),
    ]  # fmt: skip

    for reply in asked:
        assert {name: reply.headers.get(name) for name in HEADERS} == HEADERS, reply.url
        assert "server" not in reply.headers
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_pages_hold_no_inline_code_and_ask_nobody_else(ann: Reviewer):
    for path in ("/", "/explore/funnel", "/explore/documents", "/explore/clusters", "/explore/dataset", "/explore/disputes"):
        page = ann.http.get(path).text.casefold()
        assert page.count("<script") == page.count('src="/static/') - page.count('<img src="/static/'), path
        for sign in ("<style", " style=", " onclick=", " onload=", "javascript:", 'src="http', 'href="http', "@import"):
            assert sign not in page, (path, sign)


def test_no_answer_but_the_cookie_holds_the_token(ann: Reviewer, stranger: httpx2.Client, url: str):
    token = url.partition("token=")[2]

    for reply in (
        ann.http.get("/"),
        ann.http.get(f"/nowhere/{token}"),
        ann.http.get("/api/facets"),
        stranger.get(f"/api/items?text={token}"),
    ):
        assert token not in reply.text
        assert token not in str(reply.headers)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["Host", "Origin", "Cookie", "X-Kilopair-CSRF", "Sec-Fetch-Site"]), st.text("\x21\x2f:;=%,[]aé☃", max_size=20)
    )
)
def test_whatever_the_headers_say_a_stranger_is_turned_away(url: str, headers: dict[str, str]):
    sent = {"Host": urlsplit(url).netloc} | {name: value.encode("utf-8", "replace").decode("latin-1") for name, value in headers.items()}

    assert raw(url, "POST", "/api/decisions", sent, accepted()).status in (400, 403, 421)


def test_the_token_is_of_its_owner_alone_and_stays(tmp_path: Path):
    token = session_token(tmp_path)
    path = tmp_path / TOKEN_FILE

    assert len(token) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert session_token(tmp_path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert csrf_of(token) == csrf_of(token) != token


@pytest.mark.parametrize("damage", ["", "short\n", "a" * 31])
def test_a_damaged_token_is_made_anew(tmp_path: Path, damage: str):
    (tmp_path / TOKEN_FILE).write_text(damage)

    assert len(session_token(tmp_path)) >= 40


def test_a_token_that_is_a_link_elsewhere_is_not_followed(tmp_path: Path):
    (tmp_path / "elsewhere").write_text("x" * 50)
    (tmp_path / TOKEN_FILE).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(WorkspaceError, match="delete it"):
        session_token(tmp_path)


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path):
    recipe = DATASET.write(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            serve(recipe, tmp_path, Sitting(port=port))

    assert str(caught.value).startswith(f"--port {port}: another program listens there")
    assert "another port" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_answer_waits_for_the_acknowledgement_of_its_first_packet(url: str):
    connection = http.client.HTTPConnection(urlsplit(url).hostname or "", urlsplit(url).port or 0)
    took = []
    for _ in range(15):
        started = time.perf_counter()
        connection.request("GET", "/favicon.ico")
        connection.getresponse().read()
        took.append(time.perf_counter() - started)
    connection.close()

    assert min(took[1:]) < 0.03  # with Nagle's algorithm on, each but the first takes 40 ms


def test_a_host_that_is_not_of_this_machine_is_told(tmp_path: Path):
    del tmp_path
    with pytest.raises(UsageError, match=r"--host 192\.0\.2\.1: this machine cannot listen there"):
        listening("192.0.2.1", 0)
    with pytest.raises(UsageError, match=r"--host a\.\.b: is no name of a machine"):
        listening("a..b", 0)


def test_only_this_machine_is_let_in_unless_a_host_is_given():
    with listening("127.0.0.1", 0).socket as own, listening("0.0.0.0", 0).socket as any_address:
        assert own.getsockname()[0] == "127.0.0.1"
        assert any_address.getsockname()[0] == "0.0.0.0"
    address = listening("0.0.0.0", 0)
    address.socket.close()
    assert f"{socket.gethostname().lower()}:{address.port}" in address.hosts
    assert f"0.0.0.0:{address.port}" not in address.hosts


def test_a_workspace_without_pairs_says_what_to_run(tmp_path: Path):
    recipe = Made().write(tmp_path / "w", until="chunk")

    with pytest.raises(WorkspaceError, match="run kilopair curate first"):
        serve(recipe, tmp_path, Sitting(port=0))


def started(project: Path, port: int) -> tuple[subprocess.Popen[bytes], str]:
    server = subprocess.Popen([*COMMAND, "--port", str(port)], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    assert server.stdout is not None
    return server, json.loads(server.stdout.readline())["url"]


def test_a_page_survives_a_restart_and_nothing_printed_but_the_link_holds_the_token(tmp_path: Path):
    DATASET.write(tmp_path / "w")
    (tmp_path / "recipe.yaml").write_text("workspace: w\n", encoding="utf-8")
    server, link = started(tmp_path, 0)
    ann = Reviewer(link)
    ann.decide(event("accept", DATASET.chosen[0].id))
    ann.http.get("/api/items", params={"token": "wrong"})
    server.kill()
    server.wait()
    again, second = started(tmp_path, urlsplit(link).port or 0)
    told = ann.decide(event("accept", DATASET.chosen[1].id))
    again.send_signal(signal.SIGINT)
    printed, errors = again.communicate(timeout=30)

    assert second == link
    assert told["progress"]["decided"] == 2
    assert (again.returncode, printed, errors) == (0, b"", b"")
    assert server.stderr is not None
    assert server.stderr.read() == b""


def test_without_the_extra_the_page_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "starlette", None)

    with pytest.raises(UsageError, match=r'pip install "kilopair\[ui\]"'):
        serve(DATASET.write(tmp_path), tmp_path, Sitting(port=0))


@pytest.mark.slow
def test_a_browser_gets_in_by_a_file_of_its_owner_and_by_a_link_on_another_site(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("BROWSER", "true")  # the program that does nothing
    with opened_browser(tmp_path, url, opens=True), open_chromium() as chromium:
        file = next(tmp_path.iterdir())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for way in (file.as_uri(), "http://elsewhere.example/"):
            page = chromium.new_context().new_page()
            page.route("http://elsewhere.example/", lambda route: route.fulfill(body=f"<a href='{url}'>in</a>", content_type="text/html"))
            page.goto(way)
            if way.startswith("http:"):
                page.locator("a").click()
            painted(page)
            assert "token" not in page.url

    assert list(tmp_path.iterdir()) == []
