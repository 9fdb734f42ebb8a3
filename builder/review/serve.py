"""The review page, served on this machine until Ctrl-C."""

import errno
import ipaddress
import json
import logging
import os
import socket
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil

from builder.review.index import Index
from builder.review.indexing import Progress, made_index
from builder.review.log import ReviewLog
from builder.review.sitting import Sitting
from builder.review.sources import Sources
from schemas.errors import UsageError
from schemas.recipe import Recipe
from schemas.review import LONGEST_NAME

if TYPE_CHECKING:
    import uvicorn

    from builder.review.desk import Desk

OPENED = "open-review.html"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
TOLD_EVERY_SECONDS = 2.0
_WAY_IN = '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url={}">'


@dataclass(frozen=True)
class Address:
    """Where a server listens, and by which hosts (with port) it may be asked."""

    socket: socket.socket
    host: str
    port: int
    hosts: frozenset[str]

    @property
    def origin(self) -> str:
        """What the address of each of its pages begins with."""
        return f"http://{_in_brackets(self.host)}:{self.port}"


def serve(recipe: Recipe, root: Path, sitting: Sitting) -> None:
    """Serve the review of a workspace until Ctrl-C.

    Raises:
        UsageError: a part that the server needs is not installed, or the port is taken.
        WorkspaceError: there is nothing to review yet.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise UsageError('the review page needs starlette and uvicorn, which are not installed; pip install "kilopair[ui]"')
    workspace = (root / recipe.workspace).resolve()
    sources = Sources.of(workspace)
    address = listening(sitting.host, sitting.port)
    with opened_desk(recipe, root, sources, quiet=sitting.quiet) as desk, suppress(KeyboardInterrupt):
        _tell(desk, address, sitting)
        with opened_browser(workspace, f"{address.origin}/?token={desk.token}", opens=sitting.opens_browser):
            server_at(desk, address, sitting.name).run(sockets=[address.socket])
    if not (sitting.quiet or sitting.as_json):
        click.echo("\nended; every decision is saved, and kilopair curate heeds it")


@contextmanager
def opened_desk(recipe: Recipe, root: Path, sources: Sources, *, quiet: bool = True) -> "Iterator[Desk]":
    """Open the index, which is made if need be, and the log of a workspace."""
    from builder.review.desk import Desk
    from builder.review.heirs import heirs
    from builder.review.security import session_token

    index = Index(made_index(sources, _progress(quiet=quiet)), sources.workspace)
    with ReviewLog(sources.workspace) as log:
        index.inherit(heirs(index, log))
        desk = Desk(sources.workspace, recipe, root, index, log, session_token(sources.workspace))
        try:
            yield desk
        finally:
            desk.close()


def listening(host: str, port: int) -> Address:
    """Listen; port 0 takes a free one.

    Raises:
        UsageError: the port is taken or may not be used, or the host is none of this machine.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)  # without the protocol asyncio sets no TCP_NODELAY: each answer would wait 40 ms
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(where)
        bound.listen(128)
    except OSError as error:
        raise UsageError(_why_not(host, port, error)) from None
    except UnicodeError:  # e.g. a..b: what no name can be is not even asked for
        raise UsageError(f"--host {host}: is no name of a machine; leave it out to listen on this machine only") from None
    taken = bound.getsockname()[1]
    return Address(bound, "127.0.0.1" if _is_any(host) else host, taken, _hosts(host, taken))


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port {port}: another program listens there, perhaps an open review; end it, or give another port (0: any free one)"
    if error.errno == errno.EACCES:
        return f"--port {port}: only an administrator may listen there; give one from 1024 on"
    return f"--host {host}: this machine cannot listen there ({error.strerror}); leave it out to listen on this machine only"


def _hosts(host: str, port: int) -> frozenset[str]:
    """Return the hosts that a browser may name for an address; of all addresses, those that this machine is known by."""
    names = {_in_brackets(host).lower()} if not _is_any(host) else set(_names_of_this_machine())
    names |= set(LOOPBACK) if _is_any(host) or _is_loopback(host) else set()
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


def _names_of_this_machine() -> Iterator[str]:
    yield from {socket.gethostname().lower(), socket.getfqdn().lower()}
    for found in psutil.net_if_addrs().values():
        yield from (_in_brackets(one.address.partition("%")[0]) for one in found if one.family in (socket.AF_INET, socket.AF_INET6))


def _is_any(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return host == ""


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _tell(desk: "Desk", address: Address, sitting: Sitting) -> None:
    """Say where the page is, and whom it is open to; the only place where the token is shown."""
    progress = desk.progress(sitting.name)
    url = f"{address.origin}/?token={desk.token}"
    if not _is_loopback(sitting.host):
        note = f"note: --host {sitting.host} lets in whoever reaches this machine and has the link, and nothing on the way is encrypted"
        click.echo(note, err=True)
    if sitting.as_json:
        click.echo(json.dumps({"event": "serving", "url": url, "port": address.port, "progress": progress}, ensure_ascii=False))
    elif not sitting.quiet:
        click.echo(f"{progress['total']:,} pairs to review, {progress['decided']:,} decided; you are {sitting.name}")
        click.echo(f"open  {url}")
        if _is_any(sitting.host):
            click.echo(f"or    http://{socket.gethostname()}:{address.port}/?token={desk.token}")
        click.echo("Ctrl-C ends it; every decision is saved as it is made")
    sys.stdout.flush()


@contextmanager
def opened_browser(workspace: Path, url: str, *, opens: bool) -> Iterator[None]:
    """Open a browser by a file that only its owner can read: what stands in a command line, everybody on this machine can read."""
    if not opens or not _has_screen():
        yield
        return
    path = workspace / OPENED
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(_WAY_IN.format(url))
    try:
        with suppress(webbrowser.Error):
            webbrowser.open(path.as_uri())
        yield
    finally:
        path.unlink(missing_ok=True)


def _has_screen() -> bool:
    """Whether a browser would have a window: one in the terminal would hide what is printed there."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def server_at(desk: "Desk", address: Address, reviewer: str) -> "uvicorn.Server":
    """Return the server, to be run; only trouble is logged, and no address that was asked for, as one holds the token."""
    import uvicorn

    from builder.review.security import Doorkeeper
    from builder.review.server import application

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    app = application(desk, Doorkeeper(desk.token, address.hosts, reviewer[:LONGEST_NAME], address.port))
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config)


def _progress(*, quiet: bool) -> Progress:
    """Return what says now and then how far the index is."""
    last = time.monotonic()

    def told(done: int, total: int, _: dict[str, float]) -> None:
        nonlocal last
        if not quiet and time.monotonic() - last > TOLD_EVERY_SECONDS:
            last = time.monotonic()
            click.echo(f"indexing the pairs: {done / max(total, 1):.0%}", err=True)

    return told
