"""How a request leaves this machine: AsyncOpenAI, with nothing added by the SDK or the environment, and a bound on what comes back.

The SDK puts every request together anew from a dozen sources of headers, and httpx2 looks for redirects, cookies and
authentication; none of it is wanted here, and together it takes more CPU than the call. So completions go through the SDK
client's own connections, but past the rest; files and batches go the SDK's way, with the same guards.
"""

import zlib
from collections.abc import AsyncIterable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient, DefaultAsyncHttpxClient

from generators.llm.calls import RequestFailedError, ServerFaultError
from generators.llm.endpoint import Access
from schemas.recipe import EndpointSection

if TYPE_CHECKING:
    from aiohttp import ClientSession

MAX_BODY = 4_000_000  # bytes of one response
CONNECT_SECONDS = 10.0
HEADERS = frozenset({"host", "connection", "accept", "content-type", "content-length", "transfer-encoding", "user-agent"})


class Answered(NamedTuple):
    """What came back, whole and unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status says that all went well."""
        return 200 <= self.status < 300


class Client(AsyncOpenAI):
    """The SDK's client, with a way past its request builder on which answers come as they are, good or bad."""

    @property
    def default_headers(self) -> dict[str, Any]:
        """No header of the SDK's own: they say what it found in the environment (organization, project, custom headers)."""
        return {"Accept": "application/json", "Content-Type": "application/json"}  # written as the SDK does, which merges them by name

    async def read(self, url: str) -> Answered:
        """Get what is at a URL."""
        assert isinstance(self._client, _Guarded)
        return await self._client.answered(self._client.build_request("GET", url))

    async def send_json(self, url: str, body: bytes) -> Answered:
        """Post a JSON body as it is, and return what comes, good or bad: without retries, options and casts."""
        assert isinstance(self._client, _Guarded)
        return await self._client.post_json(url, body)


def open_client(granted: Access, endpoint: EndpointSection) -> Client:
    """Return a client of the SDK that does not retry, follows no redirect, and sends the key to this endpoint only."""
    # aiohttp (the extra `fast`) takes much less CPU for a call than the SDK's own transport.
    kind = DefaultAsyncHttpxClient if find_spec("aiohttp") is None else DefaultAioHttpClient
    http = _guarded(kind)(
        follow_redirects=False,  # a 308 would send the whole document to another host
        trust_env=not granted.is_local,  # no proxy between us and this machine
        timeout=httpx2.Timeout(endpoint.timeout_seconds, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=endpoint.concurrency, max_keepalive_connections=endpoint.concurrency),
    )
    http.guard(granted)
    return Client(base_url=granted.base_url, api_key=granted.key, organization="", project="", max_retries=0, http_client=http)


class _Guarded(httpx2.AsyncClient):
    """Sends our headers only, and reads no more than MAX_BODY bytes of an answer."""

    def guard(self, granted: Access) -> None:
        """Say who may use it, before the first request."""
        self._sessions: dict[str, ClientSession | None] = {}
        self._of_us = {"authorization": f"Bearer {granted.key}", "accept-encoding": "identity"}  # a compressed body has no bound
        self._of_json = {"accept": "application/json", "content-type": "application/json", "user-agent": "kilopair", **self._of_us}

    def build_request(self, method: str, url: httpx2.URL | str, **rest: Any) -> httpx2.Request:
        """Return a request without the headers of others."""
        request = super().build_request(method, url, **rest)
        for name in [name for name in request.headers if name not in HEADERS]:
            del request.headers[name]
        request.headers.update(self._of_us)
        return request

    async def send(self, request: httpx2.Request, *, stream: bool = False, **rest: Any) -> httpx2.Response:
        """Send a request and return the whole answer; no redirect, no cookie, no hook."""
        if stream:
            return await super().send(request, stream=stream, **rest)
        status, headers, body = await self.answered(request)
        return httpx2.Response(status, headers=headers, content=body, request=request)

    async def answered(self, request: httpx2.Request) -> Answered:
        """Send a request and return status, headers and body."""
        response = await self._transport_for_url(request.url).handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        try:
            body = await _bounded(response.stream, response.headers)
        finally:
            await response.stream.aclose()
        response.headers.pop("content-encoding", None)
        return Answered(response.status_code, response.headers, body)

    async def post_json(self, url: str, body: bytes) -> Answered:
        """Post a JSON body, in aiohttp's own session where there is one: the objects of httpx2 around it cost as much as the call."""
        session = self._session(url)
        if session is None:
            return await self.answered(self.build_request("POST", url, content=body, headers=self._of_json))
        timeout = _aiohttp_timeout(self.timeout.connect, self.timeout.read, self.timeout.pool)
        async with session.post(
            url, data=body, headers=self._of_json, allow_redirects=False, auto_decompress=False, timeout=timeout
        ) as response:
            raw = await _bounded(response.content.iter_any(), response.headers)
            return Answered(response.status, response.headers, raw)

    def _session(self, url: str) -> "ClientSession | None":
        """Return aiohttp's session for a URL, unless a proxy or another transport stands between."""
        if url not in self._sessions:
            transport: Any = self._transport_for_url(httpx2.URL(url))
            is_plain = hasattr(transport, "get_client") and transport.proxy is None
            if is_plain and transport.client is None:
                transport.client = transport.get_client()
            self._sessions[url] = transport.client if is_plain else None
        return self._sessions[url]


@cache
def _aiohttp_timeout(connect: float | None, read: float | None, pool: float | None) -> Any:
    from aiohttp import ClientTimeout

    return ClientTimeout(sock_connect=connect, sock_read=read, connect=pool)


@cache
def _guarded(kind: type[httpx2.AsyncClient]) -> type[_Guarded]:
    return type("Guarded", (_Guarded, kind), {})


async def _bounded(parts: AsyncIterable[bytes], headers: Mapping[str, str]) -> bytes:
    """Return a body unpacked; one that grows beyond the bound ends the call, before or after it is unpacked."""
    encoding = headers.get("content-encoding", "identity")
    if encoding not in {"identity", "gzip"}:
        raise ServerFaultError(f"the endpoint sent a body compressed with {encoding}, which was not asked for")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding == "gzip" else None
    found, size = [], 0
    async for packed in parts:
        part = packed if unpacker is None else _unpacked(unpacker, packed, MAX_BODY - size + 1)
        size += len(part)
        if size > MAX_BODY:
            raise RequestFailedError(f"the response is larger than {MAX_BODY:,} bytes")
        found.append(part)
    if unpacker is not None and not unpacker.eof:
        raise ServerFaultError("the endpoint sent half of a compressed body")
    return b"".join(found)


def _unpacked(unpacker: Any, packed: bytes, most: int) -> bytes:
    try:
        return unpacker.decompress(packed, most)
    except zlib.error:
        fault = ServerFaultError("the endpoint sent a body that says it is compressed and is not")
    raise fault
